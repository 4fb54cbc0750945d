"""Marks of runs that have begun, so that a host that is killed leaves a trace.

One small file a run, in the runtime folder, made before the run and removed after its record was written.  The host's
process holds a lock on it for as long as it lives, and the system releases that lock when it dies, however it dies.  A
mark whose lock is free becomes a record with outcome `killed`; one whose lock is held is left alone.  (A process number
alone would not do: numbers are used again, and clocks are set.  Where the file system has no locks, it is asked
together with the time at which that process started.)

When a run has ended, what its host said about it is added to the mark before anything else is asked: if the host dies
then, that becomes the record.

A fork shares its parent's locks, so such a mark waits until both are dead.  A lock may not be seen from another machine
or out of a container, so a mark with another host name is believed abandoned only after a week.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.waiting import RUNNING_FOLDER
from spec_kitty_telemetry.model.invocation import Invocation
from spec_kitty_telemetry.model.record import ExecutionEvent, decode, encode
from spec_kitty_telemetry.project.files import is_within, open_regular, read_small_file

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.project.layout import Project

_FOLDER = RUNNING_FOLDER
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
    process: str | None = None
    """Who left it (`_process_name`), asked where there are no locks."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A run that began in a host that is dead now."""

    path: Path
    invocation: Invocation
    found_at: datetime
    ended: ExecutionEvent | None = None
    """What its host said before it died, if the run had ended."""


def leave(project: Project, invocation: Invocation) -> None:
    """Leave a mark for `invocation`, unless there is one.

    :raises OSError: the mark cannot be written; a killed host would leave no trace of this run.
    :raises TelemetryError: the mark's folder leads out of the project, or something else has its name.
    """
    path = project.runtime_folder(_FOLDER) / (invocation.invocation_id + _SUFFIX)
    text = msgspec.Raw(_as_json(invocation))
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
    if _lock(descriptor) is False:  # announced twice
        os.close(descriptor)
        return
    _held[path] = descriptor
    mark = _Mark(socket.gethostname(), datetime.now(UTC), text, _process_name(os.getpid()))
    try:
        os.write(descriptor, msgspec.json.encode(mark))
    except OSError:
        _remove(path)
        raise


def _as_json(invocation: Invocation) -> bytes:
    try:
        return invocation.model_dump_json().encode()
    except ValueError:  # a path that is not UTF-8, which the record does not need
        plain = {"project_root": Path("not-utf-8"), "working_dir": None}
        return invocation.model_copy(update=plain).model_dump_json().encode()


def end(project: Project, invocation: Invocation, event: ExecutionEvent) -> None:
    """Add `event`, what the host said about a run that has ended, to its mark, which is left if there is none.

    :raises OSError: it cannot be written.
    :raises TelemetryError: as `leave`.
    """
    path = project.runtime_dir / _FOLDER / (invocation.invocation_id + _SUFFIX)
    if path not in _held:
        leave(project, invocation)
    if path in _held:
        os.write(_held[path], b"\n" + encode(event))


def ended_count(project: Project) -> int:
    """Return how many runs have ended and are not recorded yet."""
    return sum(_has_ended(path) for path in _paths(project))


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
    is_locked = _lock(descriptor)
    if is_locked is not False and os.fstat(descriptor).st_nlink:
        run = _read(path, descriptor, has_locks=is_locked is not None)
        if run is not None:
            _held[path] = descriptor
            return run
    os.close(descriptor)
    return None


def _read(path: Path, descriptor: int, *, has_locks: bool) -> Abandoned | None:
    try:
        head, _, rest = os.read(descriptor, _MAXIMUM_BYTES).partition(b"\n")
        mark = msgspec.json.decode(head, type=_Mark)
        invocation = Invocation.model_validate_json(bytes(mark.invocation))
        is_near = mark.machine == socket.gethostname() or datetime.now(UTC) - mark.left_at > _ELSEWHERE_AFTER
        lives = not has_locks and mark.process is not None and mark.process == _process_name_of(mark.process)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    if lives or not is_near or path.name != invocation.invocation_id + _SUFFIX:
        return None
    return Abandoned(path, invocation, datetime.now(UTC), _event(rest, invocation))


def _event(text: bytes, invocation: Invocation) -> ExecutionEvent | None:
    """Return what was added when the run ended; `None` where it has not, or a crash tore it."""
    try:
        event = decode(text) if text else None
    except (ValueError, RecursionError):
        return None
    return event if event is not None and event.event_id == invocation.invocation_id else None


def _has_ended(path: Path) -> bool:
    try:
        return b"\n" in read_small_file(path, _MAXIMUM_BYTES)
    except (OSError, LogError):
        return False


def _process_name(number: int) -> str:
    """Return a process's number and, where the system tells (Linux: proc(5), stat, field 22), when it started."""
    try:
        status = read_small_file(Path(f"/proc/{number}/stat"), 4096)
        started = status.rpartition(b")")[2].split()[19].decode()
    except (OSError, LogError, IndexError):
        started = "?"
    return f"{number} {started}"


def _process_name_of(name: str) -> str | None:
    """Return the name of the process that has the number in `name` now; `None`: there is none."""
    number = int(name.partition(" ")[0])
    if sys.platform == "win32":  # it has locks, and no way to ask that does not signal the process
        return name
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return None
    except OSError:  # another user's
        pass
    return _process_name(number)


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


def _lock(descriptor: int) -> bool | None:
    """Lock an open file for as long as it stays open, without waiting; tell whether it was free.

    `None`: the file system has no locks.
    """
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _MAXIMUM_BYTES, os.SEEK_SET)  # what is locked there cannot be read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK} else None
    return True
