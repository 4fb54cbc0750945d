"""The period that another one is compared with.  Pure.

The period before a month is the month before, whatever its length; the period before 7 days is the 7 days before.  A
period that is not over is compared with the same part of the other: on the 10th of November at noon, October counts up
to the 10th at noon.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.model.timespans import in_zone, span

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class Period(NamedTuple):
    """A span of time: aware, the end not included."""

    since: datetime
    until: datetime

    def words(self, zone: ZoneInfo | None) -> str:
        """Return the period for a person: `2026-10`, `2026-10-01 to 2026-10-10 12:00`."""
        first, last = in_zone(self.since, zone), in_zone(self.until, zone)
        if _is_month(first, last):
            return f"{first:%Y-%m}"
        if not _is_midnight(first) or not _is_midnight(last):
            return f"{_moment(first)} to {_moment(last)}"
        end = last.date() - timedelta(days=1)
        return f"{first:%Y-%m-%d}" if end <= first.date() else f"{first:%Y-%m-%d} to {end}"


class Comparison(NamedTuple):
    """Two periods."""

    now: Period
    before: Period
    is_partial: bool
    """Whether the first is not over, so that only the same part of the other counts."""


def compared(
    since: datetime | None, until: datetime | None, with_period: str, zone: ZoneInfo | None, now: datetime
) -> Comparison:
    """Return the period of a report and the one that `with_period` (`previous`, `2026-10`, …) names.

    Without `since` the report's period is the current month.

    :raises FilterError: `with_period` names no period.
    """
    if since is None:
        since, whole_until = span("this-month", zone, now)
        whole_until = min(whole_until, until or whole_until)
    else:
        whole_until = until or _natural_end(since, zone, now)
    end = min(whole_until, now) if whole_until > since else whole_until
    is_partial = end < whole_until
    if with_period == "previous":
        before = _previous(Period(since, whole_until), zone)
    else:
        before = Period(*span(with_period, zone, now))
    if is_partial:
        cut = _shifted(before.since, in_zone(end, zone).replace(tzinfo=None) - _wall(since, zone), zone)
        before = Period(before.since, min(before.until, cut) if before.until > before.since else cut)
    return Comparison(Period(since, end), before, is_partial)


def _natural_end(since: datetime, zone: ZoneInfo | None, now: datetime) -> datetime:
    """Return the end of the current month or week where `since` is its beginning, else now."""
    for name in ("this-month", "this-week", "today"):
        first, after = span(name, zone, now)
        if first == since:
            return after
    return now


def _previous(period: Period, zone: ZoneInfo | None) -> Period:
    first, last = in_zone(period.since, zone), in_zone(period.until, zone)
    if _is_month_start(first) and _is_month_start(last):
        months = (last.year - first.year) * 12 + last.month - first.month
        return Period(_aware(datetime.combine(_months_before(first.date(), months), first.time()), zone), period.since)
    if _is_midnight(first) and _is_midnight(last):
        return Period(_shifted(period.since, -(last.date() - first.date()), zone), period.since)
    return Period(period.since - (period.until - period.since), period.since)


def _months_before(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 - months
    return date(month // 12, month % 12 + 1, 1)


def _wall(moment: datetime, zone: ZoneInfo | None) -> datetime:
    return in_zone(moment, zone).replace(tzinfo=None)


def _shifted(moment: datetime, length: timedelta, zone: ZoneInfo | None) -> datetime:
    """Return the moment whose wall clock shows `length` more, also where clocks are changed between."""
    return _aware(_wall(moment, zone) + length, zone)


def _aware(wall: datetime, zone: ZoneInfo | None) -> datetime:
    return (wall.replace(tzinfo=zone) if zone is not None else wall).astimezone(UTC)


def _is_midnight(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)


def _is_month_start(moment: datetime) -> bool:
    return moment.day == 1 and _is_midnight(moment)


def _is_month(first: datetime, last: datetime) -> bool:
    return _is_month_start(first) and _is_month_start(last) and _months_before(last.date(), 1) == first.date()


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}" if _is_midnight(moment) else f"{moment:%Y-%m-%d %H:%M}"
