"""Single facts out of JSON that nobody vouches for: a count, an amount, a word, a moment, or `None`.

Every function answers `None` for what is absent or not of the right kind, so that readers can be written as if the
format were kept.  A count is a whole number from 0 up; a number outside of that says nothing and is not repaired.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from spec_kitty_telemetry.agents.common import json_spans as members

Json = dict[str, Any]

MOST_TOKENS = 10**15
MOST_DOLLARS = 10**9
MOST_MILLISECONDS = 10**14
_WORD_CHARACTERS = 512
_MESSAGE_CHARACTERS = 20_000


def get_int(found: Json, *names: str, most: int = MOST_TOKENS) -> int | None:
    """Return the first of `names` that is a whole number between 0 and `most`."""
    for name in names:
        value = found.get(name)
        if isinstance(value, Decimal) and value.is_finite() and 0 <= value <= most and value == int(value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
            return value
    return None


def milliseconds(found: Json, *names: str) -> int | None:
    """Return a duration in whole milliseconds; parts of one are cut off."""
    for name in names:
        value = found.get(name)
        if isinstance(value, Decimal | int) and not isinstance(value, bool) and 0 <= value <= MOST_MILLISECONDS:
            return int(value)
    return None


def dollars(found: Json, *names: str) -> Decimal | None:
    """Return an amount exactly as it was written."""
    for name in names:
        value = found.get(name)
        if isinstance(value, Decimal | int) and not isinstance(value, bool) and 0 <= value <= MOST_DOLLARS:
            return Decimal(value)
    return None


def word(found: Json, *names: str) -> str | None:
    """Return the first of `names` that is a text on one line, such as a name or an id."""
    for name in names:
        value = found.get(name)
        if isinstance(value, str) and value.strip() and len(value) <= _WORD_CHARACTERS and value.isprintable():
            return value.strip()
    return None


def flag(found: Json, name: str) -> bool | None:
    """Return a truth value."""
    value = found.get(name)
    return value if isinstance(value, bool) else None


def inner(found: Json, *names: str) -> Json:
    """Return the object at the end of a path of `names`; an empty one where the path breaks."""
    for name in names:
        value = found.get(name)
        if not isinstance(value, dict):
            return {}
        found = value
    return found


def listed(found: Json, name: str) -> list[Json]:
    """Return the objects in an array."""
    value = found.get(name)
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def sentence(value: object) -> str | None:
    """Return a message as one line; of one that ends in JSON, the message in that.

    It is not cut here but at a great length, and there between words: half a secret would not be known for one.
    """
    if not isinstance(value, str):
        return None
    words = _without_json(value[:_MESSAGE_CHARACTERS]).split()
    line = " ".join(words if len(value) <= _MESSAGE_CHARACTERS else words[:-1])
    line = "".join(character if character.isprintable() else " " for character in line).strip()
    return line or None  # whoever stores it cuts it, when its secrets are out


def _without_json(text: str) -> str:
    """Put the message of an API's error object in its place: `400 {"error": {"message": "no"}}` becomes `400 no`."""
    before, brace, rest = text.partition("{")
    end = rest.rstrip("] \r\n\t") if before.startswith("[") else rest
    try:
        found = members.decode(brace + end) if brace else None
    except ValueError:
        return text
    named = found if isinstance(found, dict) else {}
    message = inner(named, "error").get("message") or named.get("message")
    return before + message + rest[len(end) :] if isinstance(message, str) and message.strip() else text


def moment(value: object) -> datetime | None:
    """Return an aware moment from ISO 8601 text, or from milliseconds since 1970."""
    try:
        if isinstance(value, str) and len(value) <= _WORD_CHARACTERS:
            read = datetime.fromisoformat(value)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(value, int | Decimal) and not isinstance(value, bool) and 0 < value < 10**14:
            return datetime.fromtimestamp(float(value) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
