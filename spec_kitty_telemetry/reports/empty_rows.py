"""Days, weeks and months in which nothing ran: a range without gaps, so that a quiet day is seen as one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from spec_kitty_telemetry.model.timespans import in_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from zoneinfo import ZoneInfo

MOST_ROWS = 4_000
"""A range that would have more rows is left as it is: ten years of days are enough to look at."""


def spans_without_records(dimension: str, named: Collection[str], zone: ZoneInfo | None) -> list[str]:
    """Return the values of `dimension` (day, week or month) between the first and the last of those `found`.

    A day that `zone` never had (Apia leapt over 30 December 2011) is none.  Without any record there is none.
    """
    if not named:
        return []
    first, after, written = _SPANS[dimension]
    days = sorted(map(first, named))
    values: list[str] = []
    for day in _steps(days[0], days[-1], after):
        if len(values) > MOST_ROWS:
            return []
        if dimension != "day" or _is_in(zone, day):
            values.append(written(day))
    return sorted({*values}.difference(named))


def _is_in(zone: ZoneInfo | None, day: date) -> bool:
    try:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError, OSError):  # at the two ends of the calendar
        return True
    return in_zone(noon, zone).date() == day


def _steps(start: date, end: date, after: Callable[[date], date]) -> Iterator[date]:
    while start <= end:
        yield start
        try:
            start = after(start)
        except OverflowError:
            return


def week_of(day: date) -> str:
    """Return the ISO week of a day, such as `2026-W08`."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


_SPANS: dict[str, tuple[Callable[[str], date], Callable[[date], date], Callable[[date], str]]] = {
    "day": (date.fromisoformat, lambda day: day + timedelta(days=1), date.isoformat),
    "week": (
        lambda text: date.fromisocalendar(int(text[:4]), int(text[6:]), 1),
        lambda day: day + timedelta(days=7),
        week_of,
    ),
    "month": (
        lambda text: date(int(text[:4]), int(text[5:]), 1),
        lambda day: (day.replace(day=1) + timedelta(days=31)).replace(day=1),
        lambda day: day.isoformat()[:7],
    ),
}
"""Dimension → its first day by its name, the first day of the next one, and the name by a day in it."""
