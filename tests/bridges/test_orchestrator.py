"""The bridge into spec-kitty-orchestrator, on a stand-in for its executor with the real one's signature."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.bridges import orchestrator
from spec_kitty_telemetry.bridges.announcer import PATIENCE_S, Announcer
from spec_kitty_telemetry.bridges.attempts import Attempts
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.project import diagnostics
from spec_kitty_telemetry.recording.recorder import Recorder
from spec_kitty_telemetry.reports.search import query_execution_events

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult

ROOT = Path(orchestrator.__file__).parents[2]
"""Where this package is found."""
MISSION = "012-export_to_csv"


@dataclass
class Answer:
    """The real result object's names (0.1.2: `agents/base.py`)."""

    success: bool = True
    exit_code: int = 0
    stdout: str = "done"
    stderr: str = ""
    duration_seconds: float = 1.5
    files_modified: list[str] = field(default_factory=list)
    commits_made: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


REJECTED = Answer(success=False, exit_code=1, stdout="please add a test")


@dataclass
class Invoker:
    """An agent that gives one answer after the other."""

    answers: list[Answer | BaseException]
    agent_id: object = "claude-code"
    seconds: float = 0

    async def run(self) -> Answer:
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Notes:
    """A plugin that writes down what was announced, and in which thread."""

    def __init__(self) -> None:
        self.before: list[Invocation] = []
        self.after: list[tuple[Invocation, InvocationResult]] = []
        self.threads: set[str] = set()

    @hookimpl
    def before_invocation(self, invocation: Invocation) -> None:
        self.before.append(invocation)
        self.threads.add(threading.current_thread().name)

    @hookimpl
    def after_invocation(self, invocation: Invocation, result: InvocationResult) -> None:
        self.after.append((invocation, result))
        self.threads.add(threading.current_thread().name)

    @property
    def outcomes(self) -> list[str]:
        return [result.settled_outcome() for _, result in self.after]

    @property
    def attempts(self) -> list[tuple[str, int | None]]:
        return [(invocation.role, invocation.attempt) for invocation in self.before]


@dataclass
class Host:
    """The stand-in host: one project, one executor with the bridge in it."""

    root: Path
    hooks: Hooks
    notes: Notes

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, patience_s: float = PATIENCE_S) -> None:
        """Begin a new process, as far as the bridge can tell."""
        self.executor = new_executor()
        self.announcer = Announcer(load=lambda _: self.hooks, patience_s=patience_s)
        orchestrator.install(self.executor, self.announcer)

    async def run(self, invoker: Invoker, step: str = "implementation", **changed: Any) -> Any:
        role = "review" if step.startswith("review") else "implementation"
        arguments = {
            "role": role,
            "timeout_seconds": 60,
            "log_file": self.root / ".kittify" / "logs" / f"{MISSION}_WP01_{step}.log",
            "repo_root": self.root,
            **changed,
        }
        return await self.executor.execute_agent(invoker, "prompt", self.root / ".worktrees" / "a", **arguments)

    def settle(self) -> None:
        """Wait until all that was asked of the announcing thread is done."""
        assert self.announcer.drain()
        assert self.hooks.settle(30)


def new_executor(parameters: str | None = None) -> ModuleType:
    executor = ModuleType("spec_kitty_orchestrator_stand_in.executor")
    exec(
        f"async def execute_agent({parameters or REAL_PARAMETERS}):\n    return await invoker.run()\n",
        executor.__dict__,
    )
    return executor


REAL_PARAMETERS = "invoker, prompt, working_dir, role, timeout_seconds, log_file=None, repo_root=None"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / ".kittify" / "logs").mkdir(parents=True)
    (tmp_path / "kitty-specs" / MISSION).mkdir(parents=True)
    hooks, written = Hooks(), Notes()
    hooks.register(Recorder, "recorder")
    hooks.register(written, "notes")
    return Host(tmp_path, hooks, written)


