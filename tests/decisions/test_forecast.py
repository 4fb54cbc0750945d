"""What the rest will cost: ranges that hold as often as they say, and plain words where too little is known."""

from __future__ import annotations

import math
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Protocol, cast

import pytest

from spec_kitty_telemetry.decisions.forecast import Forecast, TooFew, forecast, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence


class Simulation(Protocol):
    def coverage(self, known: int, to_come: int, projects: int, seed: int = 1) -> dict[int, float]: ...


def benchmark() -> Simulation:
    path = Path(__file__).parents[2] / "benchmarks" / "forecast.py"
    spec = spec_from_file_location("benchmarks_forecast", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Simulation", module)


def usd(*amounts: str) -> list[Decimal]:
    return [Decimal(amount) for amount in amounts]


HISTORY = usd("1.10", "2.40", "0.70", "3.90", "1.60", "0.95", "2.05", "1.30")


def made(known: Sequence[Decimal], spent: Sequence[Decimal]) -> Forecast:
    found = forecast(known, spent)
    assert isinstance(found, Forecast)
    return found


def test_the_same_history_gives_the_same_forecast_whatever_its_order() -> None:
    assert made(HISTORY, usd("0", "0")) == made(HISTORY[::-1], usd("0", "0"))


def test_wider_ranges_hold_the_narrower_ones_and_the_median() -> None:
    said = made(HISTORY, usd("0", "0", "0"))
    narrow, middle, wide = said.ranges
    assert [each.level for each in said.ranges] == [50, 80, 95]
    assert wide.low_usd < middle.low_usd < narrow.low_usd < said.median_usd
    assert said.median_usd < narrow.high_usd < middle.high_usd < wide.high_usd


def test_packages_that_all_cost_the_same_are_forecast_as_just_that() -> None:
    said = made(usd("2") * 6, usd("0") * 3)
    assert said.median_usd == Decimal("6.00")
    assert {(each.low_usd, each.high_usd) for each in said.ranges} == {(Decimal("6.00"), Decimal("6.00"))}


def test_one_package_follows_the_lognormal_distribution_of_a_long_history() -> None:
    # 999 quantiles of a lognormal with median e and σ 0.5: its own 10 % and 90 % quantiles are e^(1 ∓ 0.5·1.2816).
    quantiles = NormalDist(1, 0.5).quantiles(1000)
    said = made([Decimal(repr(math.exp(each))) for each in quantiles], usd("0")).range_of(80)
    assert float(said.low_usd) == pytest.approx(math.exp(1 - 0.5 * 1.2816), rel=0.08)
    assert float(said.high_usd) == pytest.approx(math.exp(1 + 0.5 * 1.2816), rel=0.08)


def test_what_was_spent_on_a_package_is_the_least_that_it_costs() -> None:
    said = made(HISTORY, usd("6"))
    assert said.spent_usd == Decimal(6)
    assert min(each.low_usd for each in said.ranges) >= Decimal(6)
    assert said.median_usd > made(HISTORY, usd("0")).median_usd


@pytest.mark.parametrize("spent", ["1000", "1e9"])
def test_a_package_far_beyond_all_others_is_still_forecast(spent: str) -> None:
    assert made(HISTORY, usd(spent)).median_usd >= Decimal(spent)


def test_below_five_packages_nothing_is_forecast_but_what_they_cost() -> None:
    assert forecast(usd("4", "1", "2", "3"), usd("0", "0.5")) == TooFew(
        4, 2, Decimal("0.5"), Decimal(1), Decimal("2.5"), Decimal(4)
    )
    assert forecast([], usd("0")) == TooFew(0, 1, Decimal(0), None, None, None)


def test_packages_that_cost_nothing_are_no_history() -> None:
    assert isinstance(forecast(usd("0", "0", "1", "2", "3", "4"), usd("0")), TooFew)


def test_nothing_open_costs_what_was_spent() -> None:
    assert made(HISTORY, []).median_usd == 0


def test_a_quantile_lies_between_its_neighbours_in_proportion() -> None:
    assert quantile([1.0, 2.0, 4.0], 0.5) == 2.0
    assert quantile([1.0, 2.0, 4.0], 0.75) == 3.0
    assert quantile([1.0], 0.9) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(("known", "to_come"), [(8, 8), (12, 6)])
def test_the_range_of_80_percent_holds_in_about_80_of_100_made_up_projects(known: int, to_come: int) -> None:
    """Seeded, so it says the same each time; `benchmarks/forecast.py` plays many more."""
    simulation = benchmark()
    assert 0.75 <= simulation.coverage(known, to_come, 200)[80] <= 0.85
