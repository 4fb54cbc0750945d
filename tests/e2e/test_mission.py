"""Whole missions of the real spec-kitty-cli and the real spec-kitty-orchestrator, without any model.

`docs/hosts.md` says what the hosts ask of a project.  The hosts and this package are those of the environment that runs
the tests; the agents are `stand_in.py`, which prints the recorded outputs of real ones.
"""

from __future__ import annotations

import atexit
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins for the agents are POSIX scripts"),
]

of_the_finished_mission = pytest.mark.xdist_group("finished mission")
"""Processes of tests share no mission, so all tests of one run in one process."""

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "data" / "agent-samples"
PROGRAMS = Path(sys.executable).parent
SLUG = "001-hello_world"

META = {
    "mission_slug": SLUG,
    "slug": SLUG,
    "mission_number": 1,
    "mission_type": "software-dev",
    "title": "Hello world",
    "friendly_name": "Hello world",
    "target_branch": "work",
    "created_at": "2026-01-01T00:00:00+00:00",
}
SPEC = """# Hello world

## Functional Requirements

| ID | Requirement | Status |
|----|-------------|--------|
| FR-001 | A function returns a greeting. | approved |
"""
TASKS = """# Tasks

## WP01: Greeting

**Requirements**: FR-001
**Requirement Refs**: FR-001

- [ ] T001 Write the greeting (WP01)
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

Write `src/greeting.py` with a function `greeting` that returns a greeting.
"""


