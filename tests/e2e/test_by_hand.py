"""Whole missions by hand, as an agent in its own window works on them: spec-kitty's commands, no orchestrator.

A run is recorded before every command of the host, by `emit` and by `run` in turn.  Then every command has to end as it
does with telemetry off, git must never see the log, and `lifecycle` must have every move, while the mission lives and
after its merge.  The host is the one of the environment that runs the tests: 3.2.7, or the next one (`tox -e
next-host`).  The mission with telemetry off is worked on beside the recorded one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_mission import TASKS, copy_project, environment_of, fresh_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("by hand"),
    pytest.mark.skipif(sys.platform == "win32", reason="spec-kitty's own commit hooks are POSIX scripts"),
]

IS_HOST_3 = version("spec-kitty-cli").startswith("3.")
LOG_NAME = "execution.events.jsonl"
SPEC = """# User login

## User Scenarios & Testing

A person logs in with a password.

## Functional Requirements

| ID | Requirement | Status |
|----|-------------|--------|
| FR-001 | A function returns a greeting. | approved |

## Success Criteria

- SC-001: Everybody is greeted.
"""
PLAN = """# Implementation Plan: User login

## Summary

Write one module with one function.

## Technical Context

**Language/Version**: Python 3.11
**Primary Dependencies**: none
**Testing**: pytest

## Project Structure

src/greeting.py
"""
WORK_PACKAGE = """---
work_package_id: WP01
title: Greeting
lane: planned
dependencies: []
requirement_refs: [FR-001]
subtasks: [T001]
owned_files: [src/greeting.py]
create_intent: [src/greeting.py]
authoritative_surface: src/
execution_mode: code_change
---

# WP01: Greeting

Write `src/greeting.py`.
"""
LANES = [
    "planned", "claimed", "in_progress", "for_review", "in_review",
    "planned", "claimed", "in_progress", "for_review", "in_review", "approved", "done",
]  # fmt: skip
"""Where the work package goes: into review, back, into review again, and on."""


@dataclass
class Mission:
    """One mission that is worked on by hand."""

    root: Path
    environment: Mapping[str, str]
    records: bool
    slug: str = ""
    ended: list[tuple[str, int]] = field(default_factory=list)
    """Each command of the host and its exit status."""
    seen: list[str] = field(default_factory=list)
    """Lines of `git status` that name the log, with the command they followed."""
    record_count: int = 0
    living: dict[str, Any] = field(default_factory=dict)
    """What `lifecycle` said before the merge."""

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=folder or self.root, env=self.environment, capture_output=True, text=True, check=False
        )

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        return self.run("git", *arguments, folder=folder).stdout

    def host(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Record a run, then do what an agent or a person does with the host."""
        if self.records and self.slug:
            self.record()
        done = self.run("spec-kitty", *arguments)
        self.ended.append((" ".join(arguments[:3]).replace(self.slug or "-", "…"), done.returncode))
        for folder in [self.root, *self.root.glob(".worktrees/*")]:
            status = self.git("status", "--porcelain", "--untracked-files=all", folder=folder)
            self.seen += [f"{arguments}: {line}" for line in status.splitlines() if LOG_NAME in line]
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def record(self) -> None:
        self.record_count += 1
        facts = ("--mission", self.slug.rpartition("-")[0], "--wp", "WP01", "--role", "implementer")
        if self.record_count % 2:
            done = self.run("spec-kitty-telemetry", "emit", *facts, "--agent", "claude", "--output-tokens", "5")
        else:
            done = self.run("spec-kitty-telemetry", "run", *facts, "--agent", "codex", "--", sys.executable, "-c", "")
        assert (done.returncode, done.stderr) == (0, ""), done.stderr

    def write(self, path: str, text: str) -> None:
        file = self.root / "kitty-specs" / self.slug / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def commit(self, message: str, folder: Path | None = None, what: str = ".") -> None:
        self.git("add", "--all", what, folder=folder)
        self.git("commit", "--quiet", "--message", message, folder=folder)

    def move(self, lane: str, *options: str) -> None:
        """Move the work package as its agent does, and first do what 3.2 asks for: no planning files in the lane."""
        self.commit("planning files")
        if IS_HOST_3:
            (lane_folder,) = self.root.glob(".worktrees/*-lane-a")
            restore = ("restore", "--source", "work", "--staged", "--worktree", "--", "kitty-specs/")
            self.git(*restore, folder=lane_folder)
            self.git("commit", "--quiet", "--message", "no planning files", folder=lane_folder)
        self.host("agent", "tasks", "move-task", "WP01", "--to", lane, "--mission", self.slug, "--json", *options)

    def lifecycle(self) -> dict[str, Any]:
        done = self.run("spec-kitty-telemetry", "lifecycle", "--mission", self.slug, "--json")
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document


