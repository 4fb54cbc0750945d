"""The wire format of Protocol Buffers, as far as a trace request needs it.

Source: https://protobuf.dev/programming-guides/encoding/ (read 2026-11).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT_BITS = 63


def varint(number: int) -> bytes:
    """Return a number from 0 to 2⁶⁴−1, seven bits a byte, the least first."""
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def bytes_field(number: int, content: bytes) -> bytes:
    """Return a field of bytes, of UTF-8 text or of a message."""
    return varint(number << 3 | _BYTES) + varint(len(content)) + content


def text_field(number: int, text: str) -> bytes:
    """Return a field of text; what is not UTF-8 in a file's name becomes question marks."""
    return bytes_field(number, text.encode("utf-8", "replace"))


def int_field(number: int, value: int) -> bytes:
    """Return a field of a whole number that is not negative."""
    return varint(number << 3 | _VARINT) + varint(value)


def fixed64_field(number: int, value: int) -> bytes:
    """Return a field of eight bytes."""
    return varint(number << 3 | _FIXED64) + struct.pack("<Q", value)


def double_field(number: int, value: float) -> bytes:
    """Return a field of a floating-point number."""
    return varint(number << 3 | _FIXED64) + struct.pack("<d", value)


def fields_of(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: their number, and a whole number or bytes.

    :raises ValueError: it is no message.
    """
    place = 0
    while place < len(message):
        tag, place = _varint_at(message, place)
        kind = tag & 7
        if kind == _VARINT:
            value, place = _varint_at(message, place)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, place = _varint_at(message, place)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if place + size > len(message):
            raise ValueError("the message is cut off")
        yield tag >> 3, message[place : place + size]
        place += size


def _varint_at(message: bytes, place: int) -> tuple[int, int]:
    """Return the number at `place` and the place behind it."""
    number = 0
    for shift in range(0, _LONGEST_VARINT_BITS + 1, 7):
        if place >= len(message):
            raise ValueError("the message is cut off")
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte <= 0x7F:  # noqa: PLR2004 - seven bits
            return number, place
    raise ValueError("a number has too many bytes")
