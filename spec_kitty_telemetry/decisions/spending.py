"""What was spent of each budget: the budgets of a project and its user, and the runs that each of them counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.decisions.budgets import Budget, budgets_in
from spec_kitty_telemetry.decisions.verdict import Unknown, Verdict, judged
from spec_kitty_telemetry.errors import SettingsError
from spec_kitty_telemetry.model.timespans import in_zone
from spec_kitty_telemetry.project.settings import user_settings_path
from spec_kitty_telemetry.reports.build import ReportContext, build_report
from spec_kitty_telemetry.reports.dimensions import SPLITTING, period_of
from spec_kitty_telemetry.reports.filters import EventFilter
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.dimensions import Value
    from spec_kitty_telemetry.reports.summary import CostReport, CostSummary

BUDGETS_KEY = "budgets"


def budgets_of(project: Project) -> list[Budget]:
    """Return the budgets that the project sets, then those in the user's own settings.

    :raises SettingsError: a settings file cannot be read, or a budget in it cannot be meant.
    """
    return [budget for path in (project.settings_path, user_settings_path()) for budget in budgets_of_file(path)]


def budgets_of_file(path: Path) -> list[Budget]:
    """Return the budgets in one settings file, which need not exist.

    :raises SettingsError: as `budgets_of`.
    """
    if not path.exists():
        return []
    from spec_kitty_telemetry.project.strict_yaml import Place, mapping, read_document  # only where there is a file

    place = Place(str(path), error=SettingsError)
    node = mapping(read_document(path, place), place).get(BUDGETS_KEY)
    return [] if node is None else budgets_in(node, str(path))


def current_periods(now: datetime, zone: ZoneInfo | None) -> dict[str, str]:
    """Return the month and the week that `now` lies in, as reports write them."""
    day = in_zone(now, zone).date()
    return {name: period_of(name, day) for name in ("month", "week")}


def verdicts(
    context: ReportContext,
    budgets: Sequence[Budget],
    unknown: Unknown = "warn",
    *,
    now: datetime | None = None,
    since: datetime | None = None,
) -> list[Verdict]:
    """Judge each of `budgets` by all runs of the context's project, or by those from `since` on.

    What the search of the context asks for does not matter.

    A budget that gives each feature (or agent, …) a limit of its own has one verdict for each, most spent first.

    :raises TelemetryError: as `build_report`.
    """
    periods = current_periods(now or datetime.now(UTC), context.zone)
    reports: dict[bool, CostReport] = {}
    for splits in (False, True):
        # A report by model counts a run once for each of its models: only budgets about models are measured by it.
        if those := [each for each in budgets if _splits(each) is splits]:
            reports[splits] = _report(context, those, since)
    return [
        judged(budget, whose, spent, unknown, periods)
        for budget in budgets
        for whose, spent in _spent(budget, reports[_splits(budget)], periods)
    ]


def warnings_about(project: Project, feature: str) -> list[Verdict]:
    """Return the budgets about `feature` that are over, or spent beyond the part at which they warn.

    :raises TelemetryError: as `verdicts` and `budgets_of`.
    """
    budgets = [each for each in budgets_of(project) if each.is_about_any([feature])]
    if not budgets:
        return []
    context = ReportContext(Search(project, goes_on=True), zone=project.zone())
    return [
        each
        for each in verdicts(context, budgets, "allow")
        if each.state in {"over", "warning"} and (each.budget.per != "feature" or each.whose == feature)
    ]


def limit_verdict(report: CostReport, limit_usd: Decimal, unknown: Unknown = "warn") -> Verdict:
    """Judge all runs of one report by a limit that was typed."""
    return judged(Budget(limit_usd=limit_usd, given_name="--limit"), None, report.total, unknown)


def _splits(budget: Budget) -> bool:
    return not SPLITTING.isdisjoint(budget.dimensions)


def _report(context: ReportContext, budgets: Iterable[Budget], since: datetime | None) -> CostReport:
    by = sorted({name for budget in budgets for name in budget.dimensions}) or ["feature"]
    search = Search(context.search.project, EventFilter(since=since), goes_on=True)
    whole = ReportContext(search, cost=context.cost, zone=context.zone)
    return build_report(whole, by)


def _spent(budget: Budget, report: CostReport, periods: dict[str, str]) -> list[tuple[str | None, CostSummary]]:
    wanted = [row for row in report.rows if budget.accepts(row.group, periods)]
    if budget.per is None:
        return [(None, _sum(report, wanted))]
    groups: dict[Value, list[CostSummary]] = {}
    for row in wanted:
        groups.setdefault(row.group[budget.per], []).append(row)
    found = [("none" if whose is None else str(whose), _sum(report, rows)) for whose, rows in groups.items()]
    return sorted(found, key=lambda each: -(each[1].total_cost_usd or 0))


def _sum(report: CostReport, rows: Iterable[CostSummary]) -> CostSummary:
    return msgspec.structs.replace(report.sum_of(rows), unread_count=report.total.unread_count)
