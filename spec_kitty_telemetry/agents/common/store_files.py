"""Finding and reading the files of session stores: nothing outside the store is opened, and nothing whole is held.

The store's own folder may be a link, as people keep theirs on other disks; below it no link is followed.  What cannot
be read is passed over.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.agents.common import json_spans
from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.project.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.agents.common.fields import Json

BLOCK_BYTES = 1 << 18
MOST_LINE_BYTES = 64 << 20
"""Longer lines are passed over; the longest that agents wrote held a picture and 20 MiB."""
MOST_BYTES_A_LINE = 8_000
"""On average: after a block of longer lines, the next one is not decoded as a whole."""
_MOST_ENTRIES = 1_000_000
_DOCUMENT_BYTES = 64 << 20
_COMPACT = re.compile(rb'\{"[^"\\]{1,100}":[^\s]')


def walk(root: Path, name: str, depth: int) -> Iterator[Path]:
    """Yield the regular files under `root` whose name matches the pattern `name`, up to `depth` folders down."""
    matches = re.compile(name).fullmatch
    waiting = [(str(root), 0)]
    seen = 0
    while waiting and seen < _MOST_ENTRIES:
        folder, level = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except (OSError, ValueError):
            continue
        seen += len(found)
        for entry in found:
            if matches(entry.name):
                if _is(entry, folder=False):
                    yield Path(entry.path)
            elif level < depth and _is(entry, folder=True):
                waiting.append((entry.path, level + 1))


def _is(entry: os.DirEntry[str], *, folder: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) if folder else entry.is_file(follow_symlinks=False)
    except OSError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[int | None]:
    """Open a file for reading and hand over its descriptor; `None` where it is a link, no file, or not readable."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (OSError, LogError, ValueError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def small_text(path: Path, most_bytes: int) -> str:
    """Return what a small file says; nothing where it is a link, too large, or not readable."""
    with opened(path) as descriptor:
        found = b"" if descriptor is None else _read_all(descriptor, most_bytes + 1)
    return "" if len(found) > most_bytes else found.decode("utf-8", errors="replace")


def small_document(path: Path) -> Json:
    """Return the object that a file of JSON holds; an empty one where it holds none or more than 64 MiB."""
    found = _decoded(path)
    return found if isinstance(found, dict) else {}


def small_list(path: Path) -> list[Json]:
    """Return the objects of the array that a file of JSON holds; none where it holds none or more than 64 MiB."""
    found = _decoded(path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _decoded(path: Path) -> Any:
    try:
        return json_spans.decode(small_text(path, _DOCUMENT_BYTES))
    except ValueError:
        return None


def _read_all(descriptor: int, most_bytes: int) -> bytes:
    parts = []
    while most_bytes > 0 and (part := os.read(descriptor, most_bytes)):
        parts.append(part)
        most_bytes -= len(part)
    return b"".join(parts)


def is_compact(block: bytes) -> bool:
    """Tell whether lines of JSON are written without blanks between their members, as agents' own programs do.

    Readers that tell from a line's beginning what it is rely on it; lines that were written otherwise are all decoded.
    """
    return _COMPACT.match(block) is not None


class LineBlocks:
    """The whole lines of an open file from a position on, in blocks; `position` is where the next line begins.

    `rest` is the last line if the file ends without a line break: it may still be being written.
    """

    def __init__(self, descriptor: int, position: int = 0) -> None:
        self._descriptor = descriptor
        self.position = position
        self.rest = b""

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks that end with a line break; memory stays within a block and one long line.

        What a block holds of its last line is read again with the next one: that is less work than putting two parts
        together, and most of it is still in the processor's cache.
        """
        size = BLOCK_BYTES
        os.lseek(self._descriptor, self.position, os.SEEK_SET)
        while block := os.read(self._descriptor, size):
            end = block.rfind(b"\n") + 1
            if end:
                self.position += end
                yield block[:end]
                size = BLOCK_BYTES
            elif len(block) < size:  # the end of the file, or of what can be read at once
                if not self._goes_on(len(block)):
                    self.rest = block
                    return
                size *= 2
            elif size < MOST_LINE_BYTES:
                size *= 2
            elif not self._skip_line():
                return
            os.lseek(self._descriptor, self.position, os.SEEK_SET)

    def _goes_on(self, size: int) -> bool:
        return self.position + size < os.fstat(self._descriptor).st_size

    def _skip_line(self) -> bool:
        """Go to the end of a line that is too long; say whether it has one."""
        os.lseek(self._descriptor, self.position, os.SEEK_SET)
        position = self.position
        while block := os.read(self._descriptor, BLOCK_BYTES):
            end = block.find(b"\n") + 1
            position += end or len(block)
            if end:
                self.position = position
                return True
        return False
