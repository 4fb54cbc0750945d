"""`lifecycle` leads with the answer, adds up by who did it, and comes in every format (docs/reports.md's example)."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
OTHER = "044-" + "long-" * 13 + "name"
NOON = datetime(2026, 2, 16, 12, tzinfo=UTC)


def invoke(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["lifecycle", "--project", str(project.root), *arguments])


def said(project: Project, *arguments: str) -> str:
    result = invoke(project, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def document(project: Project, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(project, "--json", *arguments), parse_float=Decimal)
    return found


def ran(
    project: Project, role: str, began: int, ended: int, cost: str, agent: str = "claude-code", **facts: Any
) -> None:
    """Record a run that began and ended so many minutes after noon."""
    facts = {"wp_id": "WP01", "feature": FEATURE, "model": "m-1", "outcome": "succeeded", **facts}
    feature = facts.pop("feature")
    emit_execution_event(
        project.feature_dir(feature), feature, facts.pop("wp_id"), agent, role,
        success=facts["outcome"] == "succeeded", cost_usd=Decimal(cost),
        timestamp=NOON + timedelta(minutes=ended), duration_ms=(ended - began) * 60_000, **facts,
    )  # fmt: skip


def moved(project: Project, *moves: tuple[int, str, str], wp_id: str = "WP01", feature: str = FEATURE) -> None:
    with (project.feature_dir(feature) / "status.events.jsonl").open("a", encoding="utf-8") as file:
        for minute, before, after in moves:
            at = (NOON + timedelta(minutes=minute)).isoformat()
            file.write(json.dumps({"at": at, "from_lane": before, "to_lane": after, "wp_id": wp_id}) + "\n")


@pytest.fixture
def example(project: Project) -> Project:
    """The example of docs/reports.md, a planner's run before it, and a package of another feature two days later."""
    ran(project, "planner", -30, -20, "0.30", wp_id=None)
    ran(project, "implementer", 0, 10, "1.00")
    ran(project, "reviewer", 12, 15, "0.20", "codex", outcome="rejected", model="m-2")
    ran(project, "implementer", 16, 20, "0.40", outcome="failed")
    ran(project, "implementer", 21, 30, "0.60", "gemini", model="m-3")
    ran(project, "reviewer", 31, 36, "0.25", "codex", model="m-2")
    ran(project, "implementer", 50, 55, "0.05")
    moved(
        project, (-1, "claimed", "in_progress"), (11, "in_progress", "for_review"), (16, "in_review", "in_progress"),
        (31, "for_review", "in_review"), (37, "in_review", "done"),
    )  # fmt: skip
    (project.specs_dir / OTHER).mkdir()
    ran(project, "implementer", 2880, 2890, "3", feature=OTHER, wp_id="WP07")
    moved(project, (2891, "in_review", "done"), wp_id="WP07", feature=OTHER)
    return project


def test_the_answer_comes_before_every_table(example: Project) -> None:
    assert said(example).splitlines()[2:8] == [
        "2 of 2 work packages accepted.",
        "They cost $5.4500 until then, $2.7250 each.",  # 2.45 + 3
        "Accepted at the first review: 1 of 2 (50.0%).",
        "Rework: $1.3000, 22.4% of all costs.",  # of 0.30 + 2.50 + 3 = 5.80
        "Reviews: $0.4500, 7.8% of all costs.",
        "Without a work package: 1 run, $0.3000.",
    ]


def test_a_feature_stands_above_its_work_packages_with_their_sums(example: Project) -> None:
    lines = said(example).splitlines()
    rows = [line.split() for line in lines if line.startswith((FEATURE, OTHER, "·"))]
    assert rows[0] == [FEATURE, "1", "of", "1", "6", "1", "$1.3000", "$2.5000"]
    assert rows[1] == ["·", "WP01", "done", "6", "1", "$2.0500", "$0.4500", "$1.3000", "$2.4500", "$2.5000", "18.0%"]
    assert rows[2][:5] == [OTHER, "1", "of", "1", "1"]
    assert [cell for cell in rows[3] if cell not in {"–", "none"}] == [
        "·", "WP07", "done", "1", "$3.0000", "$3.0000", "0.0%"
    ]  # fmt: skip


def test_by_agent_adds_up_runs_and_counts_work_packages(example: Project) -> None:
    groups = {each["name"]: each for each in document(example, "--by", "agent")["groups"]}
    found = {
        name: (each["work_package_count"], each["event_count"], each["total_cost_usd"], each["rework_cost_usd"])
        for name, each in groups.items()
    }
    assert found == {
        "claude-code": (2, 4, Decimal("4.45"), Decimal("0.45")),  # 1 + 0.4 + 0.05 + 3; again: 0.4 + 0.05
        "gemini": (1, 1, Decimal("0.6"), Decimal("0.6")),
        "codex": (1, 2, Decimal("0.45"), Decimal("0.25")),
    }
    assert groups["claude-code"]["first_pass_count"] == 1


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", ["m-1", "m-3", "m-2"]),
        ("role", ["implementer", "reviewer"]),
        ("feature", [OTHER, FEATURE]),
    ],
)
def test_it_adds_up_by_model_role_and_feature_the_most_expensive_first(
    example: Project, by: str, names: list[str]
) -> None:
    assert [each["name"] for each in document(example, "--by", by)["groups"]] == names
    assert said(example, "--by", by, "--columns", "total").splitlines()[9].split()[0] in {by, "mission"}


