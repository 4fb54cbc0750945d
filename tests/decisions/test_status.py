"""How things stand now: `status` for a person, `statusline` for an agent's status bar."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import Invocation, InvocationResult, emit_execution_event
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.cli.render.status import mission_name
from spec_kitty_telemetry.decisions.here import mission_here

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
OTHER = "user-login-01M8FXYR"


def spend(
    project: Project, cost_usd: str | None, feature: str = FEATURE, wp_id: str = "WP01", days_ago: int = 0
) -> None:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    (project.specs_dir / feature).mkdir(exist_ok=True)
    emit_execution_event(
        project.feature_dir(feature), feature, wp_id, "claude-code", "implementer",
        cost_usd=None if cost_usd is None else Decimal(cost_usd), timestamp=at,
    )  # fmt: skip


def status(project: Project, *arguments: str) -> str:
    result = CliRunner().invoke(group, ["status", "--project", str(project.root), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def document(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(status(project, "--json"), parse_float=Decimal)
    return found


def statusline(told: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    text = told if isinstance(told, str) else json.dumps(told)
    return subprocess.run(
        [sys.executable, "-m", "spec_kitty_telemetry", "statusline"], cwd=folder, input=text, capture_output=True,
        encoding="utf-8", check=False, env={**os.environ, "PYTHONUTF8": "1", **environment},
    )  # fmt: skip


# status -------------------------------------------------------------------------------------------------------------


def test_status_says_what_today_and_this_mission_cost(project: Project) -> None:
    spend(project, "2")
    spend(project, "40", days_ago=3)
    spend(project, "1", OTHER)
    found = document(project)
    assert (found["today"]["total_cost_usd"], found["today"]["event_count"]) == (3, 2)
    assert found["mission"]["feature"] == OTHER  # which ran last
    assert "Today: $3.00 in 2 runs.\n" in status(project)
    assert f"{OTHER}: $1.00 in 1 run.\n" in status(project)


def test_status_lists_what_runs_by_the_marks_of_living_hosts(project: Project, hooks: Hooks) -> None:
    run = Invocation(project_root=project.root, feature=FEATURE, agent="codex", role="reviewer", wp_id="WP02")
    assert "Nothing is running." in status(project)
    hooks.before_invocation(run)
    (found,) = document(project)["running"]
    assert (found["feature"], found["wp_id"], found["role"], found["agent"]) == (FEATURE, "WP02", "reviewer", "codex")
    hooks.after_invocation(run, InvocationResult(success=True))
    assert document(project)["running"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="there a mark of a dead host is believed until it is recorded")
def test_the_mark_of_a_dead_host_is_not_running(project: Project, hooks: Hooks) -> None:
    run = Invocation(project_root=project.root, feature=FEATURE, agent="codex", role="reviewer")
    hooks.before_invocation(run)
    (mark,) = (project.runtime_dir / "running").glob("*.json")
    text = mark.read_bytes()
    hooks.after_invocation(run, InvocationResult(success=True))
    mark.write_bytes(text)
    os.utime(mark, (1, 1))
    (project.runtime_dir / "running" / "bad.json").write_text("{", encoding="utf-8")
    assert document(project)["running"] == []


def test_status_shows_every_budget_and_what_waits_in_the_spool(project: Project) -> None:
    project.settings_path.write_text("budgets: [{month: '*', limit_usd: 4}, {limit_usd: 100}]\n", encoding="utf-8")
    spend(project, "5")
    record = project.log_path(FEATURE).read_bytes().splitlines()[0]
    waiting_id = "01KHJVJWDK0000000000000000"
    line = record.replace(json.loads(record)["event_id"].encode(), waiting_id.encode())
    (project.runtime_folder("spool", FEATURE) / f"{waiting_id}.json").write_bytes(line)
    found = document(project)
    assert [each["state"] for each in found["budgets"]] == [
        "over",
        "cannot tell",
    ]  # the one that waits is not counted yet
    assert found["waiting_count"] == 1
    assert "1 record still to be written; the next run adds them.\n" in status(project)


def test_status_of_an_empty_project_costs_nothing(project: Project) -> None:
    found = document(project)
    assert (found["today"]["total_cost_usd"], found["mission"], found["budgets"]) == (0, None, [])
    assert status(project).startswith("Today: $0.00 in 0 runs.\n")


def test_watching_needs_a_terminal(project: Project) -> None:
    result = CliRunner().invoke(group, ["status", "--project", str(project.root), "--watch"])
    assert result.exit_code == 2
    assert "--watch draws on a terminal." in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_watching_draws_again_in_place_until_ctrl_c(project: Project) -> None:
    import pty
    import signal

    spend(project, "1")
    controller, terminal = pty.openpty()
    watcher = subprocess.Popen(
        [sys.executable, "-m", "spec_kitty_telemetry", "status", "--watch", "--every", "1"],
        cwd=project.root, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(terminal)
    text = b""
    while text.count(b"\x1b[H\x1b[J") < 2:  # drawn twice
        text += os.read(controller, 4096)
    watcher.send_signal(signal.SIGINT)
    _, complaint = watcher.communicate()
    os.close(controller)
    assert b"Today: $1.00 in 1 run." in text
    assert b"Traceback" not in complaint


@pytest.mark.parametrize("columns", [80, 160])
def test_the_screen_fits_the_terminal(
    project: Project, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    long = "044-" + "x" * 60
    project.settings_path.write_text(f"budgets: [{{limit_usd: 4, name: {'n' * 90}}}]\n", encoding="utf-8")
    spend(project, "1", long)
    hooks.before_invocation(
        Invocation(project_root=project.root, feature=long, agent="claude-code", role="implementer")
    )
    assert max(map(len, status(project).splitlines())) <= columns


# Which mission ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("branch", "mission"),
    [
        (f"kitty/mission-{FEATURE}-lane-a", FEATURE),
        (f"kitty/mission-{OTHER}", OTHER),
        (FEATURE, FEATURE),
        (f"{FEATURE}-WP03", FEATURE),
        ("main", OTHER),  # which ran last
    ],
)
def test_the_mission_is_that_of_the_branch(project: Project, branch: str, mission: str) -> None:
    spend(project, "1")
    spend(project, "1", OTHER)
    (project.root / ".git").mkdir()
    (project.root / ".git" / "HEAD").write_text(f"ref: refs/heads/{branch}\n", encoding="utf-8")
    assert mission_here(project, project.root, []) == mission


def test_the_mission_is_that_of_the_lane_worktree(project: Project) -> None:
    spend(project, "1")
    spend(project, "1", OTHER)
    folder = project.root / ".worktrees" / f"{FEATURE}-lane-b" / "src"
    folder.mkdir(parents=True)
    assert mission_here(project, folder, []) == FEATURE


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        (FEATURE, "telemetry-foundation"),
        (OTHER, "user-login"),
        ("x", "x"),
        ("044-" + "y" * 50, "y" * 16 + "…" + "y" * 15),
    ],
)
def test_a_mission_is_called_as_a_person_would(slug: str, name: str) -> None:
    assert mission_name(slug) == name


# statusline ---------------------------------------------------------------------------------------------------------


def test_the_line_has_the_mission_the_package_what_is_spent_and_the_limit(project: Project) -> None:
    project.settings_path.write_text("budgets: [{per: feature, limit_usd: 25}]\n", encoding="utf-8")
    spend(project, "1.27", OTHER, "WP02")
    spend(project, None, OTHER, "WP02")
    done = statusline({"cwd": str(project.root), "session_id": "s"}, project.root.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "user-login WP02 · ≥$1.27 of $25\n", "")


def test_without_a_budget_of_the_mission_the_line_has_its_cost_and_what_is_over(project: Project) -> None:
    spend(project, "2")
    told = {"workspace": {"current_dir": str(project.root)}}
    assert statusline(told, project.root).stdout == "telemetry-foundation WP01 · $2.00\n"
    project.settings_path.write_text("budgets: [{month: '*', limit_usd: 1, name: all}]\n", encoding="utf-8")
    assert statusline(told, project.root).stdout == "telemetry-foundation WP01 · $2.00 · over budget: all\n"


def test_the_line_changes_when_a_run_is_recorded_or_a_setting_changes(project: Project) -> None:
    told = {"cwd": str(project.root)}
    assert statusline(told, project.root).stdout == "shop · $0.00 today\n"
    spend(project, "2")
    assert statusline(told, project.root).stdout == "telemetry-foundation WP01 · $2.00\n"
    project.settings_path.write_text("budgets: [{feature: '043', limit_usd: 2.5}]\n", encoding="utf-8")
    assert statusline(told, project.root).stdout == "telemetry-foundation WP01 · $2.00 of $2.50\n"


def test_a_kept_line_imports_neither_click_nor_msgspec(project: Project) -> None:
    told = {"cwd": str(project.root)}
    first = statusline(told, project.root).stdout
    program = (
        "import sys; sys.argv = ['spec-kitty-telemetry', 'statusline']\n"
        "from spec_kitty_telemetry.__main__ import main; main()\n"
        "print(*sorted({'click', 'msgspec', 'yaml', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(told), capture_output=True, encoding="utf-8", check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.stdout == f"{first}\n"


@pytest.mark.parametrize(
    "told", ["", "{", "[]", "7", '{"cwd": 7}', '{"cwd": "/no/such/folder"}', '{"workspace": []}', "[" * 9999]
)
def test_whatever_the_agent_says_there_is_a_line(project: Project, told: str) -> None:
    done = statusline(told, project.root)
    assert (done.returncode, done.stdout, done.stderr) == (0, "shop · $0.00 today\n", "")


def test_outside_of_a_project_and_with_settings_that_cannot_be_read_there_is_a_line(
    project: Project, tmp_path: Path
) -> None:
    assert statusline({}, tmp_path).stdout == "no spec-kitty project\n"
    project.settings_path.write_text("budgets: [oops\n", encoding="utf-8")
    done = statusline({}, project.root)
    assert (done.returncode, done.stdout) == (0, "telemetry: see 'doctor'\n")


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1, "entries": []}', '{"version": 1, "entries": {"ROOT": 7}}'])
def test_a_broken_cache_is_no_matter(project: Project, text: str) -> None:
    statusline({}, project.root)
    cache = project.runtime_dir / "statusline.json"
    cache.write_text(text.replace("ROOT", str(project.root)), encoding="utf-8")
    assert statusline({}, project.root).stdout == "shop · $0.00 today\n"


def test_a_kept_line_cannot_steer_the_terminal(project: Project) -> None:
    statusline({}, project.root)
    cache = project.runtime_dir / "statusline.json"
    kept = json.loads(cache.read_text(encoding="utf-8"))
    (entry,) = kept["entries"].values()
    entry["line"] = "\x1b]0;evil\x07ok"
    cache.write_text(json.dumps(kept), encoding="utf-8")
    assert statusline({}, project.root).stdout == "]0;evilok\n"
