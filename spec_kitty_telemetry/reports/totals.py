"""Adding up: records and their costs become sums by group, in one pass.  Pure: it opens nothing and prints nothing.

All sums are whole numbers (tokens, milliseconds, picodollars), so that neither the order of the records matters nor
whether one process added them or several did: totals of different records are merged into those of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.model.doubts import only_misses
from spec_kitty_telemetry.model.money import picodollars
from spec_kitty_telemetry.model.payload import ModelPart
from spec_kitty_telemetry.model.tokens import TOKEN_FIELDS
from spec_kitty_telemetry.reports import dimensions
from spec_kitty_telemetry.reports.costing import Cost, Costing, CostMode, FindPrice, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.model.payload import ExecutionPayload
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing.naming import Naming
    from spec_kitty_telemetry.reports.dimensions import Key

    Member = tuple[ModelPart, Cost]

_FAILED = frozenset({"failed", "killed", "timed_out"})


class Totals:
    """Running sums.  Each has beside it how many records said 0, because a sum of nothing is unknown and not 0."""

    __slots__ = (
        "base_rates", "cache_read", "cache_read_zeros", "cache_write", "cache_write_zeros", "cheaper_rates",
        "contradictory", "dearer_rates", "duration_ms", "duration_zeros", "estimated", "estimated_zeros", "events",
        "failed", "incomplete", "input", "input_zeros", "no_usage", "output", "output_zeros", "partial", "reasoning",
        "reasoning_zeros", "rejected", "reported", "reported_zeros", "succeeded", "uncertain", "unpriced",
        "unpriced_searches",
    )  # fmt: skip

    def __init__(self) -> None:
        self.events = self.succeeded = self.failed = self.rejected = 0
        self.input = self.output = self.cache_read = self.cache_write = self.reasoning = 0
        self.input_zeros = self.output_zeros = self.cache_read_zeros = self.cache_write_zeros = 0
        self.reasoning_zeros = self.reported_zeros = self.estimated_zeros = self.duration_zeros = 0
        self.reported = self.estimated = self.duration_ms = 0
        self.unpriced = self.no_usage = self.partial = self.base_rates = self.uncertain = self.contradictory = 0
        self.incomplete = self.unpriced_searches = self.dearer_rates = self.cheaper_rates = 0

    @classmethod
    def together(cls, several: Iterable[Totals]) -> Totals:
        """Return the sum of `several`."""
        whole = cls()
        for totals in several:
            if totals.events:
                whole.merge(totals)
        return whole

    def __eq__(self, other: object) -> bool:
        """Compare all sums."""
        return isinstance(other, Totals) and all(
            getattr(self, name) == getattr(other, name) for name in Totals.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # it changes

    def add(self, run: ExecutionPayload, counts: ExecutionPayload | ModelPart) -> None:  # noqa: C901, PLR0912
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
        if number := counts.input_tokens:
            self.input += number
        elif number is not None:
            self.input_zeros += 1
        if number := counts.output_tokens:
            self.output += number
        elif number is not None:
            self.output_zeros += 1
        if number := counts.cache_read_tokens:
            self.cache_read += number
        elif number is not None:
            self.cache_read_zeros += 1
        if number := counts.cache_write_tokens:
            self.cache_write += number
        elif number is not None:
            self.cache_write_zeros += 1
        if number := counts.reasoning_tokens:
            self.reasoning += number
        elif number is not None:
            self.reasoning_zeros += 1
        if number := run.duration_ms:
            self.duration_ms += number
        elif number is not None:
            self.duration_zeros += 1
        if run.uncertain is not None:
            if only_misses(run.uncertain):
                self.incomplete += 1
            else:
                self.uncertain += 1

    def add_reported(self, cost_pico: int) -> None:
        """Add what the run that was just counted said that it cost."""
        self.reported += cost_pico
        self.reported_zeros += not cost_pico

    def add_cost(self, cost: Cost) -> None:
        """Add what the run that was just counted cost, and what is not known about that."""
        if (number := cost.reported) is not None:
            self.add_reported(number)
        if (number := cost.estimated) is not None:
            self.estimated += number
            self.estimated_zeros += not number
        if cost.is_gap:
            self.unpriced += cost.unpriced
            self.no_usage += not cost.has_usage
            self.partial += cost.partial
            self.base_rates += cost.base_rates
            self.contradictory += cost.contradictory
            self.unpriced_searches += cost.unpriced_searches
            self.dearer_rates += cost.dearer_rates
            self.cheaper_rates += cost.cheaper_rates

    def merge(self, other: Totals) -> None:
        """Add what `other` added."""
        for name in Totals.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Group:
    """What one row adds up: whole runs, and the parts of runs that were split by model."""

    __slots__ = ("parts", "recorded_models", "runs")

    def __init__(self) -> None:
        self.runs = Totals()
        self.parts = Totals()
        self.recorded_models: set[str] = set()
        """What the models of this row were recorded as, in reports by model or provider."""


class GroupTotals:
    """What some records add up to, by group."""

    __slots__ = ("groups", "split_runs", "unknown")

    def __init__(self) -> None:
        self.groups: dict[Key, Group] = {}
        self.split_runs = Totals()
        """The runs whose parts are in several groups, each once."""
        self.unknown: dict[tuple[str | None, str | None], list[int]] = {}
        """(model, provider) without a price → records, input tokens, output tokens."""

    def group(self, key: Key) -> Group:
        """Return the sums of `key`, which need not have begun."""
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group()
        return group

    def merge(self, other: GroupTotals) -> None:
        """Add what `other` counted of other records."""
        for key, group in other.groups.items():
            mine = self.group(key)
            mine.runs.merge(group.runs)
            mine.parts.merge(group.parts)
            mine.recorded_models |= group.recorded_models
        self.split_runs.merge(other.split_runs)
        for model, numbers in other.unknown.items():
            known = self.unknown.get(model, [0, 0, 0])
            self.unknown[model] = [one + more for one, more in zip(known, numbers, strict=True)]


class Aggregator:
    """Prices records and adds them to its `totals`."""

    def __init__(
        self,
        by: tuple[str, ...],
        find_price: FindPrice,
        *,
        cost: CostMode = "auto",
        zone: ZoneInfo | None = None,
        wanted_model: Callable[[str | None], bool] | None = None,
        naming: Naming | None = None,
    ) -> None:
        """Group by the dimensions `by`; the rest as `summary.cost_report` has it."""
        self.totals = GroupTotals()
        self._splits = not dimensions.SPLITTING.isdisjoint(by)
        self._wanted_model = wanted_model
        self._key_of_run, self._key_of_part = dimensions.keys(by, zone, naming)
        self._in_parts = self._splits or wanted_model is not None
        self._costing = Costing(find_price, cost, in_parts=self._in_parts)
        self.totals.unknown = self._costing.unknown

    def add(self, events: Iterable[ExecutionEvent]) -> None:
        """Add `events`."""
        groups, new_group, key_of = self.totals.groups, self.totals.group, self._key_of_run
        cost_of, takes_reported, in_parts = self._costing.cost_of, self._costing.takes_reported, self._in_parts
        splits = self._splits
        for event in events:
            payload = event.payload
            cost = None
            if in_parts and payload.models:
                cost = cost_of(event)
                if members := self._members(payload, cost):
                    self._add_parts(event, cost, members)
                    continue
            key = key_of(event)
            group = groups.get(key) or new_group(key)
            runs = group.runs
            if splits and payload.model is not None:
                group.recorded_models.add(payload.model)
            runs.add(payload, payload)
            if (
                takes_reported and payload.cost_usd is not None and payload.guessed_cost_usd is None
            ):  # as its cost has it, in half the time
                runs.add_reported(picodollars(payload.cost_usd))
            else:
                runs.add_cost(cost or cost_of(event))

    def _members(self, payload: ExecutionPayload, cost: Cost) -> list[Member]:
        """Return the parts of one run with their costs, those of wanted models alone."""
        members = list(zip(payload.models, cost.parts, strict=True))
        wanted = self._wanted_model
        return members if wanted is None else [member for member in members if wanted(member[0].model)]

    def _add_parts(self, event: ExecutionEvent, cost: Cost, members: list[Member]) -> None:
        """Add each part to its row; parts that fall into one row count as one run there."""
        rows: dict[Key, list[Member]] = {}
        for member in members:
            key = self._key_of_part(event, member[0]) if self._splits else self._key_of_run(event)
            rows.setdefault(key, []).append(member)
        _add_together(self.totals.split_runs, event, cost, members)
        for key, those in rows.items():
            group = self.totals.group(key)
            group.recorded_models.update(part.model for part, _ in those)
            _add_together(group.parts, event, cost, those)


def _add_together(sums: Totals, event: ExecutionEvent, cost: Cost, members: list[Member]) -> None:
    counts, cost = counts_together(event, cost, members)
    sums.add(event.payload, counts)
    sums.add_cost(cost)


def counts_together(
    event: ExecutionEvent, cost: Cost, members: list[Member]
) -> tuple[ExecutionPayload | ModelPart, Cost]:
    """Return the sums of some parts of one run; all of them are the run itself, with what only its totals say."""
    if len(members) == len(event.payload.models):
        return event.payload, cost
    if len(members) == 1:
        return members[0]
    parts, costs = zip(*members, strict=True)
    counts: dict[str, Any] = {name: _sum_of_known(getattr(part, name) for part in parts) for name in TOKEN_FIELDS}
    return ModelPart(model=parts[0].model, **counts), together(costs)


def _sum_of_known(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
