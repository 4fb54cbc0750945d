"""What one record costs: what was reported, else what its tokens are worth, model by model.

Money is whole picodollars (10⁻¹² USD) here.  A model without a price is remembered with its tokens: it is not free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from spec_kitty_telemetry.pricing import Price
    from spec_kitty_telemetry.record import ExecutionEvent, ExecutionPayload, ModelPart

CostMode = Literal["auto", "reported", "calculated"]
"""auto: what was reported, else what is calculated; the others take one of the two alone."""
FindPrice = Callable[[str | None, str | None, "datetime", str | None], "Price | None"]
"""(model, provider, moment, agent) → its price; `None`: not known."""


EXACT = Context(prec=60)
"""Enough digits for any sum; the default of 28 would round."""


@dataclass(frozen=True, slots=True)
class UnknownModel:
    """A model that has no price, and what it was used for."""

    model: str | None
    """`None`: nobody said which model it was."""
    event_count: int
    input_tokens: int
    output_tokens: int


class Charge(NamedTuple):
    """What one record, or one model's part of it, costs."""

    reported: int | None = None
    """Picodollars."""
    estimated: int | None = None
    has_usage: bool = True
    unpriced: bool = False
    partial: bool = False
    parts: tuple[Charge, ...] = ()
    """For each of the record's `models`, in their order."""
    is_gap: bool = False
    """Whether anything about the three above is missing: most records need not look closer."""


_NO_USAGE = Charge(has_usage=False, is_gap=True)
_UNPRICED = Charge(unpriced=True, is_gap=True)


class Pricer:
    """Charges records and remembers which models had no price."""

    def __init__(self, find_price: FindPrice, mode: CostMode) -> None:
        self._find_price = find_price
        self._mode = mode
        self._unknown: dict[str | None, list[int]] = {}

    def charge(self, event: ExecutionEvent) -> Charge:
        payload = event.payload
        reported = picodollars(payload.cost_usd) if payload.cost_usd is not None else None
        if reported is not None and self._mode != "calculated":
            return Charge(reported, parts=_reported_parts(payload, reported) if payload.models else ())
        if payload.input_tokens is None and payload.output_tokens is None:
            return _NO_USAGE._replace(parts=(_NO_USAGE,) * len(payload.models))
        if self._mode == "reported":
            return _UNPRICED._replace(parts=(_UNPRICED,) * len(payload.models))
        if not payload.models:
            return self._estimate(event, payload, payload.model)
        parts = tuple([self._estimate(event, part, part.model) for part in payload.models])
        known = [part.estimated for part in parts if part.estimated is not None]
        return Charge(
            estimated=sum(known) if known else None,
            unpriced=any(part.unpriced for part in parts),
            partial=any(part.partial for part in parts),
            parts=parts,
            is_gap=any(part.is_gap for part in parts),
        )

    def _estimate(self, event: ExecutionEvent, counts: ExecutionPayload | ModelPart, model: str | None) -> Charge:
        provider = counts.provider or event.payload.provider
        price = self._find_price(model, provider, event.timestamp, event.payload.agent)
        estimated = None if price is None else _priced(price, counts)
        if estimated is None:
            seen = self._unknown.setdefault(model, [0, 0, 0])
            seen[0] += 1
            seen[1] += counts.input_tokens or 0
            seen[2] += counts.output_tokens or 0
            return _UNPRICED
        partial = counts.input_tokens is None or counts.output_tokens is None
        return Charge(None, estimated, partial=partial, is_gap=partial)

    def unknown_models(self) -> list[UnknownModel]:
        found = [UnknownModel(model, *numbers) for model, numbers in self._unknown.items()]
        return sorted(found, key=lambda each: (-each.input_tokens, each.model or ""))


def _priced(price: Price, counts: ExecutionPayload | ModelPart) -> int | None:
    """Return picodollars; `None` where the counts contradict each other, which no price can mend.

    An unknown count adds nothing, which makes the cost a floor.
    """
    try:
        return price.cost(
            input_tokens=counts.input_tokens or 0,
            output_tokens=counts.output_tokens or 0,
            cache_read_tokens=counts.cache_read_tokens or 0,
            cache_write_tokens=counts.cache_write_tokens or 0,
            cache_write_1h_tokens=counts.cache_write_1h_tokens or 0,
            reasoning_tokens=counts.reasoning_tokens or 0,
        )
    except ValueError:
        return None


def _reported_parts(payload: ExecutionPayload, reported: int) -> tuple[Charge, ...]:
    """Share out a reported cost: each model has what was reported for it, the main model what remains."""
    costs = [picodollars(part.cost_usd) if part.cost_usd is not None else 0 for part in payload.models]
    main = max(range(len(costs)), key=lambda place: (payload.models[place].model == payload.model, costs[place]))
    costs[main] += reported - sum(costs)
    return tuple([Charge(cost) for cost in costs])


def picodollars(amount_usd: Decimal) -> int:
    """Return `amount_usd` as whole picodollars, halves to even; the least amount any token costs is far above one."""
    return int(amount_usd.scaleb(12, EXACT).to_integral_value(ROUND_HALF_EVEN))
