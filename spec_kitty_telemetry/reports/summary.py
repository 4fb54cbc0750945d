"""Totals become the rows of a report and its total.  Pure: it opens nothing and prints nothing.

Money is whole picodollars inside (`totals`) and `Decimal` here, so a sum does not depend on its order.  What an agent
reported and what was calculated are never mixed up: a row says both, and how many records have neither.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.model.money import dollars
from spec_kitty_telemetry.reports import dimensions
from spec_kitty_telemetry.reports.costing import CostMode, FindPrice, UnknownModel, unknown_models
from spec_kitty_telemetry.reports.dimensions import Value
from spec_kitty_telemetry.reports.gaps import is_in_doubt, is_lower_bound
from spec_kitty_telemetry.reports.totals import Aggregator, GroupTotals, Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing.naming import Naming


class CostSummary(msgspec.Struct, frozen=True, kw_only=True):
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
    contradictory_event_count: int = 0
    """Those of the unpriced records whose counts cannot all be true, so that no price can make a cost of them."""
    base_rate_event_count: int = 0
    """Records priced at base rates although a long-context rate may count for some of their requests."""
    unread_count: int = 0
    """Lines and whole logs that could not be read, in a total: there may be records in them."""

    incomplete_event_count: int = 0
    """Records that are known to miss something that was used: their cost is a floor."""
    unpriced_search_event_count: int = 0
    """Records that searched the web at a price that is not known."""
    dearer_rate_event_count: int = 0
    """Records billed in a way that costs more than the standard rates that were taken."""
    cheaper_rate_event_count: int = 0
    """Records billed in a way that costs less than the standard rates that were taken."""

    @property
    def is_lower_bound(self) -> bool:
        """Whether the true sum can only be higher: some cost is unknown, or only partly known."""
        return is_lower_bound(self)

    @property
    def is_in_doubt(self) -> bool:
        """Whether the true sum may be higher or lower."""
        return is_in_doubt(self)

    @property
    def known_cost_usd(self) -> Decimal:
        """What is known of the cost: `total_cost_usd`, and 0 where nothing is, so that it can always be compared."""
        return self.total_cost_usd or Decimal(0)

    @property
    def cost_is_known(self) -> bool:
        """Whether `known_cost_usd` is all of it, as far as agents and tables say: neither a floor nor in doubt."""
        return not self.is_lower_bound and not self.is_in_doubt


class CostReport(msgspec.Struct, frozen=True):
    """Rows, their total, and the models whose cost is not in it."""

    by: tuple[str, ...]
    rows: list[CostSummary]
    total: CostSummary
    unknown_models: list[UnknownModel]
    repeated_event_count: int
    """How many records more the rows count than the total: one that used several models counts in the row of each."""
    totals: dict[tuple[Value, ...], Totals]
    """The sums of each row, by the values of its group."""
    recorded_models: dict[tuple[Value, ...], tuple[str, ...]]
    """What the models of each row were recorded as, in a report by model or provider."""

    def sum_of(self, rows: Iterable[CostSummary]) -> CostSummary:
        """Return the sum of some rows, without a group of its own; a run in two of them counts twice."""
        return summary_of(Totals.together(self.totals[tuple(row.group.values())] for row in rows))


def cost_report(
    events: Iterable[ExecutionEvent],
    group_by: str | Iterable[str],
    find_price: FindPrice,
    *,
    cost: CostMode = "auto",
    zone: ZoneInfo | None = None,
    wanted_model: Callable[[str | None], bool] | None = None,
    naming: Naming | None = None,
) -> CostReport:
    """Group and price `events` in one pass.

    Where records are grouped by model, one that used several models is split: its tokens and its cost go to the rows of
    its models; it is counted, with its outcome and its duration, in each of them, but once in the total.  Days are cut
    in `zone`.  With `wanted_model` only the parts of the models that it accepts are added.  Models and providers have
    the names that `naming` gives them, else those recorded.

    :raises FilterError: a dimension is unknown.
    """
    by = dimensions.checked(group_by)
    apart = dimensions.kept_apart(by)
    aggregator = Aggregator(apart, find_price, cost=cost, zone=zone, wanted_model=wanted_model, naming=naming)
    aggregator.add(events)
    return report_of(aggregator.totals, by, wanted_model, zone=zone)


def report_of(
    counted: GroupTotals,
    by: tuple[str, ...],
    wanted_model: Callable[[str | None], bool] | None = None,
    *,
    unread_count: int = 0,
    zone: ZoneInfo | None = None,
) -> CostReport:
    """Return the rows of what was `counted`, the dearest first, and their total, in which `unread_count` is noted.

    What was counted by `dimensions.kept_apart` of `by` has its features apart where there are several.  By days,
    weeks or months alone there is a row also for those without records, from the first to the last.
    """
    groups = {key if isinstance(key, tuple) else (key,): group for key, group in counted.groups.items()}
    if any(len(key) > len(by) for key in groups):
        if len({key[0] for key in groups}) > 1:
            by = dimensions.kept_apart(by)
        else:
            groups = {key[1:]: group for key, group in groups.items()}
    totals = {
        key: Totals.together((group.runs, group.parts)) if group.parts.events else group.runs
        for key, group in groups.items()
    }
    if len(by) == 1 and by[0] in dimensions.TIMES:
        from spec_kitty_telemetry.reports.empty_rows import spans_without_records  # other reports have none

        known = [str(key[0]) for key in totals]
        totals |= {(value,): Totals() for value in spans_without_records(by[0], known, zone)}
    rows = [summary_of(sums, by, key) for key, sums in totals.items()]
    rows.sort(
        key=lambda row: (
            -(row.total_cost_usd or 0),
            -(row.total_input_tokens or 0),
            row.group_key,
            [value is None for value in row.group.values()],  # an unknown model, and one that is called "unknown"
        )
    )
    whole = Totals.together([counted.split_runs, *(group.runs for group in counted.groups.values())])
    total = msgspec.structs.replace(summary_of(whole), unread_count=unread_count)
    repeated = sum(row.event_count for row in rows) - total.event_count
    return CostReport(by, rows, total, unknown_models(counted.unknown, wanted_model), repeated, totals,
                      {key: tuple(sorted(group.recorded_models)) for key, group in groups.items()})  # fmt: skip


def summary_of(totals: Totals, by: tuple[str, ...] = (), key: tuple[Value, ...] = ()) -> CostSummary:
    """Return sums as a row, that of the group with the values `key` in the dimensions `by`."""
    is_reported = bool(totals.reported or totals.reported_zeros)
    is_estimated = bool(totals.estimated or totals.estimated_zeros)
    return CostSummary(
        group_key=" / ".join("unknown" if value is None else str(value) for value in key),
        group_by=by,
        group=dict(zip(by, key, strict=True)),
        event_count=totals.events,
        succeeded_event_count=totals.succeeded,
        failed_event_count=totals.failed,
        rejected_event_count=totals.rejected,
        total_input_tokens=totals.input if totals.input or totals.input_zeros else None,
        cache_read_tokens=totals.cache_read if totals.cache_read or totals.cache_read_zeros else None,
        cache_write_tokens=totals.cache_write if totals.cache_write or totals.cache_write_zeros else None,
        total_output_tokens=totals.output if totals.output or totals.output_zeros else None,
        reasoning_tokens=totals.reasoning if totals.reasoning or totals.reasoning_zeros else None,
        reported_cost_usd=dollars(totals.reported) if is_reported else None,
        estimated_cost_usd=dollars(totals.estimated) if is_estimated else None,
        total_cost_usd=dollars(totals.reported + totals.estimated) if is_reported or is_estimated else None,
        unpriced_event_count=totals.unpriced,
        no_usage_event_count=totals.no_usage,
        partial_usage_event_count=totals.partial,
        duration_ms=totals.duration_ms if totals.duration_ms or totals.duration_zeros else None,
        uncertain_event_count=totals.uncertain,
        contradictory_event_count=totals.contradictory,
        base_rate_event_count=totals.base_rates,
        incomplete_event_count=totals.incomplete,
        unpriced_search_event_count=totals.unpriced_searches,
        dearer_rate_event_count=totals.dearer_rates,
        cheaper_rate_event_count=totals.cheaper_rates,
    )
