"""What is running now: the marks that hosts leave for a run until it is recorded (`recording.in_flight`).

Read without pydantic, because `status` looks again and again.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.project.files import is_within, open_plain, read_small_file

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

FOLDER = "running"
_MOST_BYTES = 1024 * 1024
_SETTLED_S = 2.0
"""A younger mark is not touched: its host may be about to lock it."""


class Running(NamedTuple):
    """A run that has begun and is not recorded yet."""

    feature: str
    wp_id: str | None
    role: str | None
    agent: str | None
    began: datetime


class _Invocation(msgspec.Struct):
    feature: str
    wp_id: str | None = None
    role: str | None = None
    agent: str | None = None
    started_at: datetime | None = None


class _Mark(msgspec.Struct):
    left_at: datetime
    invocation: _Invocation


def running_in(project: Project) -> list[Running]:
    """Return what is running in `project`, the longest first; marks of dead hosts are left out."""
    folder = project.runtime_dir / FOLDER
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except OSError:
        return []
    if not is_within(folder, project.root):
        return []
    found = [run for name in names if (run := _read(folder / name))]
    return sorted(found, key=lambda run: run.began)


def _read(path: Path) -> Running | None:
    try:
        mark = msgspec.json.decode(read_small_file(path, _MOST_BYTES), type=_Mark)
        if not _is_alive(path):
            return None
    except (OSError, ValueError, LogError, RecursionError):
        return None
    run = mark.invocation
    began = run.started_at or mark.left_at
    return Running(run.feature, run.wp_id, run.role, run.agent, began) if began.tzinfo else None


def _is_alive(path: Path) -> bool:
    """Tell whether the host that left a mark still holds its lock; where that cannot be asked it is believed."""
    if sys.platform == "win32" or time.time() - path.stat().st_mtime < _SETTLED_S:
        return True
    import fcntl

    with open_plain(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False
