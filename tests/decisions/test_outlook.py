"""What open work packages will cost, from a project's own records and lanes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)


def said(project: Project, *arguments: str) -> str:
    result = CliRunner().invoke(group, ["forecast", "--project", str(project.root), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def document(project: Project, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(project, "--json", *arguments), parse_float=Decimal)
    return found


def package(
    project: Project,
    feature: str,
    wp_id: str,
    cost_usd: str | None,
    lane: str | None = "done",
    day: int = 0,
    **facts: Any,
) -> None:
    """Record one run of a work package and the lane in which it is since."""
    folder = project.feature_dir(feature)
    folder.mkdir(exist_ok=True)
    at = BEGAN + timedelta(days=day)
    if cost_usd is not None:
        cost = None if cost_usd == "unknown" else Decimal(cost_usd)
        emit_execution_event(folder, feature, wp_id, "claude-code", "implementer", timestamp=at, cost_usd=cost)
    if lane is not None:
        moves = [("planned", "in_progress", at), ("in_progress", lane, at + timedelta(minutes=5))]
        with (folder / "status.events.jsonl").open("a", encoding="utf-8") as file:
            for before, after, moment in moves:
                file.write(
                    json.dumps({"wp_id": wp_id, "from_lane": before, "to_lane": after, "at": moment.isoformat()}) + "\n"
                )


@pytest.fixture
def shop(project: Project) -> Project:
    """Six accepted work packages of $1 to $6, one of unknown cost, one for nothing; three that are open."""
    for number in range(1, 7):
        package(project, "042-login", f"WP{number:02}", str(number))
    package(project, "042-login", "WP07", "unknown")
    package(project, "042-login", "WP08", None)
    package(project, FEATURE, "WP01", "9", "in_review", day=3)
    package(project, FEATURE, "WP02", None, "planned", day=3)
    package(project, FEATURE, "WP03", "2", "canceled", day=3)
    tasks = project.feature_dir(FEATURE) / "tasks"
    tasks.mkdir()
    for name in ("WP01-api.md", "WP04-docs.md", "README.md"):
        (tasks / name).write_text("# task\n", encoding="utf-8")
    return project


def test_what_is_open_is_in_the_lanes_and_in_the_tasks_and_not_canceled(shop: Project) -> None:
    found = document(shop)
    (mission,) = found["missions"]
    assert (mission["feature"], mission["open_count"], mission["spent_usd"]) == (FEATURE, 3, 9)  # WP01, WP02, WP04
    assert found["total"]["open_count"] == 3


def test_the_history_and_what_was_left_out_of_it_are_always_said(shop: Project) -> None:
    found = document(shop)
    assert (found["known_count"], found["unknown_count"], found["free_count"]) == (6, 1, 1)
    text = said(shop)
    assert "Made from 6 accepted work packages of this project whose cost is known.\n" in text
    assert "Left out: 1 accepted work package with runs of unknown cost.\n" in text
    assert "Left out: 1 accepted work package without any cost.\n" in text


def test_the_answer_comes_first_and_nothing_costs_less_than_was_spent(shop: Project) -> None:
    first = said(shop).splitlines()[0]
    assert re.fullmatch(
        r"3 open work packages: probably \$\d+\.\d\d to \$\d+\.\d\d in the end \(80 % of cases\), "
        r"half of the cases below \$\d+\.\d\d; \$9\.00 spent on them so far\.",
        first,
    )
    for each in document(shop)["total"]["ranges"]:
        assert each["low_usd"] > 9


def test_the_same_history_says_the_same_words(shop: Project) -> None:
    assert said(shop) == said(shop)


def test_below_five_known_packages_it_says_what_they_cost_and_forecasts_nothing(project: Project) -> None:
    for number, cost in enumerate(("1", "2", "5"), 1):
        package(project, FEATURE, f"WP{number:02}", cost)
    package(project, FEATURE, "WP09", None, "planned")
    assert said(project).splitlines()[0] == (
        "1 open work package, $0.00 spent on it so far. Too few to forecast: the cost of 3 accepted work packages is "
        "known, 5 are needed. The cheapest cost $1.00, the median $2.00, the most expensive $5.00."
    )
    assert document(project)["total"]["median_usd"] is None


def test_a_mission_without_lanes_is_named_and_not_forecast(shop: Project) -> None:
    (shop.specs_dir / "050-empty").mkdir()
    assert "050-empty: there is no status.events.jsonl, so nobody knows what is open.\n" in said(shop)
    assert said(shop, "--feature", "50").startswith(
        "Nothing to forecast: it is not known which work packages are open.\n"
    )


def test_a_finished_project_has_nothing_to_forecast(project: Project) -> None:
    package(project, FEATURE, "WP01", "1")
    assert said(project).startswith("Nothing to forecast: no work package is open.\n")


def test_a_budget_is_used_up_when_its_pace_says_so(project: Project) -> None:
    # $4 in the last 14 days and $4 long before: of $10 there are $2 left, which last 7 days at 4/14 dollars a day.
    now = datetime.now(UTC)
    project.settings_path.write_text(
        "time_zone: UTC\n"
        "budgets: [{limit_usd: 10}, {limit_usd: 3}, {limit_usd: 9000000}, {agent: codex, limit_usd: 1}]\n",
        encoding="utf-8",
    )
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(4):
        package(project, FEATURE, "WP01", "1", None, day=0)
        emit_execution_event(
            project.feature_dir(FEATURE), FEATURE, "WP01", "claude-code", "implementer",
            cost_usd=Decimal(1), timestamp=midnight - timedelta(days=days),
        )  # fmt: skip
    everything, over, endless, codex = document(project)["budgets"]
    assert everything["spent_usd"] == 8
    assert everything["per_day_usd"] == round(Decimal(4) / 14, 9)
    assert everything["used_up_on"] == (now + timedelta(days=7)).date().isoformat()
    assert (over["used_up_on"], endless["used_up_on"], codex["per_day_usd"]) == (None, None, None)
    text = said(project)
    assert "everything: $8.00 of $3.00 spent, which is over." in text
    assert "the $9,000,000.00 last for years." in text
    assert "agent codex: nothing was spent in the last 14 days." in text


@pytest.fixture
def long_project(project: Project) -> Project:
    """Twelve missions of four heavy-tailed packages, one mission after the other."""
    random = Random(7)
    for mission in range(12):
        for number in range(1, 5):
            cost = f"{random.lognormvariate(0.5, 0.8):.4f}"
            package(project, f"{mission + 1:03}-mission", f"WP{number:02}", cost, day=mission * 3)
    return project


def test_the_backtest_forecasts_each_past_mission_from_what_was_known_when_it_began(long_project: Project) -> None:
    found = document(long_project, "--backtest")["backtest"]
    # The first two missions began with 0 and 4 packages known, which is too few.
    assert (found["trial_count"], found["too_early_count"], found["unfinished_count"]) == (10, 2, 0)
    assert [each["known_count"] for each in found["trials"]] == [8, 12, 16, 20, 24, 28, 32, 36, 40, 44]
    held = {each["level"]: each["count"] for each in found["held"]}
    assert held[50] <= held[80] <= held[95]
    assert held[80] == sum(
        low <= each["true_usd"] <= high
        for each in found["trials"]
        for _, (low, high), _ in ([(r["low_usd"], r["high_usd"]) for r in each["ranges"]],)
    )
    assert held[80] >= 6  # of 10; the seed is fixed
    assert "Backtest of 10 finished missions. How many cost what the range said: 50 %: " in said(
        long_project, "--backtest"
    )


def test_the_backtest_of_the_demo_says_that_there_is_too_little(project: Project, tmp_path: Path) -> None:
    assert CliRunner().invoke(group, ["demo", "--folder", str(tmp_path / "demo")]).exit_code == 0
    demo = type(project)(tmp_path / "demo")
    assert "Backtest: there is no finished mission whose cost is known.\n" in said(demo, "--backtest")


@pytest.mark.parametrize("columns", [80, 160])
def test_the_tables_fit_the_terminal(long_project: Project, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    package(long_project, "100-" + "x" * 90, "WP01", None, "planned", day=90)
    package(long_project, FEATURE, "WP01", "1", "in_progress", day=90)
    monkeypatch.setenv("COLUMNS", str(columns))
    tables = said(long_project, "--backtest").splitlines()[2:6]
    assert max(map(len, tables)) <= columns
