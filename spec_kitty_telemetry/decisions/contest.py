"""Which agent or model does best in a role: what its work packages cost, how many passed at once, what was done again.

A work package belongs to the one agent (or model) that did all runs of the role in it; where several had a part in it,
it can speak for none of them, and is counted apart.  Pure.
"""

from __future__ import annotations

import math
from decimal import Decimal
from random import Random
from statistics import NormalDist, fmean, median, variance
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.decisions.forecast import FEWEST, quantile
from spec_kitty_telemetry.model.money import share
from spec_kitty_telemetry.reports.lifecycle_summary import part_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from spec_kitty_telemetry.reports.lifecycle import Run, WorkPackage

KINDS = ("agent", "model")
LEVEL = 80
"""Percent of cases that a range should hold."""
_SEED, _DRAWS = 20260216, 2000
_Z = NormalDist().inv_cdf((1 + LEVEL / 100) / 2)


class Interval(NamedTuple):
    """The true value lies between the two in 80 percent of cases."""

    low: Decimal
    high: Decimal


class Contender(NamedTuple):
    """One agent or model in a role.  `None` is unknown."""

    name: str | None
    package_count: int
    """Work packages in which it did all runs of the role."""
    accepted_count: int
    first_pass_count: int
    first_pass_range: Interval | None
    costs_usd: tuple[Decimal, ...]
    """What each accepted work package cost until then, all roles together, where that is known."""
    typical_range_usd: Interval | None
    """Of the typical (median) cost; `None` below two packages."""
    rework_usd: Decimal | None
    cost_usd: Decimal | None
    """Of all its work packages."""
    durations_ms: tuple[int, ...]
    """How long its own runs in each accepted work package took together."""

    @property
    def first_pass_rate(self) -> Decimal | None:
        """The part of the accepted ones that were never rejected."""
        return share(Decimal(self.first_pass_count), Decimal(self.accepted_count))

    @property
    def median_usd(self) -> Decimal | None:
        """The median cost of an accepted work package."""
        return Decimal(median(self.costs_usd)) if self.costs_usd else None

    @property
    def median_duration_ms(self) -> int | None:
        """The median time of its own runs in an accepted work package."""
        return round(median(self.durations_ms)) if self.durations_ms else None

    @property
    def rework_share(self) -> Decimal | None:
        """The part of the cost of its work packages that came after a first rejection."""
        return share(self.rework_usd, self.cost_usd)

    @property
    def is_too_few(self) -> bool:
        """Whether too few accepted work packages are known to say anything."""
        return len(self.costs_usd) < FEWEST


class Contest(NamedTuple):
    """All agents or models of one role."""

    role: str
    kind: str
    contenders: tuple[Contender, ...]
    """The one with the lowest median cost first, those without one last."""
    shared_count: int
    """Work packages in which several had a part."""
    without_count: int
    """Work packages without a run of the role."""


def contest(packages: Iterable[WorkPackage], role: str, kind: str) -> Contest:
    """Set the agents or models (`kind`) that worked in `role` against each other."""
    members: dict[str | None, list[WorkPackage]] = {}
    shared = without = 0
    for package in packages:
        names = {_NAME[kind](run) for run in package.runs if run.role == role}
        if len(names) == 1:
            members.setdefault(names.pop(), []).append(package)
        else:
            shared += bool(names)
            without += not names
    found = [_contender(name, every, role) for name, every in members.items()]
    found.sort(key=lambda each: (each.median_usd is None, each.median_usd or 0, each.name or ""))
    return Contest(role, kind, tuple(found), shared, without)


def _contender(name: str | None, packages: list[WorkPackage], role: str) -> Contender:
    accepted = [each for each in packages if each.accepted_at is not None]
    first_pass = sum(not each.rejection_count for each in accepted)
    costs = sorted(cost for each in accepted if (cost := _known_cost(each)) is not None)
    durations = [length for each in accepted if (length := _duration_ms(each, role)) is not None]
    rework = [part_usd(each.rework, each.total) for each in packages if each.rework is not None]
    totals = [each.total.total_cost_usd for each in packages]
    return Contender(
        name=name,
        package_count=len(packages),
        accepted_count=len(accepted),
        first_pass_count=first_pass,
        first_pass_range=wilson(first_pass, len(accepted)),
        costs_usd=tuple(costs),
        typical_range_usd=typical_range([float(cost) for cost in costs if cost > 0]),
        rework_usd=_sum_of_known(rework),
        cost_usd=_sum_of_known(totals),
        durations_ms=tuple(durations),
    )


def _known_cost(each: WorkPackage) -> Decimal | None:
    if each.until_accepted is None or each.until_accepted.is_lower_bound:
        return None
    return part_usd(each.until_accepted, each.total)


def _duration_ms(each: WorkPackage, role: str) -> int | None:
    known = [run.event.payload.duration_ms for run in each.runs if run.role == role]
    return None if not known or None in known else sum(length or 0 for length in known)


def _sum_of_known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def wilson(successes: int, trials: int) -> Interval | None:
    """Return the score interval of a proportion (Wilson 1927), which is right for few trials as well."""
    if not trials:
        return None
    part, square = successes / trials, _Z * _Z
    centre = (part + square / (2 * trials)) / (1 + square / trials)
    half = _Z * math.sqrt(part * (1 - part) / trials + square / (4 * trials * trials)) / (1 + square / trials)
    return Interval(_rounded(max(centre - half, 0)), _rounded(min(centre + half, 1)))


def typical_range(costs: Sequence[float]) -> Interval | None:
    """Return the range of the median of the lognormal distribution that `costs` are from; as `forecast` has it."""
    if len(costs) < 2:  # noqa: PLR2004 - one has no spread
        return None
    random, logs = Random(_SEED), [math.log(cost) for cost in costs]  # noqa: S311 - a simulation, no secret
    count, mean, spread = len(logs), fmean(logs), variance(logs)
    centres = sorted(
        random.gauss(mean, math.sqrt((count - 1) * spread / random.gammavariate((count - 1) / 2, 2) / count))
        for _ in range(_DRAWS)
    )
    low, high = quantile(centres, (1 - LEVEL / 100) / 2), quantile(centres, (1 + LEVEL / 100) / 2)
    return Interval(_rounded(math.exp(min(low, 40))), _rounded(math.exp(min(high, 40))))


def _rounded(number: float) -> Decimal:
    return Decimal(repr(number)).quantize(Decimal("0.0001"))


def overlap(one: Interval | None, other: Interval | None) -> bool:
    """Tell whether two ranges have a value in common, so that the difference may be chance."""
    return one is None or other is None or (one.low <= other.high and other.low <= one.high)


_NAME: dict[str, Callable[[Run], str | None]] = {
    "agent": lambda run: run.event.payload.agent,
    "model": lambda run: run.event.payload.model,
}
