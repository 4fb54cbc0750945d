"""Reading a feature's log: every good record once, in the order of the file, in flat memory.

A line that is no record is passed over, counted and named in a `ScanReport`; its neighbours are used.  A record that
stands twice (git merges, retries) counts once: the first wins.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.files import BLOCK_BYTES, cut, open_regular
from spec_kitty_telemetry.record import EVENT_TYPE, MAXIMUM_LINE_BYTES, ExecutionEvent, decode, parse, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMED_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """One line that is no record."""

    file: Path
    line: int
    """Counted from 1."""
    reason: str


@dataclass(slots=True)
class ScanReport:
    """What reading passed over; filled while records are read."""

    skipped: list[SkippedLine] = field(default_factory=list)
    """The first thousand."""
    skipped_count: int = 0
    duplicate_count: int = 0
    event_count: int = 0
    line_count: int = 0

    def skip(self, file: Path, line: int, reason: str) -> None:
        """Count one bad line and keep its place."""
        self.skipped_count += 1
        if len(self.skipped) < _NAMED_AT_MOST:
            self.skipped.append(SkippedLine(file, line, reason))


def scan(
    path: Path, report: ScanReport | None = None, seen: set[str] | None = None, *, keep_unknown: bool = False
) -> Iterator[ExecutionEvent]:
    """Yield the records of the log at `path`; nothing if there is no such file.

    Share `seen` (event ids) between calls to count a record once over several logs.  `keep_unknown` keeps keys that
    this version does not know, at half the speed.

    :raises LogError: the file cannot be read at all.
    """
    report = report if report is not None else ScanReport()
    seen = seen if seen is not None else set()
    decode_line = parse if keep_unknown else decode
    number = 0
    for lines in _blocks_of_lines(path):
        for line in lines:
            number += 1
            try:
                event = decode_line(line)  # type: ignore[arg-type]  # None is a TypeError, told apart below
            except (ValueError, TypeError, RecursionError) as error:
                _skip(report, path, number, line, error)
                continue
            if event.event_type != EVENT_TYPE:
                continue
            known = len(seen)
            seen.add(event.event_id)
            if len(seen) == known:
                report.duplicate_count += 1
                continue
            report.event_count += 1
            yield event
        report.line_count = number


def _skip(report: ScanReport, path: Path, number: int, line: bytes | None, error: Exception) -> None:
    if line is None:
        report.skip(path, number, f"longer than {MAXIMUM_LINE_BYTES // 1024} KiB")
    elif line.strip() and (reason := why_not(line, error)):
        report.skip(path, number, reason)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line of the file at `path` with its number, counted from 1, without its newline.

    `None` stands for a line over 1 MiB, which is never held in memory.

    :raises LogError: the file cannot be read.
    """
    number = 0
    for lines in _blocks_of_lines(path):
        for line in lines:
            number += 1
            yield number, line


def _blocks_of_lines(path: Path) -> Iterator[list[bytes | None]]:
    """Yield the lines of a file, many at a time: a report's inner loop runs over a plain list."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        # Some editors begin a file with a byte order mark, which is no part of its first line.
        block = _block(path, descriptor).removeprefix(BOM_UTF8)
        begun: bytes | None = b""
        while block:
            lines, begun = cut(begun, block)
            yield lines
            block = _block(path, descriptor)
        if begun != b"":
            yield [begun]
    finally:
        os.close(descriptor)


def _block(path: Path, descriptor: int) -> bytes:
    try:
        return os.read(descriptor, BLOCK_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> LogError:
    reason = (error.strerror or str(error)).lower()
    return LogError(f"{path} cannot be read: {reason}; mend its permissions, or leave the feature out with --feature")
