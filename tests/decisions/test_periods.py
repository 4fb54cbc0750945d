"""Which period a period is compared with, worked out on a calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from spec_kitty_telemetry.decisions.periods import Period, compared
from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.model.timespans import span

VIENNA = ZoneInfo("Europe/Vienna")


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC).astimezone(UTC)


@pytest.mark.parametrize(
    ("since", "until", "with_period", "before"),
    [
        ("2026-10", "2026-10", "previous", "2026-09"),
        ("2026-03", "2026-03", "previous", "2026-02"),
        ("2026-01", "2026-01", "previous", "2025-12"),
        ("2026-04", "2026-06", "previous", "2026-01-01 to 2026-03-31"),
        ("2026-10-08", "2026-10-14", "previous", "2026-10-01 to 2026-10-07"),
        ("2026-10-08", "2026-10-08", "previous", "2026-10-07"),
        ("2026-10-08T12:00", "2026-10-08T18:00", "previous", "2026-10-08 06:00 to 2026-10-08 12:00"),
        ("2026-10", "2026-10", "2026-02", "2026-02"),
        ("2026-10", "2026-10", "2025-10", "2025-10"),
    ],
)
def test_a_period_that_is_over_is_compared_with_a_whole_one(
    since: str, until: str, with_period: str, before: str
) -> None:
    utc = ZoneInfo("UTC")
    found = compared(span(since, utc)[0], span(until, utc)[1], with_period, utc, at("2026-11-20"))
    assert not found.is_partial
    assert found.before.words(utc) == before


def test_a_month_that_is_not_over_is_compared_with_the_same_part_of_the_month_before() -> None:
    utc = ZoneInfo("UTC")
    found = compared(None, None, "previous", utc, at("2026-11-10T12:00"))
    assert found.is_partial
    assert found.now == Period(at("2026-11-01"), at("2026-11-10T12:00"))
    assert found.before == Period(at("2026-10-01"), at("2026-10-10T12:00"))
    assert found.before.words(utc) == "2026-10-01 to 2026-10-10 12:00"


def test_the_same_part_of_a_shorter_month_ends_with_that_month() -> None:
    found = compared(None, None, "previous", ZoneInfo("UTC"), at("2026-03-30T12:00"))
    assert found.before == Period(at("2026-02-01"), at("2026-03-01"))


def test_a_month_that_is_not_over_is_compared_with_the_same_part_of_a_named_month() -> None:
    found = compared(None, None, "2026-02", ZoneInfo("UTC"), at("2026-11-10T12:00"))
    assert found.before == Period(at("2026-02-01"), at("2026-02-10T12:00"))


def test_the_current_week_is_compared_up_to_the_same_hour_of_the_same_weekday() -> None:
    utc = ZoneInfo("UTC")
    now = at("2026-11-11T09:00")  # a Wednesday
    found = compared(span("this-week", utc, now)[0], None, "previous", utc, now)
    assert found.before == Period(at("2026-11-02"), at("2026-11-04T09:00"))


def test_a_part_of_a_month_is_measured_by_the_wall_clock_over_a_clock_change() -> None:
    # Vienna's clocks went back on 2026-10-25; the same part of October ends at noon there, 10:00 UTC.
    found = compared(None, None, "previous", VIENNA, at("2026-11-10T12:00", VIENNA))
    assert found.before == Period(at("2026-10-01", VIENNA), at("2026-10-10T12:00", VIENNA))


def test_the_last_seven_days_are_compared_with_the_seven_before() -> None:
    now = at("2026-11-10T12:00")
    found = compared(span("7d", None, now)[0], None, "previous", ZoneInfo("UTC"), now)
    assert not found.is_partial
    assert found.before == Period(at("2026-10-27T12:00"), at("2026-11-03T12:00"))


def test_what_names_no_period_is_said() -> None:
    with pytest.raises(FilterError, match="nonsense"):
        compared(None, None, "nonsense", ZoneInfo("UTC"), at("2026-11-10"))