def new_mission(folder: Path, *, records: bool) -> Mission:
    """Make a project with one mission, begun by `mission create` on a branch of its own."""
    environment = environment_of(folder, folder)
    if not records:
        environment["SPEC_KITTY_TELEMETRY"] = "off"
    mission = Mission(folder / "shop", environment, records)
    copy_project(fresh_project(), mission.root, environment)
    mission.commit("a project")
    mission.git("switch", "--quiet", "--create", "work")
    about = ("--friendly-name", "User login", "--purpose-tldr", "Let users log in")
    why = ("--purpose-context", "People need to log in before they can buy.")
    mission.host("agent", "mission", "create", "user-login", "--topology", "coord", *about, *why, "--json")
    (mission_folder,) = (mission.root / "kitty-specs").iterdir()
    mission.slug = mission_folder.name
    return mission


def plan(mission: Mission) -> None:
    named = ("--mission", mission.slug, "--json")
    mission.write("spec.md", SPEC)
    mission.commit("spec")
    mission.host("agent", "mission", "setup-plan", *named)
    mission.write("plan.md", PLAN)
    mission.commit("plan")
    mission.host("agent", "mission", "setup-plan", *named)
    mission.write("tasks.md", TASKS)
    mission.write("tasks/WP01-greeting.md", WORK_PACKAGE)
    mission.host("agent", "mission", "finalize-tasks", *named)
    mission.commit("tasks")
    analysis = mission.root.parent / "analysis.md"
    analysis.write_text("# Analysis\n\nNo critical issues.\n", encoding="utf-8")
    mission.host("agent", "mission", "record-analysis", "--input-file", str(analysis), *named)


def implement(mission: Mission, greeting: str) -> None:
    mission.host("agent", "action", "implement", "WP01", "--mission", mission.slug, "--agent", "claude")
    (lane,) = mission.root.glob(".worktrees/*-lane-a")
    (lane / "src").mkdir(exist_ok=True)
    (lane / "src" / "greeting.py").write_text(f"def greeting():\n    return {greeting!r}\n", encoding="utf-8")
    mission.commit(f"feat(WP01): {greeting}", lane, "src")
    mission.host("agent", "tasks", "mark-status", "T001", "--status", "done", "--mission", mission.slug, "--json")
    mission.move("for_review")
    mission.host("agent", "action", "review", "WP01", "--mission", mission.slug, "--agent", "codex")


def work(mission: Mission) -> None:
    feedback = mission.root.parent / "feedback.md"
    feedback.write_text("# No. Say hello.\n", encoding="utf-8")
    implement(mission, "hi")
    mission.move("planned", "--agent", "codex", "--review-feedback-file", str(feedback))
    implement(mission, "hello")
    mission.move("approved", "--agent", "codex")


