"""The strict reading of a price table: from parsed YAML to rows, or an error that names file, model and field.

What is refused: an unknown key, a missing input or output, more than six decimals, dates out of order, a threshold
that goes down, a name that two models claim.  `pricing/README.md` explains the keys to those who edit them.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import msgspec

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing.rows import (
    RATE_KEYS,
    WEEKDAYS,
    Model,
    RateSet,
    Segment,
    Table,
    TierRow,
    Variant,
    WindowRow,
)
from spec_kitty_telemetry.project.strict_yaml import (
    Node,
    Place,
    Said,
    flag,
    mapping,
    read_document,
    sequence,
    text_of,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

Row = TypeVar("Row")

DESCRIPTION_KEYS = ("source", "as_of", "note")
REVIEW_KEYS = ("pinned", "from_inferred")
"""Marks for `pricing/refresh.py` and for people; they change no price."""

TABLE_KEYS = (
    *("schema", "provider", "unit", "source", "as_of", "verified_with", "note"),
    *("also_called", "families", "agents", "fallback", "resells", "models"),
)
MODEL_KEYS = (
    *("id", "aliases", "dated", "free", "unpriced"),
    *(*DESCRIPTION_KEYS, "pinned", "upstream", "rates", "variants"),
)
SEGMENT_KEYS = ("from", *DESCRIPTION_KEYS, *REVIEW_KEYS, *RATE_KEYS, "above", "windows")
TIER_KEYS = ("input_tokens", *RATE_KEYS)
WINDOW_KEYS = ("daily_utc", "weekdays", *RATE_KEYS)
VARIANT_KEYS = ("when", "from", *DESCRIPTION_KEYS, *REVIEW_KEYS, *RATE_KEYS, "above")

_RATE = re.compile(r"(\d{1,7})(?:\.(\d{1,6}))?")
_DATE = re.compile(r"\d{4}-[01]\d-[0-3]\d(?:T[0-2]\d:[0-5]\dZ)?")
_WINDOW = re.compile(r"([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)")


def read_table(path: Path) -> Table:
    """Read and check one table.

    Raises `PriceTableError` naming the file, the model and the field for anything that is not as the schema says.
    """
    place = Place(f"pricing/{path.name}")
    return table_from(read_document(path, place), place, path.name)


def table_from(document: Node, place: Place, file: str) -> Table:
    """Check a parsed table."""
    keys = mapping(document, place, TABLE_KEYS)
    for field, expected in (("schema", "1"), ("unit", "usd_per_million_tokens")):
        if keys.get(field) != expected:
            raise place.step(field).refuse(keys.get(field, ""), f"'{expected}'")
    models = sequence(keys.get("models", ""), place.step("models"))
    provider = text_of(keys.get("provider", ""), place.step("provider"))
    table = Table(
        provider=provider,
        file=file,
        source=text_of(keys.get("source", ""), place.step("source"), "a URL"),
        as_of=date_text(keys.get("as_of", ""), place.step("as_of")),
        also_called=_words(keys, "also_called", place),
        families=_words(keys, "families", place),
        agents=_words(keys, "agents", place),
        fallback=_words(keys, "fallback", place),
        resells=flag(keys.get("resells", "false"), place.step("resells")),
        models=tuple(model_from(node, place) for node in models),
    )
    _check_order(table.models, place)
    check_names(table.models, place)
    return table


def model_from(node: Node, place: Place) -> Model:
    """Check one entry of `models`; `place` is that of the list."""
    keys = mapping(node, place.step("a model"), MODEL_KEYS)
    name = text_of(keys.get("id", ""), place.step("a model", "id"))
    place = place.step(f"model '{name}'")
    free = flag(keys.get("free", "false"), place.step("free"))
    unpriced = keys.get("unpriced")
    if (free or unpriced is not None) == ("rates" in keys):
        raise place.refuse(
            Said("rates and free or unpriced" if "rates" in keys else "no rates"),
            "either rates, or free: true, or unpriced: with the reason",
        )
    return Model(
        id=name,
        aliases=_words(keys, "aliases", place),
        dated=flag(keys.get("dated", "false"), place.step("dated")),
        free=free,
        unpriced=None if unpriced is None else text_of(unpriced, place.step("unpriced")),
        note=optional_text(keys, "note", place),
        rates=_history(keys, place),
        variants=_each(_variant, keys, "variants", place),
    )


def check_names(models: Iterable[Model], place: Place) -> None:
    """Refuse a name that two models of one provider claim, because then neither could be trusted."""
    owners: dict[str, str] = {}
    for model in models:
        for name in {model.id.lower(), *(alias.lower() for alias in model.aliases)}:
            if name in owners:
                here = place.step(f"model '{model.id}'", "aliases")
                raise here.refuse(name, "each name once in a provider", f"model '{owners[name]}' has it already")
            owners[name] = model.id


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
        windows=_each(_window, keys, "windows", place),
        source=optional_text(keys, "source", place),
        as_of=date_text(keys["as_of"], place.step("as_of")) if "as_of" in keys else None,
        note=optional_text(keys, "note", place),
    )


def _history(keys: dict[str, Node], place: Place) -> tuple[Segment, ...]:
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
            found = later or "always"
            raise place.step("from").refuse(found, f"a date after {earlier}", "entries are kept oldest first")
    source = optional_text(keys, "source", place)
    as_of = date_text(keys["as_of"], place.step("as_of")) if "as_of" in keys else None
    return tuple(
        msgspec.structs.replace(segment, source=segment.source or source, as_of=segment.as_of or as_of)
        for segment in segments
    )


def _variant(node: Node, place: Place) -> Variant:
    keys = mapping(node, place, VARIANT_KEYS)
    when = mapping(keys.get("when", ""), place.step("when"))
    if not when:
        raise place.step("when").refuse(Said("nothing"), "at least one condition such as {processing: batch}")
    conditions = {key: text_of(value, place.step("when", key)) for key, value in when.items()}
    place = place.step(" ".join(f"{key}={value}" for key, value in conditions.items()))
    rates = _rates(keys, place)
    return Variant(
        when=conditions,
        rates=rates,
        start=moment_text(keys.get("from", "always"), place.step("from")),
        above=_tiers(keys, rates, place),
    )


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
            found = Said(", ".join(key for key in RATE_KEYS if key in rates.named()))
            raise place.refuse(found, f"the same rates: {named}")
        rows.append(TierRow(int(threshold), rates))
    return tuple(rows)


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


def _each(read: Callable[[Node, Place], Row], keys: dict[str, Node], field: str, place: Place) -> tuple[Row, ...]:
    return tuple(read(node, place.step(field)) for node in sequence(keys.get(field, []), place.step(field)))


def _words(keys: dict[str, Node], field: str, place: Place) -> tuple[str, ...]:
    return tuple(texts(keys.get(field, []), place.step(field)))


def _check_order(models: Sequence[Model], place: Place) -> None:
    for earlier, later in pairwise(models):
        if later.id < earlier.id:
            move = f"move '{later.id}' up, before '{earlier.id}'"
            raise PriceTableError(f"{place}: {move}; models are kept in order of id")
