"""When a budget is used up if spending goes on as in the last days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.decisions.spending import verdicts
from spec_kitty_telemetry.model.timespans import in_zone, span
from spec_kitty_telemetry.reports.build import ReportContext, build_report
from spec_kitty_telemetry.reports.filters import EventFilter
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec_kitty_telemetry.decisions.budgets import Budget
    from spec_kitty_telemetry.decisions.verdict import Verdict

WINDOW_DAYS = 14
"""The pace is that of so many days, or of fewer where the project or the period is younger."""
_FARTHEST = timedelta(days=3 * 365)


class BudgetPace(NamedTuple):
    """One budget, how fast it is spent, and when it ends."""

    verdict: Verdict
    days: Decimal
    """How many days the pace is taken from."""
    per_day_usd: Decimal | None
    """`None`: nothing was spent in these days."""
    used_up_on: date | None
    """`None`: not within the period, not within three years, or over already."""
    ends_on: date | None
    """The last day of the current month or week, where the budget starts anew after it."""


def budget_paces(context: ReportContext, budgets: Sequence[Budget], now: datetime | None = None) -> list[BudgetPace]:
    """Return the pace of each budget, in the order of their verdicts.

    :raises TelemetryError: as `build_report`.
    """
    now = now or datetime.now(UTC)
    first = _first_moment(context, now - timedelta(days=WINDOW_DAYS))
    every = Decimal(WINDOW_DAYS)
    if first is None:
        return [BudgetPace(each, every, None, None, None) for each in verdicts(context, budgets, now=now)]
    found = []
    for budget in budgets:
        since, ends_on = first, None
        if budget.period is not None:
            start, end = span(f"this-{budget.period}", context.zone, now)
            since, ends_on = max(first, start), in_zone(end - timedelta(seconds=1), context.zone).date()
        recent = {each.whose: each for each in verdicts(context, [budget], now=now, since=since)}
        days = max(Decimal(str((now - since).total_seconds())) / 86_400, Decimal(1))
        for each in verdicts(context, [budget], now=now):
            if each.whose is not None and each.whose not in recent:
                continue  # a mission that is over needs no forecast
            spent = recent[each.whose].spent_usd if each.whose in recent else Decimal(0)
            found.append(_pace(each, spent / days, days, ends_on, in_zone(now, context.zone).date()))
    return found


def _pace(verdict: Verdict, per_day_usd: Decimal, days: Decimal, ends_on: date | None, today: date) -> BudgetPace:
    days = round(days, 1)
    if per_day_usd <= 0 or verdict.left_usd < 0:
        return BudgetPace(verdict, days, per_day_usd or None, None, ends_on)
    left_days = verdict.left_usd / per_day_usd
    day = today + timedelta(days=int(left_days)) if left_days < _FARTHEST.days else None
    is_in_time = day is not None and (ends_on is None or day <= ends_on)
    return BudgetPace(verdict, days, per_day_usd, day if is_in_time else None, ends_on)


def _first_moment(context: ReportContext, since: datetime) -> datetime | None:
    """Return `since`, or the beginning of the first later day with a run if nothing ran before it; `None`: no run."""
    whole = Search(context.search.project, EventFilter(), goes_on=True)
    rows = build_report(ReportContext(whole, zone=context.zone), "day").rows
    days = [str(row.group["day"]) for row in rows if row.event_count]
    return max(since, span(min(days), context.zone)[0]) if days else None
