"""`check` as a shell and CI see it: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from spec_kitty_telemetry import emit_execution_event

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
OTHER = "044-login"
NOW = datetime.now(UTC)
PROGRAM = f"{shlex.quote(sys.executable)} -m spec_kitty_telemetry"


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as CI does: a real shell that stops at the first command that fails."""
    return subprocess.run(
        ["sh", "-e", "-c", script.replace("telemetry ", f"{PROGRAM} ")],
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def spend(project: Project, cost_usd: str | None, feature: str = FEATURE, **facts: Any) -> None:
    facts = {"wp_id": "WP01", "role": "implementer", "agent": "claude-code", "timestamp": NOW, **facts}
    emit_execution_event(
        project.feature_dir(feature), feature, facts.pop("wp_id"), facts.pop("agent"), facts.pop("role"),
        cost_usd=None if cost_usd is None else Decimal(cost_usd), **facts,
    )  # fmt: skip


def budgets(project: Project, *lines: str) -> None:
    project.settings_path.write_text("budgets:\n" + "".join(f"- {{{line}}}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def spent(project: Project) -> Project:
    """$4 of claude-code and $1 of codex in one mission, $2 in another; nothing unknown."""
    (project.specs_dir / OTHER).mkdir()
    spend(project, "4")
    spend(project, "1", role="reviewer", agent="codex")
    spend(project, "2", OTHER)
    return project


# Exit codes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("telemetry check --limit 100", 0, "Within budget."),
        ("telemetry check --limit 8", 0, "Within budget, but close to a limit."),
        ("telemetry check --limit 7", 0, "close to a limit"),
        ("telemetry check --limit 6.99", 3, "Over budget."),
        ("telemetry check --feature 44 --limit 2", 0, "for 044-login."),
        ("telemetry check --feature 44 --limit 1", 3, "Over budget for 044-login."),
        ("telemetry check --feature 44 --feature 43 --limit 6", 3, "Over budget"),
    ],
)
def test_a_shell_sees_0_within_and_3_over(spent: Project, command: str, code: int, says: str) -> None:
    done = shell(command, spent.root)
    assert (done.returncode, done.stderr) == (code, "")
    assert says in done.stdout


@pytest.mark.parametrize(
    ("unknown", "limit", "code"),
    [("allow", "8", 0), ("warn", "8", 0), ("fail", "8", 4), ("allow", "6", 3), ("warn", "6", 3), ("fail", "6", 3)],
)
def test_runs_of_unknown_cost_end_in_4_only_below_a_limit_and_where_they_must(
    spent: Project, unknown: str, limit: str, code: int
) -> None:
    spend(spent, None)
    done = shell(f"telemetry check --limit {limit} --unknown {unknown}", spent.root)
    assert done.returncode == code
    if code == 4:
        assert "Cannot tell whether the budget is kept." in done.stdout
        assert "--limit: 1 run costs more than is known." in done.stdout
    if code == 0 and unknown == "warn":
        assert "This does not fail the check; --unknown fail makes it exit with 4." in done.stdout


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("telemetry check", 2, "Error: Nothing to check: no budget is set in "),
        ("telemetry check --limit -5", 2, "Error: --limit: -5 is negative. A limit is 0 or more dollars."),
        ("telemetry check --limit much", 2, "Error: --limit: 'much' is no amount. Write dollars, such as 25 or 12.50."),
        ("telemetry check --unknown maybe --limit 1", 2, "'maybe' is not one of 'allow', 'warn', 'fail'"),
        ("telemetry check --json --format junit --limit 1", 2, "Error: Use either --json or --format junit."),
        ("telemetry check --feature nope --limit 1", 1, "Error: "),
        ("telemetry check --changed-since main --limit 1", 1, "is in no git repository"),
    ],
)
def test_a_shell_sees_1_for_an_error_and_2_for_wrong_usage(spent: Project, command: str, code: int, says: str) -> None:
    done = shell(command, spent.root)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_budget_that_cannot_be_meant_is_an_error_and_not_a_pass(spent: Project) -> None:
    budgets(spent, "feature: '*', limit_usd: -1")
    done = shell("telemetry check", spent.root)
    assert done.returncode == 1
    assert "budgets, number 1, limit_usd: -1 is negative. A limit is 0 or more dollars." in done.stderr


def test_it_prints_first_and_then_fails(spent: Project) -> None:
    done = shell("telemetry check --limit 1 > said.txt || echo $? >> said.txt; tail -1 said.txt", spent.root)
    assert done.stdout == "3\n"
    assert (spent.root / "said.txt").read_text(encoding="utf-8").startswith("Over budget.\n")


# Budgets ------------------------------------------------------------------------------------------------------------