def test_run_is_announced_with_what_the_call_says(host: Host) -> None:
    state = {"run_id": "1e793f", "mission_slug": MISSION}
    (host.root / ".kittify" / "orchestrator-run-state.json").write_text(json.dumps(state))
    answer = Answer()
    assert asyncio.run(host.run(Invoker([answer]))) is answer
    (invocation,) = host.notes.before
    assert (invocation.project_root, invocation.feature, invocation.wp_id) == (host.root, MISSION, "WP01")
    assert (invocation.agent, invocation.role, invocation.attempt) == ("claude-code", "implementer", 1)
    assert (invocation.run_id, invocation.working_dir) == ("1e793f", host.root / ".worktrees" / "a")
    assert [(told, result.duration_seconds) for told, result in host.notes.after] == [(invocation, 1.5)]


def test_run_id_of_another_mission_is_not_used(host: Host) -> None:
    for text in ('{"run_id": "1e793f", "mission_slug": "another"}', '{"run_id": 7}', "[]", "{", "[" * 100_000):
        (host.root / ".kittify" / "orchestrator-run-state.json").write_text(text)
        asyncio.run(host.run(Invoker([Answer()])))
        assert host.notes.before[-1].run_id is None


def test_attempts_count_retries_and_reimplementations_of_each_role(host: Host) -> None:
    crash = Answer(success=False, exit_code=1, stdout="")

    async def mission() -> None:
        for _ in range(2):
            await host.run(Invoker([crash]), "implementation")
        for cycle in (1, 2):
            await host.run(Invoker([REJECTED]), f"review-{cycle}")
            await host.run(Invoker([Answer()]), f"reimpl-{cycle}")
        other = host.root / ".kittify" / "logs" / f"{MISSION}_WP02_implementation.log"
        await host.run(Invoker([Answer()]), log_file=other)

    asyncio.run(mission())
    implementer = [attempt for role, attempt in host.notes.attempts if role == "implementer"]
    reviewer = [attempt for role, attempt in host.notes.attempts if role == "reviewer"]
    assert (implementer, reviewer) == ([1, 2, 3, 4, 1], [1, 2])


def test_resumed_orchestrator_goes_on_counting(host: Host) -> None:
    asyncio.run(host.run(Invoker([Answer()])))
    host.restart()
    asyncio.run(host.run(Invoker([Answer()]), "reimpl-1"))
    assert [attempt for _, attempt in host.notes.attempts] == [1, 2]


def test_attempt_is_unknown_where_the_log_cannot_be_read(host: Host) -> None:
    (host.root / "kitty-specs" / MISSION / "execution.events.jsonl").mkdir()
    asyncio.run(host.run(Invoker([Answer()])))
    assert host.notes.attempts == [("implementer", None)]


def test_attempt_is_unknown_where_reading_the_log_takes_too_long(host: Host) -> None:
    asyncio.run(host.run(Invoker([Answer()])))
    log_path = host.root / "kitty-specs" / MISSION / "execution.events.jsonl"
    assert Attempts(patience_s=-1).next(log_path, "WP01", "implementer") is None
    assert Attempts().next(log_path, "WP01", "implementer") == 2


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(), "succeeded"),
        (REJECTED, "rejected"),
        (Answer(success=False, exit_code=0, stdout="no"), "rejected"),
        (Answer(success=False, exit_code=1, stdout=" \n"), "failed"),
        (Answer(success=False, exit_code=41, stdout="{}"), "failed"),
        (Answer(success=False, exit_code=42, stdout="{}"), "failed"),
        (Answer(success=False, exit_code=124, stdout=""), "timed_out"),
        (Answer(success=False, exit_code=127, stdout="cursor: not found"), "failed"),
        (Answer(success=False, exit_code=-9, stdout="half an ans"), "killed"),
        (Answer(success=False, exit_code=139, stdout="half an ans"), "failed"),
    ],
)
def test_review_is_rejected_only_where_the_reviewer_ended_by_itself_and_said_something(
    host: Host, answer: Answer, outcome: str
) -> None:
    asyncio.run(host.run(Invoker([answer]), "review-1"))
    assert host.notes.outcomes == [outcome]


def test_failed_implementation_is_never_rejected(host: Host) -> None:
    asyncio.run(host.run(Invoker([REJECTED])))
    assert host.notes.outcomes == ["failed"]


def test_agent_that_cannot_be_started_is_recorded_and_the_error_is_the_hosts_own(host: Host) -> None:
    error = RuntimeError("Failed to spawn claude-code")
    with pytest.raises(RuntimeError, match="Failed to spawn claude-code") as caught:
        asyncio.run(host.run(Invoker([error])))
    assert caught.value is error
    host.settle()
    ((_, result),) = host.notes.after
    assert (result.settled_outcome(), result.errors) == ("failed", ("RuntimeError: Failed to spawn claude-code",))


