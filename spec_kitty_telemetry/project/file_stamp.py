"""How one tells that a file is still what was read of it, or that it only grew.

Size and time can stay the same when a file is written again within a clock's step, so what stands where the reading
ended is compared too.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import Self

import msgspec

_TAIL_BYTES = 1024
"""Enough to hold an id or a time on nearly every line, so that no other line ends alike."""


class FileStamp(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What an open file was when it was read up to `read_to`."""

    inode: int
    size: int
    mtime_ns: int
    read_to: int
    tail: bytes
    """A digest of the last bytes before `read_to`, or of the file."""

    @classmethod
    def of(cls, descriptor: int, status: os.stat_result, read_to: int) -> Self:
        """Describe a file whose `status` was taken before it was read up to `read_to`; 0: it cannot be read on."""
        end = read_to or status.st_size
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, read_to, _tail(descriptor, end))

    def is_unchanged(self, descriptor: int, status: os.stat_result) -> bool:
        """Tell whether nothing was written since."""
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        return seen == (self.inode, self.size, self.mtime_ns) and self._still_ends_alike(descriptor)

    def has_grown(self, descriptor: int, status: os.stat_result) -> bool:
        """Tell whether the file is the same up to `read_to`, so that only what follows need be read."""
        is_same_file = status.st_ino == self.inode and 0 < self.read_to <= status.st_size
        return is_same_file and self._still_ends_alike(descriptor)

    def _still_ends_alike(self, descriptor: int) -> bool:
        return _tail(descriptor, self.read_to or self.size) == self.tail


def _tail(descriptor: int, end: int) -> bytes:
    start = max(0, end - _TAIL_BYTES)
    os.lseek(descriptor, start, os.SEEK_SET)  # Windows has no pread
    return blake2b(os.read(descriptor, end - start), digest_size=16).digest()
