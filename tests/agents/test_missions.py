"""A mission by hand: people type, the real Claude Code and Codex work, and the real spec-kitty keeps the lanes.

What they say and do is the stand-in's; what they write into their session stores is their own.  Every request belongs
where a person would say it does, once, whether hooks record it when it happens or an import does afterwards.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry import query_project_events
from spec_kitty_telemetry.project.locate import find_project
from tests.agents import programs
from tests.e2e.test_mission import SLUG, Mission, checked, environment_of, make_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agents.conftest import Bench

pytestmark = pytest.mark.agents

STAND_IN = Path(__file__).with_name("stand_in_api.py")
MISSION_ID = "01M8FXYR4T7C9N3ZP0Q5D2K6VB"
LANE = f"$SHOP/.worktrees/{SLUG}-lane-a"
"""Claude Code's shell stays where a command went, Codex's does not."""
BEGIN = f"spec-kitty agent action implement WP01 --mission {SLUG} --agent claude"
WRITE = (
    f"cd {LANE} && mkdir -p src && echo 'def greeting(): return 1' >> src/greeting.py && git add --all && "
    "git commit --quiet --message greeting && "
    f"spec-kitty agent tasks mark-status T001 --status done --mission {SLUG}"
)
HAND_ON = f"cd {LANE} && spec-kitty agent tasks move-task WP01 --to for_review --mission {SLUG} --note done"
REVIEW = f"spec-kitty agent action review WP01 --mission {SLUG} --agent codex"
REJECT = (
    "printf 'Please add a test.' > $SHOP/../feedback.md && spec-kitty agent tasks move-task WP01 --to planned "
    f"--review-feedback-file $SHOP/../feedback.md --mission {SLUG}"
)
APPROVE = f"spec-kitty agent tasks move-task WP01 --to approved --mission {SLUG} --note good"


@dataclass
class Desk:
    """One person's desk: a project with a mission, two agents with their stores in one home."""

    mission: Mission
    home: Path
    folder: Path
    served: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the API served in each session, by the name that it is given here."""
    _counts: dict[str, int] = field(default_factory=dict)
    """How many requests of each agent were served: their ids go on from session to session."""

    def sit(self, name: str, agent: str, prompt: str, *steps: str) -> None:
        """Have one session of an agent, from the prompt to its end."""
        notes = self.folder / name
        notes.mkdir()
        program = programs.PROGRAMS[agent]
        shell = {"claude-code": ("Bash", "command"), "codex": ("exec_command", "cmd")}[agent]
        plan: dict[str, Any] = {"steps": steps, "tool": {"name": shell[0], "arguments": {}}, "port": programs.PORT}
        plan |= {"folder": str(notes), "served_before": self._counts.get(agent, 0), "longest_s": 240}
        plan["shell"] = {"name": shell[0], "argument": shell[1]}
        (notes / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        more = ["--dangerously-skip-permissions"] if agent == "claude-code" and os.geteuid() else []
        allowed = ["--allowedTools", "Bash"] if agent == "claude-code" and not more else more
        words = [*program.command, *allowed]
        done = subprocess.run(
            [*programs.namespace(), sys.executable, str(STAND_IN), str(notes / "plan.json"), "--", *words],
            cwd=self.mission.root, env=self.environment(), input=prompt, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        lines = (notes / "served.jsonl").read_text(encoding="utf-8").splitlines()
        self.served[name] = [each for each in map(json.loads, lines) if each["main"]]
        self._counts[agent] = max(json.loads(line)["number"] for line in lines)
        assert [each["answer"] for each in self.served[name]] == list(steps), done.stdout + done.stderr

    def environment(self) -> dict[str, str]:
        """Return the environment of the agents and of what they start."""
        own = programs.environment(self.home, self.folder / "programs")
        host = {**self.mission.environment, "HOME": str(self.home)}
        return {
            **host,
            **own,
            "SHOP": str(self.mission.root),
            "PATH": os.pathsep.join((str(self.folder / "programs"), host["PATH"])),
        }

    def telemetry(self, *arguments: str) -> str:
        """Run one of our commands as the person does."""
        command = [sys.executable, "-m", "spec_kitty_telemetry", *arguments]
        done = subprocess.run(
            command, cwd=self.mission.root, env=self.environment(), capture_output=True, text=True, check=True
        )
        return done.stdout

    def output(self, *names: str) -> int:
        """Add up what the API generated in these sessions."""
        return sum(each["output_tokens"] for name in names for each in self.served[name])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, cache: Path, bench: Callable[[str], Bench]) -> Desk:
    """A mission from its first implementation to its approval, with a chat in between."""
    folder = tmp_path_factory.mktemp("desk")
    home = folder / "home"
    (folder / "programs").mkdir()
    home.mkdir()
    profile = f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH\n"
    (home / ".bash_profile").write_text(profile, encoding="utf-8")  # Codex starts a login shell
    for agent in ("claude-code", "codex"):
        executable = bench(agent).executable
        (folder / "programs" / programs.PROGRAMS[agent].command[0]).symlink_to(executable)
        programs.set_up(agent, home)
    mission = Mission(folder / "shop", environment_of(home, folder / "programs"))
    make_project(mission)
    make_implementable(mission)
    desk = Desk(mission, home, folder)
    desk.sit("first try", "claude-code", f"/spec-kitty.implement WP01 --mission {SLUG}",
             f"run {BEGIN}", f"run {WRITE}", f"run {HAND_ON}", "text")  # fmt: skip
    desk.sit("chat", "claude-code", "What is the capital of Austria?", "text")
    desk.sit("first review", "codex", "Review WP01, please.", f"run {REVIEW}", f"run {REJECT}", "text")
    desk.sit("second try", "claude-code", "Implement WP01 again.",
             f"run {BEGIN}", f"run {WRITE}", f"run {HAND_ON}", "text")  # fmt: skip
    desk.sit("second review", "codex", "Review WP01, please.", f"run {REVIEW}", f"run {APPROVE}", "text")
    return desk


def make_implementable(mission: Mission) -> None:
    """Give the mission what spec-kitty asks for before work by hand: an id, and an analysis."""
    for name in ("meta.json", "lanes.json"):
        path = mission.root / "kitty-specs" / SLUG / name
        document = {**json.loads(path.read_text(encoding="utf-8")), "mission_id": MISSION_ID}
        path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    checked(["git", "commit", "--quiet", "--all", "--message", "an id"], mission.root, mission.environment)
    analysis = f"printf '# Analysis' | spec-kitty agent mission record-analysis --mission {SLUG} --input-file -"
    checked(["sh", "-c", analysis], mission.root, mission.environment)


def recorded(desk: Desk) -> dict[tuple[str, str | None, str | None, int | None, str | None], int]:
    """(feature, work package, role, attempt, outcome) of each record → what was generated in it"""
    events = query_project_events(desk.mission.root)
    return {
        (event.feature, event.payload.wp_id, event.payload.role, event.payload.attempt, event.payload.outcome):
        event.payload.output_tokens or 0
        for event in events
    }  # fmt: skip


def expected(desk: Desk) -> dict[tuple[str, str | None, str | None, int | None, str | None], int]:
    return {
        (SLUG, "WP01", "implementer", 1, "succeeded"): desk.output("first try"),
        (SLUG, "WP01", "reviewer", 1, "rejected"): desk.output("first review"),
        (SLUG, "WP01", "implementer", 2, "succeeded"): desk.output("second try"),
        (SLUG, "WP01", "reviewer", 2, "succeeded"): desk.output("second review"),
        ("–", None, None, None, None): desk.output("chat"),
    }


def test_every_request_belongs_where_a_person_would_say(desk: Desk) -> None:
    """Claude Code's sessions were recorded by the hook of `spec-kitty init`; Codex's are imported."""
    until = time.monotonic() + 60
    while len(recorded(desk)) < 3 and time.monotonic() < until:
        time.sleep(0.1)
    by_hook = {key: value for key, value in expected(desk).items() if key[2] != "reviewer"}
    assert recorded(desk) == by_hook
    desk.telemetry("import")
    assert recorded(desk) == expected(desk)


def test_an_import_alone_gives_the_same_records(desk: Desk) -> None:
    desk.telemetry("import")
    project = find_project(desk.mission.root)
    before = sorted((event.event_id, event.payload.output_tokens) for event in query_project_events(project.root))
    kept = {path: path.read_bytes() for path in (project.log_path(SLUG), project.outside_log)}
    for path in kept:
        path.unlink()
    desk.telemetry("import")
    after = sorted((event.event_id, event.payload.output_tokens) for event in query_project_events(project.root))
    for path, content in kept.items():
        path.write_bytes(content)
    assert [number for _, number in after] == [number for _, number in before]


def test_the_lifecycle_of_the_work_package_is_complete(desk: Desk) -> None:
    desk.telemetry("import")
    document = json.loads(desk.telemetry("lifecycle", "--json"))
    (work,), (pair,) = document["work_packages"], document["pairs"]
    assert (work["lane"], work["rejection_count"], work["total"]["event_count"]) == ("approved", 1, 4)
    assert (pair["implementer"], pair["reviewer"]) == ("claude-code", "codex")
    assert (pair["accepted_count"], pair["rejected_count"]) == (1, 1)
