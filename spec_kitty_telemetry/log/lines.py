"""A log's bytes as lines, in flat memory, whatever stands in it."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.errors import LogError, reason_of
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES
from spec_kitty_telemetry.project.files import BLOCK_BYTES, cut, open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_SEARCHED_BYTES = 256 * 1024


class ByteRange(NamedTuple):
    """The lines of one log that begin at the byte `start` or later, but before `end`; a byte order mark is not cut."""

    path: Path
    start: int = 0
    end: int | None = None
    """`None`: to the end of the file, wherever that is when it is reached."""


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line of the file at `path` with its number, counted from 1, without its newline.

    `None` stands for a line over 1 MiB, which is never held in memory.

    :raises LogError: the file cannot be read.
    """
    number = 0
    for lines in blocks_of_lines(ByteRange(path)):
        for line in lines:
            number += 1
            yield number, None if line is None else line.removesuffix(b"\n")


def blocks_of_lines(byte_range: ByteRange) -> Iterator[list[bytes | None]]:
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


def whole_lines(byte_range: ByteRange) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a byte range in texts of some hundred KiB, each with its place in the file.

    For a search that looks at few of the lines.  A line over 1 MiB is left out, as everywhere.

    :raises LogError: the file cannot be read.
    """
    path, start, end = byte_range
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        offset = os.lseek(descriptor, max(0, start - 1), os.SEEK_SET)
        # Before `start`, and within a line that is too long, all is passed over up to the next line's beginning.
        text, is_passed_over = b"", start > 0
        while block := _block(path, descriptor, _SEARCHED_BYTES):
            text += block
            if is_passed_over:
                beginning = text.find(b"\n") + 1
                if not beginning:
                    offset, text = offset + len(text), b""
                    continue
                offset, text, is_passed_over = offset + beginning, text[beginning:], False
            if end is not None and offset + len(text) > end:
                break
            if stop := text.rfind(b"\n") + 1:
                yield _without_mark(offset, text[:stop])
                offset, text = offset + stop, text[stop:]
            elif len(text) > MAXIMUM_LINE_BYTES:
                offset, text, is_passed_over = offset + len(text), b"", True
        yield from _last_lines(path, descriptor, offset, text, end)
    finally:
        os.close(descriptor)


def _last_lines(path: Path, descriptor: int, offset: int, text: bytes, end: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield what `text` holds before `end`, with the whole of the line that begins before it."""
    if not text or (end is not None and offset >= end):
        return
    if end is None:
        yield _without_mark(offset, text)
        return
    last = end - offset - 1
    while not (stop := text.find(b"\n", last) + 1) and len(text) - last <= MAXIMUM_LINE_BYTES:
        block = _block(path, descriptor, BLOCK_BYTES)
        if not block:
            break
        text += block
    yield _without_mark(offset, text[:stop] if stop else text)


def _without_mark(offset: int, text: bytes) -> tuple[int, bytes]:
    if offset == 0 and text.startswith(BOM_UTF8):
        return len(BOM_UTF8), text[len(BOM_UTF8) :]
    return offset, text


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
