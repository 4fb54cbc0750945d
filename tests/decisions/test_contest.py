"""Which agent does best in a role: numbers with their n and their range, and silence where n is too small."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.decisions.contest import Interval, overlap, typical_range, wilson

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
NOON = datetime(2026, 2, 16, 12, tzinfo=UTC)


def said(project: Project, *arguments: str) -> str:
    result = CliRunner().invoke(group, ["compare", "--project", str(project.root), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def document(project: Project, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(project, "--json", *arguments), parse_float=Decimal)
    return found


def package(
    project: Project, wp_id: str, *costs: str | None, agent: str = "claude-code", rejected: bool = False
) -> None:
    """A work package whose implementer runs cost these, an hour each; rejected after the first, accepted at the end."""
    folder = project.feature_dir(FEATURE)
    began = NOON
    moves = []
    for place, cost in enumerate(costs):
        emit_execution_event(
            folder, FEATURE, wp_id, agent, "implementer", timestamp=began + timedelta(hours=1), duration_ms=3_600_000,
            model=f"{agent}-1", cost_usd=None if cost is None else Decimal(cost),
        )  # fmt: skip
        began += timedelta(hours=2)
        if rejected and place == 0:
            moves.append((began - timedelta(minutes=30), "in_review", "in_progress"))
    moves.append((began, "in_review", "done"))
    with (folder / "status.events.jsonl").open("a", encoding="utf-8") as file:
        for at, before, after in moves:
            file.write(json.dumps({"at": at.isoformat(), "from_lane": before, "to_lane": after, "wp_id": wp_id}) + "\n")


@pytest.fixture
def two_agents(project: Project) -> Project:
    """Five packages of claude-code for $1 to $5, the first done twice; two of codex for $8 and $9; one of both."""
    package(project, "WP01", "0.40", "0.60", rejected=True)
    for number in range(2, 6):
        package(project, f"WP{number:02}", str(number))
    package(project, "WP06", "8", agent="codex")
    package(project, "WP07", "9", agent="codex")
    package(project, "WP08", "1")
    package(project, "WP08", "1", agent="codex")
    return project


def test_a_work_package_belongs_to_the_one_agent_that_did_all_of_the_role(two_agents: Project) -> None:
    found = document(two_agents)
    claude, codex = found["contenders"]
    assert (claude["name"], claude["work_package_count"], claude["accepted_count"]) == ("claude-code", 5, 5)
    assert (claude["median_cost"], claude["least_cost"], claude["greatest_cost"]) == (3, 1, 5)
    assert claude["rework_share"] == Decimal("0.04")  # 0.60 of 15
    assert claude["median_duration_ms"] == 3_600_000
    assert (codex["name"], codex["median_cost"], codex["known_cost_count"]) == ("codex", Decimal("8.5"), 2)
    assert found["shared_count"] == 1


def test_the_first_pass_rate_has_the_score_interval(two_agents: Project) -> None:
    claude, codex = document(two_agents)["contenders"]
    assert (claude["first_pass_rate"], codex["first_pass_rate"]) == (Decimal("0.8"), 1)
    # 4 of 5, z = 1.2816: (0.8 + 0.1642) / 1.3285 ∓ 1.2816 · √(0.032 + 0.01642) / 1.3285 = 0.7258 ∓ 0.2123
    assert [round(each, 3) for each in claude["first_pass_range"]] == [Decimal("0.514"), Decimal("0.938")]


def test_where_n_is_too_small_it_says_so_instead_of_comparing(two_agents: Project) -> None:
    assert document(two_agents)["words"] == [
        "codex: the cost of 2 accepted work packages is known, too few to say anything (5 are needed)."
    ]


def test_two_with_enough_are_compared_and_chance_is_said(two_agents: Project) -> None:
    for number in range(10, 13):
        package(two_agents, f"WP{number}", "2.5", agent="codex")
    text = said(two_agents)
    assert text.startswith(
        "Cost of an accepted work package (median): codex $2.50, claude-code $3.00; their 80 % ranges overlap, so this "
        "may be chance.\n"
    )


def test_two_far_apart_are_not_called_chance(project: Project) -> None:
    for number in range(7):
        package(project, f"WP1{number}", f"1.0{number}")
        package(project, f"WP2{number}", f"9.0{number}", agent="codex", rejected=False)
    assert said(project).startswith("Cost of an accepted work package (median): claude-code $1.03, codex $9.03.\n")


def test_a_package_of_unknown_cost_is_no_cost_and_no_zero(project: Project) -> None:
    package(project, "WP01", None)
    (only,) = document(project)["contenders"]
    assert (only["accepted_count"], only["known_cost_count"], only["median_cost"]) == (1, 0, None)


def test_models_are_compared_as_agents_are_and_a_role_that_nobody_had_is_said(two_agents: Project) -> None:
    assert [each["name"] for each in document(two_agents, "--by", "model")["contenders"]] == [
        "claude-code-1",
        "codex-1",
    ]
    assert said(two_agents, "--role", "tester") == "No work package has a run of the role 'tester'.\n"


def test_a_range_needs_two_and_ranges_overlap_where_they_share_a_value() -> None:
    assert wilson(0, 0) is None
    assert typical_range([1.0]) is None
    low, high = wilson(0, 3) or Interval(Decimal(1), Decimal(1))
    assert low == 0
    assert 0 < high < 1
    one, other = Interval(Decimal(1), Decimal(2)), Interval(Decimal(2), Decimal(3))
    assert overlap(one, other)
    assert overlap(None, other)
    assert not overlap(one, Interval(Decimal("2.1"), Decimal(3)))


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_fits_the_terminal(two_agents: Project, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    package(two_agents, "WP20", "3", agent="agent-" + "x" * 60)
    monkeypatch.setenv("COLUMNS", str(columns))
    table = [line for line in said(two_agents).splitlines() if line.startswith(("claude", "codex ", "agent ", "-"))]
    assert max(map(len, table)) <= columns
