"""Prices and sums as arithmetic: what holds for all numbers, tried with numbers that nobody thought of."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from builders import new_record
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from spec_kitty_telemetry.model.invocation import InvocationResult, ModelUsage, Usage
from spec_kitty_telemetry.model.money import EXACT, dollars, picodollars, share
from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
from spec_kitty_telemetry.model.tokens import HOST_FIELDS, NUMBER_FIELDS, PARTS_OF, RATE_FIELDS, TOKEN_FIELDS
from spec_kitty_telemetry.pricing import Price
from spec_kitty_telemetry.reports.costing import Costing
from spec_kitty_telemetry.reports.summary import CostReport, report_of, summary_of
from spec_kitty_telemetry.reports.totals import Aggregator, GroupTotals, Totals

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from spec_kitty_telemetry.model.record import ExecutionEvent

PRICES = {
    "plain": Price.per_million(model="plain", input="3", output="15"),
    "cached": Price.per_million(
        model="cached", input="1.1", output="4.4", cache_read="0.275", cache_write_5m="1.375", cache_write_1h="2.2"
    ),
    "tiered": Price.per_million(model="tiered", input="2", output="8", above={1000: {"input": "4", "output": "12"}}),
    "free": Price.per_million(model="free", input="0", output="0"),
}


def find_price(
    model: str | None, _provider: str | None, _at: datetime, _agent: str | None, _ways: object = None
) -> Price | None:
    return PRICES.get(model or "")


def recorded(number: int, payload: ExecutionPayload) -> ExecutionEvent:
    return replace(new_record(number, f"04{number % 3}-x"), payload=payload)


tokens = st.none() | st.integers(0, 10**7)
amounts = st.none() | st.decimals(0, 10**4, places=9)
models = st.sampled_from([None, *PRICES, "nobody-knows"])
parts = st.builds(
    ModelPart, model=st.sampled_from([*PRICES, "nobody-knows"]), input_tokens=tokens, output_tokens=tokens,
    cache_read_tokens=tokens, cost_usd=amounts,
)  # fmt: skip
payloads = st.builds(
    ExecutionPayload,
    agent=st.sampled_from(["a", "b", None]), role=st.sampled_from(["implementer", "reviewer"]), model=models,
    outcome=st.sampled_from(["succeeded", "failed", "killed", "rejected"]),
    input_tokens=tokens, output_tokens=tokens, cache_read_tokens=tokens, cache_write_tokens=tokens,
    reasoning_tokens=tokens, cost_usd=amounts, duration_ms=tokens,
    models=st.lists(parts, max_size=3), uncertain=st.sampled_from([None, "rounded"]),
)  # fmt: skip
runs = st.lists(payloads, max_size=8).map(lambda found: [recorded(*each) for each in enumerate(found)])
groupings = st.sampled_from([("feature",), ("model",), ("agent", "model"), ("role", "day"), ("provider",)])


def counted(events: list[ExecutionEvent], by: tuple[str, ...]) -> GroupTotals:
    aggregator = Aggregator(by, find_price)
    aggregator.add(events)
    return aggregator.totals


def merged(*several: GroupTotals) -> GroupTotals:
    whole = GroupTotals()
    for each in several:
        whole.merge(each)
    return whole


def report(totals: GroupTotals, by: tuple[str, ...]) -> CostReport:
    return report_of(totals, by)


# Adding ---------------------------------------------------------------------------------------------------------------


@given(runs, runs, runs, groupings)
def test_adding_is_associative_and_commutative(
    one: list[ExecutionEvent], two: list[ExecutionEvent], three: list[ExecutionEvent], by: tuple[str, ...]
) -> None:
    a, b, c = (counted(events, by) for events in (one, two, three))
    expected = report(merged(a, b, c), by)
    assert report(merged(merged(a, b), c), by) == report(merged(a, merged(b, c)), by) == expected
    assert report(merged(c, a, b), by) == expected


@given(runs, groupings, st.randoms(use_true_random=False), st.integers(0, 8))
def test_neither_the_order_of_records_nor_how_they_are_shared_out_matters(
    events: list[ExecutionEvent], by: tuple[str, ...], chance: random.Random, cut: int
) -> None:
    expected = report(counted(events, by), by)
    chance.shuffle(events)
    assert report(counted(events, by), by) == expected
    assert report(merged(counted(events[:cut], by), counted(events[cut:], by)), by) == expected


@given(runs, groupings)
def test_nothing_is_what_adding_starts_with(events: list[ExecutionEvent], by: tuple[str, ...]) -> None:
    expected = report(counted(events, by), by)
    assert report(merged(GroupTotals(), counted(events, by), GroupTotals()), by) == expected


@given(runs)
def test_the_rows_of_any_grouping_that_splits_no_run_add_up_to_the_same_total(events: list[ExecutionEvent]) -> None:
    total = report(counted(events, ("feature",)), ("feature",)).total
    for by in (("role", "day"), ("agent",), ("outcome", "wp")):
        found = report(counted(events, by), by)
        assert found.total == total
        assert found.sum_of(found.rows) == total
        assert found.repeated_event_count == 0


@given(runs)
def test_the_models_of_runs_add_up_to_the_runs(events: list[ExecutionEvent]) -> None:
    """A run's own numbers may be more than its models' (they say less), so the runs here say nothing themselves."""
    split = [
        recorded(number, ExecutionPayload(agent=each.payload.agent, models=each.payload.models))
        for number, each in enumerate(events)
        if each.payload.models
    ]
    rows = report(counted(split, ("model",)), ("model",)).rows
    costs = [Costing(find_price, "auto").cost_of(each) for each in split]
    assert sum(picodollars(row.total_cost_usd or Decimal(0)) for row in rows) == sum(cost.known or 0 for cost in costs)


@given(st.lists(st.integers(0, 10**15), max_size=20))
def test_a_sum_of_what_nobody_said_is_unknown_and_of_zeros_is_zero(numbers: list[int]) -> None:
    each = []
    for number in numbers:
        totals = Totals()
        totals.add(payload := ExecutionPayload(input_tokens=number), payload)
        each.append(totals)
    row = summary_of(Totals.together(each))
    assert row.total_input_tokens == (sum(numbers) if numbers else None)
    assert (row.total_output_tokens, row.total_cost_usd, row.duration_ms) == (None, None, None)
    assert row.event_count == len(numbers)


# Costs of single runs -------------------------------------------------------------------------------------------------


@given(payloads)
def test_a_run_has_a_cost_or_says_why_not(payload: ExecutionPayload) -> None:
    cost = Costing(find_price, "auto").cost_of(recorded(1, payload))
    assert cost.known is not None or cost.unpriced or not cost.has_usage
    gaps = cost.unpriced or cost.partial or cost.contradictory or cost.base_rates or not cost.has_usage
    assert cost.is_gap or not gaps
    assert len(cost.parts) == len(payload.models)


@given(st.lists(parts, min_size=1, max_size=4), st.integers(0, 3))
def test_a_run_one_of_whose_models_said_nothing_is_a_lower_bound(several: list[ModelPart], place: int) -> None:
    """Nothing else may hide that: its tokens are in no sum."""
    silent = ModelPart(model="plain")
    told = [
        ModelPart(model="plain", input_tokens=5, output_tokens=7),
        *(each for each in several if each.model == "free"),
    ]
    told.insert(min(place, len(told)), silent)
    rows = report(counted([recorded(1, ExecutionPayload(models=told))], ("feature",)), ("feature",))
    assert rows.total.total_cost_usd is not None
    assert rows.total.partial_usage_event_count == 1
    assert rows.total.is_lower_bound


@pytest.mark.parametrize(
    ("costs", "reported", "expected"),
    [
        (["0.3", None], "1", ["0.3", "0.7"]),  # the rest is the one model's without a figure
        (["0.3", None, None], "1", ["0.3", None, None]),
        (["0.3", "0.6999999"], "1", ["0.3", "0.7"]),  # a tenth of a millionth: dust of the agent's own sum
        (["0.3", "0.6"], "1", [None, None]),
        (["2", None], "1", [None, None]),  # more than the whole
        (["0.0000004", "0.0000004"], "0", [None, None]),  # dust, but no model can have cost less than nothing
    ],
)
def test_a_reported_cost_is_shared_out_to_models_only_where_the_figures_fit(
    costs: list[str | None], reported: str, expected: list[str | None]
) -> None:
    said = [ModelPart(model="plain", cost_usd=None if cost is None else Decimal(cost)) for cost in costs]
    cost = Costing(find_price, "auto").cost_of(recorded(1, ExecutionPayload(cost_usd=Decimal(reported), models=said)))
    assert [None if part.reported is None else dollars(part.reported) for part in cost.parts] == [
        None if each is None else Decimal(each) for each in expected
    ]
    assert [part.unpriced for part in cost.parts] == [each is None for each in expected]


# Prices ---------------------------------------------------------------------------------------------------------------

counts = st.tuples(*[st.integers(0, 10**9)] * 5)
"""Uncached input, visible output, cache reads, cache writes for minutes and for an hour."""


def cost_of(price: Price, numbers: tuple[int, ...]) -> int:
    uncached, visible, read, short, hour = numbers
    return price.cost(uncached + read + short + hour, visible, read, short + hour, hour)


@given(st.sampled_from(["plain", "cached", "free"]), counts, counts)
def test_without_thresholds_two_runs_cost_what_one_with_all_of_their_tokens_costs(
    name: str, one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    together = tuple(a + b for a, b in zip(one, other, strict=True))
    assert cost_of(PRICES[name], together) == cost_of(PRICES[name], one) + cost_of(PRICES[name], other)


@given(st.sampled_from(sorted(PRICES)), counts, st.integers(0, 4))
def test_one_token_more_never_costs_less(name: str, numbers: tuple[int, ...], place: int) -> None:
    more = tuple(number + (index == place) for index, number in enumerate(numbers))
    assert cost_of(PRICES[name], more) >= cost_of(PRICES[name], numbers) >= 0


@given(st.sampled_from(sorted(PRICES)), counts)
def test_the_lines_of_a_cost_add_up_to_it(name: str, numbers: tuple[int, ...]) -> None:
    uncached, visible, read, short, hour = numbers
    whole = (uncached + read + short + hour, visible, read, short + hour, hour)
    lines = PRICES[name].lines(*whole)
    assert sum(line.cost for line in lines) == PRICES[name].cost(*whole)
    assert all(line.cost == line.tokens * line.rate for line in lines)


# Money and names ------------------------------------------------------------------------------------------------------


@given(st.integers(-(10**40), 10**40))
def test_picodollars_become_dollars_and_back_without_loss(amount: int) -> None:
    assert picodollars(dollars(amount)) == amount


@given(st.lists(st.decimals(0, 10**9, places=12), max_size=30))
def test_dollars_add_up_as_picodollars_do(amounts_usd: list[Decimal]) -> None:
    exact = reduce(EXACT.add, amounts_usd, Decimal(0))
    assert sum(map(picodollars, amounts_usd)) == picodollars(exact)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [("1", "3", "0.333333"), ("3", "3", "1"), ("0", "3", "0"), (None, "3", None), ("1", None, None), ("1", "0", None)],
)
def test_a_share_of_what_is_unknown_or_nothing_is_unknown(
    part: str | None, whole: str | None, expected: str | None
) -> None:
    one, other, third = (None if each is None else Decimal(each) for each in (part, whole, expected))
    assert share(one, other) == third


@pytest.mark.parametrize("kind", [Usage, ModelUsage, ExecutionPayload, ModelPart])
def test_whatever_counts_tokens_calls_them_by_the_same_names(kind: Any) -> None:
    names = set(getattr(kind, "model_fields", None) or kind.__struct_fields__)
    assert {*NUMBER_FIELDS, *RATE_FIELDS} <= names
    assert {name for name in names if name.endswith("_tokens")} == set(TOKEN_FIELDS)


def test_what_a_host_says_are_some_of_those_names() -> None:
    assert set(HOST_FIELDS) <= set(NUMBER_FIELDS)
    assert set(HOST_FIELDS) <= set(InvocationResult.model_fields)
    assert {*PARTS_OF, *(name for names in PARTS_OF.values() for name in names)} == set(TOKEN_FIELDS)
