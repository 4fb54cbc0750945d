"""The beginning and the end of what a command prints, in bounded memory."""

from __future__ import annotations

from collections import deque

HEAD_BYTES = 1024 * 1024
TAIL_BYTES = 31 * 1024 * 1024
_PARTS = 512
"""How many parts the end is dropped in: small blocks are joined until they are one."""


class BoundedBuffer:
    """The first and the last part of a stream, in bounded memory."""

    def __init__(self, head_bytes: int = HEAD_BYTES, tail_bytes: int = TAIL_BYTES) -> None:
        """Keep so many bytes of the beginning and of the end."""
        self._head = bytearray()
        self._head_bytes = head_bytes
        self._tail: deque[bytearray] = deque()
        self._tail_bytes = tail_bytes
        self._tail_size = 0
        self._dropped = False

    def add(self, block: bytes) -> None:
        """Take the next part of the stream."""
        room = self._head_bytes - len(self._head)
        if room > 0:
            self._head += block[:room]
            block = block[room:]
        if block:
            if self._tail and len(self._tail[-1]) + len(block) <= self._tail_bytes // _PARTS:
                self._tail[-1] += block  # a byte alone takes fifty
            else:
                self._tail.append(bytearray(block))
            self._tail_size += len(block)
        while self._tail_size - len(self._tail[0]) >= self._tail_bytes if self._tail else False:
            self._tail_size -= len(self._tail.popleft())
            self._dropped = True

    def text(self) -> str:
        """Return what is kept; where something is missing in between, a line break stands for it."""
        gap = b"\n" if self._dropped else b""
        return b"".join((bytes(self._head), gap, *self._tail)).decode("utf-8", errors="replace")
