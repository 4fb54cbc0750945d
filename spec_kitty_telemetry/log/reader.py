"""Reading a feature's log: every good record once, in the order of the file, in flat memory.

A line that is no record is passed over, counted and named in a `ScanReport`; its neighbours are used.  A record that
stands twice (git merges, retries) counts once: the first wins.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.errors import LogError, reason_of
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES, ExecutionEvent, decode, parse, why_not
from spec_kitty_telemetry.project.files import BLOCK_BYTES, cut, open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.errors import TelemetryError

_NAMED_AT_MOST = 1000


class SkippedLine(NamedTuple):
    """One line that is no record."""

    file: Path
    line: int
    """Counted from 1."""
    reason: str


class UnreadLog(NamedTuple):
    """One log that could not be read, or not to its end."""

    file: Path
    reason: str
    """A sentence that names the file."""


class ScanReport(msgspec.Struct):
    """What reading passed over; filled while records are read."""

    skipped: list[SkippedLine] = []
    """The first thousand."""
    unread: list[UnreadLog] = []
    skipped_count: int = 0
    duplicate_count: int = 0
    event_count: int = 0
    line_count: int = 0
    """Of the stretch that was read last."""

    @property
    def unread_count(self) -> int:
        """How many lines and whole logs could not be read."""
        return self.skipped_count + len(self.unread)

    def skip(self, file: Path, line: int, reason: str) -> None:
        """Count one bad line and keep its place."""
        self.skipped_count += 1
        if len(self.skipped) < _NAMED_AT_MOST:
            self.skipped.append(SkippedLine(file, line, reason))

    def leave_out(self, file: Path, error: TelemetryError) -> None:
        """Note that the log `file` could not be read, each once."""
        left_out = UnreadLog(file, str(error))
        if left_out not in self.unread:
            self.unread.append(left_out)

    def add(self, other: ScanReport, lines_before: int = 0) -> None:
        """Count what `other` counted; it began to read its file after `lines_before` lines."""
        self.skipped_count += other.skipped_count
        self.duplicate_count += other.duplicate_count
        self.event_count += other.event_count
        self.line_count = lines_before + other.line_count
        self.unread += [each for each in other.unread if each not in self.unread]
        for skipped in other.skipped[: _NAMED_AT_MOST - len(self.skipped)]:
            self.skipped.append(skipped._replace(line=lines_before + skipped.line))


class ByteRange(NamedTuple):
    """The lines of one log that begin at the byte `start` or later, but before `end`; a byte order mark is not cut."""

    path: Path
    start: int = 0
    end: int | None = None
    """`None`: to the end of the file, wherever that is when it is reached."""


def scan(
    path: Path, report: ScanReport | None = None, seen: set[str] | None = None, *, keep_unknown: bool = False
) -> Iterator[ExecutionEvent]:
    """Yield the records of the log at `path`; nothing if there is no such file.

    Share `seen` (event ids) between calls to count a record once over several logs.  `keep_unknown` keeps keys that
    this version does not know, at half the speed.

    :raises LogError: the file cannot be read at all.
    """
    report = report if report is not None else ScanReport()
    for events in scan_in_blocks(
        ByteRange(path), report, seen if seen is not None else set(), keep_unknown=keep_unknown
    ):
        yield from events


def scan_in_blocks(
    byte_range: ByteRange, report: ScanReport, seen: set[str], *, keep_unknown: bool = False
) -> Iterator[list[ExecutionEvent]]:
    """Yield the records of `stretch`, some hundreds at a time; otherwise as `scan`.

    Lines are counted from the beginning of the range.

    :raises LogError: the file cannot be read at all.
    """
    decode_line = parse if keep_unknown else decode
    number = 0
    for lines in _blocks_of_lines(byte_range):
        events = []
        for line in lines:
            number += 1
            try:
                event = decode_line(line)  # type: ignore[arg-type]  # None is a TypeError, told apart below
            except (ValueError, TypeError, RecursionError) as error:
                _skip(report, byte_range.path, number, line, error)
                continue
            event_id = event.event_id
            if event_id in seen:
                report.duplicate_count += 1
                continue
            seen.add(event_id)
            events.append(event)
        report.event_count += len(events)
        report.line_count = number
        yield events


def _skip(report: ScanReport, path: Path, number: int, line: bytes | None, error: Exception) -> None:
    if line is None:
        report.skip(path, number, f"longer than {MAXIMUM_LINE_BYTES // 1024} KiB")
    elif line.strip() and (reason := why_not(line.removesuffix(b"\n"), error)):
        report.skip(path, number, reason)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line of the file at `path` with its number, counted from 1, without its newline.

    `None` stands for a line over 1 MiB, which is never held in memory.

    :raises LogError: the file cannot be read.
    """
    number = 0
    for lines in _blocks_of_lines(ByteRange(path)):
        for line in lines:
            number += 1
            yield number, None if line is None else line.removesuffix(b"\n")


def _blocks_of_lines(byte_range: ByteRange) -> Iterator[list[bytes | None]]:
    """Yield the lines of a byte range, many at a time: a report's inner loop runs over a plain list."""
    path, start, _ = byte_range
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        # From the byte before `start`, so that a line that begins there is told from one that only goes on there.
        os.lseek(descriptor, max(0, start - 1), os.SEEK_SET)
        goes_on = start > 0
        begun: bytes | None = b""
        for block in _blocks(byte_range, descriptor):
            lines, begun = cut(begun, block)
            if goes_on and lines:
                goes_on = False
                del lines[0]
            yield lines
        if begun == b"" or goes_on:
            return
        while block := _block(path, descriptor, BLOCK_BYTES):  # the last line goes on behind the stretch
            lines, begun = cut(begun, block)
            if lines:
                begun = lines[0]
                break
        yield [begun]
    finally:
        os.close(descriptor)


def _blocks(byte_range: ByteRange, descriptor: int) -> Iterator[bytes]:
    path, start, end = byte_range
    position = max(0, start - 1)
    while block := _block(path, descriptor, BLOCK_BYTES if end is None else min(BLOCK_BYTES, end - position)):
        # Some editors begin a file with a byte order mark, which is no part of its first line.
        yield block if position else block.removeprefix(BOM_UTF8)
        position += len(block)


def _block(path: Path, descriptor: int, size: int) -> bytes:
    try:
        return os.read(descriptor, max(0, size))
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> LogError:
    reason = reason_of(error)
    return LogError(f"{path} cannot be read: {reason}; mend its permissions")
