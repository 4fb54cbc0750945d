"""Recording at the moment: agents' hooks, the worker in the background, and what goes wrong there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.importing import waiting
from spec_kitty_telemetry.importing.background import work
from spec_kitty_telemetry.importing.session_hook import take
from spec_kitty_telemetry.importing.waiting import Session
from spec_kitty_telemetry.log.reader import scan
from tests.importing.claude import ClaudeSession
from tests.importing.conftest import SLUG, Mission, counted

if TYPE_CHECKING:
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project

PROGRAM = [sys.executable, "-m", "spec_kitty_telemetry"]


def hook(given: bytes | dict[str, Any], agent: str = "claude") -> subprocess.CompletedProcess[bytes]:
    text = json.dumps(given).encode() if isinstance(given, dict) else given
    return subprocess.run([*PROGRAM, "hook", agent], input=text, capture_output=True, check=False)


def said(session: str, project: Project, **more: str) -> dict[str, Any]:
    return {"session_id": session, "cwd": str(project.root), "hook_event_name": "Stop", **more}


def outside(project: Project) -> list[ExecutionEvent]:
    return list(scan(project.outside_log))


def until_imported(project: Project) -> None:
    until = time.monotonic() + 120
    while waiting.waiting(project) and time.monotonic() < until:
        time.sleep(0.05)
    assert waiting.waiting(project) == []


def a_chat(project: Project, name: str = "s1") -> ClaudeSession:
    session = ClaudeSession(name, project.root)
    session.types("hello")
    session.answers()
    return session


def test_a_hook_has_its_session_recorded_and_says_nothing(project: Project) -> None:
    a_chat(project)
    done = hook(said("s1", project))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    until_imported(project)
    assert [event.payload.input_tokens for event in outside(project)] == [1100]


def test_the_hook_that_spec_kitty_registers_for_claude_is_enough(project: Project) -> None:
    """`spec-kitty init --ai claude` of 3.2 registers `spec-kitty session-stop` as a `Stop` hook."""
    host = Path(sys.executable).with_name("spec-kitty")
    if not host.exists():
        pytest.skip("needs spec-kitty-cli in this environment")
    a_chat(project)
    given = json.dumps(said("s1", project)).encode()
    environment = {**os.environ, "SPEC_KITTY_NO_UPGRADE_CHECK": "1", "SPEC_KITTY_ENABLE_SAAS_SYNC": "0"}
    done = subprocess.run(
        [host, "session-stop"], input=given, capture_output=True, cwd=project.root, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")
    until_imported(project)
    assert [event.payload.output_tokens for event in outside(project)] == [10]


@pytest.mark.parametrize(
    "given",
    [b"", b"{", b"\xff", b"[1]", b"[" * 100_000, b'{"session_id": 7}', b'{"session_id": "s1", "cwd": "/no/such"}'],
)
def test_whatever_a_hook_is_given_it_ends_well_and_says_nothing(project: Project, given: bytes) -> None:
    done = hook(given)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("agent", ["claude", "nobody-knows", ""])
def test_a_hook_of_any_agent_ends_well(project: Project, agent: str) -> None:
    done = hook(said("s1", project), agent)
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize(
    ("agent", "given"),
    [
        ("claude-code", {"session_id": "s1", "hook_event_name": "SessionEnd"}),
        ("copilot", {"sessionId": "s1"}),
        ("codex", {"type": "agent-turn-complete", "thread-id": "s1", "turn-id": "t"}),
        ("gemini", {"session_id": "s1", "hook_event_name": "AfterAgent"}),
    ],
)
def test_every_agents_way_to_name_its_session_is_understood(
    project: Project, monkeypatch: pytest.MonkeyPatch, agent: str, given: dict[str, str]
) -> None:
    monkeypatch.setattr(waiting, "start_worker", lambda _: None)
    take(agent, json.dumps({**given, "cwd": str(project.root)}).encode(), {})
    assert [each.session for each in waiting.waiting(project)] == [Session(agent, "s1")]


def test_what_is_cut_off_still_names_its_session(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "start_worker", lambda _: None)
    whole = json.dumps({**said("s1", project), "last_assistant_message": "x" * 1000})
    take("claude-code", whole[:-500].encode(), {})
    assert [each.session.session_id for each in waiting.waiting(project)] == ["s1"]


def test_a_session_that_only_begins_is_not_looked_at(project: Project) -> None:
    take("claude-code", json.dumps({**said("s1", project), "hook_event_name": "SessionStart"}).encode(), {})
    assert waiting.waiting(project) == []


def test_a_hook_does_nothing_where_telemetry_or_reading_of_transcripts_is_off(project: Project) -> None:
    given = json.dumps(said("s1", project)).encode()
    take("claude-code", given, {"SPEC_KITTY_TELEMETRY": "off"})
    project.settings_path.write_text("transcripts: off\n", encoding="utf-8")
    take("claude-code", given, {})
    assert waiting.waiting(project) == []


def test_a_session_is_brought_up_to_date_turn_by_turn(mission: Mission) -> None:
    project = mission.project
    session = ClaudeSession("s1", project.root)
    session.types("<command-name>/spec-kitty.implement</command-name><command-args>WP01</command-args>")
    for turn in range(3):
        session.runs(f"spec-kitty agent action implement WP01 --mission {SLUG}")
        waiting.put(project, Session("claude-code", "s1"))
        assert work(project) == 1
        (event,) = counted(project)
        assert (event.feature, event.payload.wp_id, event.payload.output_tokens) == (SLUG, "WP01", 10 * (turn + 1))
    assert len(list(project.log_path(SLUG).read_bytes().splitlines())) == 3


def test_hooks_and_import_together_give_the_same_records_as_either_alone(mission: Mission) -> None:
    from click.testing import CliRunner

    from spec_kitty_telemetry.cli import group

    project = mission.project
    session = a_chat(project)
    waiting.put(project, Session("claude-code", "s1"))
    work(project)
    session.answers()
    assert CliRunner().invoke(group, ["import", "--project", str(project.root)]).exit_code == 0
    waiting.put(project, Session("claude-code", "s1"))
    work(project)
    (event,) = counted(project)
    assert event.payload.output_tokens == 20


def test_what_a_killed_worker_left_is_done_by_the_next(project: Project) -> None:
    a_chat(project)
    waiting.put(project, Session("claude-code", "s1"))
    worker = subprocess.Popen([sys.executable, "-m", "spec_kitty_telemetry.importing.background", str(project.root)])
    worker.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    worker.wait()
    work(project)
    assert waiting.waiting(project) == []
    assert len(outside(project)) == 1


def test_a_session_that_goes_on_while_it_is_imported_waits_again(project: Project) -> None:
    a_chat(project)
    waiting.put(project, Session("claude-code", "s1"))
    (before,) = waiting.waiting(project)
    time.sleep(0.01)
    waiting.put(project, Session("claude-code", "s1"))
    before.remove()
    assert len(waiting.waiting(project)) == 1


def test_a_line_that_is_being_written_counts_when_it_is_whole(project: Project) -> None:
    session = a_chat(project)
    whole = session.path.read_bytes()
    session.path.write_bytes(whole[:-20])
    waiting.put(project, Session("claude-code", "s1"))
    work(project)
    assert outside(project) == []
    session.path.write_bytes(whole)
    waiting.put(project, Session("claude-code", "s1"))
    work(project)
    assert [event.payload.output_tokens for event in outside(project)] == [10]


def test_twenty_sessions_that_end_at_once_are_all_recorded_once(project: Project) -> None:
    names = [f"s{number}" for number in range(20)]
    for name in names:
        a_chat(project, name)
    hooks = [subprocess.Popen([*PROGRAM, "hook", "claude"], stdin=subprocess.PIPE) for _ in names]
    for process, name in zip(hooks, names, strict=True):
        assert process.stdin is not None
        process.stdin.write(json.dumps(said(name, project)).encode())
        process.stdin.close()
    assert [process.wait() for process in hooks] == [0] * 20
    until_imported(project)
    events = outside(project)
    assert sorted(event.payload.session_id or "" for event in events) == sorted(names)
    assert sum(event.payload.output_tokens or 0 for event in events) == 200


def test_what_cannot_be_written_waits_until_it_can(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_STATE_DIR", f"{os.devnull}/none")
    a_chat(project)
    waiting.put(project, Session("claude-code", "s1"))
    project.outside_log.parent.mkdir(parents=True)
    project.outside_log.mkdir()  # nothing can be appended to it
    spool = project.runtime_dir / "spool"
    spool.write_text("nor can anything wait here", encoding="ascii")
    assert work(project) == 0
    assert len(waiting.waiting(project)) == 1
    spool.unlink()
    project.outside_log.rmdir()
    work(project)
    assert len(outside(project)) == 1
