"""The forecast of missions from what this project has accepted, and its test on past missions.

The history is the accepted work packages whose cost until then is known.  Those with a run of unknown cost are left
out, and so are those that cost nothing: how many is always said.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.decisions.forecast import Forecast, TooFew, forecast
from spec_kitty_telemetry.decisions.plan import plan_of
from spec_kitty_telemetry.reports.lifecycle_summary import part_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from spec_kitty_telemetry.decisions.plan import Plan
    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.lanes import LaneHistory
    from spec_kitty_telemetry.reports.lifecycle import Lifecycle, WorkPackage


class History(NamedTuple):
    """What accepted work packages cost."""

    known: tuple[WorkPackage, ...]
    unknown_count: int
    """Accepted ones with a run whose cost is not known."""
    free_count: int
    """Accepted ones without any recorded cost."""

    @property
    def costs_usd(self) -> list[Decimal]:
        """The cost of each known one until it was accepted."""
        return [cost_until_accepted(each) or Decimal(0) for each in self.known]


class MissionForecast(NamedTuple):
    """What one mission's open work packages will cost."""

    feature: str
    said: Forecast | TooFew


class Outlook(NamedTuple):
    """The forecasts of some missions."""

    history: History
    missions: tuple[MissionForecast, ...]
    """Those with open work packages."""
    total: Forecast | TooFew
    """All of their open work packages together."""
    problems: tuple[tuple[str, str], ...]
    """Missions of which nobody knows what is open, each with the reason."""
    finished_count: int
    """Missions without an open work package."""


class Trial(NamedTuple):
    """What would have been forecast when a past mission began, and what it cost in the end."""

    feature: str
    known_count: int
    package_count: int
    said: Forecast
    true_usd: Decimal

    def held(self, level: int) -> bool:
        """Tell whether the true cost lay within the range of `level` percent."""
        found = self.said.range_of(level)
        return found.low_usd <= self.true_usd <= found.high_usd


class Backtest(NamedTuple):
    """The forecasts of past missions."""

    trials: tuple[Trial, ...]
    too_early_count: int
    """Missions that began when fewer than five packages were known."""
    unfinished_count: int
    """Missions with open work packages, or with costs that are not known."""

    def held_count(self, level: int) -> int:
        """Return in how many trials the range of `level` percent held."""
        return sum(each.held(level) for each in self.trials)


def cost_until_accepted(each: WorkPackage) -> Decimal | None:
    """Return what an accepted work package cost until then; `None`: a part of that is not known."""
    if each.until_accepted is None or each.until_accepted.is_lower_bound:
        return None
    return part_usd(each.until_accepted, each.total)


def history_of(packages: Iterable[WorkPackage]) -> History:
    """Return the accepted ones of `packages`, and how many of them have to be left out."""
    accepted = [(each, cost_until_accepted(each)) for each in packages if each.until_accepted is not None]
    return History(
        known=tuple(each for each, cost in accepted if cost),
        unknown_count=sum(each.total.event_count > 0 and cost is None for each, cost in accepted),
        free_count=sum(not cost and (cost is not None or not each.total.event_count) for each, cost in accepted),
    )


def outlook(project: Project, found: Lifecycle, lanes: Mapping[str, LaneHistory], features: Sequence[str]) -> Outlook:
    """Forecast the open work packages of `features` from all accepted ones in `found`."""
    history = history_of(found.work_packages)
    spent = {(each.feature, each.wp_id): each.total.total_cost_usd or Decimal(0) for each in found.work_packages}
    plans = [plan_of(project, feature, lanes[feature]) for feature in features if feature in lanes]
    missions = tuple(
        MissionForecast(plan.feature, forecast(history.costs_usd, _spent(plan, spent)))
        for plan in plans
        if plan.open_wp_ids
    )
    every = [amount for plan in plans for amount in _spent(plan, spent)]
    return Outlook(
        history=history,
        missions=missions,
        total=forecast(history.costs_usd, every),
        problems=tuple((plan.feature, plan.problem) for plan in plans if plan.problem),
        finished_count=sum(not plan.open_wp_ids and not plan.problem for plan in plans),
    )


def _spent(plan: Plan, spent: Mapping[tuple[str, str], Decimal]) -> list[Decimal]:
    return [spent.get((plan.feature, wp_id), Decimal(0)) for wp_id in plan.open_wp_ids]


def backtest(project: Project, found: Lifecycle, lanes: Mapping[str, LaneHistory]) -> Backtest:
    """Forecast each finished mission from what had been accepted when its first work package moved."""
    history = history_of(found.work_packages)
    trials: list[Trial] = []
    too_early = unfinished = 0
    for feature in sorted({each.feature for each in found.work_packages}):
        own = history_of(each for each in found.work_packages if each.feature == feature)
        began = _began(lanes[feature]) if feature in lanes else None
        if began is None or own.unknown_count or not own.known or plan_of(project, feature, lanes[feature]).open_wp_ids:
            unfinished += 1
            continue
        before = [
            cost
            for each, cost in zip(history.known, history.costs_usd, strict=True)
            if each.feature != feature and each.accepted_at and each.accepted_at <= began
        ]
        said = forecast(before, [Decimal(0)] * len(own.known))
        if isinstance(said, TooFew):
            too_early += 1
        else:
            trials.append(Trial(feature, len(before), len(own.known), said, sum(own.costs_usd, Decimal(0))))
    return Backtest(tuple(trials), too_early, unfinished)


def _began(lanes: LaneHistory) -> datetime | None:
    return min((move.at for moves in lanes.moves.values() for move in moves), default=None)
