"""What is set: by the environment, by the user's own file, and by the project's `.kittify/telemetry.yaml`.

The environment and the user decide.  A project's file comes with a clone, so of what concerns privacy it may only turn
off what the user left on.  Each source counts or is ignored by itself: a mistake in one undoes no other.  Where the
user's own file cannot be read, what concerns privacy is off, for it may have said so.

The same files have prices under `pricing:` and limits under `budgets:`; those are the business of `pricing` and
`decisions`.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.errors import SettingsError, reason_of
from spec_kitty_telemetry.project.killswitch import is_no, is_off

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.project.strict_yaml import Node, Place

_ENVIRONMENT = {
    "error_text": "SPEC_KITTY_TELEMETRY_ERROR_TEXT",
    "fsync": "SPEC_KITTY_TELEMETRY_FSYNC",
    "transcripts": "SPEC_KITTY_TELEMETRY_TRANSCRIPTS",
}
_PRIVATE = frozenset({"error_text", "transcripts"})
"""What a project may turn off and never on."""
_ELSEWHERE = frozenset({"budgets", "pricing"})
_WORDS = frozenset({"person", "sync_branch", "time_zone"})
"""Settings that are not on or off."""


class Settings(msgspec.Struct, frozen=True):
    """The settings in force."""

    enabled: bool = True
    """Record runs at all; `SPEC_KITTY_TELEMETRY=off` turns it off."""
    fsync: bool = True
    """Flush every record to the disk before the host goes on: safe against power loss, a millisecond or so dearer."""
    transcripts: bool = True
    """Look into the agents' own local files for what they did not print."""
    error_text: bool = False
    """Keep why a run failed in the agent's own words, secrets apart; else only known errors and fixed phrases."""
    time_zone: str | None = None
    """IANA name of the zone that reports cut days in; `None`: the machine's own."""
    sync_branch: str = "kitty/telemetry"
    """The branch that has the team's history; the host's own branches are `kitty/mission-…`."""
    person: str | None = None
    """Who works here, kept with each run as the tag `person`; only the user's own file can say it."""
    default_tags: dict[str, str] = {}
    """Tags of every run that says nothing else for them."""

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every run, the person's among them."""
        return {**self.default_tags, **({} if self.person is None else {"person": self.person})}

    @classmethod
    def load(cls, project_file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
        """Return what is set.

        :raises SettingsError: a file cannot be read, or has a setting that does not exist or cannot have that value.
        """
        settings, problems = cls.in_force(project_file, environment)
        if problems:
            raise problems[0]
        return settings

    @classmethod
    def in_force(
        cls, project_file: Path, environment: Mapping[str, str] = os.environ
    ) -> tuple[Settings, list[SettingsError]]:
        """Return what is set by the sources that can be used, and what is wrong with each of the others."""
        problems: list[SettingsError] = []
        chosen = _said(user_settings_path(), problems)
        if problems:  # it may have turned off what is private; who is sure says so in the environment
            chosen = dict.fromkeys(_PRIVATE, False)
        for name, variable in _ENVIRONMENT.items():
            if text := environment.get(variable, "").strip():
                chosen[name] = not is_no(text)
        for name, value in _said_by_project(project_file, problems).items():
            if name in _PRIVATE:
                chosen[name] = value and chosen.get(name, getattr(cls(), name))
            elif name == "default_tags":
                chosen[name] = {**chosen.get(name, {}), **value}
            elif not environment.get(_ENVIRONMENT.get(name, ""), "").strip():
                chosen[name] = value
        return cls(**chosen, enabled=not is_off(environment)), problems


def _said_by_project(path: Path, problems: list[SettingsError]) -> dict[str, Any]:
    said = _said(path, problems)
    if "person" in said:
        problems.append(
            SettingsError(
                f"{path}, person: this file is everybody's. Move it to your own settings, {user_settings_path()}."
            )
        )
        return {}
    return said


def _said(path: Path, problems: list[SettingsError]) -> dict[str, Any]:
    try:
        return said_in(path)
    except SettingsError as error:
        problems.append(error)
        return {}


def user_settings_path() -> Path:
    """Return the user's own settings file, which need not exist."""
    if folder := os.environ.get("SPEC_KITTY_TELEMETRY_CONFIG_DIR"):
        return Path(folder) / "telemetry.yaml"
    from platformdirs import user_config_path  # 25 ms that only a look at the settings needs

    return user_config_path("spec-kitty-telemetry", appauthor=False) / "telemetry.yaml"


def said_in(path: Path) -> dict[str, Any]:
    """Return the settings that one file states, checked; empty where there is no such file.

    :raises SettingsError: it cannot be read, or has a setting that does not exist or cannot have that value.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        reason = reason_of(error)
        raise SettingsError(f"{path} cannot be read: {reason}; mend its permissions or those of its folder") from error
    return dict(_from_unchanged_file(path, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=32)
def _from_unchanged_file(path: Path, mtime_ns: int, size: int) -> Mapping[str, Any]:
    del mtime_ns, size  # they are the key: a changed file is read again
    from spec_kitty_telemetry.project.strict_yaml import (  # only where there is such a file
        Place,
        mapping,
        read_document,
    )

    place = Place(str(path), error=SettingsError)
    names = sorted({*Settings.__struct_fields__, *_ELSEWHERE} - {"enabled"})
    found = mapping(read_document(path, place), place, names)
    return {name: _value(name, value, place) for name, value in found.items() if name not in _ELSEWHERE}


def _value(name: str, value: Node, place: Place) -> bool | str | dict[str, str]:
    if isinstance(value, str) and value.strip() and name in _WORDS:
        return value
    if name == "default_tags":
        return _tags(value, place.step(name))
    if isinstance(value, str) and value.lower() in {"on", "true", "yes", "1"}:
        return True
    if isinstance(value, str) and is_no(value):
        return False
    raise place.step(name).refuse(value, "a name" if name in {"time_zone", "person"} else "on or off")


def _tags(value: Node, place: Place) -> dict[str, str]:
    from spec_kitty_telemetry.project.strict_yaml import mapping, text_of  # as above

    return {name: text_of(text, place.step(name)) for name, text in mapping(value, place).items()}
