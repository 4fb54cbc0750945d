"""A host that dies in a run leaves a mark; the next load in that project makes a record of it, once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from spec_kitty_events import Event

from spec_kitty_telemetry import query_execution_events
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.recording import in_flight

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
Start = Callable[..., "subprocess.Popen[str]"]
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no fork and no such signal")

HOST = """
import sys
from pathlib import Path
from spec_kitty_telemetry import Hooks, Invocation, InvocationResult
root = Path(sys.argv[1])
hooks = Hooks.load(root)
run = Invocation(project_root=root, feature=sys.argv[2], agent="codex", role="reviewer", wp_id="WP03", model="gpt-5",
                 tags={"team": "blue"}, attempt=2)
hooks.before_invocation(run)
print(run.invocation_id, flush=True)
sys.stdin.readline()
hooks.after_invocation(run, InvocationResult(success=True))
print("done", flush=True)
"""
LOAD = """
import sys
from pathlib import Path
from spec_kitty_telemetry import Hooks
print("ready", flush=True)
sys.stdin.readline()
Hooks.load(Path(sys.argv[1]))
"""


def running_host(start: Start, project: Project) -> tuple[subprocess.Popen[str], str]:
    process = start(HOST, project.root, FEATURE)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def killed_host(start: Start, project: Project) -> str:
    process, invocation_id = running_host(start, project)
    process.kill()
    process.wait(30)
    return invocation_id


def mark_files(project: Project) -> list[str]:
    return sorted(path.stem for path in (project.runtime_dir / "running").glob("*.json"))


def records(project: Project) -> list[ExecutionEvent]:
    return query_execution_events(project.feature_dir(FEATURE))


def test_the_next_load_records_the_run_of_a_killed_host_once(project: Project, start: Start) -> None:
    before = datetime.now(UTC)
    invocation_id = killed_host(start, project)
    for _ in range(3):
        Hooks.load(project.root)
    (event,) = records(project)
    said = event.payload
    assert event.event_id == invocation_id
    assert (said.outcome, said.success, said.usage_source) == ("killed", False, "none")
    assert (said.agent, said.role, said.wp_id, said.model) == ("codex", "reviewer", "WP03", "gpt-5")
    assert (said.attempt, said.tags) == (2, {"team": "blue"})
    assert said.started_at is not None
    assert before <= said.started_at <= event.timestamp
    assert (said.input_tokens, said.output_tokens, said.cost_usd, said.duration_ms) == (None, None, None, None)
    assert mark_files(project) == []
    (line,) = project.log_path(FEATURE).read_bytes().splitlines()
    assert Event(**json.loads(line)).event_id == invocation_id


def test_a_later_host_that_loads_elsewhere_records_it_when_it_first_works_in_that_project(
    project: Project, start: Start, tmp_path: Path
) -> None:
    killed_host(start, project)
    hooks = Hooks.load(tmp_path)
    assert records(project) == []
    hooks.before_invocation(Invocation(project_root=project.root, feature=FEATURE, agent="a", role="r"))
    assert [event.payload.outcome for event in records(project)] == ["killed"]


def test_several_loaders_at_the_same_time_record_each_killed_run_once(
    project: Project, start: Start, raw_ids: Callable[[Path], list[str]]
) -> None:
    killed = [killed_host(start, project) for _ in range(3)]
    loaders = [start(LOAD, project.root) for _ in range(4)]
    for loader in loaders:
        assert loader.stdout is not None
        loader.stdout.readline()
    for loader in loaders:
        assert loader.stdin is not None
        loader.stdin.write("now\n")
        loader.stdin.flush()
    assert [loader.wait(30) for loader in loaders] == [0] * 4
    Hooks.load(project.root)
    assert sorted(raw_ids(project.log_path(FEATURE))) == sorted(killed)


def test_the_run_of_a_host_that_lives_is_left_alone(project: Project, start: Start) -> None:
    host, invocation_id = running_host(start, project)
    Hooks.load(project.root)
    assert not project.log_path(FEATURE).exists()
    assert mark_files(project) == [invocation_id]
    host.communicate("\n", timeout=30)
    Hooks.load(project.root)
    assert [event.payload.outcome for event in records(project)] == ["succeeded"]
    assert mark_files(project) == []


def test_loading_again_in_the_same_process_leaves_its_own_runs_alone(project: Project, hooks: Hooks) -> None:
    run = Invocation(project_root=project.root, feature=FEATURE, agent="a", role="r")
    hooks.before_invocation(run)
    hooks.before_invocation(run)
    Hooks.load(project.root)
    assert mark_files(project) == [run.invocation_id]
    hooks.after_invocation(run, InvocationResult(success=True))
    assert [event.payload.outcome for event in records(project)] == ["succeeded"]
    assert mark_files(project) == []


def test_a_host_killed_after_its_record_was_written_counts_with_that_record(
    project: Project, start: Start, tmp_path: Path
) -> None:
    host, invocation_id = running_host(start, project)
    (mark,) = (project.runtime_dir / "running").glob("*.json")
    shutil.copy(mark, tmp_path / "mark")
    host.communicate("\n", timeout=30)
    shutil.copy(tmp_path / "mark", mark)
    Hooks.load(project.root)
    assert [(event.event_id, event.payload.outcome) for event in records(project)] == [(invocation_id, "succeeded")]
    assert mark_files(project) == []


FORK = """
import os, sys, time
from pathlib import Path
from spec_kitty_telemetry import Hooks, Invocation
root = Path(sys.argv[1])
hooks = Hooks.load(root)
hooks.before_invocation(Invocation(project_root=root, feature=sys.argv[2], agent="a", role="r"))
if os.fork() == 0:
    if sys.argv[3] == "ends":
        sys.exit()
    sys.stdin.readline()
    os._exit(0)
