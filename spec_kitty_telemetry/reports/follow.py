"""What is added to a project's logs while `events --follow` waits: only that is read, however long the logs are."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.lines import ByteRange
from spec_kitty_telemetry.log.superseding import Superseding
from spec_kitty_telemetry.model.record import parse
from spec_kitty_telemetry.project.files import BLOCK_BYTES, cut, open_plain, open_regular
from spec_kitty_telemetry.reports.search import place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.search import Search


_END_BYTES = 1024


class LogFollower:
    """The logs of a search, each with how far it was read."""

    def __init__(self, search: Search) -> None:
        """Begin at the present end of every log; what was there before is the business of the caller."""
        self._search = search
        self._tails = {path: _Tail(path, at_end=True) for path in self._paths()}

    def new(self) -> Iterator[ExecutionEvent]:
        """Yield the wanted records that came since the last time; those of a log that was rewritten, all again.

        :raises TelemetryError: a feature's folder or its log is refused.
        """
        for path in self._paths():
            tail = self._tails.setdefault(path, _Tail(path))
            new = list(tail.new())
            place(new, path)
            new = [event for event in new if tail.rule.note(event) or event.payload.voided is not None]
            yield from (event for event in new if self._search.filters.accepts(event))

    def _paths(self) -> list[Path]:
        return self._search.log_paths()


class _Tail:
    """One log from some point of it on."""

    def __init__(self, path: Path, *, at_end: bool = False) -> None:
        self._path = path
        self._begun: bytes | None = b""
        self._state = _state(path) if at_end else (None, 0, 0)
        self.rule = _rule(path)
        """Which of the log's records count, as far as it was read."""
        self._position = self._state[1] if at_end else 0
        self._end = _end_at(path, self._position)

    def new(self) -> Iterator[ExecutionEvent]:
        """Yield the records on the lines that ended since the last time."""
        state = _state(self._path)
        if state == self._state:
            return
        # Git may give the number of the file that it removed to the one that it puts there.
        if state[0] != self._state[0] or state[1] < self._position or _end_at(self._path, self._position) != self._end:
            self._position, self._begun = 0, b""
            self.rule = Superseding()
        self._state = state
        for line in self._lines():
            if (event := _event(line)) is not None:
                yield event
        self._end = _end_at(self._path, self._position)

    def _lines(self) -> Iterator[bytes | None]:
        try:
            descriptor = open_regular(self._path, os.O_RDONLY)
        except (OSError, LogError):  # it went away just now, or is what the list has left out already
            return
        try:
            os.lseek(descriptor, self._position, os.SEEK_SET)
            while block := os.read(descriptor, BLOCK_BYTES):
                text = block if self._position else block.removeprefix(BOM_UTF8)
                lines, self._begun = cut(self._begun, text)
                self._position += len(block)
                yield from lines
        finally:
            os.close(descriptor)


def _rule(path: Path) -> Superseding:
    try:
        return Superseding.of(ByteRange(path))
    except LogError:  # it is refused: the list has left it out already
        return Superseding()


def _state(path: Path) -> tuple[int | None, int, int]:
    """Return which file is at `path` now, its size, and when it was changed."""
    try:
        status = path.stat()
    except OSError:
        return None, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def _end_at(path: Path, position: int) -> bytes:
    """Return what stands right before `position`: where it is another text, it is another file."""
    start = max(0, position - _END_BYTES)
    try:
        with open_plain(path) as file:
            file.seek(start)
            return file.read(position - start)
    except OSError:
        return b""


def _event(line: bytes | None) -> ExecutionEvent | None:
    try:
        return parse(line or b"")
    except (ValueError, RecursionError):
        return None
