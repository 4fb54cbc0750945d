"""Cutting logs into shares: byte ranges of about the same size, one list for each process that counts (`parallel`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.log.lines import ByteRange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHARE_BYTES = 4 * 1024 * 1024
"""What a process must have to read at least: that takes it about 20 ms, being started and asked about 5."""
_SMALL = 8
"""A log below this part of a share is not cut."""


def shares(byte_ranges: Sequence[ByteRange], count: int, share_bytes: int = SHARE_BYTES) -> list[list[ByteRange]]:
    """Cut logs, each given whole, into at most `count` shares of about as many bytes, none far below `share_bytes`.

    A small log is not cut in two: most records that stand twice stand in one log.
    """
    sizes = [_size(byte_range.path) for byte_range in byte_ranges]
    count = min(count, sum(sizes) // share_bytes)
    if count < 2:  # noqa: PLR2004 - nothing to share
        return [list(byte_ranges)]
    even = -(-sum(sizes) // count)
    shared: list[list[ByteRange]] = [[]]
    room = even
    for (path, *_), size in zip(byte_ranges, sizes, strict=True):
        start = 0
        while size - start > room and len(shared) < count:
            if size > even // _SMALL and room > 0:
                shared[-1].append(ByteRange(path, start, start + room))
                start += room
            elif room * 2 >= size:
                break
            shared.append([])
            room = even
        shared[-1].append(ByteRange(path, start))
        room -= size - start
    return shared


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is not there; whoever reads it says so
        return 0
