"""Reading a feature's log: every good record once, in the order of the file, in flat memory.

A line that is no record is passed over, counted and named in a `ScanReport`; its neighbours are used.  A record that
stands twice (git merges, retries) counts once: the first wins.  Of several records of one run one counts
(`superseding`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.log.lines import ByteRange, blocks_of_lines
from spec_kitty_telemetry.log.superseding import Superseding
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES, ExecutionEvent, decode, parse, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.errors import TelemetryError

_NAMED_AT_MOST = 1000


SeenIds = dict[str, None]
"""The ids of the records that were read, in their order: nearly sorted, which a set would not be."""


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
    superseded_count: int = 0
    """Records that another one took the place of, or that were taken back."""
    waiting_count: int = 0
    """Records that are on the disk and in no log yet."""
    event_count: int = 0
    line_count: int = 0
    """Of the stretch that was read last."""
    subjects: Collection[str] = ()
    """Of the log that was read last: the records whose place others take."""

    @property
    def unread_count(self) -> int:
        """How many lines and whole logs could not be read, and how many records are not in a log yet."""
        return self.skipped_count + len(self.unread) + self.waiting_count

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
        self.superseded_count += other.superseded_count
        self.event_count += other.event_count
        self.line_count = lines_before + other.line_count
        self.unread += [log for log in other.unread if log not in self.unread]
        for skipped in other.skipped[: _NAMED_AT_MOST - len(self.skipped)]:
            self.skipped.append(skipped._replace(line=lines_before + skipped.line))


def scan(
    path: Path, report: ScanReport | None = None, seen: SeenIds | None = None, *, keep_unknown: bool = False
) -> Iterator[ExecutionEvent]:
    """Yield the records of the log at `path`; nothing if there is no such file.

    Share `seen` (event ids) between calls to count a record once over several logs.  `keep_unknown` keeps keys that
    this version does not know, at half the speed.

    :raises LogError: the file cannot be read at all.
    """
    report = report if report is not None else ScanReport()
    byte_range = ByteRange(path)
    rule = Superseding.of(byte_range)
    for events in scan_in_blocks(byte_range, report, seen if seen is not None else {}, rule, keep_unknown=keep_unknown):
        yield from events


def scan_in_blocks(
    byte_range: ByteRange, report: ScanReport, seen: SeenIds, rule: Superseding | None, *, keep_unknown: bool = False
) -> Iterator[list[ExecutionEvent]]:
    """Yield the records of `byte_range`, some hundreds at a time; otherwise as `scan`.

    Lines are counted from the beginning of the range.  `rule` is that of the whole log; without one, records that
    were superseded or taken back are yielded too.

    :raises LogError: the file cannot be read at all.
    """
    decode_line = parse if keep_unknown else decode
    number = 0
    for lines in blocks_of_lines(byte_range):
        events = []
        for line in lines:
            number += 1
            try:
                event = decode_line(line)  # type: ignore[arg-type]  # None is a TypeError, told apart below
            except (ValueError, TypeError, RecursionError) as error:
                _skip(report, byte_range.path, number, line, error)
                continue
            if rule is not None and not rule.counts(event):
                report.superseded_count += 1
                continue
            event_id = event.event_id
            if event_id in seen:
                report.duplicate_count += 1
                continue
            seen[event_id] = None
            events.append(event)
        report.event_count += len(events)
        report.line_count = number
        yield events


def _skip(report: ScanReport, path: Path, number: int, line: bytes | None, error: Exception) -> None:
    if line is None:
        report.skip(path, number, f"longer than {MAXIMUM_LINE_BYTES // 1024} KiB")
    elif line.strip() and (reason := why_not(line.removesuffix(b"\n"), error)):
        report.skip(path, number, reason)