def test_cancelled_run_is_recorded_as_killed_and_stays_cancelled(host: Host) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(host.run(Invoker([Answer()], seconds=30)))
        while not host.notes.before:
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    host.settle()
    assert host.notes.outcomes == ["killed"]


def test_run_that_is_cancelled_while_it_is_announced_is_ended_too(host: Host) -> None:
    class Slow:
        @hookimpl
        def before_invocation(self) -> None:
            threading.Event().wait(PATIENCE_S * 2)

    host.hooks.register(Slow())

    async def cancelled() -> None:
        task = asyncio.create_task(host.run(Invoker([Answer()])))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    host.settle()
    assert (len(host.notes.before), host.notes.outcomes) == (1, ["killed"])


def test_interrupted_run_is_recorded_as_killed_and_the_interrupt_passes(host: Host) -> None:
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(host.run(Invoker([KeyboardInterrupt()])))
    host.settle()
    assert host.notes.outcomes == ["killed"]


def test_the_loop_has_its_turn_while_a_slow_plugin_is_waited_for(host: Host) -> None:
    is_called, release = threading.Event(), threading.Event()

    class Slow:
        @hookimpl
        def before_invocation(self) -> None:
            is_called.set()
            release.wait(30)

    host.hooks.register(Slow())

    async def beside() -> Any:
        first = asyncio.create_task(host.run(Invoker([Answer()])))
        while not is_called.is_set():
            await asyncio.sleep(0.001)
        release.set()  # the loop is free to do this while the plugin waits
        return await first

    assert asyncio.run(beside()).success


def test_plugin_that_hangs_costs_each_run_a_moment_and_no_record(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    class Hanging:
        @hookimpl
        def before_invocation(self) -> None:
            release.wait(60)

    host.hooks.register(Hanging())
    host.executor = new_executor()
    announcer = Announcer(load=lambda _: host.hooks)
    orchestrator.install(host.executor, announcer)
    began_s = time.monotonic()
    for _ in range(3):
        assert asyncio.run(host.run(Invoker([Answer()]))).success
    assert time.monotonic() - began_s < 30  # it hangs for 60 s
    assert [record.message for record in caplog.records if "did not return" in record.message] == [
        "a telemetry plugin did not return within 0.25 s; the host goes on"
    ]
    assert announcer.drain()
    assert len(query_execution_events(host.root / "kitty-specs" / MISSION)) == 3
    release.set()
    assert host.hooks.settle(30)
    assert host.notes.outcomes == ["succeeded"] * 3


def test_plugin_that_hangs_does_not_keep_the_process_from_ending() -> None:
    code = (
        "import time; from spec_kitty_telemetry.hooks.worker import Worker; "
        "Worker('w', patience_at_exit_s=0.2).submit(time.sleep, 60)"
    )
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert time.monotonic() - began_s < 50


def test_what_was_asked_for_is_done_before_the_process_ends() -> None:
    code = (
        "import time; from spec_kitty_telemetry.hooks.worker import Worker; worker = Worker('w'); "
        "worker.submit(time.sleep, 0.2); worker.submit(print, 'done', flush=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "done\n"


def test_plugins_are_called_from_one_thread(host: Host) -> None:
    async def many() -> None:
        await asyncio.gather(*(host.run(Invoker([Answer()])) for _ in range(5)))

    asyncio.run(many())
    assert len(host.notes.after) == 5
    assert len(host.notes.threads) == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"log_file": None}, "log file: found none, expected <mission>_<work package>_<step>.log"),
        ({"log_file": "implementation.log"}, "found 'implementation.log', expected"),
        ({"log_file": f"{MISSION}_implementation.log"}, "expected <mission>_<work package>_<step>.log"),
        ({"log_file": 7}, "log file: found none"),
        ({"role": None}, "role: found NoneType, expected a word"),
        ({"log_file": "bad slug!_WP01_implementation.log"}, "cannot be a feature's name"),
    ],
)
def test_unclear_call_is_not_recorded_and_leaves_a_note(host: Host, changed: dict[str, Any], reason: str) -> None:
    assert asyncio.run(host.run(Invoker([Answer()]), **changed)).success
    assert (host.notes.before, host.notes.after) == ([], [])
    (note,) = diagnostics.read(host.root, diagnostics.BRIDGE)
    assert reason in note


