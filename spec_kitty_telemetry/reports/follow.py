"""What is added to a project's logs while `events --follow` waits: only that is read, however long the logs are."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.model.record import parse
from spec_kitty_telemetry.project.files import BLOCK_BYTES, cut, open_regular
from spec_kitty_telemetry.reports.search import place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.search import Search


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
            yield from (event for event in new if self._search.filters.accepts(event))

    def _paths(self) -> list[Path]:
        return self._search.log_paths()


class _Tail:
    """One log from some point of it on."""

    def __init__(self, path: Path, *, at_end: bool = False) -> None:
        self._path = path
        self._begun: bytes | None = b""
        self._file, size = _state(path)
        self._position = size if at_end else 0

    def new(self) -> Iterator[ExecutionEvent]:
        """Yield the records on the lines that ended since the last time."""
        file, size = _state(self._path)
        if file != self._file or size < self._position:  # git or a person put another file there
            self._file, self._position, self._begun = file, 0, b""
        if size > self._position:
            for line in self._lines():
                if (event := _event(line)) is not None:
                    yield event

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


def _state(path: Path) -> tuple[int | None, int]:
    """Return which file is at `path` now, and its size."""
    try:
        status = path.stat()
    except OSError:
        return None, 0
    return status.st_ino, status.st_size


def _event(line: bytes | None) -> ExecutionEvent | None:
    try:
        return parse(line or b"")
    except (ValueError, RecursionError):
        return None
