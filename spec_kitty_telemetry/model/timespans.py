"""Dates and times as people write them, in their own time zone.

A text names a span: `2026-02` is a month, `2026-W08` a week, `yesterday` a day, `2026-02-16T09:30` a moment.  A
filter's `since` is where the span begins, its `until` where it ends, so that `--since 2026-02 --until 2026-02` is the
whole month.  Days are cut at the zone's own midnight, also where its clocks are set forward or back.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from spec_kitty_telemetry.errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable

_AGO = re.compile(r"(\d{1,5})\s*(min|h|d|w)", re.ASCII)
_MONTHS_AGO = re.compile(r"(\d{1,5})\s*mo", re.ASCII)
_EITHER = re.compile(r"(\d{1,5})\s*m", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_WEEK = re.compile(r"(\d{4})-?w(\d{2})", re.ASCII)
_DAY = re.compile(r"\d{4}(-\d{2}-\d{2}|\d{4}|-w\d{2}-\d|w\d{3})", re.ASCII)
_MOMENT = re.compile(_DAY.pattern + r"[t ]\d.*", re.ASCII)
_UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
EXPECTED = (
    "expected a date (2026-02-16), a time (2026-02-16T09:30, with +01:00 or Z if it is not yours), a month (2026-02), "
    "a week (2026-W08), how long ago (90min, 36h, 7d, 2w, 3mo), today, yesterday, this-week, last-week, this-month or "
    "last-month"
)


def zone_named(name: str | None) -> ZoneInfo | None:
    """Return the time zone `name` (IANA, such as `Europe/Vienna`); `None` stands for the machine's own.

    :raises FilterError: there is no such zone.
    """
    if name is None or name.lower() == "local":
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise FilterError(
            f"found the time zone {name!r}, expected an IANA name such as 'Europe/Vienna', 'UTC' or 'local'"
        ) from error


def span(text: str, zone: ZoneInfo | None = None, now: datetime | None = None) -> tuple[datetime, datetime]:
    """Return where the span that `text` names begins and ends: aware, UTC, the end not included.

    A moment's span is empty: both ends are that moment.

    :raises FilterError: `text` names no span.
    """
    now = now or datetime.now(UTC)
    named = text.strip().lower()
    if either := _EITHER.fullmatch(named):
        number = either[1]
        raise FilterError(
            f"found {text!r}, which may mean {number} minutes or {number} months; write {number}min or {number}mo"
        )
    if months := _MONTHS_AGO.fullmatch(named):
        moment = _months_before(now, int(months[1]), zone, text)
        return moment, moment
    if ago := _AGO.fullmatch(named):
        try:
            moment = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError as error:
            raise FilterError(f"found {text!r}, which is before all time; {EXPECTED}") from error
        return moment, moment
    try:
        first, after = _days(named, in_zone(now, zone).date())
        return _midnight(first, zone), _midnight(after, zone)
    except LookupError:
        return _moment(text, zone)
    except (ValueError, OverflowError, OSError) as error:
        raise FilterError(f"found {text!r}; {EXPECTED}") from error


def is_over_by_name(text: str) -> bool:
    """Tell whether `text` names a span that has ended: `last-week`, `last-month`."""
    return text.strip().lower() in {"last-week", "last-month"}


def _months_before(now: datetime, months: int, zone: ZoneInfo | None, text: str) -> datetime:
    """Return the same time of day so many months ago; on the last day of a month that has no such day."""
    here = in_zone(now, zone)
    years, month = divmod(here.year * 12 + here.month - 1 - months, 12)
    try:
        first = here.replace(year=years, month=month + 1, day=1)
        last = (_month(first.date())[1] - timedelta(days=1)).day
        return _aware(first.replace(day=min(here.day, last), tzinfo=None), zone)
    except (ValueError, OverflowError) as error:
        raise FilterError(f"found {text!r}, which is before all time; {EXPECTED}") from error


def in_zone(moment: datetime, zone: ZoneInfo | None) -> datetime:
    """Return `moment` with the wall clock of `zone`; `None` stands for the machine's own.

    At the two ends of the calendar, where that clock would show a year that does not exist, it stays as it is.
    """
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return moment


def _days(named: str, today: date) -> tuple[date, date]:
    """Return the first day of a named span and the day after it; `LookupError`: it is no span of days."""
    if month := _MONTH.fullmatch(named):
        return _month(date(int(month[1]), int(month[2]), 1))
    if week := _WEEK.fullmatch(named):
        return _week(date.fromisocalendar(int(week[1]), int(week[2]), 1))
    if _DAY.fullmatch(named):
        day = date.fromisoformat(named.upper())
        return day, day + timedelta(days=1)
    return _NAMED[named](today)


def _month(first: date) -> tuple[date, date]:
    return first, (first + timedelta(days=31)).replace(day=1)


def _week(day: date) -> tuple[date, date]:
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=7)


_NAMED: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda today: (today, today + timedelta(days=1)),
    "yesterday": lambda today: (today - timedelta(days=1), today),
    "this-week": _week,
    "last-week": lambda today: _week(today - timedelta(days=7)),
    "this-month": lambda today: _month(today.replace(day=1)),
    "last-month": lambda today: _month((today.replace(day=1) - timedelta(days=1)).replace(day=1)),
}


def _midnight(day: date, zone: ZoneInfo | None) -> datetime:
    return _aware(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001 - the zone comes next


def _moment(text: str, zone: ZoneInfo | None) -> tuple[datetime, datetime]:
    written = text.strip().upper()
    try:
        if not _MOMENT.fullmatch(written.lower()):
            raise ValueError(written)
        moment = _aware(datetime.fromisoformat(written), zone)
    except (ValueError, OverflowError, OSError) as error:
        raise FilterError(f"found {text!r}; {EXPECTED}") from error
    return moment, moment


def _aware(moment: datetime, zone: ZoneInfo | None) -> datetime:
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)  # a naive one is in the machine's own zone
