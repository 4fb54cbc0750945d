"""Days are cut at the zone's own midnight, also where its clocks are set forward or back; in three zones."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from builders import record
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"

# Each line: zone, the first moment of a day in UTC, that day, the first moment of the next day.  The days are those in
# which the clocks change, so they have 23, 25, 23.5 or 24.5 hours.
DAYS = [
    ("Europe/Vienna", "2026-03-28T23:00:00", "2026-03-29", "2026-03-29T22:00:00"),  # forward: 23 hours
    ("Europe/Vienna", "2026-10-24T22:00:00", "2026-10-25", "2026-10-25T23:00:00"),  # back: 25 hours
    ("America/New_York", "2026-03-08T05:00:00", "2026-03-08", "2026-03-09T04:00:00"),
    ("America/New_York", "2026-11-01T04:00:00", "2026-11-01", "2026-11-02T05:00:00"),
    ("Australia/Lord_Howe", "2026-10-03T13:30:00", "2026-10-04", "2026-10-04T13:00:00"),  # forward by half an hour
    ("Australia/Lord_Howe", "2026-04-04T13:00:00", "2026-04-05", "2026-04-05T13:30:00"),  # back by half an hour
]


def report(project: Project, zone: str, *arguments: str) -> dict[str, Decimal]:
    words = ["report", "--project", str(project.root), "--by", "day", "--json", "--tz", zone, *arguments]
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout, parse_float=Decimal)
    return {row["group_key"]: row["total_cost_usd"] for row in document["rows"]}


def record_at(project: Project, moment: str, cost: str) -> None:
    record(project, cost_usd=Decimal(cost), timestamp=datetime.fromisoformat(f"{moment}Z"))


def a_second_before(moment: str) -> str:
    return (datetime.fromisoformat(moment) - timedelta(seconds=1)).isoformat()


@pytest.mark.parametrize(("zone", "first", "day", "after"), DAYS)
def test_a_day_in_which_the_clocks_change_has_its_own_length(
    project: Project, zone: str, first: str, day: str, after: str
) -> None:
    record_at(project, a_second_before(first), "1")
    record_at(project, first, "2")
    record_at(project, a_second_before(after), "4")
    record_at(project, after, "8")
    rows = report(project, zone)
    assert rows[day] == 2 + 4
    assert sorted(rows.values()) == [1, 6, 8]
    assert report(project, zone, "--since", day, "--until", day) == {day: 6}


def test_the_hour_that_comes_twice_is_in_one_day(project: Project) -> None:
    record_at(project, "2026-10-25T00:30:00", "1")  # 02:30 in Vienna, summer time
    record_at(project, "2026-10-25T01:30:00", "2")  # 02:30 again
    assert report(project, "Europe/Vienna") == {"2026-10-25": 3}


def test_weeks_and_months_begin_at_the_zones_midnight(project: Project) -> None:
    record_at(project, "2026-02-28T23:30:00", "1")  # a Saturday; in Auckland Sunday, March 1
    words = ["report", "--project", str(project.root), "--json", "--by", "week,month", "--tz"]
    for zone, expected in (("UTC", "2026-W09 / 2026-02"), ("Pacific/Auckland", "2026-W09 / 2026-03")):
        document = json.loads(CliRunner().invoke(group, [*words, zone]).stdout)
        assert [row["group_key"] for row in document["rows"]] == [expected]
