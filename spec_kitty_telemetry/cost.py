"""Records and prices become costs, rows and totals.  Pure: it opens nothing and prints nothing.

Money is whole picodollars (10⁻¹² USD) inside and `Decimal` at the edge, so a sum does not depend on its order.  What an
agent reported and what was calculated are never mixed up: a row says both, and how many records have neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry import dimensions
from spec_kitty_telemetry.charge import EXACT, Charge, CostMode, FindPrice, Pricer, UnknownModel
from spec_kitty_telemetry.record import ModelPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.dimensions import Dimension, Value
    from spec_kitty_telemetry.record import ExecutionEvent, ExecutionPayload

    Member = tuple[ModelPart, Charge]
    KeyOf = Callable[[ExecutionEvent, ModelPart | None], tuple[Value, ...]]

_FAILED = frozenset({"failed", "killed", "timed_out"})
_COUNTS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens",
    "reasoning_tokens",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CostSummary:
    """What the records of one group used and cost.  A number that no record of the group says is `None`, never 0."""

    group_key: str
    """The group's values, joined by ` / `."""
    group_by: tuple[str, ...]
    group: dict[str, Value]
    event_count: int
    succeeded_event_count: int
    failed_event_count: int
    """Runs that failed, were killed or ran out of time; a review that rejects its work did not fail."""
    rejected_event_count: int
    total_input_tokens: int | None
    """Whole prompts: cache reads and cache writes are inside."""
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    total_output_tokens: int | None
    """Reasoning is inside."""
    reasoning_tokens: int | None
    reported_cost_usd: Decimal | None
    """What agents or hosts said."""
    estimated_cost_usd: Decimal | None
    """Calculated from the price table, for records that reported no cost."""
    total_cost_usd: Decimal | None
    """The sum of the two: a floor where `unpriced_event_count` or `no_usage_event_count` is not 0."""
    unpriced_event_count: int
    """Records with tokens that have neither a reported cost nor a price for all of their models."""
    no_usage_event_count: int
    """Records that say neither tokens nor a cost."""
    partial_usage_event_count: int
    """Records priced although they say only a part of their tokens: their cost is a floor."""
    duration_ms: int | None
    uncertain_event_count: int = 0
    """Records whose own counts may be off; `prices explain` says why."""
    base_rate_event_count: int = 0
    """Records priced at base rates although a long-context rate may count for some of their requests."""


@dataclass(frozen=True, slots=True)
class CostReport:
    """Rows, their total, and the models whose cost is not in it."""

    by: tuple[str, ...]
    rows: list[CostSummary]
    total: CostSummary
    unknown_models: list[UnknownModel]
    contradictory_event_count: int = 0
    """Records whose counts cannot all be true, so that no cost was calculated."""


def cost_summary(
    events: Iterable[ExecutionEvent], group_by: str | Iterable[str] = "agent", *, cost: CostMode = "auto"
) -> list[CostSummary]:
    """Return one `CostSummary` for each group of `events`, the dearest first, priced by the shipped tables.

    :raises FilterError: a dimension is unknown.
    """
    return cost_report(events, group_by, shipped_prices(), cost=cost).rows


def shipped_prices() -> FindPrice:
    """Return a price finder over the shipped tables alone."""
    from spec_kitty_telemetry.pricing import PriceBook

    return PriceBook.shipped().find