def test_strange_invoker_and_wrong_call_are_the_hosts_business(host: Host) -> None:
    assert asyncio.run(host.run(Invoker([Answer()], agent_id=None))).success
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        asyncio.run(host.run(Invoker([Answer()]), colour="red"))
    assert host.notes.before == []


def test_project_is_taken_from_the_log_folder_where_the_host_names_none(host: Host) -> None:
    asyncio.run(host.run(Invoker([Answer()]), repo_root=None))
    assert host.notes.before[0].project_root == host.root


def test_project_that_cannot_be_told_is_not_guessed(host: Host, tmp_path: Path) -> None:
    elsewhere = tmp_path / "logs" / f"{MISSION}_WP01_implementation.log"
    assert asyncio.run(host.run(Invoker([Answer()]), repo_root=None, log_file=elsewhere)).success
    assert host.notes.before == []


def test_broken_hooks_do_not_reach_the_host(host: Host) -> None:
    def load(_: Path) -> Hooks:
        raise ImportError("half of an update")

    host.executor = new_executor()
    orchestrator.install(host.executor, Announcer(load=load))
    assert asyncio.run(host.run(Invoker([Answer()]))).success
    assert "ImportError: half of an update" in diagnostics.read(host.root, diagnostics.BRIDGE)[0]


def test_notes_are_bounded_and_bad_ones_passed_over(host: Host) -> None:
    folder = host.root / ".kittify" / "runtime" / "telemetry"
    for _ in range(200):
        diagnostics.leave(host.root, diagnostics.BRIDGE, "x" * 1000)
    (file,) = folder.glob("*.jsonl")
    assert file.stat().st_size < 70_000
    file.write_text('{"at": "2026-01-01", "note": "good"}\nbad\n[]\n{}\n')
    assert diagnostics.read(host.root, diagnostics.BRIDGE) == ["2026-01-01 good"]


def test_no_note_is_left_outside_a_project(tmp_path: Path) -> None:
    diagnostics.leave(tmp_path, diagnostics.BRIDGE, "nothing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "parameters",
    ["invoker, prompt, working_dir, role, timeout_seconds", "request", "*args, **kwargs"],
)
def test_executor_of_an_unknown_shape_is_left_as_it_is(parameters: str) -> None:
    executor = new_executor(parameters)
    original = executor.execute_agent
    orchestrator.install(executor)
    assert executor.execute_agent is original