@dataclass(frozen=True)
class Mission:
    """A project with one mission of one work package, and programs that stand in for the agents."""

    root: Path
    environment: Mapping[str, str]

    @property
    def log_path(self) -> Path:
        return self.root / "kitty-specs" / SLUG / "execution.events.jsonl"

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )

    def orchestrate(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the whole mission: claude implements, codex reviews."""
        return self.run(
            *("spec-kitty-orchestrator", "orchestrate", "--mission", SLUG, "--repo-root", "."),
            *("--impl-agent", "claude-code", "--review-agent", "codex", "--max-concurrent", "1"),
            **environment,
        )

    def lane(self) -> str:
        """Return where the host has the work package now."""
        answer = self.run("spec-kitty", "orchestrator-api", "mission-state", "--mission", SLUG)
        data = json.loads(answer.stdout)["data"]
        return str(data["work_packages"][0]["lane"])

    def records(self) -> list[dict[str, Any]]:
        """Return the payloads of the log's records, in order."""
        return [json.loads(line)["payload"] for line in self.log_path.read_text(encoding="utf-8").splitlines()]

    def report(self, *arguments: str, **environment: str) -> dict[str, Any]:
        answer = self.run("spec-kitty", "telemetry", "report", "--json", *arguments, **environment)
        assert answer.returncode == 0, answer.stderr
        document: dict[str, Any] = json.loads(answer.stdout)
        return document


def install_program(folder: Path, name: str, **plan: object) -> None:
    """Put a stand-in called `name` into `folder`."""
    program = folder / name
    text = (HERE / "stand_in.py").read_text(encoding="utf-8")
    program.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    program.chmod(0o755)
    (folder / f"{name}.json").write_text(json.dumps({"mission": SLUG, **plan}), encoding="utf-8")


def checked(command: Sequence[str], root: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"


def new_mission(
    folder: Path, *, implementation: Path = SAMPLES / "claude.json", review_exit_codes: Sequence[int] = (0,)
) -> Mission:
    """Make a project in `folder` whose mission is ready to be run; `implementation` is what claude prints."""
    root, programs = folder / "shop", folder / "programs"
    programs.mkdir()
    install_program(programs, "claude", implements=True, output=str(implementation), exit_codes=[0])
    install_program(
        programs, "codex", implements=False, output=str(SAMPLES / "codex.jsonl"), exit_codes=list(review_exit_codes)
    )
    mission = Mission(root, environment_of(folder, programs))
    make_project(mission)
    return mission


def environment_of(home: Path, programs: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPEC_KITTY", "GIT_"))}
    names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Test")
    mails = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "test@example.org")
    return {
        **kept,
        **names,
        **mails,
        "PATH": os.pathsep.join((str(programs), str(PROGRAMS), kept.get("PATH", ""))),
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "SPEC_KITTY_ENABLE_SAAS_SYNC": "0",
        "SPEC_KITTY_HOME": str(home / "spec-kitty-home"),
        "SPEC_KITTY_NO_UPGRADE_CHECK": "1",
        "SPEC_KITTY_TELEMETRY_CONFIG_DIR": str(home / "settings"),
    }


def make_project(mission: Mission) -> None:
    """Make the project of `mission`: a copy of the one that spec-kitty made for this process."""
    copy_project(ready_project(), mission.root, mission.environment)


def copy_project(made: Path, root: Path, environment: Mapping[str, str]) -> None:
    """Copy what one of the functions below made: the project, and what spec-kitty put into the home folder."""
    shutil.copytree(made / "shop", root, symlinks=True)
    not_the_project = shutil.ignore_patterns("shop")
    shutil.copytree(made, environment["HOME"], symlinks=True, ignore=not_the_project, dirs_exist_ok=True)


@cache
def fresh_project() -> Path:
    """Make a folder with the project `shop` as `spec-kitty init` leaves it, on the branch main without a commit."""
    folder = _lasting_folder()
    root, environment = folder / "shop", environment_of(folder, folder)
    root.mkdir()
    checked(["git", "init", "--quiet", "--initial-branch", "main"], root, environment)
    checked(["spec-kitty", "init", ".", "--ai", "claude", "--non-interactive"], root, environment)
    return folder


@cache
def ready_project() -> Path:
    """Make a folder with the project `shop` whose mission is ready to be run, on the branch work."""
    folder = _lasting_folder()
    root, environment = folder / "shop", environment_of(folder, folder)
    copy_project(fresh_project(), root, environment)

    def run(*command: str) -> None:
        checked(command, root, environment)

    run("git", "switch", "--quiet", "--create", "work")
    with (root / ".gitignore").open("a") as file:
        file.write("\n.worktrees/\n.kittify/logs/\n.kittify/orchestrator-run-state.json\n")
    specs = root / "kitty-specs" / SLUG
    (specs / "tasks").mkdir(parents=True)
    (specs / "meta.json").write_text(json.dumps(META, indent=2) + "\n")
    (specs / "spec.md").write_text(SPEC)
    (specs / "plan.md").write_text("# Plan\n\nOne file.\n")
    (specs / "tasks.md").write_text(TASKS)
    (specs / "tasks" / "WP01-greeting.md").write_text(WORK_PACKAGE)
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", "a mission")
    run("spec-kitty", "agent", "mission", "finalize-tasks", "--mission", SLUG, "--json")
    return folder


def _lasting_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="spec-kitty-telemetry-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def install_plugin(package: str, folder: Path) -> None:
    """Install the small package of that folder beside this file into `folder`, as pip does."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(folder),
        str(HERE / package),
    ]
    checked(command, HERE, os.environ)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Mission:
    """Return a mission that was run from beginning to end with nothing but this package installed."""
    mission = new_mission(tmp_path_factory.mktemp("finished"))
    done = mission.orchestrate()
    assert done.returncode == 0, done.stderr
    assert mission.lane() == "done", done.stderr
    assert "telemetry" not in done.stdout + done.stderr
    return mission


IMPLEMENTATION = {
    "event_count": 1,
    "total_input_tokens": 50512,
    "cache_read_tokens": 43000,
    "cache_write_tokens": 7000,
    "total_output_tokens": 1100,
    "reported_cost_usd": 0.051086,
    "estimated_cost_usd": None,
    "total_cost_usd": 0.051086,
}
REVIEW = {
    "event_count": 1,
    "total_input_tokens": 26549,
    "cache_read_tokens": 22272,
    "cache_write_tokens": 1000,
    "total_output_tokens": 1590,
    "reported_cost_usd": None,
    "estimated_cost_usd": None,
    "total_cost_usd": None,
}


def part_of(row: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in names}


@of_the_finished_mission
def test_both_runs_of_a_mission_are_in_the_report_with_their_exact_tokens_and_cost(finished: Mission) -> None:
    document = finished.report("--by", "agent")
    claude, codex = document["rows"]
    assert (claude["group"], codex["group"]) == ({"agent": "claude-code"}, {"agent": "codex"})
    assert part_of(claude, IMPLEMENTATION) == IMPLEMENTATION
    assert part_of(codex, REVIEW) == REVIEW
    unknown = {"model": None, "provider": None, "event_count": 1, "input_tokens": 26549, "output_tokens": 1590}
    assert document["unknown_models"] == [unknown]
    assert document["skipped_lines"] == []


@of_the_finished_mission
def test_both_records_say_which_run_they_are(finished: Mission) -> None:
    implementation, review = finished.records()
    who = ("wp_id", "role", "agent", "attempt", "outcome", "exit_code")
    assert [implementation[name] for name in who] == ["WP01", "implementer", "claude-code", 1, "succeeded", 0]
    assert [review[name] for name in who] == ["WP01", "reviewer", "codex", 1, "succeeded", 0]
    state = json.loads((finished.root / ".kittify" / "orchestrator-run-state.json").read_text())
    assert implementation["run_id"] == review["run_id"] == state["run_id"]


@of_the_finished_mission
def test_the_log_is_in_the_primary_checkout_only(finished: Mission) -> None:
    logs = [path.relative_to(finished.root) for path in finished.root.rglob("execution.events.jsonl")]
    assert logs == [finished.log_path.relative_to(finished.root)]


@of_the_finished_mission
@pytest.mark.parametrize(
    "command",
    [
        ("spec-kitty", "telemetry", "report"),
        ("spec-kitty", "telemetry", "cost"),
        ("spec-kitty", "agent", "telemetry", "cost"),
        (sys.executable, "-m", "specify_cli", "telemetry", "report"),
        (sys.executable, "-m", "specify_cli", "agent", "telemetry", "report"),
        ("spec-kitty-telemetry", "report"),
    ],
    ids=lambda command: " ".join(command[-4:]),
)
def test_every_way_to_the_report_gives_the_same(finished: Mission, command: tuple[str, ...]) -> None:
    done = finished.run(*command, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == finished.report()


@of_the_finished_mission
@pytest.mark.parametrize("command", [("spec-kitty",), ("spec-kitty", "agent"), (sys.executable, "-m", "specify_cli")])
def test_help_of_the_host_lists_the_command(finished: Mission, command: tuple[str, ...]) -> None:
    done = finished.run(*command, "--help", SPEC_KITTY_SIMPLE_HELP="1")
    assert "telemetry" in done.stdout


@of_the_finished_mission
def test_unknown_option_exits_with_2_and_one_sentence(finished: Mission) -> None:
    done = finished.run("spec-kitty", "telemetry", "report", "--no-such-option")
    assert done.returncode == 2
    assert "No such option" in done.stderr
    assert "Traceback" not in done.stderr


@of_the_finished_mission
def test_doctor_shows_both_hosts_as_bridged(finished: Mission) -> None:
    done = finished.run("spec-kitty", "telemetry", "doctor", "--json")
    assert '"active"' in done.stdout, done.stdout + done.stderr
    assert "not understood" not in done.stdout


def test_rejection_and_reimplementation_are_counted_as_attempts(tmp_path: Path) -> None:
    mission = new_mission(tmp_path, review_exit_codes=[1, 0])
    done = mission.orchestrate()
    assert (done.returncode, mission.lane()) == (0, "done"), done.stderr
    told = [(each["role"], each["attempt"], each["outcome"]) for each in mission.records()]
    assert told == [
        ("implementer", 1, "succeeded"),
        ("reviewer", 1, "rejected"),
        ("implementer", 2, "succeeded"),
        ("reviewer", 2, "succeeded"),
    ]
    rows = mission.report("--by", "role,attempt")["rows"]
    assert sorted(row["group_key"] for row in rows) == [
        "implementer / 1",
        "implementer / 2",
        "reviewer / 1",
        "reviewer / 2",
    ]


def test_switched_off_nothing_is_written_and_the_mission_completes(tmp_path: Path) -> None:
    mission = new_mission(tmp_path)
    shutil.rmtree(mission.root / ".kittify" / "runtime" / "telemetry")  # of the commands that made the mission
    done = mission.orchestrate(SPEC_KITTY_TELEMETRY="off")
    assert (done.returncode, mission.lane()) == (0, "done"), done.stderr
    assert (tmp_path / "programs" / "codex.runs").exists()
    assert not mission.log_path.exists()
    assert not (mission.root / ".kittify" / "runtime" / "telemetry").exists()


def test_other_peoples_plugins_are_called_and_a_broken_one_stops_nothing(tmp_path: Path) -> None:
    """Both plugins are separate packages that pip installed; the log has both records all the same."""
    plugins, diary = tmp_path / "plugins", tmp_path / "diary"
    for package in ("plugin_package", "broken_plugin_package"):
        install_plugin(package, plugins)
    mission = new_mission(tmp_path, implementation=without_costs(SAMPLES / "claude.json", tmp_path / "claude.json"))
    variables = {"PYTHONPATH": str(plugins), "HOUSE_DIARY": str(diary)}
    done = mission.orchestrate(**variables)
    assert (done.returncode, mission.lane()) == (0, "done"), done.stderr
    assert [each["input_tokens"] for each in mission.records()] == [50512, 26549]
    assert diary.read_text().splitlines() == [
        "WP01 implementer claude-code succeeded",
        "WP01 reviewer codex succeeded",
    ]
    by_model = {row["group_key"]: row for row in mission.report("--by", "model", **variables)["rows"]}
    # 46,012 tokens in at 1 dollar a million and 900 out at 2 dollars.
    assert by_model["claude-sonnet-4-6"]["estimated_cost_usd"] == 0.047812


def without_costs(sample: Path, target: Path) -> Path:
    """Write the sample as an agent prints it that does not know what it costs."""
    document = json.loads(sample.read_text(encoding="utf-8"))
    del document["total_cost_usd"]
    for model in document["modelUsage"].values():
        del model["costUSD"]
    target.write_text(json.dumps(document), encoding="utf-8")
    return target
