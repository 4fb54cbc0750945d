"""What one record costs, case by case: `Costing` alone, with one model that has a price and one that has none.

Known is `nova` at $2 and $8 a million tokens: one token in is 2,000,000 picodollars, one out is 8,000,000.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import new_record

from spec_kitty_telemetry.model.payload import ModelPart
from spec_kitty_telemetry.pricing import Price
from spec_kitty_telemetry.reports.costing import Cost, Costing, UnknownModel, together, unknown_models

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from spec_kitty_telemetry.reports.costing import CostMode

DOLLAR = 10**12
NOVA = Price.per_million(model="nova", input=2, output=8)
TOKENS: dict[str, Any] = {"input_tokens": 100, "output_tokens": 10}
NOVA_COSTS = 100 * 2_000_000 + 10 * 8_000_000


def find_price(
    model: str | None,
    _provider: str | None,
    _at: datetime,
    _agent: str | None,
    _ways: Mapping[str, str] | None = None,
    /,
) -> Price | None:
    return NOVA if model == "nova" else None


def part(model: str = "nova", cost: str | None = None, **facts: Any) -> ModelPart:
    return ModelPart(model=model, cost_usd=None if cost is None else Decimal(cost), **facts)


def cost_of(mode: CostMode = "auto", *, in_parts: bool = True, cost: str | None = None, **facts: Any) -> Cost:
    record = new_record(1, cost_usd=None if cost is None else Decimal(cost), **facts)
    return Costing(find_price, mode, in_parts=in_parts).cost_of(record)


def test_what_is_reported_counts_before_what_tokens_are_worth() -> None:
    assert cost_of(cost="1", model="nova", **TOKENS) == Cost(DOLLAR)
    assert cost_of("reported", cost="1", model="nova", **TOKENS) == Cost(DOLLAR)
    assert cost_of("calculated", cost="1", model="nova", **TOKENS) == Cost(None, NOVA_COSTS)
    assert cost_of("auto", model="nova", **TOKENS) == Cost(None, NOVA_COSTS)
    assert cost_of("reported", model="nova", **TOKENS).unpriced


def test_a_reported_cost_of_nothing_is_known() -> None:
    assert cost_of(cost="0", model="nova", **TOKENS) == Cost(0)
    assert cost_of(cost="0", models=(part(),), **TOKENS).parts == (Cost(0),)


def test_parts_are_charged_only_where_they_are_asked_for() -> None:
    assert cost_of(cost="1", models=(part(),), in_parts=False).parts == ()
    assert cost_of(cost="1", models=(part(),)).parts == (Cost(DOLLAR),)


@pytest.mark.parametrize("mode", ["auto", "reported"])
def test_models_that_say_their_cost_and_no_tokens_cost_that(mode: CostMode) -> None:
    cost = cost_of(mode, models=(part(cost="1"), part("other", "0.5")))
    assert (cost.reported, cost.estimated, cost.unpriced, cost.partial) == (3 * DOLLAR // 2, None, False, False)
    one_of_two = cost_of(mode, models=(part(cost="1"), part("other", **TOKENS)))
    assert (one_of_two.reported, one_of_two.estimated, one_of_two.unpriced) == (DOLLAR, None, True)


def test_a_known_cost_is_no_lower_bound_and_every_gap_but_a_cheaper_rate_makes_one() -> None:
    assert not Cost(DOLLAR).is_floor
    assert not Cost(None, 1, cheaper_rates=True).is_floor
    assert Cost(has_usage=False).is_floor
    for flag in ("unpriced", "partial", "contradictory", "base_rates", "unpriced_searches", "dearer_rates"):
        assert msgspec.structs.replace(Cost(None, 1), **{flag: True}).is_floor, flag


def test_what_is_known_is_reported_and_estimated_together() -> None:
    assert (Cost(1, 2).known, Cost(1).known, Cost(None, 2).known, Cost().known) == (3, 1, 2, None)


def test_a_run_whose_models_say_less_than_it_says_is_partly_known() -> None:
    models = (part(**TOKENS),)
    assert not cost_of(models=models, **TOKENS).partial
    assert not cost_of(models=models, input_tokens=99, output_tokens=9).partial
    assert cost_of(models=models, input_tokens=101, output_tokens=10).partial
    assert cost_of(models=models, input_tokens=100, output_tokens=11).partial


def test_a_run_whose_models_say_fewer_searches_has_searches_without_a_price() -> None:
    models = (part(**TOKENS),)
    assert cost_of(models=models, web_search_requests=1, **TOKENS).unpriced_searches
    assert not cost_of(models=models, web_search_requests=0, **TOKENS).unpriced_searches


def test_a_run_with_one_model_that_says_nothing_is_partly_known() -> None:
    cost = cost_of(models=(part(**TOKENS), part("silent")))
    assert (cost.estimated, cost.has_usage, cost.partial) == (NOVA_COSTS, True, True)


def test_a_run_that_says_nothing_has_no_usage_in_any_part() -> None:
    cost = cost_of(models=(part(), part("silent")))
    assert (cost.has_usage, cost.unpriced, [one.has_usage for one in cost.parts]) == (False, False, [False, False])


def test_a_whole_that_says_more_than_its_silent_models_is_priced_as_a_whole() -> None:
    cost = cost_of(model="nova", models=(part(), part("silent")), **TOKENS)
    assert (cost.estimated, [one.unpriced for one in cost.parts]) == (NOVA_COSTS, [True, True])
    reported = cost_of("reported", model="nova", models=(part(),), **TOKENS)
    assert (reported.unpriced, [one.unpriced for one in reported.parts]) == (True, [True])


@pytest.mark.parametrize(
    ("whole", "own", "shares"),
    [
        ("1", ("0.25", None), (DOLLAR // 4, 3 * DOLLAR // 4)),  # the rest is the other's
        ("1", ("1", None), (DOLLAR, 0)),
        ("1", ("1.01", None), (None, None)),  # more than the whole
        ("1", ("0.25", None, None), (DOLLAR // 4, None, None)),  # two share the rest, nobody knows how
        ("1", ("0.25", "0.75"), (DOLLAR // 4, 3 * DOLLAR // 4)),
        ("1", ("0.25", "0.750001"), (DOLLAR // 4, 3 * DOLLAR // 4)),  # a millionth is what floats leave
        ("1", ("0.75", "0.249999"), (3 * DOLLAR // 4 + 10**6, DOLLAR * 249999 // 10**6)),  # the greater has it
        ("1", ("0.25", "0.750001000001"), (None, None)),
        ("1", ("0.25", "0.749998999999"), (None, None)),
    ],
)
def test_a_reported_cost_is_shared_out_among_its_models(
    whole: str, own: tuple[str | None, ...], shares: tuple[int | None, ...]
) -> None:
    cost = cost_of(cost=whole, models=tuple(part(f"m{number}", said) for number, said in enumerate(own)))
    assert cost.reported == DOLLAR
    assert tuple(one.reported for one in cost.parts) == shares
    assert [one.unpriced for one in cost.parts] == [share is None for share in shares]


def test_a_model_without_a_price_is_remembered_once_a_record_with_all_of_its_tokens() -> None:
    costing = Costing(find_price, "auto")
    costing.cost_of(new_record(1, models=(part("x", **TOKENS), part("x", **TOKENS), part("y", input_tokens=5))))
    costing.cost_of(new_record(2, model="x", **TOKENS))
    costing.cost_of(new_record(3, model="nova", **TOKENS))
    assert costing.unknown == {("x", None): [2, 300, 30], ("y", None): [1, 5, 0]}
    assert unknown_models(costing.unknown) == [
        UnknownModel("x", None, 2, 300, 30),
        UnknownModel("y", None, 1, 5, 0),
    ]
    assert unknown_models(costing.unknown, lambda model: model == "y") == [UnknownModel("y", None, 1, 5, 0)]


def test_unknown_models_stand_by_their_input_then_by_name() -> None:
    counts = {("b", None): [1, 5, 0], ("a", "z"): [1, 5, 0], ("a", "y"): [1, 5, 0], (None, None): [1, 9, 0]}
    found = unknown_models(counts)
    assert [(one.model, one.provider) for one in found] == [(None, None), ("a", "y"), ("a", "z"), ("b", None)]


def test_nothing_used_costs_nothing_whatever_the_model() -> None:
    assert cost_of(model="x", input_tokens=0, output_tokens=0) == Cost(None, 0)
    used: list[dict[str, Any]] = [{"cache_read_tokens": 1}, {"web_search_requests": 1}]
    assert all(cost_of(model="x", input_tokens=0, output_tokens=0, **facts).unpriced for facts in used)


def test_one_unknown_count_makes_the_estimate_a_part() -> None:
    assert cost_of(model="nova", input_tokens=100) == Cost(None, 200_000_000, partial=True, is_gap=True)
    assert cost_of(model="nova", output_tokens=10) == Cost(None, 80_000_000, partial=True, is_gap=True)


def test_counts_that_cannot_be_true_have_no_cost_at_any_price() -> None:
    cost = cost_of(model="nova", input_tokens=1, output_tokens=1, cache_read_tokens=2)
    assert (cost.contradictory, cost.unpriced, cost.known) == (True, True, None)


def test_costs_together_know_what_any_of_them_knows_and_lack_what_any_lacks() -> None:
    assert together([Cost(1), Cost(None, 2)]) == Cost(1, 2, is_gap=True)
    mixed = together([Cost(1), Cost(has_usage=False, unpriced=True)])
    assert (mixed.reported, mixed.estimated, mixed.has_usage, mixed.unpriced) == (1, None, True, True)
    assert not together([Cost(has_usage=False), Cost(has_usage=False)]).has_usage
