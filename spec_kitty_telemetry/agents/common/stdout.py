r"""JSON objects in what a program printed, however messy the rest is.

Understands one object, pretty-printed or not, an array of objects, nested arrays, and lines of objects; with banners
before, between and on the same line, colour codes, CRLF, a byte-order mark, and an end that is missing.  What cannot be
read is passed over; only text that no agent would print, with millions of broken values, raises `TooMessyError`.

Only text around a *marker* is looked at, such as `"step_finish"` with its quotation marks.  Inside a JSON string the
marks would be written `\"step_finish\"`, so a model that prints such JSON in its answer is not mistaken for the agent.
The text is never split or copied as a whole.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from spec_kitty_telemetry.agents.common import json_spans as members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Json = dict[str, Any]

_ESCAPE_CODE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_RECOLOURED_CHARACTERS = 8 << 20
"""Colour codes are removed from a whole text up to this size, beyond it line by line."""
_MOST_BROKEN_PIECES = 50_000
_MOST_STEPS = 2_000_000
_BLANK = " \t\r\n\ufeff\0"
_INSIDE_A_VALUE = {'"', "}", "]"}
"""What a line begins with that belongs to a value printed over several lines."""


class _Piece(NamedTuple):
    """The line or the longer value around a marker, and the objects in it that may hold a marker."""

    start: int
    end: int
    objects: list[Json]


class AgentOutput:
    """What a program printed, asked for the JSON objects in it.  Objects inside of other objects do not count."""

    def __init__(self, text: str) -> None:
        self._text = without_colours(text) if len(text) <= _RECOLOURED_CHARACTERS else text
        self._failed_starts: set[int] = set()
        # Values over several lines are looked for twice through the text at most, however many lines are broken.
        self._patience_characters = 2 * len(self._text) + (1 << 20)
        self._patience_pieces = _MOST_BROKEN_PIECES

    def objects(self, *markers: str) -> Iterator[Json]:
        """Yield every object that holds one of `markers`, and maybe others, in the order of printing."""
        upcoming = {marker: self._text.find(marker) for marker in markers}
        while places := [place for place in upcoming.values() if place >= 0]:
            piece = self._piece_around(min(places), markers)
            yield from piece.objects
            for marker, place in upcoming.items():
                if 0 <= place < piece.end:
                    upcoming[marker] = self._text.find(marker, piece.end)

    def first(self, marker: str, wanted: Callable[[Json], bool]) -> Json | None:
        """Return the first object that holds `marker` and is `wanted`."""
        return next((found for found in self.objects(marker) if wanted(found)), None)

    def last(self, marker: str, wanted: Callable[[Json], bool]) -> Json | None:
        """Return the last object that holds `marker` and is `wanted`; looks from the end."""
        place = self._text.rfind(marker)
        while place >= 0:
            piece = self._piece_around(place, (marker,))
            for found in reversed(piece.objects):
                if wanted(found):
                    return found
            place = self._text.rfind(marker, 0, piece.start)
        return None

    def _piece_around(self, place: int, markers: tuple[str, ...]) -> _Piece:
        text = self._text
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        if _first_character(text, start, end) not in _INSIDE_A_VALUE:
            found = _objects_in_line(text, start, end, markers)
            if found:
                return _Piece(start, end, found)
        self._patience_pieces -= 1
        if self._patience_pieces < 0:
            raise members.TooMessyError("too many broken lines")
        return self._piece_over_lines(place, end, markers) or _Piece(start, end, [])

    def _piece_over_lines(self, place: int, line_end: int, markers: tuple[str, ...]) -> _Piece | None:
        if self._patience_characters < 0:
            return None
        text = self._text
        self._patience_characters -= place >> 4  # looking back for a start is quick, but not free
        starts = [text.rfind("\n{", 0, place) + 1, text.rfind("\n[", 0, place) + 1]
        starts = [*sorted(starts, reverse=True), text.find("{", 0, place), text.find("[", 0, place)]
        for start in starts:
            if start < 0 or start in self._failed_starts or text[start] not in "{[":
                continue
            end = members.end_of(text, start, len(text))
            read = _loaded if text[start] == "{" else partial(_walk, markers=markers)
            found = list(read(text, start, end)) if end is not None and end > place else []
            if end is not None and found:
                return _Piece(start, max(end, line_end), found)
            self._failed_starts.add(start)
            self._patience_characters -= (end or len(text)) - start
        return None


def without_colours(text: str) -> str:
    """Return `text` without terminal escape codes."""
    return _ESCAPE_CODE.sub("", text) if "\x1b" in text else text


def flat(value: Any) -> Iterator[Json]:
    """Yield the objects of a JSON value: itself, or those in its arrays."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from flat(part)


def _first_character(text: str, start: int, end: int) -> str:
    while start < end and text[start] in _BLANK:
        start += 1
    return text[start : min(start + 1, end)]


def _objects_in_line(text: str, start: int, end: int, markers: Iterable[str]) -> list[Json]:
    if end - start > members.SMALL_CHARACTERS:
        return list(_walk(text, start, end, markers))
    line = without_colours(text[start:end]).strip(_BLANK)
    try:
        return list(flat(members.decode(line)))
    except ValueError:
        return list(_walk(line, 0, len(line), markers))


def _walk(text: str, start: int, end: int, markers: Iterable[str]) -> Iterator[Json]:
    """Yield the objects between two positions, whatever stands between them; stop at one that does not end."""
    position = members.next_opening(text, start, end)
    steps = 0
    while position is not None:
        steps += 1
        if steps > _MOST_STEPS:
            raise members.TooMessyError("too many values")
        stop = position + 1  # into an array, or past a bracket of a banner such as `[INFO]`
        if text[position] == "{":
            closed = members.end_of(text, position, end)
            if closed is None:
                return
            stop = closed
            if any(text.find(marker, position, stop) >= 0 for marker in markers):
                yield from _loaded(text, position, stop)
        position = members.next_opening(text, stop, end)


def _loaded(text: str, start: int, end: int) -> Iterator[Json]:
    try:
        yield from flat(members.load(text, start, end))
    except ValueError:
        return
