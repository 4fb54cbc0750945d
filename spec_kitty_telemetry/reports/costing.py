"""What one record costs: what was reported, else what its tokens are worth, model by model.

Money is whole picodollars (10⁻¹² USD) here.  A model without a price is remembered with its tokens: it is not free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from spec_kitty_telemetry.model.money import picodollars
from spec_kitty_telemetry.reports.billing import (
    costs_more,
    counts_for_price,
    says_anything,
    says_parts,
    unrated_ways,
    ways_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing import Price

CostMode = Literal["auto", "reported", "calculated"]
"""auto: what was reported, else what is calculated; the others take one of the two alone."""


class FindPrice(Protocol):
    """Says what a model cost."""

    def __call__(
        self,
        model: str | None,
        provider: str | None,
        at: datetime,
        agent: str | None,
        context: Mapping[str, str] | None = None,
        /,
    ) -> Price | None:
        """Return the price at a moment of requests made in one way (`{"speed": "fast"}`); `None`: not known."""


_DUST = 10**6
"""A millionth of a dollar: agents add their figures up in floats."""


class UnknownModel(msgspec.Struct, frozen=True):
    """A model that has no price, and what it was used for."""

    model: str | None
    """`None`: nobody said which model it was."""
    provider: str | None
    """Who bills, where that was said: a model can have a price at one provider and none at another."""
    event_count: int
    input_tokens: int
    output_tokens: int


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What one record, or one model's part of it, costs."""

    reported: int | None = None
    """Picodollars."""
    estimated: int | None = None
    has_usage: bool = True
    unpriced: bool = False
    partial: bool = False
    contradictory: bool = False
    """Unpriced because its counts cannot all be true, so that no price can make a cost of them."""
    base_rates: bool = False
    """Priced at base rates although a long-context rate may count: the sizes of its requests are not known."""
    unpriced_searches: bool = False
    """Searched the web at a price that is not known."""
    dearer_rates: bool = False
    """Billed in a way that costs more (fast, priority, a region), by how much is not known: at standard rates here."""
    cheaper_rates: bool = False
    """Billed in a way that costs less (flex, batch), by how much is not known: at standard rates here."""
    parts: tuple[Cost, ...] = ()
    """For each of the record's `models`, in their order, where the parts were asked for."""
    is_gap: bool = False
    """Whether any of those above needs counting: most records need not be looked at closer."""

    @property
    def known(self) -> int | None:
        """Picodollars that were reported and estimated together; `None`: nothing is known."""
        return _sum_of_known((self.reported, self.estimated))

    @property
    def is_floor(self) -> bool:
        """Whether the true cost can only be higher, as `gaps` has it."""
        return not self.has_usage or any(getattr(self, flag) for flag in _FLAGS if flag != "cheaper_rates")


_FLAGS = (
    "unpriced", "partial", "contradictory", "base_rates", "unpriced_searches", "dearer_rates", "cheaper_rates",
)  # fmt: skip
_NO_USAGE = Cost(has_usage=False, is_gap=True)
_UNPRICED = Cost(unpriced=True, is_gap=True)
_CONTRADICTORY = Cost(unpriced=True, contradictory=True, is_gap=True)


