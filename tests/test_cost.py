"""What records cost: reported and estimated apart, unknown never zero, sums exact."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from builders import new_record as event
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.model.money import picodollars
from spec_kitty_telemetry.model.payload import ModelPart
from spec_kitty_telemetry.pricing import Price, dollars
from spec_kitty_telemetry.reports.build import cost_summary
from spec_kitty_telemetry.reports.summary import CostSummary, cost_report

if TYPE_CHECKING:
    import random
    from datetime import datetime

LARGE = Price.per_million(model="large", input="3", output="15", cache_read="0.3", cache_write_5m="3.75")
SMALL = Price.per_million(model="small", input="1", output="5")


def prices(
    model: str | None, _provider: str | None, _at: datetime, _agent: str | None, _ways: object = None
) -> Price | None:
    return {"large": LARGE, "small": SMALL}.get(str(model))


def only(rows: list[CostSummary]) -> CostSummary:
    (row,) = rows
    return row


def test_a_reported_cost_wins_over_the_estimate_and_both_stay_apart() -> None:
    reported = event(model="large", input_tokens=1_000_000, output_tokens=0, cost_usd=Decimal("2.5"))
    estimated = event(model="large", input_tokens=1_000_000, output_tokens=0)  # 1 M × $3
    row = only(cost_report([reported, estimated], "agent", prices).rows)
    assert (row.reported_cost_usd, row.estimated_cost_usd, row.total_cost_usd) == (
        Decimal("2.5"),
        Decimal(3),
        Decimal("5.5"),
    )
    calculated = only(cost_report([reported, estimated], "agent", prices, cost="calculated").rows)
    assert (calculated.reported_cost_usd, calculated.estimated_cost_usd) == (None, Decimal(6))
    alone = only(cost_report([reported, estimated], "agent", prices, cost="reported").rows)
    assert (alone.total_cost_usd, alone.unpriced_event_count) == (Decimal("2.5"), 1)


def test_cached_tokens_are_part_of_the_input_and_never_charged_twice() -> None:
    charged = event(
        model="large", input_tokens=50_000, cache_read_tokens=40_000, cache_write_tokens=6_000, output_tokens=900
    )
    # 4,000 × $3 + 40,000 × $0.30 + 6,000 × $3.75 + 900 × $15, all per million
    expected = Decimal("0.012") + Decimal("0.012") + Decimal("0.0225") + Decimal("0.0135")
    assert only(cost_report([charged], "agent", prices).rows).total_cost_usd == expected


def test_an_unknown_model_is_unknown_and_not_free() -> None:
    known = event(model="small", input_tokens=1_000_000, output_tokens=0)
    unknown = event(agent="b", model="nova-9", input_tokens=7, output_tokens=3)
    report = cost_report([known, unknown, unknown], "agent", prices)
    rows = {row.group_key: row for row in report.rows}
    assert rows["b"].total_cost_usd is None
    assert rows["b"].unpriced_event_count == 2
    assert report.total.total_cost_usd == 1
    assert [asdict(each) for each in report.unknown_models] == [
        {"model": "nova-9", "provider": None, "event_count": 2, "input_tokens": 14, "output_tokens": 6}
    ]


def test_a_run_without_usage_is_counted_and_its_numbers_stay_unknown() -> None:
    row = only(cost_report([event(model="small")], "agent", prices).rows)
    assert (row.no_usage_event_count, row.unpriced_event_count) == (1, 0)
    assert (row.total_input_tokens, row.total_output_tokens, row.total_cost_usd) == (None, None, None)


def test_a_reported_zero_is_a_cost() -> None:
    row = only(cost_report([event(cost_usd=Decimal(0))], "agent", prices).rows)
    assert (row.total_cost_usd, row.no_usage_event_count) == (Decimal(0), 0)


def test_a_run_that_said_only_its_input_is_priced_as_a_floor_and_counted() -> None:
    row = only(cost_report([event(model="small", input_tokens=64_163)], "agent", prices).rows)
    assert row.total_cost_usd == Decimal("0.064163")
    assert row.partial_usage_event_count == 1


def test_counts_that_contradict_each_other_have_no_cost_and_are_not_called_a_missing_price() -> None:
    wrong = event(model="small", input_tokens=5, cache_read_tokens=9, output_tokens=1)
    report = cost_report([wrong], "agent", prices)
    assert (report.total.total_cost_usd, report.total.unpriced_event_count) == (None, 1)
    assert (report.total.contradictory_event_count, report.unknown_models) == (1, [])


def test_cache_reads_without_an_input_are_priced_as_a_floor() -> None:
    row = only(cost_report([event(model="large", cache_read_tokens=1_000_000, output_tokens=0)], "agent", prices).rows)
    assert (row.total_cost_usd, row.partial_usage_event_count) == (Decimal("0.3"), 1)  # 1 M × $0.30


def test_a_run_that_used_nothing_costs_nothing_whatever_its_model() -> None:
    report = cost_report([event(model=None, input_tokens=0, output_tokens=0)], "agent", prices)
    assert (report.total.total_cost_usd, report.unknown_models) == (Decimal(0), [])


def test_runs_whose_counts_are_in_doubt_are_counted() -> None:
    doubtful = event(model="small", input_tokens=1, output_tokens=1, uncertain="found by its folder and time")
    assert cost_report([doubtful, event()], "agent", prices).total.uncertain_event_count == 1


def test_a_run_that_may_have_crossed_a_long_context_threshold_is_priced_at_base_rates_and_counted() -> None:
    tiered = Price.per_million(model="t", input="1", output="1", above={200_000: {"input": "2", "output": "2"}})
    runs = [event(model="t", input_tokens=tokens, output_tokens=0) for tokens in (200_000, 200_001)]
    total = cost_report(runs, "agent", lambda *_: tiered).total
    assert (total.total_cost_usd, total.base_rate_event_count) == (Decimal("0.400001"), 1)


PARTS = [
    ModelPart(model="large", input_tokens=1_000_000, output_tokens=0),
    ModelPart(model="small", input_tokens=2_000_000, output_tokens=0),
]


def test_a_run_of_several_models_is_priced_model_by_model_and_split_only_by_model() -> None:
    several = event(model="large", input_tokens=3_000_000, output_tokens=0, models=PARTS, duration_ms=5)
    whole = only(cost_report([several], "agent", prices).rows)
    assert whole.total_cost_usd == 3 + 2
    report = cost_report([several], "model", prices)
    assert {row.group_key: row.total_cost_usd for row in report.rows} == {"large": 3, "small": 2}
    assert [row.event_count for row in report.rows] == [1, 1]
    assert (report.total.event_count, report.total.total_cost_usd, report.total.duration_ms) == (1, Decimal(5), 5)


def test_what_remains_of_a_reported_cost_is_the_share_of_the_one_model_without_a_figure() -> None:
    parts = [PARTS[0], ModelPart(model="small", input_tokens=1, output_tokens=1, cost_usd=Decimal("0.4"))]
    several = event(model="large", input_tokens=1_000_001, output_tokens=1, models=parts, cost_usd=Decimal("2.9"))
    rows = cost_report([several], "model", prices).rows
    assert {row.group_key: row.reported_cost_usd for row in rows} == {"large": Decimal("2.5"), "small": Decimal("0.4")}


@pytest.mark.parametrize("costs", [(None, None), ("0.5", "0.9"), (None, "1.5")])
def test_shares_of_a_reported_cost_that_nobody_knows_stay_unknown_and_the_total_stays_right(
    costs: tuple[str | None, str | None],
) -> None:
    parts = [
        ModelPart(model=part.model, input_tokens=5, output_tokens=5, cost_usd=Decimal(cost) if cost else None)
        for part, cost in zip(PARTS, costs, strict=True)
    ]
    report = cost_report([event(model="large", models=parts, cost_usd=Decimal(1))], "model", prices)
    assert [row.total_cost_usd for row in report.rows] == [None, None]
    assert [row.unpriced_event_count for row in report.rows] == [1, 1]
    assert report.total.total_cost_usd == 1


def test_dust_of_the_agents_own_sums_goes_to_the_main_model() -> None:
    parts = [
        ModelPart(model="large", input_tokens=1, output_tokens=1, cost_usd=Decimal("0.1")),
        ModelPart(model="small", input_tokens=1, output_tokens=1, cost_usd=Decimal("0.2")),
    ]
    dusty = event(model="large", models=parts, cost_usd=Decimal("0.30000000000000004"))
    rows = {row.group_key: row.reported_cost_usd for row in cost_report([dusty], "model", prices).rows}
    assert rows == {"large": Decimal("0.1"), "small": Decimal("0.2")}


def test_a_run_counts_once_in_a_row_that_several_of_its_models_fall_into() -> None:
    parts = [
        ModelPart(model=name, provider="acme", input_tokens=1_000_000, output_tokens=0) for name in ("large", "small")
    ]
    run = event(model="large", input_tokens=2_000_000, output_tokens=0, models=parts, duration_ms=5, outcome="failed")
    row = only(cost_report([run], "provider", prices).rows)
    assert (row.event_count, row.failed_event_count, row.duration_ms) == (1, 1, 5)
    assert (row.total_input_tokens, row.total_cost_usd) == (2_000_000, Decimal(4))  # $3 + $1
    twice = event(model="large", input_tokens=3_000_000, output_tokens=0, models=[PARTS[0], *parts])
    rows = {row.group_key: row for row in cost_report([twice], "model", prices).rows}
    assert (rows["large"].event_count, rows["large"].total_cost_usd) == (1, Decimal(6))


def test_only_the_parts_of_wanted_models_are_added() -> None:
    several = event(model="large", input_tokens=3_000_000, output_tokens=0, models=PARTS)
    alone = event(model="small", input_tokens=1_000_000, output_tokens=0)
    for by in ("agent", "model"):
        report = cost_report([several, alone], by, prices, wanted_model=lambda name: name == "small")
        assert (report.total.event_count, report.total.total_cost_usd) == (2, Decimal(3))  # 2 M and 1 M × $1
        assert only(report.rows).total_input_tokens == 3_000_000


def test_models_alone_are_usage_even_where_the_run_has_no_totals() -> None:
    report = cost_report([event(model="large", models=PARTS)], "agent", prices)
    assert (report.total.total_cost_usd, report.total.no_usage_event_count) == (Decimal(5), 0)


def test_totals_beyond_the_sum_of_the_models_make_the_cost_a_floor() -> None:
    more = event(model="large", input_tokens=9_000_000, output_tokens=0, models=PARTS)
    total = cost_report([more], "agent", prices).total
    assert (total.total_cost_usd, total.partial_usage_event_count) == (Decimal(5), 1)


def test_a_model_without_any_count_stays_unknown_in_its_row() -> None:
    silent = event(model="large", models=[PARTS[0], ModelPart(model="small")])
    rows = {row.group_key: row for row in cost_report([silent], "model", prices).rows}
    assert rows["small"].total_cost_usd is None
    assert rows["small"].no_usage_event_count == 1


def test_one_model_without_a_price_leaves_the_others_as_a_floor() -> None:
    parts = [PARTS[0], ModelPart(model="nova-9", input_tokens=5, output_tokens=5)]
    report = cost_report(
        [event(model="large", input_tokens=1_000_005, output_tokens=5, models=parts)], "feature", prices
    )
    assert (report.total.total_cost_usd, report.total.unpriced_event_count) == (Decimal(3), 1)
    assert [each.model for each in report.unknown_models] == ["nova-9"]


def test_several_dimensions_make_one_key() -> None:
    events = [
        event(wp_id="WP01"),
        event(wp_id=None, role="planner"),
        event(wp_id="WP01", tags={"team": "red"}),
    ]
    rows = cost_report(events, "wp,role,tag:team", prices).rows
    assert {row.group_key for row in rows} == {
        "WP01 / implementer / unknown",
        "unknown / planner / unknown",
        "WP01 / implementer / red",
    }
    assert rows[0].group_by == ("wp", "role", "tag:team")


def test_failed_killed_and_timed_out_runs_count_as_failed_and_a_rejecting_review_does_not() -> None:
    outcomes = ("succeeded", "failed", "killed", "timed_out", "rejected")
    row = only(cost_report([event(outcome=outcome) for outcome in outcomes], "agent", prices).rows)
    assert (row.succeeded_event_count, row.failed_event_count, row.rejected_event_count) == (1, 3, 1)


@pytest.mark.parametrize(
    ("by", "message"), [("colour", "found the dimension 'colour', expected one of"), ("wp,wp", "twice")]
)
def test_a_dimension_that_does_not_exist_is_an_error(by: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        cost_report([], by, prices)


def test_the_public_function_uses_the_shipped_prices() -> None:
    said = event(agent="claude-code", model="claude-sonnet-4-6", input_tokens=1_000_000, output_tokens=100_000)
    row = only(cost_summary([said], group_by=["agent", "model"]))
    assert row.group == {"agent": "claude-code", "model": "claude-sonnet-4-6"}
    assert row.estimated_cost_usd == Decimal("4.5")  # 1 M × $3 + 0.1 M × $15


amounts = st.decimals(min_value=0, max_value=10**6, places=9, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(amounts, st.sampled_from("abc")), max_size=30), st.randoms(use_true_random=False))
def test_totals_do_not_depend_on_order_or_grouping_and_equal_decimal_arithmetic(
    costs: list[tuple[Decimal, str]], shuffle: random.Random
) -> None:
    events = [event(cost_usd=cost, agent=agent) for cost, agent in costs]
    expected = sum((cost for cost, _ in costs), Decimal(0)) if costs else None
    first = cost_report(events, "agent", prices)
    shuffle.shuffle(events)
    second = cost_report(events, "feature,agent", prices)
    assert first.total.total_cost_usd == second.total.total_cost_usd == expected
    assert sum(row.total_cost_usd or 0 for row in first.rows) == (expected or 0)


@given(amounts)
def test_money_survives_the_way_in_and_out(amount: Decimal) -> None:
    assert dollars(picodollars(amount)) == amount


def test_money_keeps_every_digit_that_floats_lose() -> None:
    tenth = [event(cost_usd=Decimal("0.1")) for _ in range(3)]
    assert cost_report(tenth, "agent", prices).total.total_cost_usd == Decimal("0.3")
