"""Python and the command line give the same figures: both ask `reports.build`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from builders import record
from click.testing import CliRunner

from spec_kitty_telemetry import (
    CostSummary,
    EventFilter,
    cost_summary,
    query_execution_events,
    query_project_events,
    stream_execution_events,
    stream_project_events,
)
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-first"
OVERRIDE = "pricing:\n  models:\n    - {id: claude-sonnet-4-6, input: 100, output: 100}\n"
LISTED = Decimal(3)
"""A million input tokens of claude-sonnet-4-6, at $3 a million."""
OVERRIDDEN = Decimal(100)


@pytest.fixture
def dear(project: Project) -> Project:
    """A project in which a million tokens cost $100, and one run that used so many."""
    project.settings_path.write_text(OVERRIDE, encoding="utf-8")
    record(project, FEATURE, model="claude-sonnet-4-6", input_tokens=1_000_000, output_tokens=0, agent="claude-code")
    return project


def only(rows: list[CostSummary]) -> CostSummary:
    (row,) = rows
    return row


def reported(project: Project, *options: str) -> dict[str, Any]:
    result = CliRunner().invoke(group, ["report", "--json", "--project", str(project.root), *options])
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout, parse_float=Decimal)
    return document


@pytest.mark.parametrize(
    "ask",
    [
        lambda project: query_project_events(project.root),
        lambda project: query_project_events(str(project.root)),
        lambda project: stream_project_events(project.root),
        lambda project: query_execution_events(project.specs_dir / FEATURE),
        lambda project: stream_execution_events(project.specs_dir / FEATURE, EventFilter(agents=("claude*",))),
    ],
)
def test_events_of_a_project_are_priced_by_its_own_overrides(
    dear: Project, ask: Callable[[Project], list[ExecutionEvent]]
) -> None:
    assert reported(dear)["total"]["total_cost_usd"] == OVERRIDDEN
    assert only(cost_summary(ask(dear), "model")).total_cost_usd == OVERRIDDEN


def test_events_asked_of_a_relative_folder_keep_their_project_when_the_current_folder_changes(
    dear: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(dear.root)
    events = query_project_events(".")
    monkeypatch.chdir(tmp_path)
    assert only(cost_summary(events)).total_cost_usd == OVERRIDDEN


def test_other_events_are_priced_by_the_project_that_is_named_or_else_the_current_one(
    dear: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [event for event in query_project_events(dear.root) if event.payload.input_tokens]
    assert only(cost_summary(chosen)).total_cost_usd == LISTED
    assert only(cost_summary(chosen, project=dear.root / "kitty-specs")).total_cost_usd == OVERRIDDEN
    monkeypatch.chdir(dear.root)
    assert only(cost_summary(chosen)).total_cost_usd == OVERRIDDEN


def test_a_project_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no spec-kitty project around"):
        cost_summary([], project=tmp_path)


def test_days_are_those_of_the_projects_time_zone(dear: Project) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart: one of the two is not today here
        dear.settings_path.write_text(f"time_zone: {zone}\n{OVERRIDE}", encoding="utf-8")
        day = only(cost_summary(query_project_events(dear.root), "day")).group_key
        assert [row["group_key"] for row in reported(dear, "--by", "day")["rows"]] == [day]


@pytest.mark.parametrize("by", ["agent", "model", "feature,role", "month", "tag:team", "outcome"])
@pytest.mark.parametrize("cost", ["auto", "reported", "calculated"])
def test_the_legacy_logs_cost_the_same_in_python_and_on_the_command_line(
    legacy_project: Project, by: str, cost: Any
) -> None:
    rows = cost_summary(query_project_events(legacy_project.root), by, cost=cost)
    expected = reported(legacy_project, "--by", by, "--cost", cost, "--sort", "cost")["rows"]
    assert [(row.group_key, row.event_count, row.total_cost_usd, row.is_lower_bound) for row in rows] == [
        (row["group_key"], row["event_count"], row["total_cost_usd"], row["cost_is_floor"]) for row in expected
    ]