def test_by_pair_shows_who_reviewed_whom(example: Project) -> None:
    rows = [line.split()[:2] for line in said(example, "--by", "pair").splitlines()]
    assert ["claude-code", "codex"] in rows
    assert ["gemini", "codex"] in rows


def test_a_period_takes_the_work_packages_with_a_run_in_it_and_all_of_their_runs(example: Project) -> None:
    (package,) = document(example, "--since", "2026-02-18", "--tz", "UTC")["work_packages"]
    assert package["wp_id"] == "WP07"
    found = document(example, "--since", "2026-02-16T12:50Z", "--until", "2026-02-17")
    assert [each["total"]["event_count"] for each in found["work_packages"]] == [6]  # one run of six is in the period
    assert found["without_work_package"]["event_count"] == 0


def test_csv_has_a_row_a_work_package_with_plain_numbers(example: Project) -> None:
    first, second = csv.DictReader(io.StringIO(said(example, "--format", "csv")))
    assert (first["wp_id"], first["until_accepted_cost_usd"], first["rework_cost_usd"]) == ("WP01", "2.45", "1.3")
    assert (second["feature"], second["review_cost_usd"]) == (OTHER, "0")
    (only,) = csv.DictReader(io.StringIO(said(example, "--format", "csv", "--by", "agent", "--limit", "1")))
    assert (only["agent"], only["total_cost_usd"]) == ("claude-code", "4.45")


def test_markdown_has_the_answer_and_a_table(example: Project) -> None:
    text = said(example, "--format", "markdown")
    assert text.startswith("2 of 2 work packages accepted.  \n")
    assert f"| {FEATURE} | WP01 | done | 6 | 1 |" in text


def test_a_limit_says_how_many_are_left_out(example: Project) -> None:
    text = said(example, "--limit", "1")
    assert "· WP07" not in text
    assert "1 more work package (--limit 0 shows all)." in text


def test_in_another_currency_each_run_has_the_rate_of_its_day(example: Project) -> None:
    rates = "EUR:\n  2026-02-16: 0.50\n  2026-02-18: 0.90\n"
    example.settings_path.with_name("telemetry-rates.yaml").write_text(rates, encoding="utf-8")
    assert "They cost €3.9250 until then, €1.9625 each." in said(example, "--currency", "EUR")  # 1.225 + 2.70
    found = document(example, "--currency", "EUR")
    assert found["summary"]["accepted_cost_usd"] == Decimal("5.45")
    assert found["converted"]["accepted_cost"] == Decimal("3.925")
    first, _ = csv.DictReader(io.StringIO(said(example, "--currency", "EUR", "--format", "csv")))
    assert (first["until_accepted_cost_usd"], first["until_accepted_cost"], first["currency"]) == (
        "2.45",
        "1.225",
        "EUR",
    )


def test_what_is_outside_of_missions_is_a_line_of_its_own(example: Project) -> None:
    example.outside_log.parent.mkdir(parents=True, exist_ok=True)
    event = json.loads(example.log_path(FEATURE).read_text(encoding="utf-8").splitlines()[0])
    event["payload"] |= {"cost_usd": "7.25", "wp_id": None, "models": []}
    event |= {"event_id": "01KHK0000000000000000000ZZ", "aggregate_id": "–"}
    example.outside_log.write_text(json.dumps(event) + "\n", encoding="utf-8")
    assert "Outside missions: 1 run, $7.2500." in said(example)
    assert "Without a work package: 1 run, $0.3000." in said(example)
    assert document(example)["outside"]["total_cost_usd"] == Decimal("7.25")
    assert "Outside missions" not in said(example, "--mission", FEATURE)


def test_a_column_that_does_not_exist_is_said_with_those_that_do(example: Project) -> None:
    result = invoke(example, "--columns", "price")
    assert result.exit_code == 2
    assert "Unknown --columns 'price'. Choose from lane, runs, rejected," in " ".join(result.stderr.split())


@pytest.mark.parametrize("by", [(), ("--by", "agent"), ("--by", "pair"), ("--attempts",)])
@pytest.mark.parametrize("columns", [80, 160])
def test_every_table_fits_the_terminal(
    example: Project, monkeypatch: pytest.MonkeyPatch, columns: int, by: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, said(example, *by).splitlines())) <= columns
