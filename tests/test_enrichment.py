"""What a host said is recorded whatever becomes of asking what its agent used; what is found later replaces it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage
from spec_kitty_telemetry.recording import apart, in_flight
from spec_kitty_telemetry.recording.enrichment import Enrichment
from spec_kitty_telemetry.reports.search import Search, query_execution_events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
with_forks = pytest.mark.skipif(sys.platform != "linux", reason="a process of its own is forked on Linux only")


def run(hooks: Hooks, project: Project, agent: str = "my-agent", **result: Any) -> Invocation:
    invocation = Invocation(project_root=project.root, feature=FEATURE, agent=agent, role="implementer")
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, InvocationResult(**{"success": True, "exit_code": 0, **result}))
    return invocation


def records(project: Project) -> list[ExecutionEvent]:
    return query_execution_events(project.feature_dir(FEATURE))


class Asked:
    """A plugin that does something when it is asked what a run used."""

    def __init__(self, what: Callable[[], Usage | None]) -> None:
        self.what = what

    @hookimpl
    def extract_usage(self) -> Usage | None:
        return self.what()


def wait_for_ever() -> None:
    threading.Event().wait()


def end_the_process() -> None:
    os._exit(7)


def kill_the_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill_the_memory() -> None:
    every = []
    while True:
        every.append(bytearray(64 << 20))


@with_forks
@pytest.mark.parametrize(
    "what", [wait_for_ever, end_the_process, kill_the_process, fill_the_memory], ids=lambda what: what.__name__
)
def test_a_plugin_that_takes_its_process_down_costs_the_details_of_its_runs_and_nothing_else(
    hooks: Hooks, project: Project, what: Callable[[], Usage | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "MOST_SECONDS", 1)
    hooks.register(Asked(what), "bad")
    invocations = [run(hooks, project, input_tokens=5) for _ in range(3)]
    assert [event.event_id for event in records(project)] == [each.invocation_id for each in invocations]
    assert [event.payload.input_tokens for event in records(project)] == [5, 5, 5]
    assert in_flight.ended_count(project) == 0
    assert apart.settle(30)


@with_forks
def test_what_is_found_late_takes_the_place_of_what_the_host_said(
    hooks: Hooks, project: Project, tmp_path: Path
) -> None:
    release = tmp_path / "release"

    def answer() -> Usage:
        while not release.exists():
            time.sleep(0.01)
        return Usage(model="m", input_tokens=7)

    hooks.register(Asked(answer), "slow")
    invocation = run(hooks, project)
    (early,) = records(project)
    assert (early.event_id, early.payload.input_tokens, early.payload.revision) == (
        invocation.invocation_id,
        None,
        None,
    )
    release.touch()
    assert apart.settle(30)
    (late,) = records(project)
    assert (late.payload.supersedes, late.payload.revision) == (invocation.invocation_id, 2)
    assert (late.payload.model, late.payload.input_tokens) == ("m", 7)
    assert len(list(Search(project, everything=True).events())) == 2


@with_forks
def test_what_is_found_in_time_is_one_record(hooks: Hooks, project: Project) -> None:
    hooks.register(Asked(lambda: Usage(model="m", input_tokens=7)), "quick")
    run(hooks, project)
    assert apart.settle(30)
    (event,) = records(project)
    assert event.payload.input_tokens == 7


def test_the_run_is_on_the_disk_before_any_plugin_is_asked(hooks: Hooks, project: Project, tmp_path: Path) -> None:
    found = tmp_path / "found"

    def look() -> None:
        (mark,) = (project.runtime_dir / "running").iterdir()
        found.write_bytes(mark.read_bytes().splitlines()[1])

    hooks.register(Asked(look), "looks")
    invocation = run(hooks, project, input_tokens=5)
    assert apart.settle(30)
    line = json.loads(found.read_bytes())
    assert (line["event_id"], line["payload"]["input_tokens"]) == (invocation.invocation_id, 5)


def test_a_host_that_dies_while_it_asks_leaves_the_result_of_the_run(hooks: Hooks, project: Project) -> None:
    invocation = Invocation(project_root=project.root, feature=FEATURE, agent="a", role="r")
    hooks.before_invocation(invocation)
    pid = os.fork() if hasattr(os, "fork") else pytest.skip("no fork")
    if pid == 0:
        try:
            Enrichment.usage = lambda *_: os._exit(9)  # type: ignore[method-assign]
            hooks.after_invocation(invocation, InvocationResult(success=True, exit_code=0, output_tokens=3))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert records(project) == []
    assert in_flight.ended_count(project) == 1


def test_small_outputs_of_known_agents_are_read_at_once(
    hooks: Hooks, project: Project, sample: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_Fork", None)  # would be called
    run(hooks, project, "claude-code", stdout='{"type":"result","usage":{"input_tokens":4,"output_tokens":2}}')
    (event,) = records(project)
    assert (event.payload.input_tokens, event.payload.usage_source) == (4, "agent-output")


@with_forks
def test_where_no_process_can_be_started_the_run_is_recorded_without_details(
    hooks: Hooks, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", fork)
    hooks.register(Asked(lambda: Usage(input_tokens=7)), "asked")
    run(hooks, project)
    (event,) = records(project)
    assert event.payload.input_tokens is None


@with_forks
def test_a_process_that_looks_something_up_holds_none_of_the_hosts_files(
    hooks: Hooks, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = os.pipe()
    monkeypatch.setattr(apart, "MOST_SECONDS", 1)
    hooks.register(Asked(wait_for_ever), "waits")
    run(hooks, project)
    os.close(theirs)
    os.set_blocking(ours, False)
    assert os.read(ours, 1) == b""  # the end of the pipe: nobody else can write to it
    os.close(ours)


def test_elsewhere_a_thread_looks_and_is_left_alone(
    hooks: Hooks, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    release = threading.Event()

    def answer() -> Usage:
        release.wait(30)
        return Usage(model="m", input_tokens=7)

    hooks.register(Asked(answer), "slow")
    run(hooks, project)
    assert [event.payload.input_tokens for event in records(project)] == [None]
    release.set()
    assert apart.settle(30)
    assert [event.payload.input_tokens for event in records(project)] == [7]