def finish(mission: Mission) -> None:
    verdict = ("--criterion", "FR-001", "--result", "pass", "--evidence", "seen", "--actor", "codex")
    mission.host("agent", "mission", "acceptance-verdict", "--mission", mission.slug, *verdict, "--json")
    mission.commit("the rest")
    mission.host("accept", "--lenient", "--mission", mission.slug, "--json")
    if mission.records:
        mission.living = mission.lifecycle()
    mission.host("merge" if IS_HOST_3 else "consolidate", "--mission", mission.slug)


def whole_mission(folder: Path, *, records: bool) -> Mission:
    mission = new_mission(folder, records=records)
    plan(mission)
    work(mission)
    finish(mission)
    return mission


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mission, Mission]:
    """A whole mission with a run recorded before every command of the host, and the same with telemetry off."""
    folders = [tmp_path_factory.mktemp(name) for name in ("recorded", "off")]
    fresh_project()  # before the two begin, so that both copy the one
    with ThreadPoolExecutor(2) as pool:
        recorded, off = pool.map(lambda folder, records: whole_mission(folder, records=records), folders, (True, False))
    return recorded, off


@pytest.fixture(scope="module")
def recorded(both: tuple[Mission, Mission]) -> Mission:
    return both[0]


def test_every_command_of_the_host_ends_as_it_does_with_telemetry_off(both: tuple[Mission, Mission]) -> None:
    recorded, off = both
    assert recorded.ended == off.ended
    assert {code for _, code in recorded.ended} == {0}
    assert not list(off.root.rglob(LOG_NAME))


def test_git_never_sees_the_log(recorded: Mission) -> None:
    assert recorded.seen == []
    assert recorded.git("log", "--all", "--format=%H", "--", f"*{LOG_NAME}") == ""


def test_every_run_is_in_the_one_log_of_the_mission(recorded: Mission) -> None:
    done = recorded.run("spec-kitty", "telemetry", "report", "--json")
    assert json.loads(done.stdout)["total"]["event_count"] == recorded.record_count
    logs = [path.relative_to(recorded.root).parts[0] for path in recorded.root.rglob(LOG_NAME)]
    assert logs == ["kitty-specs"]


def test_lifecycle_has_every_move_while_the_mission_lives_and_after_its_merge(recorded: Mission) -> None:
    for document, lane in ((recorded.living, "approved"), (recorded.lifecycle(), "done")):
        (package,) = document["work_packages"]
        assert (package["lane"], package["rejection_count"]) == (lane, 1)
        assert package["accepted_at"] is not None


def test_the_lanes_are_those_that_the_host_went_through(recorded: Mission) -> None:
    from spec_kitty_telemetry.reports.lanes import STATUS_NAME, lane_history

    history = lane_history(recorded.root / "kitty-specs" / recorded.slug / STATUS_NAME)
    assert [move.to_lane for move in history.moves["WP01"]] == LANES
    assert [role for _, role in history.phases] == [
        "specifier",
        "specifier",
        "planner",
        "planner",
        "planner",
        "planner",
    ]
    assert history.bad_line_count == 0


def test_the_next_mission_works_beside_the_branch_that_sync_made(recorded: Mission) -> None:
    """spec-kitty's own branches are kitty/mission-…; it neither shows nor touches kitty/telemetry."""
    synced = recorded.run("spec-kitty", "telemetry", "sync")
    assert synced.returncode == 0, synced.stderr
    tip = recorded.git("rev-parse", "kitty/telemetry")
    about = ("--friendly-name", "User logout", "--purpose-tldr", "Let users out", "--purpose-context", "They want to.")
    before = {path.name for path in (recorded.root / "kitty-specs").iterdir()}
    done = recorded.run("spec-kitty", "agent", "mission", "create", "user-logout", *about, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (new,) = {path.name for path in (recorded.root / "kitty-specs").iterdir()} - before
    status = recorded.run("spec-kitty", "agent", "tasks", "status", "--mission", new)
    assert "telemetry" not in status.stdout
    assert recorded.git("rev-parse", "kitty/telemetry") == tip
