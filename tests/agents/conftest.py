"""Runs of the agents' own programs, each in a network of its own with nothing in it but the stand-in API.

Installing takes a minute the first time; the programs stay in `AGENTS_CACHE`, where that is set.  A run is made once,
however many tests ask for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from spec_kitty_telemetry import query_execution_events
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from tests.agents import programs
from tests.agents.programs import PROGRAMS, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spec_kitty_telemetry.model.payload import ExecutionPayload

Way = Literal["hooks", "run"]
FEATURE = "001-hello"
PROMPT = "Say what the README says.\n"
STAND_IN = Path(__file__).with_name("stand_in_api.py")
PROJECT_CONFIG = """\
project:
  uuid: 6b1e3c55-58c5-4a6e-9c4b-6a4f3f0f8e01
  slug: shop
  node_id: 0f1e2d3c4b5a
  build_id: 9c1c5d0e-64d5-5a0e-8a39-0d3f7b0d6c11
"""
MEANT_TO_TAKE_S = 120


@dataclass(frozen=True)
class Ended:
    """How one run ended: what the API served, what the program printed, what was recorded."""

    payload: ExecutionPayload
    served: list[dict[str, Any]]
    stdout: str
    stderr: str
    exit_code: int

    @property
    def main(self) -> list[dict[str, Any]]:
        """The answered requests of the agent's main loop."""
        return [each for each in self.served if each["main"] and each["answer"] not in {"error", "hang"}]

    @property
    def children(self) -> list[dict[str, Any]]:
        """The answered requests of sub-agents."""
        return [each for each in self.served if each["child"]]

    @property
    def background(self) -> list[dict[str, Any]]:
        """The requests beside the main loop, such as the one for a title."""
        return [each for each in self.served if not (each["main"] or each["child"])]

    def used(self, *names: str) -> dict[str, int]:
        """Add up what the API says that the main loop and its sub-agents used."""
        return {name: sum(each[name] for each in (*self.main, *self.children)) for name in names}


