"""Marks of runs that have begun, so that a host that is killed leaves a trace.

One small file a run, in the runtime folder, made before the run and removed after its record was written.  The host's
process holds a lock on it for as long as it lives, and the system releases that lock when it dies, however it dies.  A
mark whose lock is free becomes a record with outcome `killed`; one whose lock is held is left alone.  (A process number
would not do: numbers are used again, and clocks are set.)

A fork shares its parent's locks, so such a mark waits until both are dead.  A lock may not be seen from another machine
or out of a container, so a mark with another host name is believed abandoned only after a week.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.model.invocation import Invocation
from spec_kitty_telemetry.project.files import is_within, open_regular

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

_FOLDER = "running"
_SUFFIX = ".json"
_MAXIMUM_BYTES = 1024 * 1024
_AT_ONCE = 50
"""How many dead runs are given at most, so that a host that starts never waits for all of a long history."""
_ELSEWHERE_AFTER = timedelta(days=7)

_held: dict[Path, int] = {}
"""The descriptors of the marks that this process has locked."""


class _Mark(msgspec.Struct, frozen=True):
    machine: str
    left_at: datetime
    invocation: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A run that began in a host that is dead now."""

    path: Path
    invocation: Invocation
    found_at: datetime


def leave(project: Project, invocation: Invocation) -> None:
    """Leave a mark for `invocation`, unless there is one.

    :raises OSError: the mark cannot be written; a killed host would leave no trace of this run.
    :raises TelemetryError: the mark's folder leads out of the project, or something else has its name.
    """
    path = project.runtime_folder(_FOLDER) / (invocation.invocation_id + _SUFFIX)
    text = msgspec.Raw(invocation.model_dump_json().encode())
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
    if not _lock(descriptor):  # announced twice
        os.close(descriptor)
        return
    _held[path] = descriptor
    try:
        os.write(descriptor, msgspec.json.encode(_Mark(socket.gethostname(), datetime.now(UTC), text)))
    except OSError:
        _remove(path)
        raise


def take_away(project: Project, invocation_id: str) -> None:
    """Remove the mark of a run that was recorded."""
    _remove(project.runtime_dir / _FOLDER / (invocation_id + _SUFFIX))


@contextmanager
def abandoned(project: Project) -> Iterator[list[Abandoned]]:
    """Give the runs whose host is dead; nobody else is given them meanwhile.

    Remove each with `take_away` once its record is written; what is left is given again the next time.
    """
    found: list[Abandoned] = []
    for path in _paths(project):
        if len(found) < _AT_ONCE and (run := _taken_over(path)):
            found.append(run)
    try:
        yield found
    finally:
        for run in found:
            _let_go(run.path)


def _paths(project: Project) -> list[Path]:
    folder = project.runtime_dir / _FOLDER
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIX))
    except OSError:
        return []
    return [folder / name for name in names] if names and is_within(folder, project.root) else []


def _taken_over(path: Path) -> Abandoned | None:
    """Return the run whose mark is at `path`, locked for this process; `None`: it lives, or it is no mark."""
    if path in _held:
        return None
    try:
        descriptor = open_regular(path, os.O_RDWR)
    except (OSError, LogError):
        return None
    # A mark that lost its name while it was opened was taken over and recorded by another process.
    if _lock(descriptor) and os.fstat(descriptor).st_nlink and (invocation := _read(path, descriptor)):
        _held[path] = descriptor
        return Abandoned(path, invocation, datetime.now(UTC))
    os.close(descriptor)
    return None


def _read(path: Path, descriptor: int) -> Invocation | None:
    try:
        mark = msgspec.json.decode(os.read(descriptor, _MAXIMUM_BYTES), type=_Mark)
        invocation = Invocation.model_validate_json(bytes(mark.invocation))
        is_near = mark.machine == socket.gethostname() or datetime.now(UTC) - mark.left_at > _ELSEWHERE_AFTER
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return invocation if is_near and path.name == invocation.invocation_id + _SUFFIX else None


def _remove(path: Path) -> None:
    if sys.platform == "win32":
        _let_go(path)  # an open file cannot be removed there
    with suppress(OSError):
        path.unlink()
    _let_go(path)  # elsewhere only now, so that nobody finds a mark that is free and already recorded


def _let_go(path: Path) -> None:
    descriptor = _held.pop(path, None)
    if descriptor is not None:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open file for as long as it stays open, without waiting; tell whether it was free."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _MAXIMUM_BYTES, os.SEEK_SET)  # what is locked there cannot be read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
