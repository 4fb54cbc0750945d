"""Where Claude Code keeps the sessions of a folder: under a name that is made of the folder's own.

Every UTF-16 unit that is no ASCII letter or digit becomes `-`, so that an emoji gives two.  What is longer than 200 is
cut there, and a hash of the whole in base 36 follows.  The folder is the real one, not a link that it was entered by.

Source: folders that Claude Code 2.1.330 made (2026-11).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.files import real_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.agents.common.context import AgentContext

_MOST_UNITS = 200
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def roots(context: AgentContext) -> list[Path]:
    """Return the folders that may hold `projects`; `CLAUDE_CONFIG_DIR` may name several, with commas between."""
    named = [one.strip() for one in context.environment.get("CLAUDE_CONFIG_DIR", "").split(",")]
    if any(named):
        return [Path(one).expanduser() / "projects" for one in named if one]
    settings = context.folder("XDG_CONFIG_HOME", ".config") / "claude"
    return [folder / "projects" for folder in (context.home / ".claude", settings)]


def candidates(context: AgentContext, folder: Path | None) -> Iterator[Path]:
    """Yield the folders in which sessions of `folder` can be, the likeliest first."""
    paths = dict.fromkeys((str(real_path(folder)), str(folder))) if folder else {}
    for root in roots(context):
        for path in paths:
            name = project_name(path)
            yield root / name
            if len(name) > _MOST_UNITS:  # programs that were built otherwise may have another hash
                yield from sorted(root.glob(f"{name[:_MOST_UNITS]}-*"))


def project_name(path: str) -> str:
    """Return the name of a folder's sessions."""
    text = path.encode("utf-16-le", "surrogatepass")
    units = [int.from_bytes(text[place : place + 2], "little") for place in range(0, len(text), 2)]
    name = "".join(re.sub(r"[^A-Za-z0-9]", "-", chr(unit)) for unit in units)
    return name if len(name) <= _MOST_UNITS else f"{name[:_MOST_UNITS]}-{_in_base_36(_hash(units))}"


def _hash(units: list[int]) -> int:
    """Return h · 31 + unit for each unit, in 32 bits with a sign, without the sign."""
    value = 0
    for unit in units:
        value = (value * 31 + unit) & 0xFFFFFFFF
    return (1 << 32) - value if value >> 31 else value


def _in_base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
