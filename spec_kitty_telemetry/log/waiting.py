"""How many records are on the disk and not in a log yet: what a report does not count, and says so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.spool import Spool
from spec_kitty_telemetry.project.files import read_small_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.project.layout import Project

RUNNING_FOLDER = "running"
"""Where the marks of runs are: one that has a second line ended, and its host has not recorded it yet."""
_MARK_BYTES = 1024 * 1024


def waiting_count(project: Project, features: Iterable[str] | None = None) -> int:
    """Return how many records of `features` (all: `None`) wait in spools or in the marks of runs that ended."""
    wanted = None if features is None else set(features)
    names = Spool.features(project)
    spooled = sum(len(Spool(project, name).paths()) for name in names if wanted is None or name in wanted)
    return spooled + sum(_waits(path, wanted) for path in _marks(project))


def _marks(project: Project) -> list[str]:
    folder = project.runtime_dir / RUNNING_FOLDER
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".json")]  # noqa: PTH118
    except OSError:
        return []


def _waits(path: str, wanted: set[str] | None) -> bool:
    from pathlib import Path

    try:
        _, ended, line = read_small_file(Path(path), _MARK_BYTES).partition(b"\n")
    except (OSError, LogError):
        return False
    if not ended:
        return False
    return wanted is None or any(f'"aggregate_id":"{name}"'.encode() in line for name in wanted)