class Costing:
    """Charges records and remembers which models had no price."""

    def __init__(self, find_price: FindPrice, mode: CostMode, *, in_parts: bool = True) -> None:
        """Charge by `mode`; with `in_parts` a record's models are charged apart as well."""
        self._find_price = find_price
        self._mode = mode
        self._in_parts = in_parts
        self.takes_reported = mode != "calculated"
        """Whether what a record says that it cost is its cost."""
        self.unknown: dict[tuple[str | None, str | None], list[int]] = {}
        """(model, provider) → records, input tokens, output tokens."""
        self._named: set[tuple[str | None, str | None]] = set()
        """The unknown models of the record that is being charged: each is counted once."""

    def cost_of(self, event: ExecutionEvent) -> Cost:
        """Return what `event` costs."""
        payload = event.payload
        models = payload.models
        if self._named:
            self._named.clear()
        if not models and self._mode != "reported" and (payload.cost_usd is None or not self.takes_reported):
            return self._estimate(event, payload)  # most records, at once
        if self.takes_reported and (reported := reported_cost(payload)) is not None:
            return Cost(reported, parts=_reported_parts(payload, reported) if models and self._in_parts else ())
        counted = any(says_anything(part) for part in models)
        if self.takes_reported and any(part.cost_usd is not None for part in models):
            return self._sum_of_parts(event)
        if not counted and not says_anything(payload):
            return _with_parts(_NO_USAGE, _NO_USAGE, len(models))
        if self._mode == "reported":
            return _with_parts(_UNPRICED, _UNPRICED, len(models))
        return self._sum_of_parts(event) if counted else self._estimate_of_the_whole(event)

    def _estimate_of_the_whole(self, event: ExecutionEvent) -> Cost:
        return _with_parts(self._estimate(event, event.payload), _UNPRICED, len(event.payload.models))

    def _sum_of_parts(self, event: ExecutionEvent) -> Cost:
        """Return what the models of `event` cost together: each what was reported for it, else what it is worth."""
        payload = event.payload
        parts = tuple([self._cost_of_part(event, part) for part in payload.models])
        whole = together(parts)
        input_said = sum([part.input_tokens or 0 for part in payload.models])
        output_said = sum([part.output_tokens or 0 for part in payload.models])
        searches_said = sum([part.web_search_requests or 0 for part in payload.models])
        more_was_used = input_said < (payload.input_tokens or 0) or output_said < (payload.output_tokens or 0)
        return msgspec.structs.replace(
            whole,
            has_usage=True,
            partial=whole.partial or not all(part.has_usage for part in parts) or more_was_used,
            unpriced_searches=whole.unpriced_searches or searches_said < (payload.web_search_requests or 0),
            parts=parts,
        )

    def _cost_of_part(self, event: ExecutionEvent, part: ModelPart) -> Cost:
        if self.takes_reported and part.cost_usd is not None:
            return Cost(picodollars(part.cost_usd))
        return self._estimate(event, part) if self._mode != "reported" else _UNPRICED

    def _estimate(self, event: ExecutionEvent, counts: ExecutionPayload | ModelPart) -> Cost:
        input_tokens, output_tokens, searches = counts.input_tokens, counts.output_tokens, counts.web_search_requests
        if input_tokens is None and not says_anything(counts):
            return _NO_USAGE
        if input_tokens == 0 == output_tokens and not says_parts(counts) and not searches:
            return Cost(None, 0)  # nothing was used, which costs nothing whatever the model
        ways = ways_of(counts) if counts.speed or counts.service_tier or counts.inference_geo else None
        price = self.price_of(event, counts, ways)
        if price is None:
            self._remember(counts.model, counts.provider or event.payload.provider, counts)
            return _UNPRICED
        try:
            if input_tokens is None or output_tokens is None or says_parts(counts) or searches:
                estimated = price.cost(*counts_for_price(counts))
            else:
                estimated = price.cost(input_tokens, output_tokens)
        except ValueError:
            return _CONTRADICTORY
        partial = input_tokens is None or output_tokens is None
        base_rates = bool(price.above) and (input_tokens or 0) > price.above[0].input_tokens
        unpriced_searches = bool(searches) and price.web_search is None
        if not (partial or base_rates or unpriced_searches or ways):
            return Cost(None, estimated)
        unrated = unrated_ways(price, ways or {})
        return Cost(
            None,
            estimated,
            partial=partial,
            base_rates=base_rates,
            unpriced_searches=unpriced_searches,
            dearer_rates=any(costs_more(way, value) for way, value in unrated.items()),
            cheaper_rates=any(not costs_more(way, value) for way, value in unrated.items()),
            is_gap=True,
        )

    def price_of(
        self, event: ExecutionEvent, counts: ExecutionPayload | ModelPart, ways: dict[str, str] | None
    ) -> Price | None:
        """Return the price of what one model did in `event`, billed in `ways` (`billing.ways_of`)."""
        provider, at, agent = counts.provider or event.payload.provider, event.timestamp, event.payload.agent
        if ways:
            price = self._find_price(counts.model, provider, at, agent, ways)
        else:
            price = self._find_price(counts.model, provider, at, agent)
        if price is None and counts.requested_model is not None:
            price = self._find_price(counts.requested_model, provider, at, agent, ways)
        return price

    def _remember(self, model: str | None, provider: str | None, counts: ExecutionPayload | ModelPart) -> None:
        seen = self.unknown.setdefault((model, provider), [0, 0, 0])
        seen[0] += (model, provider) not in self._named
        self._named.add((model, provider))
        seen[1] += counts.input_tokens or 0
        seen[2] += counts.output_tokens or 0


