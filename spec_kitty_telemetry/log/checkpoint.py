"""The Lamport clock of one feature's log: how high it is, and up to which point of the log that is known.

A `Checkpoint` is kept in a small file beside the lock.  It is a shortcut, never the truth: the log is.  Where it is
lost, broken or no longer fits the log, it is made again by reading the log.
"""

from __future__ import annotations

import os
import time
from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import msgspec

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.superseding import USUAL_REVISION
from spec_kitty_telemetry.project.files import BLOCK_BYTES, cut, open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Seen = Callable[[str, int], None]
"""Called with the `event_id` and the revision of a line."""

_MAXIMUM_BELIEVED = 2**52
"""A greater clock in a log is a lie or damage; half of what `record` accepts, so that counting on stays valid."""
_MAXIMUM_KEPT = _MAXIMUM_BELIEVED + 2**51
"""What the clock file may say: where a log lies as high as is believed, the clocks after that one still differ."""

_TAIL_BYTES = 1024
"""Enough to hold an event's id on nearly every line, so that no other line ends alike."""
_FILE_BYTES = 2048


class Checkpoint(msgspec.Struct, frozen=True):
    """The greatest clock in the first `size` bytes of a log, and the bytes that end there."""

    clock: int = 0
    size: int = 0
    tail: bytes = b""
    """The last bytes before `size`: where they still stand, what is before them was not rewritten."""
    complete: bool = True
    """Whether `size` was the end of the log."""

    @property
    def at_line_start(self) -> bool:
        """Whether the next byte begins a line."""
        return self.size == 0 or self.tail.endswith(b"\n")

    def after(self, text: bytes, clock: int) -> Self:
        """Return the mark after `text` was appended, in which `clock` is the greatest clock."""
        tail = (self.tail + text)[-_TAIL_BYTES:]
        return type(self)(clock=max(self.clock, clock), size=self.size + len(text), tail=tail)


class _Revised(msgspec.Struct, gc=False):
    revision: int | None = None


class NumberedLine(msgspec.Struct, gc=False):
    """What the writer must know of a line that it has not written."""

    event_id: str = ""
    lamport_clock: int = 0
    payload: _Revised | None = None

    @property
    def revision(self) -> int:
        """How far the record has got (`superseding`); another writer's payload says nothing of it."""
        revision = self.payload.revision if self.payload else None
        return USUAL_REVISION if revision is None else revision


_decoder = msgspec.json.Decoder(NumberedLine)
_mark_decoder = msgspec.json.Decoder(Checkpoint)


def numbered(line: bytes) -> NumberedLine:
    """Return what the writer must know of `line`.

    :raises ValueError: it is no JSON object of that shape.
    """
    return _decoder.decode(line)


def load(path: Path) -> Checkpoint:
    """Return the mark kept at `path`; an empty one where it is missing or broken."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (OSError, LogError):
        return Checkpoint()
    try:
        mark = _mark_decoder.decode(os.read(descriptor, _FILE_BYTES))
    except (OSError, ValueError, RecursionError):
        return Checkpoint()
    finally:
        os.close(descriptor)
    return mark if 0 <= mark.clock <= _MAXIMUM_KEPT and mark.size >= 0 else Checkpoint()


def save(path: Path, mark: Checkpoint) -> None:
    """Keep `mark` at `path`; a failure is no loss, the next append reads the log instead."""
    text = msgspec.json.encode(mark).ljust(_FILE_BYTES)  # one length for all, so that one write replaces it whole
    with suppress(OSError, LogError):
        descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT)
        try:
            os.write(descriptor, text)
        finally:
            os.close(descriptor)


def catch_up(descriptor: int, mark: Checkpoint, deadline: float, seen: Seen) -> Checkpoint:
    """Return the mark at the end of the open log, reading only what `mark` does not cover.

    `seen` is called with the `event_id` and the revision of every line that is read.  If `deadline` (of
    `time.monotonic`) passes, the answer is not `complete`, and the next call goes on where this one stopped; each call
    gets on by a line at least.
    """
    if not still_fits(descriptor, mark):
        # The clock stays: a log that was deleted or rolled back must not give the same clocks out again.
        mark = Checkpoint(mark.clock)
    size = os.lseek(descriptor, 0, os.SEEK_END)
    clock, position = mark.clock, mark.size
    begun = b"" if mark.at_line_start else None  # what goes on within a line is no line of its own
    while block := _read_at(descriptor, position, min(BLOCK_BYTES, size - position)):
        lines, begun = cut(begun, block if position else block.removeprefix(BOM_UTF8))
        position += len(block)
        clock = max(clock, _greatest(lines, seen))
        line_start = position - len(begun or b"")
        if mark.size < line_start and position < size and time.monotonic() > deadline:
            return Checkpoint(clock, line_start, _tail_at(descriptor, line_start), complete=False)
    # A last line without a newline is a record all the same if it is whole.
    return Checkpoint(max(clock, _greatest([begun], seen)), position, _tail_at(descriptor, position))


def still_fits(descriptor: int, mark: Checkpoint) -> bool:
    """Tell whether the open log is still what `mark` was made of, or more was added to it."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    return mark.size <= size and _tail_at(descriptor, mark.size) == mark.tail


def _tail_at(descriptor: int, position: int) -> bytes:
    start = max(0, position - _TAIL_BYTES)
    return _read_at(descriptor, start, position - start)


def _read_at(descriptor: int, position: int, count: int) -> bytes:
    os.lseek(descriptor, position, os.SEEK_SET)  # Windows has no pread; appends go to the end all the same
    return os.read(descriptor, max(0, count))


def _greatest(lines: Iterable[bytes | None], seen: Seen) -> int:
    greatest = 0
    for line in lines:
        if not line:
            continue
        try:
            numbered = _decoder.decode(line)
        except (ValueError, RecursionError):
            continue
        seen(numbered.event_id, numbered.revision)
        if greatest < numbered.lamport_clock <= _MAXIMUM_BELIEVED:
            greatest = numbered.lamport_clock
    return greatest
