"""Priced runs: a row a record, with everything that a report knows of it.

A row has the numbers that a report of this record alone has, under the same names, because it is made by the same
sums.  Beside them stands what the tokens cost at list prices, also where a cost was reported.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.log.superseding import revision_of, subject_of
from spec_kitty_telemetry.model.money import EXACT, PICO, dollars
from spec_kitty_telemetry.reports.costing import Costing
from spec_kitty_telemetry.reports.gaps import GAPS
from spec_kitty_telemetry.reports.summary import summary_of
from spec_kitty_telemetry.reports.totals import Totals, counts_together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.costing import Cost


class PricedModel(msgspec.Struct, frozen=True, kw_only=True):
    """What one model did in a run that used several; names as in `PricedRun`."""

    model: str | None
    provider: str | None
    total_input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    total_output_tokens: int | None
    reasoning_tokens: int | None
    reported_cost_usd: Decimal | None
    estimated_cost_usd: Decimal | None
    total_cost_usd: Decimal | None
    list_cost_usd: Decimal | None


class PricedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run, what it used and what it cost.  Unknown is `None`, never 0; money is exact."""

    event_id: str
    subject: str
    """The id of the first record of the same run, which this one takes the place of, or its own."""
    revision: int
    """How far the record has got among those of its subject: of exports of several clones the greatest counts."""
    project: str | None
    feature: str
    wp: str | None
    role: str | None
    agent: str | None
    model: str | None
    """The name that reports have; of a run of several models the one that the record names."""
    provider: str | None
    """Who bills, as reports have it."""
    outcome: str | None
    attempt: int | None
    run: str | None
    session: str | None
    started_at: datetime | None
    ended_at: datetime
    """Aware, UTC."""
    duration_ms: int | None
    total_input_tokens: int | None
    """The whole prompt: cache reads and writes are inside."""
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    total_output_tokens: int | None
    """Reasoning is inside."""
    reasoning_tokens: int | None
    reported_cost_usd: Decimal | None
    """What the agent or the host said."""
    estimated_cost_usd: Decimal | None
    """What was not reported, at list prices."""
    total_cost_usd: Decimal | None
    """The two together: `report`."""
    list_cost_usd: Decimal | None
    """Everything at list prices, whatever was reported: `report --cost calculated`."""
    is_lower_bound: bool
    """Whether the true cost can only be higher than `total_cost_usd`."""
    is_in_doubt: bool
    """Whether the true cost may also be lower."""
    gaps: tuple[str, ...]
    """What is not known about `total_cost_usd`: the counts of `report --json` that this run raises."""
    list_cost_is_lower_bound: bool
    price_table_as_of: str | None
    """The day on which the shipped prices were last compared with their sources."""
    tags: dict[str, str]
    models: list[PricedModel]
    """One entry a model, where the run used several."""


def priced_runs(context: ReportContext) -> Iterator[PricedRun]:
    """Yield the wanted runs of a search, in the order of the logs.

    Of a run of several models, only some of which are wanted, the numbers are those of the wanted ones.

    :raises TelemetryError: as `Search.events`.
    """
    pricing = _Pricing(context)
    for event in context.search.events():
        yield pricing.row(event)


class _Pricing:
    def __init__(self, context: ReportContext) -> None:
        self._costs = Costing(context.find_price, "auto")
        self._list_costs = Costing(context.find_price, "calculated")
        self._wanted = context.search.filters.wanted_model()
        self._naming = context.book.naming
        self._as_of = context.book.as_of

    def row(self, event: ExecutionEvent) -> PricedRun:
        payload = event.payload
        cost, listed = self._costs.cost_of(event), self._list_costs.cost_of(event)
        indexes = [index for index, part in enumerate(payload.models) if self._is_wanted(part)]
        counts, cost_wanted = _part_of(event, cost, indexes)
        _, list_wanted = _part_of(event, listed, indexes)
        sums = Totals()
        sums.add(payload, counts)
        sums.add_cost(cost_wanted)
        numbers = summary_of(sums)
        return PricedRun(
            event_id=event.event_id,
            subject=subject_of(event),
            revision=revision_of(event),
            project=event.project_slug,
            feature=event.feature,
            wp=payload.wp_id,
            role=payload.role,
            agent=payload.agent,
            model=self._naming.model(counts.model, _biller(event, counts), payload.agent),
            provider=self._naming.biller(counts.model, _biller(event, counts), payload.agent),
            outcome=payload.outcome,
            attempt=payload.attempt,
            run=payload.run_id,
            session=payload.session_id,
            started_at=payload.started_at,
            ended_at=event.timestamp,
            duration_ms=numbers.duration_ms,
            total_input_tokens=numbers.total_input_tokens,
            cache_read_tokens=numbers.cache_read_tokens,
            cache_write_tokens=numbers.cache_write_tokens,
            total_output_tokens=numbers.total_output_tokens,
            reasoning_tokens=numbers.reasoning_tokens,
            reported_cost_usd=exact_usd(cost_wanted.reported),
            estimated_cost_usd=exact_usd(cost_wanted.estimated),
            total_cost_usd=exact_usd(cost_wanted.known),
            list_cost_usd=exact_usd(list_wanted.known),
            is_lower_bound=numbers.is_lower_bound,
            is_in_doubt=numbers.is_in_doubt,
            gaps=tuple(gap.field for gap in GAPS if getattr(numbers, gap.field)),
            list_cost_is_lower_bound=list_wanted.is_floor,
            price_table_as_of=self._as_of,
            tags=payload.tags,
            models=[self._model(event, index, cost, listed) for index in indexes],
        )

    def _is_wanted(self, part: ModelPart) -> bool:
        return self._wanted is None or self._wanted(part.model)

    def _model(self, event: ExecutionEvent, index: int, cost: Cost, listed: Cost) -> PricedModel:
        part, own = event.payload.models[index], cost.parts[index]
        return PricedModel(
            model=self._naming.model(part.model, _biller(event, part), event.payload.agent),
            provider=self._naming.biller(part.model, _biller(event, part), event.payload.agent),
            total_input_tokens=part.input_tokens,
            cache_read_tokens=part.cache_read_tokens,
            cache_write_tokens=part.cache_write_tokens,
            total_output_tokens=part.output_tokens,
            reasoning_tokens=part.reasoning_tokens,
            reported_cost_usd=exact_usd(own.reported),
            estimated_cost_usd=exact_usd(own.estimated),
            total_cost_usd=exact_usd(own.known),
            list_cost_usd=exact_usd(listed.parts[index].known),
        )


def _part_of(event: ExecutionEvent, cost: Cost, indexes: list[int]) -> tuple[ExecutionPayload | ModelPart, Cost]:
    """Return the counts and the cost of some of the models of a run; a run that names none is whole."""
    if not event.payload.models:
        return event.payload, cost
    return counts_together(event, cost, [(event.payload.models[index], cost.parts[index]) for index in indexes])


def _biller(event: ExecutionEvent, counts: ExecutionPayload | ModelPart) -> str | None:
    return counts.provider or event.payload.provider


def exact_usd(amount_pico: int | None) -> Decimal | None:
    """Return picodollars as dollars to the last digit, without zeros at the end."""
    if amount_pico is None:
        return None
    whole, rest = divmod(amount_pico, PICO)
    return dollars(amount_pico).normalize(EXACT) if rest else Decimal(whole)
