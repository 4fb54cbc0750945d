"""How runs were billed: speed, tier, place, searches and guesses, priced from what a record says of them.

Dollars are worked out beside each case from the vendors' published rates per million tokens.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.cli.render.explanation import explained, lines
from spec_kitty_telemetry.model.doubts import CUT_OFF, TOO_LARGE, only_misses
from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
from spec_kitty_telemetry.model.record import ExecutionEvent
from spec_kitty_telemetry.pricing import PriceBook
from spec_kitty_telemetry.reports.gaps import GAPS
from spec_kitty_telemetry.reports.summary import CostSummary, cost_report

if TYPE_CHECKING:
    from spec_kitty_telemetry.reports.costing import CostMode

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
BOOK = PriceBook.shipped()


def run(**facts: Any) -> ExecutionEvent:
    """Return a record of one run of which only `facts` are known."""
    return ExecutionEvent(
        event_id="01KHJVJWDK0000000000000000", event_type="ExecutionEvent", aggregate_id="043-shop", node_id="n",
        lamport_clock=1, timestamp=AT, payload=ExecutionPayload(**facts),
    )  # fmt: skip


def total(event: ExecutionEvent, cost: CostMode = "auto") -> CostSummary:
    return cost_report([event], "wp", BOOK.find, cost=cost).total


CLAUDE = {"input_tokens": 21_000, "cache_read_tokens": 20_000, "output_tokens": 500}
CODEX = {"input_tokens": 100_000, "cache_read_tokens": 80_000, "output_tokens": 2_000}


@pytest.mark.parametrize(
    ("facts", "dollars"),
    [
        ({"model": "claude-opus-4-8", **CLAUDE}, "0.0275"),  # .001 * 5 + .02 * .5 + .0005 * 25
        ({"model": "claude-opus-4-8", "speed": "fast", **CLAUDE}, "0.055"),  # twice that
        ({"model": "claude-opus-4-8", "inference_geo": "us", **CLAUDE}, "0.03025"),  # 1.1 times
        ({"model": "claude-opus-4-8", "speed": "fast", "inference_geo": "us", **CLAUDE}, "0.0605"),  # both
        ({"model": "claude-opus-4-8", "service_tier": "batch", **CLAUDE}, "0.01375"),  # half
        ({"model": "claude-fable-5-2", "speed": "fast", **CLAUDE}, "0.064"),  # .001 * 16 + .02 * .4 + .0005 * 80
        ({"model": "claude-sonnet-4-6", "web_search_requests": 3, **CLAUDE}, "0.0465"),  # .0165 + 3 * .01
        ({"model": "gpt-5.5", "service_tier": "priority", **CODEX}, "0.5"),  # .02 * 12.5 + .08 * 1.25 + .002 * 75
        ({"model": "gpt-5.5", "service_tier": "flex", **CODEX}, "0.1"),  # .02 * 2.5 + .08 * .25 + .002 * 15
        ({"model": "gpt-5.4-mini", "service_tier": "priority", **CODEX}, "0.06"),  # .02 * 1.5 + .08 * .15 + .002 * 9
        ({"model": "gpt-5.2", "web_search_requests": 2, **CODEX}, "0.097"),  # .035 + .014 + .028 + 2 * .01
        (
            {"model": "gemini-3.1-pro-preview", "web_search_requests": 5, **CODEX},
            "0.15",
        ),  # .04 + .016 + .024 + 5 * .014
        ({"model": "gemini-2.5-pro", "web_search_requests": 1, **CODEX}, "0.09"),  # .025 + .01 + .02 + .035
    ],
)
def test_a_run_is_priced_at_the_rates_it_was_billed_by(facts: dict[str, Any], dollars: str) -> None:
    for row in (total(run(**facts)), total(run(**facts, cost_usd=Decimal(9)), "calculated")):
        assert row.total_cost_usd == Decimal(dollars)
        assert (row.is_lower_bound, row.is_in_doubt, row.cost_is_known) == (False, False, True)


def test_each_model_of_a_run_has_its_own_way_of_being_billed() -> None:
    parts = [
        ModelPart(model="claude-opus-4-8", speed="fast", input_tokens=1_000, output_tokens=0),  # .001 * 10
        ModelPart(model="claude-opus-4-8", input_tokens=1_000, output_tokens=0),  # .001 * 5
        ModelPart(model="claude-haiku-4-5", web_search_requests=1, input_tokens=1_000, output_tokens=0),  # .001 + .01
    ]

    assert total(run(models=parts)).total_cost_usd == Decimal("0.026")


@pytest.mark.parametrize("said", ["standard", "default", "global", "not_available", "Standard"])
def test_the_standard_by_any_name_costs_the_standard_rates(said: str) -> None:
    facts = {"model": "claude-opus-4-8", "speed": said, "service_tier": said, "inference_geo": said}

    assert total(run(**facts, **CLAUDE)).total_cost_usd == Decimal("0.0275")
    assert total(run(**facts, **CLAUDE)).cost_is_known


RAISED_BY: dict[str, dict[str, Any]] = {
    "no_usage_event_count": {"model": "gpt-5.5"},
    "unpriced_event_count": {"model": "nobody-knows", **CODEX},
    "partial_usage_event_count": {"model": "gpt-5.5", "input_tokens": 5},
    "unpriced_search_event_count": {"model": "gpt-5.3-codex", "web_search_requests": 1, **CODEX},
    "dearer_rate_event_count": {"model": "claude-sonnet-4-5", "speed": "fast", **CLAUDE},
    "base_rate_event_count": {"model": "gpt-5.5", "input_tokens": 272_001, "output_tokens": 1},
    "incomplete_event_count": {"model": "gpt-5.5", "uncertain": CUT_OFF, **CODEX},
    "uncertain_event_count": {"model": "gpt-5.5", "uncertain": "its numbers are rounded", **CODEX},
    "cheaper_rate_event_count": {"model": "claude-3-opus", "service_tier": "batch", **CLAUDE},
}


def test_every_floor_and_every_doubt_has_a_run_that_raises_it() -> None:
    assert {gap.field for gap in GAPS} == {*RAISED_BY, "unread_count"}


@pytest.mark.parametrize("gap", [gap for gap in GAPS if gap.field != "unread_count"], ids=lambda gap: gap.field)
def test_a_gap_is_counted_alone_and_is_either_a_floor_or_a_doubt(gap: Any) -> None:
    row = total(run(**RAISED_BY[gap.field]))

    assert {each.field for each in GAPS if getattr(row, each.field)} == {gap.field}
    assert (row.is_lower_bound, row.is_in_doubt) == (gap.is_floor, not gap.is_floor)
    assert not row.cost_is_known
    assert row.known_cost_usd == (row.total_cost_usd or 0)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"model": "gpt-5.3", "service_tier": "priority"}, "dearer_rate_event_count"),
        ({"model": "claude-haiku-4-5", "inference_geo": "us"}, "dearer_rate_event_count"),
        ({"model": "claude-opus-5", "inference_geo": "eu"}, "dearer_rate_event_count"),
        ({"model": "gpt-5.3", "service_tier": "flex"}, "cheaper_rate_event_count"),
        ({"model": "gpt-5.3", "service_tier": "scale"}, "cheaper_rate_event_count"),
        ({"model": "grok-4.7", "web_search_requests": 1}, "unpriced_search_event_count"),
    ],
)
def test_a_way_of_being_billed_without_rates_is_never_passed_over(facts: dict[str, Any], field: str) -> None:
    row = total(run(**facts, **CODEX))

    assert row.total_cost_usd is not None
    assert getattr(row, field) == 1


def test_a_free_model_is_free_in_every_way() -> None:
    row = total(run(model="ollama/qwen3-coder", speed="fast", service_tier="flex", web_search_requests=9, **CODEX))

    assert (row.total_cost_usd, row.cost_is_known) == (Decimal(0), True)


def test_searches_that_no_model_of_a_run_owns_make_a_floor() -> None:
    part = ModelPart(model="claude-sonnet-4-6", web_search_requests=1, input_tokens=1, output_tokens=1)

    assert total(run(models=[part], web_search_requests=2)).unpriced_search_event_count == 1
    assert total(run(models=[part], web_search_requests=1)).cost_is_known


def test_a_guess_of_the_agents_never_counts_and_the_tables_price_does() -> None:
    glm = {"model": "glm-4.5", "input_tokens": 4_400_000, "cache_read_tokens": 2_000_000, "output_tokens": 13_500}
    row = total(run(**glm, guessed_cost_usd=Decimal("8.11")))

    assert row.estimated_cost_usd == Decimal("1.6897")  # 2.4 * .6 + 2 * .11 + .0135 * 2.2
    assert row.reported_cost_usd is None
    unknown = total(run(**{**glm, "model": "house-glm"}, guessed_cost_usd=Decimal("8.11")))
    assert (unknown.total_cost_usd, unknown.unpriced_event_count) == (None, 1)


def test_a_guess_for_one_model_leaves_what_was_reported_for_the_other() -> None:
    parts = [
        ModelPart(model="claude-sonnet-4-6", input_tokens=1_000, output_tokens=0, cost_usd=Decimal("0.004")),
        ModelPart(model="glm-4.6", input_tokens=1_000, output_tokens=0, guessed_cost_usd=Decimal("0.018")),  # .001 * .6
    ]
    event = run(models=parts, cost_usd=Decimal("0.004"), guessed_cost_usd=Decimal("0.018"))
    row = total(event)

    assert (row.reported_cost_usd, row.estimated_cost_usd) == (Decimal("0.004"), Decimal("0.0006"))
    assert row.cost_is_known
    rows = cost_report([event], "model", BOOK.find).rows
    assert {each.group_key: each.total_cost_usd for each in rows} == {
        "claude-sonnet-4-6": Decimal("0.004"),
        "glm-4.6": Decimal("0.0006"),
    }


def test_explaining_shows_the_guess_the_way_and_the_searches() -> None:
    event = run(model="claude-sonnet-4-6", requested_model="sonnet", web_search_requests=3, inference_geo="us",
                guessed_cost_usd=Decimal("0.9"), **CLAUDE)  # fmt: skip
    text = "\n".join(lines(explained(event, BOOK.find)))

    assert "guessed:    $0.9 (by the agent, at rates that are not this model's; not counted)" in text
    assert "claude-sonnet-4-6 (asked for as sonnet), inference_geo us: price of" in text
    assert re.search(r"web search +3 +x +\$10/k += +\$0.03\n", text)
    assert "calculated: $0.04815" in text  # 1.1 * .0165 + .03


def test_explaining_says_what_has_no_rates() -> None:
    fast = explained(run(model="gpt-5.3-codex", speed="fast", web_search_requests=2, **CODEX), BOOK.find)

    assert fast["calculated_cost_is_floor"]
    assert "web searches have no known price here, and there were 2" in fast["parts"][0]["problem"]
    assert "no rates are known for speed fast: standard ones were taken" in fast["parts"][0]["problem"]


@pytest.mark.parametrize(
    ("uncertain", "is_floor"),
    [
        (CUT_OFF, True),
        (f"{CUT_OFF}; {TOO_LARGE}", True),
        ("too low: the tokens of 2 of its sub-agents are in no file that could be read", True),
        ("12 tokens of tool results were reported apart and are not counted", True),
        ("its numbers are rounded", False),
        (f"{CUT_OFF}; its numbers are rounded", False),
    ],
)
def test_a_doubt_in_words_is_a_floor_where_all_of_it_says_that_something_is_missing(
    uncertain: str, is_floor: bool
) -> None:
    assert only_misses(uncertain) is is_floor


def test_the_page_has_every_gap_with_its_class() -> None:
    page = (Path(__file__).parent.parent / "docs" / "reports.md").read_text(encoding="utf-8")

    for gap in GAPS:
        assert f"| {gap.raised_by} | {'`≥` floor' if gap.is_floor else 'doubt'} | `{gap.field}` |" in page