def test_executor_without_the_function_or_with_a_plain_one_is_left_as_it_is() -> None:
    executor = ModuleType("another.executor")
    orchestrator.install(executor)
    executor.__dict__["execute_agent"] = plain = print
    orchestrator.install(executor)
    assert executor.__dict__["execute_agent"] is plain


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return a function that imports a stand-in host package with this text in its `loop.py`."""

    def make(text: str, init: str = "") -> ModuleType:
        package = ModuleType("spec_kitty_orchestrator_stand_in")
        package.__path__ = [str(tmp_path)]
        exec(init, package.__dict__)
        (tmp_path / "loop.py").write_text(text)
        monkeypatch.setitem(__import__("sys").modules, package.__name__, package)
        executor = new_executor()
        orchestrator.install(executor)
        return executor

    return make


def is_bridged(executor: ModuleType) -> bool:
    return hasattr(executor.execute_agent, "__wrapped__")


@pytest.mark.parametrize(
    ("text", "init", "bridged"),
    [
        ("", "", True),
        ("# see spec-kitty-telemetry\n", "", True),
        ("from spec_kitty_telemetry import Hooks\n", "", False),
        ("def f():\n    import spec_kitty_telemetry.hooks.manager\n", "", False),
        ("import pluggy\n", "", False),
        ("", "SPEC_KITTY_HOOKS = True", False),
        ("import pluggy\n", "SPEC_KITTY_HOOKS = False", True),
    ],
)
def test_host_that_calls_the_hooks_itself_is_left_to_do_it(
    package: Callable[..., ModuleType], text: str, init: str, *, bridged: bool
) -> None:
    assert is_bridged(package(text, init)) is bridged


def test_runs_carry_the_times_of_the_host_not_of_a_slow_plugin(host: Host) -> None:
    called_at: list[datetime] = []

    class Slow:
        @hookimpl
        def before_invocation(self) -> None:
            called_at.append(datetime.now(UTC))
            time.sleep(0.5)

    host.hooks.register(Slow())
    began_at = datetime.now(UTC)
    asyncio.run(host.run(Invoker([Answer()], seconds=0.1)))
    ended_by = datetime.now(UTC)
    host.settle()
    ((invocation, result),) = host.notes.after
    assert invocation.started_at is not None
    assert began_at <= invocation.started_at <= called_at[0]
    assert began_at + timedelta(seconds=0.1) <= result.ended_at <= ended_by


def test_replacement_looks_like_the_hosts_function(host: Host) -> None:
    import inspect

    original: Callable[..., Coroutine[Any, Any, Any]] = new_executor().execute_agent
    assert inspect.signature(host.executor.execute_agent) == inspect.signature(original)
    assert inspect.iscoroutinefunction(host.executor.execute_agent)


PRINT_ENVIRONMENT = (
    "import os; print(os.environ.get('OTEL_RESOURCE_ATTRIBUTES'), os.environ.get('SPEC_KITTY_TELEMETRY_RUN'))"
)


class Printer(Invoker):
    """An agent that prints what its environment says, as the host starts it (0.1.2: `executor.spawn_agent`)."""

    async def run(self) -> Answer:
        await asyncio.sleep(self.seconds)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PRINT_ENVIRONMENT, stdout=asyncio.subprocess.PIPE
        )
        stdout, _ = await process.communicate()
        return Answer(stdout=stdout.decode().strip())


def test_each_agent_is_told_what_it_works_on_also_where_several_do_at_once(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=blue")
    host.restart(patience_s=60)  # an agent is told what is known when it starts, which a busy machine delays
    logs = host.root / ".kittify" / "logs"

    async def three() -> list[Answer]:
        runs = [
            host.run(Printer([], seconds=seconds), log_file=logs / f"{MISSION}_{wp_id}_implementation.log")
            for wp_id, seconds in (("WP01", 0.2), ("WP02", 0.1), ("WP03", 0))
        ]
        answers: list[Answer] = await asyncio.gather(*runs)
        return answers

    answers = asyncio.run(three())
    told = {invocation.wp_id: invocation.invocation_id for invocation in host.notes.before}
    assert [answer.stdout for answer in answers] == [
        f"team=blue,spec_kitty.feature={MISSION},spec_kitty.wp={wp_id},spec_kitty.role=implementer,"
        f"spec_kitty.attempt=1 {told[wp_id]}"
        for wp_id in ("WP01", "WP02", "WP03")
    ]


def test_what_else_the_host_starts_is_told_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)

    async def one_after_the_other() -> Answer:
        await host.run(Invoker([Answer()]))
        return await Printer([]).run()

    assert asyncio.run(one_after_the_other()).stdout == "None None"


def test_a_run_within_a_run_says_which_one_caused_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_RUN", "01M8FXYR4T7C9N3ZP0Q5D2K6VB")
    asyncio.run(host.run(Invoker([Answer()])))
    host.settle()
    assert host.notes.before[0].causation_id == "01M8FXYR4T7C9N3ZP0Q5D2K6VB"


def test_a_mission_that_is_over_its_budget_says_so_on_stderr(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    (host.root / ".kittify" / "telemetry.yaml").write_text("budgets: [{feature: '012', limit_usd: 1}]", "utf-8")
    emit = ("emit", "--feature", MISSION, "--agent", "a", "--role", "planner", "--cost-usd", "1.5")
    subprocess.run([sys.executable, "-m", "spec_kitty_telemetry", *emit], cwd=host.root, check=True)
    for _ in range(2):
        asyncio.run(host.run(Invoker([Answer()])))
    host.settle()
    assert host.announcer._budgets._worker.drain(60)
    (line,) = capsys.readouterr().err.splitlines()  # the runs' own cost is unknown, so it may be a floor by then
    assert line.replace("\u2265", "").replace(">=", "") == "Budget feature 012: $1.50 spent, over the limit of $1.00."
