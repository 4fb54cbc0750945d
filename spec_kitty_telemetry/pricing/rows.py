"""The rows of a price table in memory, as they are compiled.

A rate is an integer: picodollars for one token, which is the published dollars per million tokens times 1,000,000, so
that six decimals are exact and no float is ever made.  How rows come from YAML is `checking`'s business.
"""

from __future__ import annotations

import msgspec

RATE_KEYS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class RateSet(msgspec.Struct, frozen=True, array_like=True):
    """Rates as they were published, picodollars a token; `None` is a rate that was not published."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None

    def named(self) -> set[str]:
        """Return the names of the rates that are set."""
        return {name for name in RATE_KEYS if getattr(self, name) is not None}


class TierRow(msgspec.Struct, frozen=True, array_like=True):
    """Rates of a request whose whole prompt is larger than `input_tokens`."""

    input_tokens: int
    rates: RateSet


class WindowRow(msgspec.Struct, frozen=True, array_like=True):
    """Rates between two minutes of the day (UTC) on some weekdays (0 is Monday)."""

    start_minute: int
    end_minute: int
    weekdays: tuple[int, ...]
    rates: RateSet


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rates of a model from one moment on; `start` is ISO 8601 in UTC, `None` for the first."""

    rates: RateSet
    start: str | None = None
    above: tuple[TierRow, ...] = ()
    windows: tuple[WindowRow, ...] = ()
    web_search: int | None = None
    """Picodollars for one search by the vendor's own tool; `None`: not published."""
    source: str | None = None
    as_of: str | None = None
    note: str | None = None


class Variant(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rates of requests made in one way, such as `processing: batch`; rates that it does not name stay."""

    when: dict[str, str]
    rates: RateSet
    start: str | None = None
    above: tuple[TierRow, ...] = ()


class Multiplier(msgspec.Struct, frozen=True, omit_defaults=True):
    """What requests made in one way cost times as much, on top of all else: `inference_geo: us` 1.1 times."""

    when: dict[str, str]
    times: int
    """In millionths: 1.1 is 1,100,000."""
    start: str | None = None


class Model(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model of a table with its price history, oldest first."""

    id: str
    aliases: tuple[str, ...] = ()
    dated: bool = False
    versions: tuple[str, ...] = ()
    """The kinds of versions (of `names.VERSIONS`, but for the date) that may follow its names."""
    free: bool = False
    unpriced: str | None = None
    note: str | None = None
    rates: tuple[Segment, ...] = ()
    variants: tuple[Variant, ...] = ()
    multipliers: tuple[Multiplier, ...] = ()


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one provider bills."""

    provider: str
    file: str
    source: str
    as_of: str
    also_called: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    resells: bool = False
    web_search: int | None = None
    """Picodollars for one search by the vendor's own tool, with every model that says nothing else."""
    efforts: bool = False
    """How much a model was told to think may stand after its name and changes no price."""
    models: tuple[Model, ...] = ()


class Compiled(msgspec.Struct, frozen=True):
    """All tables, and the digests of the YAML files that they were made from."""

    version: int
    digests: dict[str, str]
    tables: tuple[Table, ...]
