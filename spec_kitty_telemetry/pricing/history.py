"""The prices of one model through time: dated entries, hours of the day, ways of being called.

Built from a row of a price table when a model is first asked for; afterwards one lookup and, for models whose price
ever changed, one bisection.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spec_kitty_telemetry.pricing.price import Price, RateFields, Tier, rates_from
from spec_kitty_telemetry.pricing.rows import RATE_KEYS, WEEKDAYS, RateSet, TierRow, WindowRow

if TYPE_CHECKING:
    from spec_kitty_telemetry.pricing.rows import Model, Multiplier, Segment, Table, Variant

Context = Mapping[str, str]
"""How a request was made, such as `{"processing": "batch"}`."""

_MILLION = 1_000_000
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_NOTHING = RateSet(0, 0, 0, 0, 0)


class PriceHistory:
    """All prices of one model, as found under one reported name."""

    __slots__ = (
        "_built", "_multiplier_starts", "_starts", "_variant_starts", "always", "matched_by", "model", "origin",
        "provider", "table",
    )  # fmt: skip

    def __init__(self, model: Model, table: Table, *, origin: str, matched_by: str) -> None:
        self.model = model
        self.table = table
        self.provider = table.provider or None
        self.origin = origin
        self.matched_by = matched_by
        # The first entry also answers for what came before it: a clock that is off must not make a price unknown.
        self._starts = [_moment(segment.start) for segment in model.rates[1:]]
        self._variant_starts = [_moment(variant.start) for variant in model.variants]
        self._multiplier_starts = [_moment(multiplier.start) for multiplier in model.multipliers]
        self._built: dict[tuple[int, int, tuple[int, ...], tuple[int, ...]], Price] = {}
        self.always: Price | None = None
        """The price at any moment, for a model that has only ever had one."""
        if model.free:
            self.always = self._free()
        elif len(model.rates) == 1 and not model.rates[0].windows:
            self.always = self._price(0, -1, ())

    def at(self, moment: datetime, context: Context | None = None) -> Price | None:
        """Return the price at `moment` (aware); `None` for a model that is listed without a price."""
        if self.always is not None and not context:
            return self.always
        if self.model.free or not self.model.rates:
            return self.always
        index = bisect_right(self._starts, moment)
        if not context and not self.model.rates[index].windows:
            return self._price(index, -1, ())
        utc = _utc(moment)
        variants, multipliers = self._applying(utc, context or {})
        return self._price(index, self._window(index, utc), variants, multipliers)

    def prices(self) -> tuple[Price, ...]:
        """Return the price of every dated entry, oldest first, without hours of the day and without variants."""
        if self.always is not None:
            return (self.always,)
        return tuple(self._price(index, -1, ()) for index in range(len(self.model.rates)))

    def variants(self, moment: datetime) -> tuple[tuple[dict[str, str], str | None, Price], ...]:
        """Return each way of being called, from when that has its own price, and the price (at `moment`)."""
        index = bisect_right(self._starts, _utc(moment))
        return tuple(
            (variant.when, variant.start, self._price(index, -1, (number,)))
            for number, variant in enumerate(self.model.variants)
        )

    def hours(self, moment: datetime) -> tuple[tuple[str, Price], ...]:
        """Return the hours of the day (UTC) that have their own price in the entry that counts at `moment`."""
        index = bisect_right(self._starts, _utc(moment))
        windows = self.model.rates[index].windows if self.model.rates else ()
        return tuple((_hours(window), self._price(index, number, ())) for number, window in enumerate(windows))

    def _window(self, index: int, utc: datetime) -> int:
        """Return which of the entry's daily windows is open, -1 for none; the last one wins."""
        minute = utc.hour * 60 + utc.minute
        in_force = -1
        for number, window in enumerate(self.model.rates[index].windows):
            if utc.weekday() in window.weekdays and _open(window, minute):
                in_force = number
        return in_force

    def _applying(self, utc: datetime, context: Context) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return which variants and which multipliers apply; of variants that name one rate the first wins."""
        if not context:
            return (), ()
        return (
            _fitting(self.model.variants, self._variant_starts, utc, context),
            _fitting(self.model.multipliers, self._multiplier_starts, utc, context),
        )

    def _price(self, index: int, window: int, variants: tuple[int, ...], multipliers: tuple[int, ...] = ()) -> Price:
        key = (index, window, variants, multipliers)
        price = self._built.get(key)
        if price is None:
            segment = self.model.rates[index]
            base = segment.windows[window].rates if window >= 0 else segment.rates
            above = segment.above if window < 0 else ()
            chosen = [self.model.variants[number] for number in variants]
            times = [self.model.multipliers[number] for number in multipliers]
            base, above = with_variants(base, above, chosen)
            for multiplier in times:
                base, above = _scaled(base, multiplier.times), _scaled_tiers(above, multiplier.times)
            ways = sorted(
                {way for when in (*(row.when for row in chosen), *(row.when for row in times)) for way in when}
            )
            price = self._built[key] = self._build(segment, base, above, tuple(ways))
        return price

    def _build(self, segment: Segment, base: RateSet, above: tuple[TierRow, ...], ways: tuple[str, ...]) -> Price:
        return Price(
            model=self.model.id,
            provider=self.provider,
            above=tuple(Tier(input_tokens=row.input_tokens, **_fields(row.rates)) for row in above),
            web_search=self.table.web_search if segment.web_search is None else segment.web_search,
            ways=ways,
            source=segment.source or self.table.source or None,
            as_of=segment.as_of or self.table.as_of or None,
            valid_from=segment.start,
            origin=self.origin,
            matched_by=self.matched_by,
            note=segment.note or self.model.note,
            **_fields(base),
        )

    def _free(self) -> Price:
        return Price(
            model=self.model.id,
            provider=self.provider,
            free=True,
            web_search=0,
            source=self.table.source or None,
            as_of=self.table.as_of or None,
            origin=self.origin,
            matched_by=self.matched_by,
            note=self.model.note,
            **_fields(_NOTHING),
        )


def _fitting(
    rows: Sequence[Variant | Multiplier], starts: Sequence[datetime], utc: datetime, context: Context
) -> tuple[int, ...]:
    """Return the places of the rows that have begun and whose conditions are all met."""
    return tuple(
        place
        for place, (row, start) in enumerate(zip(rows, starts, strict=True))
        if start <= utc and row.when.items() <= context.items()
    )


def with_variants(
    base: RateSet, above: tuple[TierRow, ...], variants: list[Variant]
) -> tuple[RateSet, tuple[TierRow, ...]]:
    """Lay `variants` over an entry's rates, rate by rate; a rate that none of them names keeps the entry's tiers."""
    if not variants:
        return base, above
    owners: dict[str, tuple[RateSet, tuple[TierRow, ...]]] = {}
    for name in RATE_KEYS:
        named = (variant for variant in variants if getattr(variant.rates, name) is not None)
        owner = next(named, None)
        owners[name] = (owner.rates, owner.above) if owner else (base, above)
    sizes = sorted({row.input_tokens for _, rows in owners.values() for row in rows})

    def level(size: int) -> RateSet:
        return RateSet(*(getattr(_rates_above(*owners[name], size), name) for name in RATE_KEYS))

    return level(0), tuple(TierRow(size, level(size + 1)) for size in sizes)


def discounted(model: Model, millionths: int) -> Model:
    """Return `model` with a share taken off every rate, rounded half to even where it is not a whole picodollar."""
    import msgspec

    left, replace = _MILLION - millionths, msgspec.structs.replace
    return replace(
        model,
        rates=tuple(
            replace(
                row,
                rates=_scaled(row.rates, left),
                above=_scaled_tiers(row.above, left),
                windows=tuple(replace(window, rates=_scaled(window.rates, left)) for window in row.windows),
                web_search=None if row.web_search is None else _times(row.web_search, left),
            )
            for row in model.rates
        ),
        variants=tuple(
            replace(row, rates=_scaled(row.rates, left), above=_scaled_tiers(row.above, left)) for row in model.variants
        ),
    )


def _scaled(rates: RateSet, millionths: int) -> RateSet:
    values = (getattr(rates, name) for name in RATE_KEYS)
    return RateSet(*(None if value is None else _times(value, millionths) for value in values))


def _scaled_tiers(rows: tuple[TierRow, ...], millionths: int) -> tuple[TierRow, ...]:
    return tuple(TierRow(row.input_tokens, _scaled(row.rates, millionths)) for row in rows)


def _times(rate: int, millionths: int) -> int:
    whole, rest = divmod(rate * millionths, _MILLION)
    return whole + (rest * 2 > _MILLION or (rest * 2 == _MILLION and whole % 2 == 1))


def _rates_above(rates: RateSet, rows: tuple[TierRow, ...], size: int) -> RateSet:
    for row in rows:
        if size > row.input_tokens:
            rates = row.rates
    return rates


def _open(window: WindowRow, minute: int) -> bool:
    if window.end_minute < window.start_minute:  # over midnight
        return minute >= window.start_minute or minute < window.end_minute
    return window.start_minute <= minute < window.end_minute


def _hours(window: WindowRow) -> str:
    start, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (window.start_minute, window.end_minute))
    return f"{start}-{end} {WEEKDAYS[window.weekdays[0]]}-{WEEKDAYS[window.weekdays[-1]]}"


def _moment(start: str | None) -> datetime:
    return datetime.fromisoformat(start) if start else _FIRST


def _utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; where that is before or after all years, the first or the last moment there is."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == 1 else _LAST


def _fields(rates: RateSet) -> RateFields:
    return rates_from(**{name: getattr(rates, name) for name in RATE_KEYS})
