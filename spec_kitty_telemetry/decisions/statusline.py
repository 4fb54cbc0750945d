"""The line for an agent's status bar, kept until something changes.

An agent asks for it again and again, so the line is kept in the project with the stamps of all files that it rests on;
while they are the same nothing but this module and `json` is imported.  It never fails and is never empty: an agent
blanks its status bar where it does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from typing import Any

CACHE = (".kittify", "runtime", "telemetry", "statusline.json")
NO_PROJECT = "no spec-kitty project"
_MOST_BYTES = 256 * 1024
_MOST_FOLDERS = 20
_VERSION = 1


def told_by_agent() -> dict[str, Any]:
    """Return the JSON that the agent wrote to standard input; empty where it wrote none."""
    try:
        if sys.stdin is None or sys.stdin.isatty():
            return {}
        told = json.loads(sys.stdin.buffer.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError, AttributeError):
        return {}
    return told if isinstance(told, dict) else {}


def folder_of(told: dict[str, Any]) -> str:
    """Return the folder that the agent works in: as it says (`workspace.current_dir`, `cwd`), else the current one."""
    workspace = told.get("workspace")
    inner = workspace.get("current_dir") if isinstance(workspace, dict) else None
    for folder in (inner, told.get("cwd")):
        if isinstance(folder, str) and folder and os.path.isdir(folder):  # noqa: PTH112 - no pathlib on this path
            return os.path.realpath(folder)
    try:
        return os.getcwd()  # noqa: PTH109 - as above
    except OSError:
        return os.path.expanduser("~")  # noqa: PTH111 - as above


def kept_line(folder: str) -> str | None:
    """Return the line that was kept for `folder`, if nothing that it rests on has changed."""
    path = _cache_around(folder)
    if path is None:
        return None
    entry: Any = _entries(path).get(folder)
    try:
        if entry["day"] != time.strftime("%Y-%m-%d") or any(stamp(name) != was for name, *was in entry["stamps"]):
            return None
        line = "".join(each for each in entry["line"] if each.isprintable())
    except (TypeError, KeyError, ValueError):
        return None
    return line or None


Stamps = list[list[Any]]
"""Path, time and size of each file that a line rests on."""


def stamps_of(paths: list[str]) -> Stamps:
    """Return the stamps of the files at `paths`, which need not exist."""
    return [[path, *stamp(path)] for path in paths]


def keep_line(root: str, folder: str, line: str, stamps: Stamps) -> None:
    """Keep `line` for `folder` until one of `stamps` changes; that it cannot be kept is no matter."""
    path = os.path.join(root, *CACHE)  # noqa: PTH118 - as above
    entries = dict(list(_entries(path).items())[-_MOST_FOLDERS:])
    entries[folder] = {"day": time.strftime("%Y-%m-%d"), "line": line, "stamps": stamps}
    temporary = f"{path}.{os.getpid()}.tmp"
    with suppress(OSError):
        with open(temporary, "x", encoding="utf-8") as file:  # noqa: PTH123 - as above
            json.dump({"version": _VERSION, "entries": entries}, file)
        os.replace(temporary, path)  # noqa: PTH105 - as above


def stamp(path: str) -> list[int]:
    """Return what changes when the file at `path` does; of a file that is not there nothing."""
    try:
        status = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        return [0, 0]
    return [status.st_mtime_ns, status.st_size]


def _cache_around(folder: str) -> str | None:
    while True:
        path = os.path.join(folder, *CACHE)  # noqa: PTH118 - as above
        if os.path.isfile(path):  # noqa: PTH113 - as above
            return path
        above = os.path.dirname(folder)  # noqa: PTH120 - as above
        if above == folder:
            return None
        folder = above


def _entries(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            kept = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    entries = kept.get("entries") if isinstance(kept, dict) and kept.get("version") == _VERSION else None
    return entries if isinstance(entries, dict) else {}
