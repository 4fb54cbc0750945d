"""What the owner of a project set: environment over `.kittify/telemetry.yaml` over the user's own file.

Prices are set in the same files under `pricing:`; they are the business of `pricing`.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.errors import LogError, SettingsError
from spec_kitty_telemetry.project.files import read_small_file
from spec_kitty_telemetry.project.killswitch import is_no, is_off

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAXIMUM_SETTINGS_BYTES = 256 * 1024
_MAXIMUM_DEPTH = 32
_ENVIRONMENT = {"fsync": "SPEC_KITTY_TELEMETRY_FSYNC", "transcripts": "SPEC_KITTY_TELEMETRY_TRANSCRIPTS"}
_ELSEWHERE = frozenset({"pricing"})


class Settings(msgspec.Struct, frozen=True):
    """The settings in force."""

    enabled: bool = True
    """Record runs at all; `SPEC_KITTY_TELEMETRY=off` turns it off."""
    fsync: bool = True
    """Flush every record to the disk before the host goes on: safe against power loss, a millisecond or so dearer."""
    transcripts: bool = True
    """Look into the agents' own local files for what they did not print."""
    time_zone: str | None = None
    """IANA name of the zone that reports cut days in; `None`: the machine's own."""

    @classmethod
    def load(cls, project_file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
        """Return what is set.

        :raises SettingsError: a file cannot be read, or has a setting that does not exist or cannot have that value.
        """
        chosen: dict[str, Any] = {}
        for path in (user_settings_path(), project_file):
            chosen |= _from_file(path)
        for name, variable in _ENVIRONMENT.items():
            if text := environment.get(variable, "").strip():
                chosen[name] = not is_no(text)
        return cls(**chosen, enabled=not is_off(environment))


def user_settings_path() -> Path:
    """Return the user's own settings file, which need not exist."""
    if folder := os.environ.get("SPEC_KITTY_TELEMETRY_CONFIG_DIR"):
        return Path(folder) / "telemetry.yaml"
    from platformdirs import user_config_path  # 25 ms that only a look at the settings needs

    return user_config_path("spec-kitty-telemetry", appauthor=False) / "telemetry.yaml"


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a small YAML mapping in which every scalar is a string; empty where there is no such file.

    A cloned repository's YAML is not trusted: its size is bounded, anchors are refused (a few of them can expand to
    gigabytes), and no tag is obeyed.

    :raises SettingsError: it cannot be read or is not a mapping.
    """
    try:
        text = read_small_file(path, _MAXIMUM_SETTINGS_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except LogError as error:
        raise SettingsError(str(error)) from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}; mend its permissions or remove it") from error
    if len(text) > _MAXIMUM_SETTINGS_BYTES:
        raise SettingsError(f"{path} is larger than {_MAXIMUM_SETTINGS_BYTES // 1024} KiB; shorten it")
    return _parsed(path, text)


def _parsed(path: Path, text: bytes) -> dict[str, Any]:
    import yaml  # 35 ms that only a project with such a file pays

    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _check_shape(path, yaml.parse(text, Loader=loader))
        document = yaml.load(text, Loader=loader)  # noqa: S506 - the base loader makes strings, lists and dicts only
    except (UnicodeError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"{path} is not YAML: {' '.join(str(error).split())}; mend that line") from error
    if document in (None, ""):
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: found {type(document).__name__}, expected a mapping such as 'fsync: off'")
    return document


def _check_shape(path: Path, events: Iterable[Any]) -> None:
    """Stop at an alias, and at a depth that no settings have: building deep nests overflows the C stack.

    The events are looked at as they come, so a hostile file costs no more than its first levels.
    """
    depth = 0
    for event in events:
        kind = type(event).__name__
        if kind == "AliasEvent":
            raise SettingsError(f"{path} uses YAML aliases ('*name'), which are not read; write the values out")
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if depth > _MAXIMUM_DEPTH:
            raise SettingsError(f"{path} is nested more than {_MAXIMUM_DEPTH} levels deep; it cannot be settings")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(f"{path} cannot be read: {reason}; mend its permissions or those of its folder") from error
    return dict(_from_unchanged_file(path, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=32)
def _from_unchanged_file(path: Path, mtime_ns: int, size: int) -> Mapping[str, Any]:
    del mtime_ns, size  # they are the key: a changed file is read again
    known = {*Settings.__struct_fields__} - {"enabled"}
    found = {name: value for name, value in read_yaml(path).items() if name not in _ELSEWHERE}
    if strange := sorted(set(found) - known):
        raise SettingsError(
            f"{path}: found the setting {strange[0]!r}, expected one of {', '.join(sorted(known | _ELSEWHERE))}"
        )
    return {name: _value(path, name, value) for name, value in found.items()}


def _value(path: Path, name: str, value: object) -> bool | str:
    if isinstance(value, str) and name == "time_zone":
        return value
    if isinstance(value, str) and value.lower() in {"on", "true", "yes", "1"}:
        return True
    if isinstance(value, str) and is_no(value):
        return False
    raise SettingsError(f"{path}, {name}: found {value!r}, expected on or off")