def states(project: Project, *arguments: str) -> dict[str, tuple[str, object]]:
    done = shell(f"telemetry check --json {' '.join(arguments)} || true", project.root)
    found = json.loads(done.stdout, parse_float=Decimal)["verdicts"]
    return {each["name"]: (each["state"], each["spent_usd"]) for each in found}


def test_several_budgets_are_judged_at_once_each_by_all_of_its_runs(spent: Project) -> None:
    month, last = f"{NOW:%Y-%m}", NOW.replace(day=1).timestamp() - 86_400
    spend(spent, "50", timestamp=datetime.fromtimestamp(last, UTC))
    budgets(
        spent, "month: '*', limit_usd: 10", "per: feature, limit_usd: 30, name: mission",
        "agent: 'claude*', limit_usd: 100",
        "role: reviewer, wp: WP01, limit_usd: 0.5", "tag: team=ops, limit_usd: 1",
    )  # fmt: skip
    assert states(spent) == {
        f"month {month}": ("within", 7),
        f"mission: {FEATURE}": ("over", 55),
        f"mission: {OTHER}": ("within", 2),
        "agent claude*": ("within", 56),
        "wp WP01 · role reviewer": ("over", 1),
        "tag team=ops": ("within", 0),
    }


def test_a_budget_of_a_model_counts_only_what_that_model_cost(project: Project) -> None:
    # 1,000,000 tokens each: list prices would change, so the project sets its own.
    project.settings_path.write_text(
        "pricing:\n  models:\n    big-1: {input: 3, output: 3}\n"
        "    small-1: {input: 1, output: 1}\n"
        "budgets: [{model: 'big*', limit_usd: 3}, {limit_usd: 3}]\n",
        encoding="utf-8",
    )
    for model in ("big-1", "small-1"):
        spend(project, None, model=model, input_tokens=1_000_000, output_tokens=0)
    assert states(project) == {"model big*": ("warning", 3), "everything": ("over", 4)}


def test_asking_for_a_mission_checks_the_budgets_that_can_be_about_it(spent: Project) -> None:
    budgets(spent, "feature: 043, limit_usd: 100", "feature: 044, limit_usd: 1", "month: '*', limit_usd: 100")
    assert set(states(spent, "--feature", "43")) == {"feature 043", f"month {NOW:%Y-%m}"}
    assert shell("telemetry check --feature 43", spent.root).returncode == 0
    assert shell("telemetry check", spent.root).returncode == 3


def test_asking_for_a_mission_leaves_out_the_limits_of_others(spent: Project) -> None:
    budgets(spent, "per: feature, limit_usd: 3")
    assert set(states(spent, "--feature", "44")) == {f"feature {OTHER}"}
    assert shell("telemetry check --feature 44", spent.root).returncode == 0


def test_the_users_own_budgets_count_beside_those_of_the_project(spent: Project, tmp_path: Path) -> None:
    budgets(spent, "limit_usd: 100")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "telemetry.yaml").write_text("budgets: [{limit_usd: 5, name: mine}]\n", encoding="utf-8")
    done = shell("telemetry check", spent.root, SPEC_KITTY_TELEMETRY_CONFIG_DIR=str(tmp_path / "mine"))
    assert done.returncode == 3
    assert "mine" in done.stdout


def test_a_line_that_cannot_be_read_may_hide_a_run_so_nobody_can_tell(spent: Project) -> None:
    with spent.log_path(FEATURE).open("ab") as log:
        log.write(b"half a li\n")
    assert shell("telemetry check --limit 100 --unknown fail", spent.root).returncode == 4
    assert (
        "--limit: some records could not be read, or are not in a log yet."
        in shell("telemetry check --limit 100", spent.root).stdout
    )


# Formats ------------------------------------------------------------------------------------------------------------


def test_markdown_begins_with_a_hidden_tag_and_shows_hostile_names_as_text(spent: Project) -> None:
    budgets(spent, "limit_usd: 1, name: '<img src=x>|[a](http://b)'")
    text = shell("telemetry check --format markdown || true", spent.root).stdout
    assert text.splitlines()[:2] == ["<!-- spec-kitty-telemetry check -->", "**Over budget.**"]
    assert "\\<img src=x\\>\\|\\[a\\](http:\\//b)" in text