@dataclass
class Bench:
    """One agent with a home and a project of its own; several runs can be made one after the other."""

    program: Program
    folder: Path
    executable: Path
    _runs: int = field(default=0)
    _served_count: int = field(default=0)
    """Numbers of requests go on from run to run, so that no two runs of a session use the same."""

    def __post_init__(self) -> None:
        for each in (self.home, self.project, self.folder / "programs"):
            each.mkdir(parents=True)
        (self.folder / "programs" / self.program.command[0]).symlink_to(self.executable)
        (self.project / "README.md").write_text("# Shop\n", encoding="utf-8")
        (self.project / ".kittify").mkdir()
        (self.project / ".kittify" / "config.yaml").write_text(PROJECT_CONFIG, encoding="utf-8")
        (self.project / "kitty-specs" / FEATURE).mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", "."], cwd=self.project, check=True)
        programs.set_up(self.program.agent, self.home)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def project(self) -> Path:
        return self.folder / "shop"

    def run(
        self,
        way: Way,
        *steps: str,
        transcripts: bool = True,
        command: tuple[str, ...] | None = None,
        usage: Mapping[str, Any] | None = None,
    ) -> Ended:
        """Run the agent's program with the API answering in `steps`, recorded in one of the two ways."""
        self._runs += 1
        notes = self.folder / f"run-{self._runs}"
        notes.mkdir()
        environment = programs.environment(self.home, self.folder / "programs")
        environment["SPEC_KITTY_TELEMETRY_TRANSCRIPTS"] = "on" if transcripts else "off"
        words = [*(command or self.program.command)]
        if not self.program.prompt_on_stdin:
            words.append(PROMPT)
        plan = {"steps": steps, "tool": self.program.tool_call(self.project), "port": programs.PORT}
        plan |= {"folder": str(notes), "ask": way == "run", "served_before": self._served_count}
        plan |= {"usage": dict(usage or {})}
        if way == "run":
            place = ["--project", str(self.project), "--feature", FEATURE, "--wp", "WP01"]
            words = [sys.executable, "-m", "spec_kitty_telemetry", "run", *place, "--", *words]
        started = datetime.now(UTC)
        done = self._in_namespace(plan, words, environment, notes)
        ended = json.loads((notes / "ended.json").read_text(encoding="utf-8"))
        assert not ended["stopped"], f"did not end by itself\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        if way == "hooks":
            self._announce(environment, done, ended, started)
        events = query_execution_events(self.project / "kitty-specs" / FEATURE)
        assert len(events) == self._runs, done.stderr
        lines = (notes / "served.jsonl").read_text(encoding="utf-8").splitlines()
        served = sorted((json.loads(line) for line in lines), key=lambda each: int(each["number"]))
        self._served_count = served[-1]["number"]
        return Ended(events[-1].payload, served, done.stdout, done.stderr, ended["exit_code"])

    def _in_namespace(
        self, plan: Mapping[str, Any], words: list[str], environment: Mapping[str, str], notes: Path
    ) -> subprocess.CompletedProcess[str]:
        plan_file = notes / "plan.json"
        plan_file.write_text(json.dumps(plan), encoding="utf-8")
        done = subprocess.run(
            [*programs.namespace(), sys.executable, str(STAND_IN), str(plan_file), "--", *words],
            cwd=self.project,
            env=dict(environment),
            input=PROMPT if self.program.prompt_on_stdin else "",
            capture_output=True,
            text=True,
            timeout=MEANT_TO_TAKE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    def _announce(
        self,
        environment: Mapping[str, str],
        done: subprocess.CompletedProcess[str],
        ended: Mapping[str, Any],
        started: datetime,
    ) -> None:
        """Call the hooks as a host does, in the environment that the agent had."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
                patch.delenv(name, raising=False)
            for name in ("HOME", "SPEC_KITTY_TELEMETRY_TRANSCRIPTS"):
                patch.setenv(name, environment[name])
            hooks = Hooks.load(self.project)
            invocation = Invocation(
                project_root=self.project,
                feature=FEATURE,
                wp_id="WP01",
                role="implementer",
                agent=programs.ORCHESTRATOR_NAMES.get(self.program.agent, self.program.agent),
                working_dir=self.project,
                started_at=started,
            )
            result = InvocationResult(
                success=ended["exit_code"] == 0,
                exit_code=ended["exit_code"],
                stdout=done.stdout,
                stderr=done.stderr,
                duration_seconds=ended["seconds"],
            )
            hooks.before_invocation(invocation)
            hooks.after_invocation(invocation, result)


@pytest.fixture(scope="session", autouse=True)
def _can_run_the_programs() -> None:
    if reason := programs.why_not():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that programs are installed into."""
    named = os.environ.get("AGENTS_CACHE")
    return Path(named) if named else tmp_path_factory.mktemp("agents")


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Callable[[str], Bench]:
    """Set up an agent by its name, with a home and a project that nobody used before."""

    cannot: list[str] = []

    def make(agent: str) -> Bench:
        try:
            executable = programs.install(agent, cache, offline=bool(cannot))
        except subprocess.SubprocessError as error:
            said = getattr(error, "stderr", None) or str(error)
            cannot.append(f"{agent} cannot be installed: {said.strip()[-300:]}")
            pytest.skip(cannot[0])
        return Bench(PROGRAMS[agent], tmp_path_factory.mktemp(agent) / "bench", executable)

    return make


@pytest.fixture(scope="session")
def run(bench: Callable[[str], Bench]) -> Callable[..., Ended]:
    """Make a run, or return the one that was made with the same arguments."""
    made: dict[tuple[object, ...], Ended] = {}

    def once(agent: str, way: Way, *steps: str, transcripts: bool = True) -> Ended:
        key = (agent, way, steps, transcripts)
        if key not in made:
            made[key] = bench(agent).run(way, *steps, transcripts=transcripts)
        return made[key]

    return once
