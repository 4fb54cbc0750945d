"""`doctor` says first whether runs will be recorded, and tries what it promises."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.bridges.check import BridgeStatus
from spec_kitty_telemetry.bridges.readiness import closed_logs, readiness
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.importing.recorded import Recorded, recorded
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.project.layout import OUTSIDE

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
ORCHESTRATOR, CLI = "spec-kitty-orchestrator", "spec-kitty-cli"
BY_HAND = (
    "Nothing will be recorded by itself, because no orchestrator and no agent hands its runs over here; "
    "'spec-kitty telemetry init --hooks claude' (or another agent) registers one, 'import' takes what agents kept, "
    "'run' records one command."
)


def bridge(host: str, state: Any = "active") -> BridgeStatus:
    return BridgeStatus(host, "1.0", state, "")


def doctor(project: Project) -> tuple[int, list[str], list[str]]:
    """Return the exit status, the lines for a person and the problems."""
    done = CliRunner().invoke(group, ["doctor", "--project", str(project.root)])
    as_json = CliRunner().invoke(group, ["doctor", "--project", str(project.root), "--json"])
    document = json.loads(as_json.output)
    assert done.output.splitlines()[0] == document["verdict"]
    return done.exit_code, done.output.splitlines(), document["problems"]


def claude_settings(folder: Path, command: str) -> None:
    settings = folder / ".claude" / "settings.json"
    settings.parent.mkdir()
    hook = {"hooks": [{"type": "command", "command": command}]}
    settings.write_text(json.dumps({"hooks": {"Stop": [hook]}}), encoding="utf-8")


def test_a_fresh_project_without_any_way_to_record_is_not_called_well(project: Project) -> None:
    assert readiness(project, [bridge(CLI), bridge(ORCHESTRATOR, "not installed")]).verdict == BY_HAND


@pytest.mark.parametrize("state", ["active", "host does it itself"])
def test_an_orchestrator_that_is_bridged_or_announces_its_runs_is_a_source(project: Project, state: str) -> None:
    said = readiness(project, [bridge(CLI), bridge(ORCHESTRATOR, state)]).verdict
    assert said == "Runs will be recorded from spec-kitty-orchestrator."


def test_the_hosts_own_hook_for_claude_is_a_source_where_the_host_is_bridged(project: Project) -> None:
    claude_settings(project.root, "spec-kitty session-stop")
    assert readiness(project, [bridge(CLI)]).verdict == "Runs will be recorded from claude."
    assert readiness(project, [bridge(CLI, "not understood")]).verdict == BY_HAND


def test_agents_with_our_hook_are_sources(project: Project) -> None:
    for agent in ("claude", "codex"):
        done = CliRunner().invoke(group, ["init", "--hooks", agent, "--project", str(project.root)])
        assert done.exit_code == 0, done.output
    both = "Runs will be recorded from spec-kitty-orchestrator, claude and codex."
    assert readiness(project, [bridge(CLI), bridge(ORCHESTRATOR)]).verdict == both


def test_why_nothing_is_recorded_comes_before_what_would_be(project: Project, tmp_path: Path) -> None:
    bridges = [bridge(ORCHESTRATOR)]
    off = readiness(project, bridges, {"SPEC_KITTY_TELEMETRY": "off"}).verdict
    assert off == "Nothing will be recorded, because telemetry is off (SPEC_KITTY_TELEMETRY)."
    assert readiness(None, bridges).verdict.startswith(
        "Nothing will be recorded, because there is no spec-kitty project"
    )
    project.runtime_dir.parent.mkdir(parents=True)
    project.runtime_dir.write_text("a file", encoding="utf-8")
    assert readiness(project, bridges).verdict.startswith("Nothing will be recorded, because ")


def test_the_probe_leaves_nothing_behind(project: Project) -> None:
    assert readiness(project, []).obstacle is None
    assert [path.name for path in project.runtime_dir.iterdir()] == [".gitignore"]


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_runtime_folder_that_leads_elsewhere_is_a_reason_and_a_problem(project: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    project.runtime_dir.parent.mkdir(parents=True)
    project.runtime_dir.symlink_to(tmp_path / "elsewhere")
    code, lines, problems = doctor(project)
    assert code == 1
    assert lines[0].startswith(f"Nothing will be recorded, because {project.runtime_dir} leads out of the project")
    assert any("leads out of the project" in problem for problem in problems)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everything")
def test_a_log_that_cannot_be_written_is_named(project: Project) -> None:
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", "a", "r")
    project.log_path(FEATURE).chmod(0o444)
    _, _, problems = doctor(project)
    assert problems == [f"{project.log_path(FEATURE)} cannot be written: permission denied; mend its permissions"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become another user")
def test_what_is_closed_to_another_user_is_named_and_no_error(project: Project) -> None:
    """The logs are as umask 022 leaves them, the runtime folder as umask 077 does."""
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", "a", "r")
    for path in (*project.root.parents, project.root, *project.root.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    project.runtime_folder().chmod(0o700)
    os.seteuid(54321)
    try:
        closed, logs, found = closed_logs(project), project.having_logs(), recorded(project)
    finally:
        os.seteuid(0)
    assert f"{project.log_path(FEATURE)} cannot be written: permission denied; mend its permissions" in closed
    assert logs == [FEATURE, OUTSIDE]  # whether there is one cannot be told, so it is looked at and named
    assert isinstance(found, Recorded)


def test_a_log_that_git_tracks_is_named_with_what_happens(project: Project) -> None:
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", "a", "r")
    subprocess.run(["git", "init", "--quiet", str(project.root)], check=True)
    _, _, problems = doctor(project)
    assert problems == [
        "git sees the logs, so spec-kitty's accept and merge refuse this checkout; 'init' lets it ignore them"
    ]
    (project.root / ".gitignore").write_text("*.jsonl\n", encoding="utf-8")  # another way to the same
    assert doctor(project)[2] == []
    (project.root / ".gitignore").unlink()
    CliRunner().invoke(group, ["init", "--project", str(project.root)])
    assert doctor(project)[2] == []
    subprocess.run(["git", "-C", str(project.root), "add", "--force", str(project.log_path(FEATURE))], check=True)
    _, _, problems = doctor(project)
    (problem,) = problems
    assert problem == (
        f"git tracks kitty-specs/{FEATURE}/execution.events.jsonl: each record makes the checkout dirty, so "
        "spec-kitty's accept, merge and move-task refuse it; 'init --untrack' ends that, 'init --track' says that it "
        "is meant"
    )
    CliRunner().invoke(group, ["init", "--track", "--project", str(project.root)])
    assert doctor(project)[2] == []


def test_a_mistyped_feature_makes_no_folder_and_its_record_waits_under_that_name(project: Project) -> None:
    hooks = Hooks.load(project.root)
    invocation = Invocation(project_root=project.root, feature="043-telemtry", agent="a", role="implementer")
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, InvocationResult(success=True))
    assert [path.name for path in project.specs_dir.iterdir()] == [FEATURE]
    spool = project.runtime_dir / "spool"
    code, _, problems = doctor(project)
    assert code == 1
    problem = (
        f"1 record of '043-telemtry' in the spool: there is no {project.specs_dir / '043-telemtry'}, so rename "
        f"{spool / '043-telemtry'} after the mission that is meant, or make that folder; then 'doctor --repair' moves "
        "them into its log"
    )
    assert problems == [problem]
    (spool / "043-telemtry").rename(spool / FEATURE)
    repaired = CliRunner().invoke(group, ["doctor", "--repair", "--project", str(project.root)])
    assert repaired.exit_code == 0, repaired.output
    shown = CliRunner().invoke(group, ["report", "--json", "--project", str(project.root)])
    assert [row["group_key"] for row in json.loads(shown.output)["rows"]] == [FEATURE]


def git(project: Project, *words: str) -> None:
    named = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "-C", str(project.root), *named, *words], check=True, capture_output=True)


def test_records_of_a_tracked_log_that_were_stashed_are_named(project: Project) -> None:
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", "a", "r")
    git(project, "init", "--quiet")
    CliRunner().invoke(group, ["init", "--track", "--project", str(project.root)])
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "-m", "a")
    assert doctor(project)[2] == []
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", "a", "r")
    git(project, "stash")
    code, _, problems = doctor(project)
    (problem,) = problems
    assert code == 1
    assert problem == (
        f"git stash holds records of kitty-specs/{FEATURE}/execution.events.jsonl: no report has them before "
        "'git stash pop' brings them back, or 'git stash drop' ends them"
    )
    git(project, "stash", "pop")
    assert doctor(project)[2] == []
