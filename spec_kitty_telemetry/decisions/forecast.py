"""What the rest will cost: the open work packages, each like those that this project has accepted.  Pure.

The cost of whole work packages is taken as lognormal: most are cheap, a few are not, and the attempts at one package
share its difficulty, so that packages are drawn and never runs.  The two parameters are uncertain themselves: with n
packages the logarithms' variance is drawn from its scaled inverse chi-squared distribution and their mean from the
normal one given that variance (the posterior under the usual flat prior).  A package that has begun costs at least what
was spent on it, so its draw is conditioned on that.

Estimates are no money: they are floats here, and rounded where they are shown.
"""

from __future__ import annotations

import math
from decimal import Decimal
from random import Random
from statistics import NormalDist, fmean, median, variance
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST = 5
"""Below so many accepted packages nothing is forecast: the ranges would be wrong too often."""
LEVELS = (50, 80, 95)
"""Percent of cases that a range should hold."""
_SEED = 20260216
"""Fixed, so that the same history gives the same words."""
_DRAWS = 2000
_GREATEST_LOG = 40.0
"""Draws stop at e⁴⁰ dollars, before floats do."""
_FAR = 7.0
"""From so many standard deviations on a normal tail is taken as exponential."""
_STANDARD = NormalDist()


class Range(NamedTuple):
    """The cost lies between the two in `level` percent of cases."""

    level: int
    low_usd: Decimal
    high_usd: Decimal


class Forecast(NamedTuple):
    """What open work packages will cost altogether, what was spent on them included."""

    known_count: int
    """Accepted packages whose cost is known: what the forecast is made from."""
    open_count: int
    spent_usd: Decimal
    """What was spent on the open ones already."""
    median_usd: Decimal
    ranges: tuple[Range, ...]

    def range_of(self, level: int) -> Range:
        """Return the range that should hold `level` percent of cases."""
        return next(each for each in self.ranges if each.level == level)


class TooFew(NamedTuple):
    """Too few accepted packages to forecast anything: what they cost instead."""

    known_count: int
    open_count: int
    spent_usd: Decimal
    least_usd: Decimal | None
    median_usd: Decimal | None
    greatest_usd: Decimal | None


def forecast(known_usd: Sequence[Decimal], spent_usd: Sequence[Decimal]) -> Forecast | TooFew:
    """Forecast the packages on which `spent_usd` was spent so far (0: not begun) from what `known_usd` cost.

    Costs that are not above 0 have no logarithm; whoever asks leaves them out and says so.
    """
    spent = sum(spent_usd, Decimal(0))
    costs = sorted(cost for cost in known_usd if cost > 0)
    if len(costs) < FEWEST:
        middle = Decimal(median(costs)) if costs else None
        return TooFew(
            len(costs), len(spent_usd), spent, costs[0] if costs else None, middle, costs[-1] if costs else None
        )
    totals = _totals([math.log(cost) for cost in costs], [float(each) for each in spent_usd])
    ranges = tuple(
        Range(level, _dollars(quantile(totals, (100 - level) / 200)), _dollars(quantile(totals, (100 + level) / 200)))
        for level in LEVELS
    )
    return Forecast(len(costs), len(spent_usd), spent, _dollars(quantile(totals, 0.5)), ranges)


def _totals(logs: Sequence[float], spent_usd: Sequence[float]) -> list[float]:
    """Return sorted draws of what all packages cost together."""
    random = Random(_SEED)  # noqa: S311 - a simulation, no secret
    count, mean, spread = len(logs), fmean(logs), variance(logs)
    begun = [math.log(spent) for spent in spent_usd if spent > 0]
    unbegun_count = len(spent_usd) - len(begun)
    found = []
    for _ in range(_DRAWS):
        sigma = math.sqrt((count - 1) * spread / random.gammavariate((count - 1) / 2, 2))
        centre = random.gauss(mean, sigma / math.sqrt(count))
        drawn = [random.gauss(centre, sigma) for _ in range(unbegun_count)]
        drawn += [_above(random, least, centre, sigma) for least in begun]
        found.append(sum(math.exp(min(each, _GREATEST_LOG)) for each in drawn))
    return sorted(found)


def _above(random: Random, least: float, centre: float, sigma: float) -> float:
    """Draw from the normal distribution that is cut off below `least`."""
    if sigma <= 0:
        return max(least, centre)
    start = (least - centre) / sigma
    if start > _FAR:
        return least + sigma * random.expovariate(start)
    below = _STANDARD.cdf(start)
    drawn = below + (1 - below) * random.random()
    return centre + sigma * max(start, _STANDARD.inv_cdf(min(max(drawn, 1e-15), 1 - 1e-15)))


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return the value below which `part` of the sorted values lie, between two neighbours in proportion."""
    place = part * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _dollars(estimate: float) -> Decimal:
    return Decimal(repr(estimate)).quantize(Decimal("0.01")) if estimate < 1e20 else Decimal(int(estimate))  # noqa: PLR2004