if sys.argv[3] == "ends":
    os.wait()
    print("ready", flush=True)
    sys.stdin.readline()
print("ready", flush=True)
os._exit(0)
"""


@on_posix
def test_a_fork_that_ends_does_not_make_its_parents_run_look_dead(project: Project, start: Start) -> None:
    parent = start(FORK, project.root, FEATURE, "ends")
    assert parent.stdout is not None
    parent.stdout.readline()
    Hooks.load(project.root)
    assert len(mark_files(project)) == 1
    parent.communicate("\n", timeout=30)
    Hooks.load(project.root)
    assert [event.payload.outcome for event in records(project)] == ["killed"]


@on_posix
def test_a_run_is_dead_only_when_the_host_and_its_forks_are(project: Project, start: Start) -> None:
    parent = start(FORK, project.root, FEATURE, "stays")
    parent.wait(30)
    Hooks.load(project.root)
    assert len(mark_files(project)) == 1
    parent.communicate("\n", timeout=30)
    until = time.monotonic() + 10
    while mark_files(project) and time.monotonic() < until:
        Hooks.load(project.root)
    assert [event.payload.outcome for event in records(project)] == ["killed"]


@on_posix
def test_an_agent_that_outlives_its_host_does_not_keep_the_mark(project: Project, start: Start) -> None:
    agent = "import subprocess\nagent = subprocess.Popen(['sleep', '20'])\nprint(agent.pid, flush=True)\nos._exit(0)\n"
    host = start(
        HOST.replace("import sys", "import os, sys", 1).replace("sys.stdin.readline()\n", agent), project.root, FEATURE
    )
    assert host.stdout is not None
    host.stdout.readline()
    pid = int(host.stdout.readline())
    host.wait(30)
    Hooks.load(project.root)
    os.kill(pid, signal.SIGKILL)
    assert [event.payload.outcome for event in records(project)] == ["killed"]


def changed_mark(project: Project, **changes: Any) -> None:
    (path,) = (project.runtime_dir / "running").glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), encoding="utf-8")


def test_a_mark_of_another_machine_is_believed_dead_only_after_a_week(project: Project, start: Start) -> None:
    killed_host(start, project)
    changed_mark(project, machine="some-container")
    Hooks.load(project.root)
    assert len(mark_files(project)) == 1
    changed_mark(project, left_at=(datetime.now(UTC) - timedelta(days=8)).isoformat())
    Hooks.load(project.root)
    assert [event.payload.outcome for event in records(project)] == ["killed"]


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"[" * 9000, b"{}", b'{"machine":"","left_at":"x"}'])
def test_a_mark_of_garbage_is_no_run_and_does_no_harm(project: Project, start: Start, garbage: bytes) -> None:
    killed_host(start, project)
    (project.runtime_dir / "running" / "01K3AAAAAAAAAAAAAAAAAAAAAA.json").write_bytes(garbage)
    Hooks.load(project.root)
    assert len(records(project)) == 1


def test_a_mark_under_another_name_is_not_recorded_again_and_again(project: Project, start: Start) -> None:
    killed_host(start, project)
    (path,) = (project.runtime_dir / "running").glob("*.json")
    path.rename(path.with_name("01K3AAAAAAAAAAAAAAAAAAAAAA.json"))
    for _ in range(3):
        Hooks.load(project.root)
    assert not project.log_path(FEATURE).exists()


@on_posix
def test_marks_in_a_folder_that_leads_out_of_the_project_are_neither_left_nor_read(
    project: Project, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    project.runtime_folder()
    (project.runtime_dir / "running").symlink_to(outside)
    hooks = Hooks.load(project.root)
    run = Invocation(project_root=project.root, feature=FEATURE, agent="a", role="r")
    hooks.before_invocation(run)
    assert list(outside.iterdir()) == []
    hooks.after_invocation(run, InvocationResult(success=True))
    assert [event.event_id for event in records(project)] == [run.invocation_id]


@on_posix
def test_a_mark_gets_the_users_umask(project: Project) -> None:
    earlier = os.umask(0o077)
    try:
        in_flight.leave(project, Invocation(project_root=project.root, feature=FEATURE, agent="a", role="r"))
    finally:
        os.umask(earlier)
    (path,) = (project.runtime_dir / "running").glob("*.json")
    assert path.stat().st_mode & 0o777 == 0o600
    in_flight.take_away(project, path.stem)
    assert mark_files(project) == []
