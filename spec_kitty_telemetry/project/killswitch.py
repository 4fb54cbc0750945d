"""The one switch for everything: `SPEC_KITTY_TELEMETRY=off`.  It imports nothing, so that start-up can ask it."""

TYPE_CHECKING = False  # the real one would import typing, which start-up must not wait for
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "SPEC_KITTY_TELEMETRY"
IS_OFF = f"telemetry is off ({VARIABLE})"
"""What commands say then."""
_NO = frozenset({"off", "0", "false", "no", "disabled"})


def is_no(text: str) -> bool:
    """Tell whether `text` means no; case and blanks do not matter."""
    return text.strip().lower() in _NO


def is_off(environment: "Mapping[str, str]") -> bool:
    """Tell whether `environment` (such as `os.environ`) turns telemetry off."""
    return is_no(environment.get(VARIABLE, ""))
