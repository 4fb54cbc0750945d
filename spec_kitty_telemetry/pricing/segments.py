"""The strict reading of one model's prices: dates, rates, tiers, hours, ways of being called.

`checking` reads the models and tables around them.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import msgspec

from spec_kitty_telemetry.pricing.rows import (
    RATE_KEYS,
    WEEKDAYS,
    Multiplier,
    RateSet,
    Segment,
    TierRow,
    Variant,
    WindowRow,
)
from spec_kitty_telemetry.project.strict_yaml import Node, Place, Said, flag, mapping, sequence, text_of, texts

if TYPE_CHECKING:
    from collections.abc import Callable

Row = TypeVar("Row")

DESCRIPTION_KEYS = ("source", "as_of", "note")
REVIEW_KEYS = ("pinned", "from_inferred")
"""Marks for `pricing/refresh.py` and for people; they change no price."""
SEGMENT_KEYS = ("from", *DESCRIPTION_KEYS, *REVIEW_KEYS, *RATE_KEYS, "web_search", "above", "windows")
TIER_KEYS = ("input_tokens", *RATE_KEYS)
WINDOW_KEYS = ("daily_utc", "weekdays", *RATE_KEYS)
VARIANT_KEYS = ("when", "from", *DESCRIPTION_KEYS, *REVIEW_KEYS, *RATE_KEYS, "above")
MULTIPLIER_KEYS = ("when", "times", "from", *DESCRIPTION_KEYS)

_RATE = re.compile(r"(\d{1,7})(?:\.(\d{1,6}))?")
_DATE = re.compile(r"\d{4}-[01]\d-[0-3]\d(?:T[0-2]\d:[0-5]\dZ)?")
_WINDOW = re.compile(r"([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)")


def rate_from_text(node: Node, place: Place) -> int:
    """Return picodollars a token for dollars per million tokens such as `0.075`."""
    match = _RATE.fullmatch(node) if isinstance(node, str) else None
    if match is None:
        raise place.refuse(node, "dollars per million tokens, 0 or more, with at most 6 decimals")
    return int(match.group(1)) * 1_000_000 + int((match.group(2) or "").ljust(6, "0"))


def date_text(node: Node, place: Place) -> str:
    """Return a date such as `2026-03-13`, checked."""
    from datetime import date

    text = text_of(node, place, "a date such as 2026-03-13")
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as exc:
        raise place.refuse(text, "a date such as 2026-03-13") from exc


def moment_text(node: Node, place: Place) -> str | None:
    """Return `2026-03-13`, `2026-05-15T19:00Z` or `always` as ISO 8601 in UTC (`None` for always)."""
    from datetime import datetime

    if node == "always":
        return None
    expected = "always, a date such as 2026-03-13, or a UTC time such as 2026-05-15T19:00Z"
    text = text_of(node, place, expected)
    if not _DATE.fullmatch(text):
        raise place.refuse(text, expected)
    try:
        moment = datetime.fromisoformat(text if text.endswith("Z") else f"{text}T00:00Z")
    except ValueError as exc:
        raise place.refuse(text, expected) from exc
    return moment.isoformat()


def optional_text(keys: dict[str, Node], field: str, place: Place) -> str | None:
    """Return the text of `field`, or `None` where it is not given."""
    return text_of(keys[field], place.step(field)) if field in keys else None


def segment_from(node: Node, place: Place) -> Segment:
    """Check one entry of `rates`."""
    keys = mapping(node, place, SEGMENT_KEYS)
    start = moment_text(keys.get("from", ""), place.step("from"))
    place = place.step(f"from {keys['from']}")
    for mark in REVIEW_KEYS:
        flag(keys.get(mark, "false"), place.step(mark))
    rates = _whole_rates(keys, place)
    return Segment(
        rates=rates,
        start=start,
        above=_tiers(keys, rates, place),
        windows=each(_window, keys, "windows", place),
        web_search=search_rate(keys, place.step("web_search")),
        source=optional_text(keys, "source", place),
        as_of=date_text(keys["as_of"], place.step("as_of")) if "as_of" in keys else None,
        note=optional_text(keys, "note", place),
    )


def history_from(keys: dict[str, Node], place: Place) -> tuple[Segment, ...]:
    """Check `rates`: ascending dates, `always` only first; the model's source and date stand in for missing ones."""
    if "rates" not in keys:
        return ()
    place = place.step("rates")
    segments = [segment_from(node, place) for node in sequence(keys["rates"], place)]
    if not segments:
        raise place.refuse(Said("an empty list"), "at least one entry with input and output")
    starts = [segment.start or "" for segment in segments]
    for earlier, later in pairwise(starts):
        if later <= earlier:
            start = later or "always"
            raise place.step("from").refuse(start, f"a date after {earlier}", "entries are kept oldest first")
    source = optional_text(keys, "source", place)
    as_of = date_text(keys["as_of"], place.step("as_of")) if "as_of" in keys else None
    return tuple(
        msgspec.structs.replace(segment, source=segment.source or source, as_of=segment.as_of or as_of)
        for segment in segments
    )


