"""Sorted ids of many records as one MessagePack array: quick to make, to send to a process and to search in a file.

Ids begin with their time (ULIDs) and logs grow with time, so they are nearly sorted already, and the ids of most parts
of a log are all below or all above those of another part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from spec_kitty_telemetry.project.files import open_plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_USUAL_CHARACTERS = 26
"""Of a ULID; with the byte before it that says so, each takes one more."""
_ENTRY_BYTES = _USUAL_CHARACTERS + 1
_decode = msgspec.msgpack.Decoder(list[str]).decode


class IdList(NamedTuple):
    """Ids, sorted, and the two at the ends."""

    encoded: bytes
    least: str
    greatest: str

    @classmethod
    def of(cls, ids: Iterable[str]) -> IdList:
        """Return the list of `ids`."""
        ordered = sorted(ids)
        ends = (ordered[0], ordered[-1]) if ordered else ("", "")
        encoded = msgspec.msgpack.encode(ordered)
        if any(len(event_id) < _USUAL_CHARACTERS for event_id in ordered) and _is_even(encoded):
            encoded = msgspec.msgpack.encode(["", *ordered])  # short and long ones that look like ULIDs by their sum
        return cls(encoded, *ends)

    def overlaps(self, other: IdList) -> bool:
        """Tell whether an id may be in both."""
        return self.least <= other.greatest and other.least <= self.greatest


NO_IDS = IdList.of(())


class IdsBefore:
    """The ids of the shares before, looked at only where a later share can have some of them again."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: list[IdList] = []
        self._known: set[str] = set()
        self._known_count = 0
        """How many of `_kept`, in their order, are in `_known`."""

    def add(self, ids: IdList) -> None:
        """Add the ids of the next share."""
        self._kept.append(ids)

    def repeated(self, ids: IdList) -> set[str]:
        """Return those of `ids` that stand in a share before."""
        if not any(before.overlaps(ids) for before in self._kept):
            return set()
        for before in self._kept[self._known_count :]:
            self._known.update(_decode(before.encoded))
        self._known_count = len(self._kept)
        return self._known.intersection(_decode(ids.encoded))


def holds_any(path: Path, wanted: Iterable[str]) -> bool:
    """Tell whether any of the ids `wanted` is in the list that the file at `path` holds.

    :raises OSError: it cannot be read.
    :raises ValueError: it is no list of ids.
    """
    with open_plain(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        count, head_bytes = _head(file.read(5))
        if size == head_bytes + count * _ENTRY_BYTES:
            return any(_holds(file, head_bytes, count, event_id.encode()) for event_id in wanted)
        file.seek(0)
        return not set(_decode(file.read())).isdisjoint(wanted)


def _is_even(encoded: bytes) -> bool:
    """Tell whether all ids are ULIDs, by their sum; no record's id is shorter."""
    count, head_bytes = _head(encoded[:5])
    return len(encoded) == head_bytes + count * _ENTRY_BYTES


def _head(start: bytes) -> tuple[int, int]:
    """Return how many entries a MessagePack array has, and in how many bytes it says so."""
    if start[:1] == b"\xdd":
        return int.from_bytes(start[1:5], "big"), 5
    if start[:1] == b"\xdc":
        return int.from_bytes(start[1:3], "big"), 3
    if start and 0x90 <= start[0] <= 0x9F:  # noqa: PLR2004 - the format's own numbers for up to 15 entries
        return start[0] & 0x0F, 1
    raise ValueError("not a list of ids")


def _holds(file: BinaryIO, head_bytes: int, count: int, wanted: bytes) -> bool:
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        file.seek(head_bytes + middle * _ENTRY_BYTES + 1)
        event_id = file.read(_USUAL_CHARACTERS)
        if event_id == wanted:
            return True
        low, high = (middle + 1, high) if event_id < wanted else (low, middle)
    return False
