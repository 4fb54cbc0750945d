"""Parts of huge JSON, without a second copy of it: where a value ends, and what its small members say.

A run may print 64 MiB as one object or one array.  Decoding all of that would cost several times its size, so values
are found by their brackets, in place, and only what is small is decoded.  Everything works on positions in the one
text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL_CHARACTERS = 1 << 20
"""Values up to this length are decoded whole; a longer string or array inside an object is left out."""
MAX_DEPTH = 6

# A string cannot hold a raw line break, so a stray quotation mark is noticed at the end of its line.
_STRING = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
_NEXT_BRACKET = re.compile(rf'[^"\[\]{{}}]*+(?:{_STRING}[^"\[\]{{}}]*+)*+[\[\]{{}}]')
_KEY = re.compile(rf"[\s,]*({_STRING})\s*:\s*")
_SCALAR = re.compile(rf"{_STRING}|[^\s,\[\]{{}}\"]+")
_OPENING = re.compile(r"[\[{]")
_MOST_BRACKETS = 8_000_000
_MOST_DEPTH = 10_000
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class TooMessyError(ValueError):
    """The text is not worth more time: its brackets are beyond what any agent prints."""


def decode(text: str) -> Any:
    """Return the one JSON value in `text`, with exact decimals; raise `ValueError` if it is anything else."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def end_of(text: str, start: int, end: int) -> int | None:
    """Return the position after the object or array that opens at `start`; `None` where it does not end."""
    depth, position = 0, start
    next_bracket = _NEXT_BRACKET.match
    for _ in range(_MOST_BRACKETS):
        found = next_bracket(text, position, end)
        if found is None or depth > _MOST_DEPTH:
            return None
        position = found.end()
        depth += 1 if text[position - 1] in "[{" else -1
        if depth == 0:
            return position
    raise TooMessyError("too many brackets")


def next_opening(text: str, start: int, end: int) -> int | None:
    """Return where the next object or array could begin."""
    found = _OPENING.search(text, start, end)
    return found.start() if found else None


def load(text: str, start: int, end: int, depth: int = 0) -> Any:
    """Return the value between two positions; raise `ValueError` if it is not JSON.

    Members that are too long to be decoded are left out, objects excepted: those are read member by member.
    """
    if end - start <= SMALL_CHARACTERS:
        return decode(text[start:end])
    if text[start] != "{" or depth == MAX_DEPTH:
        return None
    spans = _members(text, start, end)
    return {key: load(text, *span, depth + 1) for key, span in spans}


def _members(text: str, start: int, end: int) -> Iterator[tuple[str, tuple[int, int]]]:
    position = start + 1
    while key := _KEY.match(text, position, end):
        begin = key.end()
        stop = _end_of_value(text, begin, end)
        if stop is None:
            raise ValueError("a member that does not end")
        yield str(decode(key[1])), (begin, stop)
        position = stop


def _end_of_value(text: str, start: int, end: int) -> int | None:
    if text[start : start + 1] in {"[", "{"}:
        return end_of(text, start, end)
    scalar = _SCALAR.match(text, start, end)
    return scalar.end() if scalar else None