def cost_report(
    events: Iterable[ExecutionEvent],
    group_by: str | Iterable[str],
    find_price: FindPrice,
    *,
    cost: CostMode = "auto",
    zone: ZoneInfo | None = None,
    wanted_model: Callable[[str | None], bool] | None = None,
) -> CostReport:
    """Group and price `events` in one pass.

    Where records are grouped by model, one that used several models is split: its tokens and its cost go to the rows of
    its models; it is counted, with its outcome and its duration, in each of them, but once in the total.  Days are cut
    in `zone`.  With `wanted_model` only the parts of the models that it accepts are added.

    :raises FilterError: a dimension is unknown.
    """
    by = dimensions.checked(group_by)
    key_of = _key_of([dimensions.dimension(name, zone) for name in by])
    splits = not dimensions.SPLITTING.isdisjoint(by)
    groups: dict[tuple[Value, ...], _Group] = {}
    split_runs = _Sum()
    pricer = Pricer(find_price, cost)
    for event in events:
        payload = event.payload
        charge = pricer.charge(event)
        members = _members(event, charge, wanted_model) if payload.models and (splits or wanted_model) else []
        if members:
            split_runs.add(payload, *_together(event, charge, members))
            for key, those in _by_key(event, members, key_of, splits=splits).items():
                _group(groups, key).parts.add(payload, *_together(event, charge, those))
        else:
            _group(groups, key_of(event, None)).runs.add(payload, payload, charge)
    rows = [_merged([group.runs, group.parts]).summary(by, key) for key, group in groups.items()]
    rows.sort(key=lambda row: (-(row.total_cost_usd or 0), -(row.total_input_tokens or 0), row.group_key))
    total = _merged([split_runs, *(group.runs for group in groups.values())])
    unknown = [each for each in pricer.unknown_models() if wanted_model is None or wanted_model(each.model)]
    return CostReport(by, rows, total.summary((), ()), unknown, pricer.contradictory_count)


def _key_of(values: list[Dimension]) -> KeyOf:
    if len(values) == 1:
        only = values[0]
        return lambda event, part: (only(event, part),)
    return lambda event, part: tuple([value(event, part) for value in values])


def _members(event: ExecutionEvent, charge: Charge, wanted_model: Callable[[str | None], bool] | None) -> list[Member]:
    """Return the parts of one run with their charges, those of wanted models alone."""
    members = list(zip(event.payload.models, charge.parts, strict=True))
    return [each for each in members if wanted_model is None or wanted_model(each[0].model)]


def _by_key(
    event: ExecutionEvent, members: list[Member], key_of: KeyOf, *, splits: bool
) -> dict[tuple[Value, ...], list[Member]]:
    """Return the parts of one run by the row that they fall into; those of one row count as one run there."""
    found: dict[tuple[Value, ...], list[Member]] = {}
    for member in members:
        found.setdefault(key_of(event, member[0] if splits else None), []).append(member)
    return found


def _together(
    event: ExecutionEvent, charge: Charge, members: list[Member]
) -> tuple[ExecutionPayload | ModelPart, Charge]:
    """Return the sums of some parts of one run; all of them are the run itself, with what only its totals say."""
    if len(members) == len(event.payload.models):
        return event.payload, charge
    if len(members) == 1:
        return members[0]
    parts, charges = zip(*members, strict=True)
    counts: dict[str, Any] = {name: _sum_of_known(getattr(part, name) for part in parts) for name in _COUNTS}
    return ModelPart(model=parts[0].model, **counts), Charge(
        reported=_sum_of_known(each.reported for each in charges),
        estimated=_sum_of_known(each.estimated for each in charges),
        has_usage=any(each.has_usage for each in charges),
        unpriced=any(each.unpriced for each in charges),
        partial=any(each.partial for each in charges),
        base_rates=any(each.base_rates for each in charges),
        is_gap=True,
    )


