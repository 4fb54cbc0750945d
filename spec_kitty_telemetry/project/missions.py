"""The missions of a project by every name that people give them (spec-kitty 3.2; version 2 said feature).

`user-login-01M8FXYR` is a mission whose id begins with `01M8FXYR`; `043-export` is one with a number.  Each is also
`user-login` or `export`, by its id or the beginning of it, by its number, and by any glob that its folder matches.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import ProjectError, TelemetryError
from spec_kitty_telemetry.project.files import read_small_file
from spec_kitty_telemetry.project.layout import check_slug

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.project.layout import Project

_ID_LENGTH, _SHORT_ID_LENGTH = 26, 8
_ID = r"[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]"
_WITH_ID = re.compile(rf"(?P<bare>.+)-(?P<short>{_ID}{{{_SHORT_ID_LENGTH}}})")
_WITH_NUMBER = re.compile(r"(?P<number>\d+)-(?P<bare>.+)", re.ASCII)
_LOOKS_LIKE_ID = re.compile(rf"{_ID}{{{_SHORT_ID_LENGTH},{_ID_LENGTH}}}")
_MOST_META_BYTES = 1024 * 1024
_LISTED = 8


class _Meta(msgspec.Struct):
    mission_slug: str | None = None
    mission_id: str | None = None
    mission_number: int | str | None = None


def missions_called(project: Project, name: str) -> list[str]:
    """Return the folders of the missions that `name` means: one, or all that a glob or a number matches, sorted.

    :raises ProjectError: it means none, or is a name that several missions share; the message lists them.
    """
    known = project.features()
    if name in known:
        return [name]
    if is_glob(name):
        if found := [folder for folder in known if fnmatchcase(folder, name)]:
            return found
        raise _unknown(project, name, known)
    check_slug(name)
    found = [folder for folder in known if is_called(folder, name)] or _by_meta(project, known, name)
    if not found:
        raise _unknown(project, name, known)
    if len(found) > 1 and not _number(name):
        raise _ambiguous(name, found)
    return found


def mission_called(project: Project, name: str) -> str:
    """Return the folder of the one mission that `name` means.

    :raises ProjectError: it means none, or several; the message lists them.
    """
    found = missions_called(project, name)
    if len(found) > 1:
        raise _ambiguous(name, found)
    return found[0]


def is_called(folder: str, name: str) -> bool:
    """Tell whether the mission in `folder` can be meant by `name`, as far as the folder's own name says."""
    if is_glob(name):
        return folder == name or fnmatchcase(folder, name)
    number = _number(name)
    return name.lower() in _names_in(folder) or (number is not None and number == _number_of(folder))


def is_glob(name: str) -> bool:
    """Tell whether `name` is a pattern."""
    return any(character in name for character in "*?[")


def _names_in(folder: str) -> set[str]:
    lower = folder.lower()
    if with_id := _WITH_ID.fullmatch(folder):
        return {lower, with_id["bare"].lower(), with_id["short"].lower()}
    if with_number := _WITH_NUMBER.fullmatch(folder):
        return {lower, with_number["bare"].lower()}
    return {lower}


def _number_of(folder: str) -> str | None:
    return _number(folder.partition("-")[0])


def _number(text: str) -> str | None:
    return (text.lstrip("0") or "0") if text.isascii() and text.isdecimal() else None


def _by_meta(project: Project, folders: Iterable[str], name: str) -> list[str]:
    """Return the missions whose `meta.json` says `name`: asked last, because it opens a file for each."""
    return [folder for folder in folders if _says(_meta_of(project, folder), name)]


def _says(meta: _Meta, name: str) -> bool:
    if (number := _number(name)) and number == _number(str(meta.mission_number)):
        return True
    mission_id, lower = (meta.mission_id or "").upper(), name.lower()
    if mission_id and _LOOKS_LIKE_ID.fullmatch(name) and mission_id.startswith(name.upper()):
        return True
    return bool(meta.mission_slug) and lower in _names_in(meta.mission_slug or "")


def _meta_of(project: Project, folder: str) -> _Meta:
    try:
        text = read_small_file(project.feature_dir(folder) / "meta.json", _MOST_META_BYTES)
        return msgspec.json.decode(text, type=_Meta)
    except (OSError, ValueError, RecursionError, TelemetryError):
        return _Meta()


def _ambiguous(name: str, found: list[str]) -> ProjectError:
    return ProjectError(f"{name!r} names {len(found)} missions ({_listed(found)}), expected one; type more of it")


def _unknown(project: Project, name: str, known: list[str]) -> ProjectError:
    having = project.features_with_logs()
    if having:
        there = f"features with telemetry: {_listed(having)}"
    elif known:
        there = f"no feature has telemetry yet; there are {_listed(known)}"
    else:
        there = "there is none yet: spec-kitty makes them, a folder there is one"
    return ProjectError(f"found no feature {name!r} in {project.specs_dir}; {there}{_nearest(name, known)}")


def _nearest(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # only a wrong name pays for it

    whose = {each: folder for folder in reversed(known) for each in _names_in(folder)}
    if not (close := get_close_matches(name.lower(), whose, n=1)):
        return ""
    return f"; did you mean {whose[close[0]]!r}?"


def _listed(slugs: list[str]) -> str:
    return ", ".join(slugs[:_LISTED]) + (f" and {len(slugs) - _LISTED} more" if len(slugs) > _LISTED else "")
