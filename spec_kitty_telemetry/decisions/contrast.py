"""A report of one period set against another: the two searches, their reports, and the rows that changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.decisions.comparison import ComparedReport, compared_rows
from spec_kitty_telemetry.decisions.currency import converted
from spec_kitty_telemetry.decisions.periods import Comparison, Period, compared
from spec_kitty_telemetry.decisions.revisions import left_at
from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.reports.build import ReportContext, build_report
from spec_kitty_telemetry.reports.dimensions import checked, kept_apart

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.decisions.rates import Rates


class Contrast(NamedTuple):
    """A report against that of another period."""

    periods: Comparison
    report: ComparedReport
    before: ReportContext
    now: ReportContext
    zone: ZoneInfo | None


def contrast(
    context: ReportContext, by: str, with_period: str, rates: Rates | None = None, at: datetime | None = None
) -> Contrast:
    """Set the report of a search, by default the current month, against that of another period.

    `with_period` is `previous`, a period such as `2026-10`, or a branch, tag or commit: then the time since the current
    branch left it is set against as much time before.

    :raises FilterError: `with_period` is none of these.
    :raises TelemetryError: as `build_report`.
    """
    periods = _periods(context, with_period, at or datetime.now(UTC))
    before, now = (_within(context, each, rates) for each in (periods.before, periods.now))
    apart = kept_apart(checked(by))  # also where one period has a single feature
    rows = compared_rows(build_report(before, apart), build_report(now, apart))
    return Contrast(periods, rows, before, now, context.zone)


def _periods(context: ReportContext, with_period: str, at: datetime) -> Comparison:
    filters, zone = context.search.filters, context.zone
    try:
        return compared(filters.since, filters.until, with_period, zone, at)
    except FilterError as error:
        left = left_at(context.search.project.root, with_period)
        if left is None:
            raise FilterError(
                f"--compare: {with_period!r} is no period and no branch. Write previous, a month (2026-10), "
                "a week (2026-W44), a day, or a branch such as main."
            ) from error
    if filters.since or filters.until:
        raise FilterError("--compare with a branch compares the time since it was left. Leave --since and --until out.")
    return Comparison(Period(left, at), Period(left - (at - left), left), is_partial=False)


def _within(context: ReportContext, period: Period, rates: Rates | None) -> ReportContext:
    filters = msgspec.structs.replace(context.search.filters, since=period.since, until=period.until)
    search = msgspec.structs.replace(context.search, filters=filters, report=type(context.search.report)())
    found = ReportContext(search, cost=context.cost, zone=context.zone)
    return found if rates is None else converted(found, rates)