def test_github_gets_annotations_and_a_job_summary(spent: Project, tmp_path: Path) -> None:
    budgets(spent, "limit_usd: 1, name: '100%: all'", "limit_usd: 8", "limit_usd: 100")
    summary = tmp_path / "summary.md"
    summary.write_text("# before\n", encoding="utf-8")
    done = shell("telemetry check --format github", spent.root, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 3
    assert [line for line in done.stdout.splitlines() if line.startswith("::")] == [
        "::error title=AI agent budget::100%25: all: $7.00 spent, over the limit of $1.00.",
        "::warning title=AI agent budget::everything: $7.00 of $8.00 spent (88%25).",
    ]
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("# before\n<!-- spec-kitty-telemetry check -->\n")
    assert "| everything | $100.00 | $7.00 | $93.00 | 7% | ✅ within |" in text


def test_github_gets_no_more_annotations_than_it_shows(spent: Project) -> None:
    budgets(spent, *(f"limit_usd: 1, name: b{number}" for number in range(15)))
    done = shell("telemetry check --format github", spent.root)
    assert sum(line.startswith("::error") for line in done.stdout.splitlines()) == 10
    assert all(f"b{number} " in done.stdout for number in range(15))


def test_junit_has_a_test_case_a_budget_and_a_failure_for_each_that_fails(spent: Project) -> None:
    spend(spent, None)
    budgets(spent, "limit_usd: 1, name: '<a>&'", "limit_usd: 100, name: b")
    suite = ET.fromstring(shell("telemetry check --format junit --unknown fail || true", spent.root).stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    assert [each.get("type") for each in suite.iter("failure")] == ["over", "cannot tell"]
    assert [each.get("name") for each in suite.iter("testcase")] == ["<a>&", "b"]
    suite = ET.fromstring(shell("telemetry check --format junit || true", spent.root).stdout)
    assert suite.get("failures") == "1"


def test_a_result_can_also_go_to_a_file(spent: Project) -> None:
    done = shell("telemetry check --limit 1 --format markdown --output comment.md", spent.root)
    assert (done.returncode, done.stdout) == (3, "")
    assert "**Over budget.**" in (spent.root / "comment.md").read_text(encoding="utf-8")


# What a branch touches ----------------------------------------------------------------------------------------------


def git(project: Project, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        cwd=project.root,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(spent: Project) -> Project:
    """Both missions committed on main; a branch that changed the second mission's spec."""
    git(spent, "init", "-q", "-b", "main")
    for feature in (FEATURE, OTHER):
        (spent.feature_dir(feature) / "spec.md").write_text("one\n", encoding="utf-8")
    git(spent, "add", "-A", "-f")
    git(spent, "commit", "-qm", "one")
    git(spent, "switch", "-qc", "topic")
    (spent.feature_dir(OTHER) / "spec.md").write_text("two\n", encoding="utf-8")
    git(spent, "commit", "-qam", "two")
    return spent


def changed(project: Project, since: str = "main") -> list[str]:
    done = shell(f"telemetry check --changed-since {since} --limit 100 --json", project.root)
    assert done.returncode == 0, done.stderr
    missions: list[str] = json.loads(done.stdout)["missions"]
    return missions


def test_what_a_pull_request_cost_is_what_the_missions_cost_whose_folders_it_changes(repository: Project) -> None:
    assert changed(repository) == [OTHER]
    done = shell("telemetry check --changed-since main --limit 1.99", repository.root)
    assert done.returncode == 3
    assert "Over budget for 044-login." in done.stdout


def test_a_mission_is_touched_where_its_branch_was_merged_or_is_checked_out(repository: Project) -> None:
    git(repository, "switch", "-q", "main")
    git(repository, "switch", "-qc", f"kitty/mission-{FEATURE}-lane-a")
    (repository.root / "code.py").write_text("x\n", encoding="utf-8")
    git(repository, "add", "code.py")
    git(repository, "commit", "-qm", "code")
    assert changed(repository) == [FEATURE]
    git(repository, "switch", "-q", "topic")
    git(repository, "merge", "-q", "--no-edit", f"kitty/mission-{FEATURE}-lane-a")
    assert changed(repository) == [FEATURE, OTHER]


def test_a_branch_that_touches_no_mission_passes_and_says_so(repository: Project) -> None:
    git(repository, "switch", "-qc", "other", "main")
    done = shell("telemetry check --changed-since main --limit 0", repository.root)
    assert (done.returncode, done.stdout) == (0, "No mission changed since main, so nothing was spent.\n")


@pytest.mark.parametrize(
    ("since", "says"),
    [
        ("nowhere", "Error: git knows no branch or commit 'nowhere'. Fetch it first, or name another one.\n"),
        ("--output=x", "Error: git knows no branch or commit '--output=x'. Fetch it first, or name another one.\n"),
        ("apart",
         "Error: 'apart' and this branch have no common ancestor here. Fetch the whole history (fetch-depth: 0).\n"),
    ],
)  # fmt: skip
def test_a_branch_that_cannot_be_compared_is_an_error(repository: Project, since: str, says: str) -> None:
    git(repository, "switch", "-q", "--orphan", "apart")
    git(repository, "commit", "-q", "--allow-empty", "-m", "apart")
    git(repository, "switch", "-q", "topic")
    done = shell(f"telemetry check --changed-since={since} --limit 1", repository.root)
    assert (done.returncode, done.stderr) == (1, says)