def variant_from(node: Node, place: Place) -> Variant:
    """Check one entry of `variants`."""
    keys = mapping(node, place, VARIANT_KEYS)
    conditions = _conditions(keys, place)
    place = place.step(" ".join(f"{key}={value}" for key, value in conditions.items()))
    rates = _rates(keys, place)
    return Variant(
        when=conditions,
        rates=rates,
        start=moment_text(keys.get("from", "always"), place.step("from")),
        above=_tiers(keys, rates, place),
    )


def multiplier_from(node: Node, place: Place) -> Multiplier:
    """Check one entry of `multipliers`."""
    keys = mapping(node, place, MULTIPLIER_KEYS)
    conditions = _conditions(keys, place)
    times = _RATE.fullmatch(text_of(keys.get("times", ""), place.step("times"), "a number such as 1.1"))
    if times is None or not float(times.group()):
        raise place.step("times").refuse(keys["times"], "a number such as 1.1, with at most 6 decimals")
    return Multiplier(
        when=conditions,
        times=rate_from_text(keys["times"], place.step("times")),
        start=moment_text(keys.get("from", "always"), place.step("from")),
    )


def _conditions(keys: dict[str, Node], place: Place) -> dict[str, str]:
    when = mapping(keys.get("when", ""), place.step("when"))
    if not when:
        raise place.step("when").refuse(Said("nothing"), "at least one condition such as {processing: batch}")
    return {key: text_of(value, place.step("when", key)) for key, value in when.items()}


def _tiers(keys: dict[str, Node], base: RateSet, place: Place) -> tuple[TierRow, ...]:
    """Check `above`: thresholds that grow, and the same rates as the entry they belong to."""
    place = place.step("above")
    rows: list[TierRow] = []
    for node in sequence(keys.get("above", []), place):
        tier = mapping(node, place, TIER_KEYS)
        threshold = tier.get("input_tokens", "")
        if not isinstance(threshold, str) or not re.fullmatch(r"[1-9]\d{0,9}", threshold):
            raise place.step("input_tokens").refuse(threshold, "a number of tokens, 1 or more")
        if rows and int(threshold) <= rows[-1].input_tokens:
            raise place.step("input_tokens").refuse(threshold, f"more than {rows[-1].input_tokens}: thresholds go up")
        rates = _rates(tier, place)
        if rates.named() != base.named():
            named = ", ".join(key for key in RATE_KEYS if key in base.named())
            said = Said(", ".join(key for key in RATE_KEYS if key in rates.named()))
            raise place.refuse(said, f"the same rates: {named}")
        rows.append(TierRow(int(threshold), rates))
    return tuple(rows)


def search_rate(keys: dict[str, Node], place: Place) -> int | None:
    """Return picodollars a search for dollars per thousand searches."""
    return rate_from_text(keys["web_search"], place) * 1_000 if "web_search" in keys else None


def _window(node: Node, place: Place) -> WindowRow:
    keys = mapping(node, place, WINDOW_KEYS)
    hours = text_of(keys.get("daily_utc", ""), place.step("daily_utc"), "hours such as 01:00-04:00")
    match = _WINDOW.fullmatch(hours)
    if match is None:
        raise place.step("daily_utc").refuse(hours, "hours such as 01:00-04:00")
    start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
    return WindowRow(
        start_hour * 60 + start_minute,
        end_hour * 60 + end_minute,
        _weekdays(keys.get("weekdays", "mon-sun"), place.step("weekdays")),
        _whole_rates(keys, place),
    )


def _weekdays(node: Node, place: Place) -> tuple[int, ...]:
    first, dash, last = text_of(node, place).partition("-")
    if first not in WEEKDAYS or last not in WEEKDAYS or not dash:
        raise place.refuse(node, "weekdays such as mon-fri")
    return tuple(range(WEEKDAYS.index(first), WEEKDAYS.index(last) + 1))


def _whole_rates(keys: dict[str, Node], place: Place) -> RateSet:
    """Check rates of which input and output must be there."""
    for field in ("input", "output"):
        if field not in keys:
            raise place.step(field).refuse("", "dollars per million tokens", "input and output are never guessed")
    return _rates(keys, place)


def _rates(keys: dict[str, Node], place: Place) -> RateSet:
    return RateSet(*(rate_from_text(keys[name], place.step(name)) if name in keys else None for name in RATE_KEYS))


def each(read: Callable[[Node, Place], Row], keys: dict[str, Node], field: str, place: Place) -> tuple[Row, ...]:
    """Check every entry of the list under `field` with `read`."""
    return tuple(read(node, place.step(field)) for node in sequence(keys.get(field, []), place.step(field)))


def words(keys: dict[str, Node], field: str, place: Place) -> tuple[str, ...]:
    """Return the texts of the list under `field`."""
    return tuple(texts(keys.get(field, []), place.step(field)))