def _sum_of_known(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


class _Group:
    """What one row adds up: whole runs, and the parts of runs that were split by model."""

    __slots__ = ("parts", "runs")

    def __init__(self) -> None:
        self.runs = _Sum()
        self.parts = _Sum()


def _group(groups: dict[tuple[Value, ...], _Group], key: tuple[Value, ...]) -> _Group:
    group = groups.get(key)
    if group is None:
        group = groups[key] = _Group()
    return group


def _merged(sums: Iterable[_Sum]) -> _Sum:
    merged = _Sum()
    for each in sums:
        for name in _Sum.__slots__:
            setattr(merged, name, getattr(merged, name) + getattr(each, name))
    return merged


class _Sum:
    """Running sums; each has beside it how many records said that number, because none is not the same as zero."""

    __slots__ = (
        "base_rates",
        "cache_read",
        "cache_read_said",
        "cache_write",
        "cache_write_said",
        "duration_ms",
        "duration_said",
        "estimated",
        "estimated_said",
        "events",
        "failed",
        "input",
        "input_said",
        "no_usage",
        "output",
        "output_said",
        "partial",
        "reasoning",
        "reasoning_said",
        "rejected",
        "reported",
        "reported_said",
        "succeeded",
        "uncertain",
        "unpriced",
    )  # fmt: skip

    def __init__(self) -> None:
        self.events = self.succeeded = self.failed = self.rejected = 0
        self.input = self.output = self.cache_read = self.cache_write = self.reasoning = 0
        self.input_said = self.output_said = self.cache_read_said = self.cache_write_said = self.reasoning_said = 0
        self.reported = self.estimated = self.duration_ms = 0
        self.reported_said = self.estimated_said = self.duration_said = 0
        self.unpriced = self.no_usage = self.partial = self.base_rates = self.uncertain = 0

    def add(self, run: ExecutionPayload, counts: ExecutionPayload | ModelPart, charge: Charge) -> None:  # noqa: C901, PLR0912
        """Count `run`, with the tokens in `counts`: its own, or those of one of its models.

        Written out line by line: this runs once for each record, and calls would cost more than the sums.
        """
        self.events += 1
        outcome = run.outcome
        if outcome == "succeeded":
            self.succeeded += 1
        elif outcome == "rejected":
            self.rejected += 1
        elif outcome in _FAILED:
            self.failed += 1
        if (number := counts.input_tokens) is not None:
            self.input += number
            self.input_said += 1
        if (number := counts.output_tokens) is not None:
            self.output += number
            self.output_said += 1
        if (number := counts.cache_read_tokens) is not None:
            self.cache_read += number
            self.cache_read_said += 1
        if (number := counts.cache_write_tokens) is not None:
            self.cache_write += number
            self.cache_write_said += 1
        if (number := counts.reasoning_tokens) is not None:
            self.reasoning += number
            self.reasoning_said += 1
        if (number := run.duration_ms) is not None:
            self.duration_ms += number
            self.duration_said += 1
        if (number := charge.reported) is not None:
            self.reported += number
            self.reported_said += 1
        elif (number := charge.estimated) is not None:
            self.estimated += number
            self.estimated_said += 1
        if charge.is_gap:
            self.unpriced += charge.unpriced
            self.no_usage += not charge.has_usage
            self.partial += charge.partial
            self.base_rates += charge.base_rates
        if run.uncertain is not None:
            self.uncertain += 1

    def summary(self, by: tuple[str, ...], key: tuple[Value, ...]) -> CostSummary:
        return CostSummary(
            group_key=" / ".join("unknown" if value is None else str(value) for value in key),
            group_by=by,
            group=dict(zip(by, key, strict=True)),
            event_count=self.events,
            succeeded_event_count=self.succeeded,
            failed_event_count=self.failed,
            rejected_event_count=self.rejected,
            total_input_tokens=self.input if self.input_said else None,
            cache_read_tokens=self.cache_read if self.cache_read_said else None,
            cache_write_tokens=self.cache_write if self.cache_write_said else None,
            total_output_tokens=self.output if self.output_said else None,
            reasoning_tokens=self.reasoning if self.reasoning_said else None,
            reported_cost_usd=_dollars(self.reported) if self.reported_said else None,
            estimated_cost_usd=_dollars(self.estimated) if self.estimated_said else None,
            total_cost_usd=_dollars(self.reported + self.estimated)
            if self.reported_said or self.estimated_said
            else None,
            unpriced_event_count=self.unpriced,
            no_usage_event_count=self.no_usage,
            partial_usage_event_count=self.partial,
            duration_ms=self.duration_ms if self.duration_said else None,
            uncertain_event_count=self.uncertain,
            base_rate_event_count=self.base_rates,
        )


def _dollars(amount_pico: int) -> Decimal:
    return Decimal(amount_pico).scaleb(-12, EXACT)
