"""`lint` finds everything that cannot be meant, one sentence each."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with one run of codex, and us in it."""
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", "codex", "reviewer", cost_usd=Decimal(1))
    monkeypatch.chdir(project.root)
    return project


def lint(*arguments: str, command: tuple[str, ...] = ("lint",)) -> Result:
    return CliRunner().invoke(group, [*command, *arguments])


def budgets(project: Project, *lines: str) -> None:
    project.settings_path.write_text("budgets:\n" + "".join(f"- {{{line}}}\n" for line in lines), encoding="utf-8")


def test_a_sound_project_has_no_problem(here: Project) -> None:
    budgets(
        here, "month: '*', limit_usd: 500", "agent: cod*, limit_usd: 40", "feature: '043', role: reviewer, limit_usd: 5"
    )
    here.settings_path.with_name("telemetry-rates.yaml").write_text("EUR:\n  2026-10-01: 0.8\n", encoding="utf-8")
    result = lint()
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"{here.settings_path}: no problem" in result.stdout


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["limit_usd: -5"], "budgets, number 1, limit_usd: -5 is negative. A limit is 0 or more dollars."),
        (
            ["month: '*', limit_usd: 5", "month: '*', limit_usd: 9"],
            "budgets, numbers 1 and 2: the same runs are limited to $5 and to $9. Keep one.",
        ),
        (
            ["month: '*', limit_usd: 25", "agent: codex, month: '*', limit_usd: 40"],
            "number 2: its $40 can never be reached: number 1 limits these and more runs to $25. Lower it, or",
        ),
        (["agent: codx, limit_usd: 5"], "number 1, agent: 'codx' names nothing that exists. Did you mean 'codex'?"),
        (
            ["tag: team=ops, limit_usd: 5"],
            "number 1, tag: 'team=ops' names nothing that exists. Nothing that is recorded here matches.",
        ),
        (["feature: [043, 999], limit_usd: 5"], "number 1, feature: '999' names nothing that exists."),
    ],
)
def test_a_budget_that_is_wrong_is_one_sentence(here: Project, lines: list[str], message: str) -> None:
    budgets(here, *lines)
    result = lint()
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{here.settings_path}, budgets, number")
    assert message in line


def test_budgets_that_only_look_alike_are_no_contradiction(here: Project) -> None:
    budgets(
        here, "month: '*', limit_usd: 5", "week: '*', limit_usd: 9", "per: feature, limit_usd: 2",
        "per: role, limit_usd: 3",        "agent: codex, limit_usd: 4", "agent: codex, role: reviewer, limit_usd: 4",
    )  # fmt: skip
    assert lint().exit_code == 0


def test_a_budget_may_name_a_mission_that_has_not_begun(here: Project) -> None:
    (here.specs_dir / "044-next").mkdir()
    budgets(here, "feature: 044, limit_usd: 5")
    assert lint().exit_code == 0


def test_rates_and_other_settings_are_looked_at_too(here: Project) -> None:
    here.settings_path.with_name("telemetry-rates.yaml").write_text("EURO:\n  2026-10-01: 0.8\n", encoding="utf-8")
    result = lint()
    assert result.exit_code == 1
    assert "'EURO' is no currency. Use its ISO code, such as EUR or GBP." in result.stderr
    here.settings_path.write_text("person: boss\n", encoding="utf-8")
    here.settings_path.with_name("telemetry-rates.yaml").unlink()
    assert "person: this file is everybody's." in lint().stderr


def test_the_old_name_does_the_same(here: Project) -> None:
    budgets(here, "limit_usd: -5")
    assert lint(command=("prices", "lint")).stderr == lint().stderr
    assert lint(str(here.settings_path), command=("prices", "lint")).exit_code == 1


def test_a_file_can_be_looked_at_by_itself(here: Project) -> None:
    budgets(here, "limit_usd: 5", "limit_usd: 6")
    result = lint(str(here.settings_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the same runs are limited to $5 and to $6. Keep one." in result.stderr
    assert "found no such file" in lint("nowhere.yaml").stderr
