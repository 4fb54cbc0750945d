"""Dates and times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.model.timespans import in_zone, span, zone_named

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)  # a Wednesday; in Vienna 23:30 of the same day


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-02-16", "2026-02-15T23:00", "2026-02-16T23:00"),
        ("2026-02", "2026-01-31T23:00", "2026-02-28T23:00"),
        ("20260216", "2026-02-15T23:00", "2026-02-16T23:00"),
        ("2026-W08", "2026-02-15T23:00", "2026-02-22T23:00"),
        ("2026W08", "2026-02-15T23:00", "2026-02-22T23:00"),
        ("2026-W08-1", "2026-02-15T23:00", "2026-02-16T23:00"),
        ("2026-02-16 09:30", "2026-02-16T08:30", "2026-02-16T08:30"),
        ("today", "2026-03-03T23:00", "2026-03-04T23:00"),
        ("yesterday", "2026-03-02T23:00", "2026-03-03T23:00"),
        ("this-week", "2026-03-01T23:00", "2026-03-08T23:00"),
        ("last-week", "2026-02-22T23:00", "2026-03-01T23:00"),
        ("this-month", "2026-02-28T23:00", "2026-03-31T22:00"),  # clocks go forward on the 29th
        ("last-month", "2026-01-31T23:00", "2026-02-28T23:00"),
        ("7d", "2026-02-25T22:30", "2026-02-25T22:30"),
        ("36h", "2026-03-03T10:30", "2026-03-03T10:30"),
        ("2026-02-16T09:30", "2026-02-16T08:30", "2026-02-16T08:30"),
        ("2026-02-16T09:30Z", "2026-02-16T09:30", "2026-02-16T09:30"),
        ("2026-02-16T09:30+05:00", "2026-02-16T04:30", "2026-02-16T04:30"),
    ],
)
def test_a_text_names_a_span_in_the_zone(text: str, since: str, until: str) -> None:
    assert span(text, VIENNA, NOW) == (utc(since), utc(until))


def test_a_day_has_23_hours_where_clocks_go_forward_and_25_where_they_go_back() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)):
        since, until = span(day, VIENNA, NOW)
        assert until - since == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-13", "2026-02-30", "16.2.2026", "7y", "9999-12-31", "2026-W54", "202602", "2026-02-16x09:30"],
)
def test_a_text_that_names_nothing_says_what_is_expected(text: str) -> None:
    with pytest.raises(FilterError, match=r"found .*expected a date \(2026-02-16\), a time"):
        span(text, VIENNA, NOW)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("0001-01-01", "Asia/Tokyo"),
        ("0001-01-01T00:00", "Asia/Tokyo"),
        ("9999-12-31T23:59:59", "America/New_York"),
        ("9999-12-31", "UTC"),
    ],
)
def test_a_moment_outside_of_the_calendar_is_a_clear_error(text: str, zone: str) -> None:
    with pytest.raises(FilterError, match="expected a date"):
        span(text, ZoneInfo(zone), NOW)
    assert span("0001-01-01", ZoneInfo("America/New_York"), NOW)[0].tzinfo is UTC


def test_a_clock_that_would_leave_the_calendar_stays_as_it_is() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert in_zone(first, ZoneInfo("America/New_York")) == first
    assert in_zone(last, ZoneInfo("Asia/Tokyo")) == last


def test_an_unknown_zone_says_what_a_zone_is() -> None:
    with pytest.raises(FilterError, match="found the time zone 'Mars/Base', expected an IANA name"):
        zone_named("Mars/Base")
    with pytest.raises(FilterError, match="expected an IANA name"):
        zone_named("../../etc/passwd")