def unknown_models(
    counts: Mapping[tuple[str | None, str | None], Sequence[int]], wanted: Callable[[str | None], bool] | None = None
) -> list[UnknownModel]:
    """Return (model, provider) → records, input tokens, output tokens as a list, the most input first.

    With `wanted` only the models that it accepts.
    """
    unknown = [
        UnknownModel(model, provider, *numbers)
        for (model, provider), numbers in counts.items()
        if wanted is None or wanted(model)
    ]
    return sorted(unknown, key=lambda entry: (-entry.input_tokens, entry.model or "", entry.provider or ""))


def reported_cost(payload: ExecutionPayload) -> int | None:
    """Return what a record says that it cost, in picodollars: as a whole, else as the sum of all of its models.

    Beside a guess of the agent's the whole is not all: it has what the agent knew.
    """
    if payload.cost_usd is not None and payload.guessed_cost_usd is None:
        return picodollars(payload.cost_usd)
    costs = [part.cost_usd for part in payload.models]
    return sum(picodollars(cost) for cost in costs if cost is not None) if costs and None not in costs else None


def together(costs: Sequence[Cost]) -> Cost:
    """Return the sum of several costs: what is not known of one is not known of all."""
    whole = Cost(
        reported=_sum_of_known(cost.reported for cost in costs),
        estimated=_sum_of_known(cost.estimated for cost in costs),
        has_usage=any(cost.has_usage for cost in costs),
        is_gap=True,
    )
    return msgspec.structs.replace(whole, **{flag: any(getattr(cost, flag) for cost in costs) for flag in _FLAGS})


def _sum_of_known(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _with_parts(whole: Cost, part: Cost, count: int) -> Cost:
    return msgspec.structs.replace(whole, parts=(part,) * count) if count else whole


def _reported_parts(payload: ExecutionPayload, reported: int) -> tuple[Cost, ...]:
    """Share out a reported cost: each model has what was reported for it.

    What remains is the share of the one model without a figure of its own.  Where there are several of those, or the
    figures do not fit the whole, the shares that are not known stay unknown.
    """
    own = [None if part.cost_usd is None else picodollars(part.cost_usd) for part in payload.models]
    rest = reported - sum([cost for cost in own if cost is not None])
    without = [index for index, cost in enumerate(own) if cost is None]
    if len(without) == 1 and rest >= 0:
        own[without[0]] = rest
    elif not without and abs(rest) <= _DUST:
        greatest = max(range(len(own)), key=lambda index: own[index] or 0)
        own[greatest] = (own[greatest] or 0) + rest
    elif rest < 0 or not without:
        return (_UNPRICED,) * len(own)
    if min([cost for cost in own if cost is not None], default=0) < 0:
        return (_UNPRICED,) * len(own)
    return tuple([_UNPRICED if cost is None else Cost(cost) for cost in own])
