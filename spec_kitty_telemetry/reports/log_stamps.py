"""What a log was when it was read, so that what was read of it can be used again, with what was appended since."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.project.file_stamp import FileStamp
from spec_kitty_telemetry.project.files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

_TICK_NS = 20 * 10**6
"""A file that is written twice within one step of the system's clock may show one time for both."""
_COARSE_TICK_NS = 2 * 10**9
"""The same for file systems that keep whole seconds."""
_SECOND_NS = 10**9


class LogStamp(msgspec.Struct, frozen=True, array_like=True):
    """What a log was, and when its content or its place last changed as far as the system says (`ctime`)."""

    file: FileStamp
    changed_ns: int

    def is_settled(self, now_ns: int) -> bool:
        """Tell whether whatever is written after `now_ns` will be seen by its time."""
        latest = max(self.file.mtime_ns, self.changed_ns)
        tick = _COARSE_TICK_NS if self.file.mtime_ns % _SECOND_NS == 0 else _TICK_NS
        return latest + tick < now_ns


class LogNow(NamedTuple):
    """What a log is now, and how much of what was read of it still stands."""

    stamp: LogStamp
    read_to: int | None
    """Where to read on; the log's size where nothing is new, `None` where nothing that was read can be used."""

    @property
    def is_unchanged(self) -> bool:
        """Whether all of it was read."""
        return self.read_to == self.stamp.file.size


def look_at(path: Path, before: LogStamp | None = None) -> LogNow | None:
    """Compare the log at `path` with what it was `before`; a log that is new is read from its beginning.

    `None`: it cannot be opened, which is for whoever reads it to say.
    """
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (OSError, LogError):
        return None
    try:
        status = os.fstat(descriptor)
        stamp = _stamped(descriptor, status)
        return LogNow(stamp, _still_read(descriptor, status, before, stamp) if before else 0)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _stamped(descriptor: int, status: os.stat_result) -> LogStamp:
    os.lseek(descriptor, max(0, status.st_size - 1), os.SEEK_SET)
    ends = os.read(descriptor, 1) == b"\n"  # else what is appended next goes on with the last line
    return LogStamp(FileStamp.of(descriptor, status, status.st_size if ends else 0), status.st_ctime_ns)


def _still_read(descriptor: int, status: os.stat_result, before: LogStamp, now: LogStamp) -> int | None:
    if now == before:
        return status.st_size
    # One that was written and has the same size was edited in place, whatever stands at its end.
    is_longer = status.st_size > before.file.size
    return before.file.read_to if is_longer and before.file.has_grown(descriptor, status) else None
