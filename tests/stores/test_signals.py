"""What a session says about the work it does: host commands that an agent ran, and slash commands that were typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common.store import Request, Signal
from tests.stores.conftest import DATA, sessions_in, signals_of, truth_of

if TYPE_CHECKING:
    from pathlib import Path

SESSION = "0b0f2a6e-3c1c-4b7e-9a59-2f3e6c1d7a11"
SECRET = "the prompt that nobody may see"
LANE = "/shop/.worktrees/010-cart-lane-a"


def at(second: int) -> datetime:
    return datetime(2026, 11, 28, 2, 0, second, tzinfo=UTC)


def claude(second: int, kind: str, content: Any, **message: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "timestamp": f"2026-11-28T02:00:{second:02d}.000Z",
        "sessionId": SESSION,
        "cwd": LANE,
        "version": "2.1.332",
        "message": {"role": kind, "content": content, **message},
    }


def claude_store(home: Path, *lines: dict[str, Any]) -> Path:
    path = home / ".claude" / "projects" / "-shop" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines), encoding="utf-8")
    return home


def asked(message: str, call: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    block = {"type": "tool_use", "id": call, "name": name, "input": given}
    return {"content": [block], "id": message, "model": "claude-opus-4-8", "usage": usage}


def test_a_claude_session_says_what_was_typed_what_was_run_and_when_it_ended(home: Path) -> None:
    marker = (
        "<command-message>spec-kitty.implement</command-message>\n"
        f"<command-name>/spec-kitty.implement</command-name>\n<command-args>WP02 {SECRET}</command-args>"
    )
    shell = f"cd {LANE} && spec-kitty agent action implement WP02 --agent claude"
    claude_store(
        home,
        claude(1, "user", marker),
        claude(2, "assistant", **asked("msg_1", "toolu_1", "Bash", {"command": shell, "description": SECRET})),
        claude(3, "user", [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "run spec-kitty merge next"}]),
        claude(4, "assistant", **asked("msg_2", "toolu_2", "Bash", {"command": "ls"})),
        claude(5, "user", [{"type": "tool_result", "tool_use_id": "toolu_2", "content": "spec-kitty accept"}]),
    )
    (session,) = sessions_in(home, "claude-code")
    slash, request, command, result, other = session.threads[0].entries
    assert slash == Signal(kind="slash", at=at(1), verb="implement", wp_id="WP02", folder=LANE)
    assert command == Signal(
        kind="command", at=at(2), call_id="toolu_1", verb="implement", wp_id="WP02", agent="claude", folder=LANE
    )
    assert result == Signal(kind="result", at=at(3), call_id="toolu_1")
    assert isinstance(request, Request)
    assert isinstance(other, Request)
    assert (request.request_id, other.request_id) == ("msg_1", "msg_2")


def test_a_prompt_file_that_is_read_and_a_skill_that_is_called_are_signals(home: Path) -> None:
    claude_store(
        home,
        claude(1, "assistant", **asked("m1", "t1", "Read", {"file_path": "/tmp/spec-kitty-review-010-cart-WP01.md"})),
        claude(2, "assistant", **asked("m2", "t2", "Skill", {"skill": "spec-kitty.review", "args": "WP01"})),
        claude(3, "assistant", **asked("m3", "t3", "Bash", {"command": "cat /tmp/spec-kitty-review-010-cart-WP01.md"})),
    )
    found = [(one.kind, one.verb, one.mission, one.wp_id) for one in signals_of(sessions_in(home, "claude-code"))]
    assert found == [
        ("prompt_file", "review", "010-cart", "WP01"),
        ("slash", "review", None, "WP01"),
        ("prompt_file", "review", "010-cart", "WP01"),
    ]


def codex(second: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-11-28T02:00:{second:02d}.000Z", "type": kind, "payload": payload}


def codex_call(second: int, call: str, shell: str) -> dict[str, Any]:
    arguments = json.dumps({"cmd": shell, "workdir": LANE})
    return codex(second, "response_item", type="function_call", name="exec_command", arguments=arguments, call_id=call)


def codex_store(home: Path, *lines: dict[str, Any]) -> Path:
    path = home / ".codex" / "sessions" / "2026" / "11" / "28" / f"rollout-2026-11-28T02-00-00-{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines), encoding="utf-8")
    return home


def record(second: int, response: str) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    return codex(second, "token_usage_record", thread_id=SESSION, response_id=response, usage=usage)


def test_a_codex_request_stands_before_the_commands_that_its_answer_asked_for(home: Path) -> None:
    said = [{"type": "input_text", "text": f"$spec-kitty.implement WP01 {SECRET}"}]
    codex_store(
        home,
        codex(0, "session_meta", id=SESSION, session_id=SESSION, cwd="/shop", cli_version="0.171.0"),
        codex(1, "turn_context", cwd="/shop", model="gpt-5.1-codex"),
        codex(1, "response_item", type="message", role="user", content=said),
        codex_call(2, "call_1", "spec-kitty agent tasks move-task WP01 --to for_review"),
        record(2, "resp_1"),
        codex(3, "response_item", type="function_call_output", call_id="call_1", output="next: spec-kitty merge"),
        record(4, "resp_2"),
    )
    (session,) = sessions_in(home, "codex")
    entries = [
        one.request_id if isinstance(one, Request) else (one.kind, one.verb, one.wp_id, one.lane, one.folder)
        for one in session.threads[0].entries
    ]
    assert entries == [
        ("slash", "implement", "WP01", None, "/shop"),
        "resp_1",
        ("command", "move-task", "WP01", "for_review", LANE),
        ("result", None, None, None, None),
        "resp_2",
    ]


def test_no_text_of_anybody_is_in_the_sessions_or_in_the_index(home: Path, tmp_path: Path) -> None:
    claude_store(
        home,
        claude(1, "user", f"/spec-kitty.specify {SECRET}"),
        claude(2, "assistant", **asked("m1", "t1", "Bash", {"command": f"spec-kitty next --answer '{SECRET}'"})),
    )
    index = tmp_path / "sessions.db"
    assert SECRET not in repr(sessions_in(home, "claude-code", index))
    assert SECRET.encode() not in index.read_bytes()


def test_a_turn_of_a_claude_session_begins_where_the_user_typed_and_nowhere_else(home: Path) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "/shop"}
    notice = claude(7, "user", "<task-notification>\n<task-id>a1</task-id>")
    claude_store(
        home,
        claude(1, "user", SECRET) | {"origin": {"kind": "human"}, "promptSource": "typed"},
        claude(2, "assistant", **asked("m1", "toolu_1", "Bash", {"command": "pwd"})),
        claude(3, "user", [result]),
        claude(4, "user", [{"type": "text", "text": "[Request interrupted by user for tool use]"}]),
        claude(5, "user", "<command-name>/compact</command-name>\n<command-message>compact</command-message>"),
        claude(5, "user", "<local-command-stdout>Compacted</local-command-stdout>"),
        claude(6, "user", "This session is being continued") | {"isCompactSummary": True},
        claude(6, "user", "Caveat: the messages below") | {"isMeta": True},
        claude(6, "user", "in the same file, older versions") | {"isSidechain": True},
        notice,
        notice | {"origin": {"kind": "task-notification"}, "promptSource": "system"},
        claude(8, "user", [{"type": "text", "text": "<ide_opened_file>a.py</ide_opened_file>"}]),
        claude(9, "user", [{"type": "text", "text": SECRET}, {"type": "text", "text": SECRET}]),
        claude(10, "user", "<command-message>tidy</command-message>\n<command-name>/tidy</command-name>"),
        claude(11, "user", "/spec-kitty.plan"),
    )
    main = sessions_in(home, "claude-code")[0].threads[0]
    assert [one for one in main.entries if isinstance(one, Signal)] == [
        Signal(kind="prompt", at=at(1)),
        Signal(kind="prompt", at=at(9)),
        Signal(kind="prompt", at=at(10)),
        Signal(kind="slash", at=at(11), verb="plan", folder=LANE),
    ]


def test_what_was_typed_into_codex_is_one_turn_though_it_is_written_twice(home: Path) -> None:
    def message(second: int, text: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": text}]
        return codex(second, "response_item", type="message", id="msg_1", role="user", content=content)

    codex_store(
        home,
        codex(0, "session_meta", id=SESSION, session_id=SESSION, cwd="/shop", cli_version="0.145.0"),
        message(1, "<environment_context>\n  <cwd>/shop</cwd>"),
        message(1, "# AGENTS.md instructions for /shop"),
        message(2, SECRET),
        codex(3, "event_msg", type="user_message", message=SECRET),
        record(4, "resp_1"),
        message(5, "<subagent_notification>\n{}"),
        codex(6, "event_msg", type="user_message", message="go on"),
    )
    assert signals_of(sessions_in(home, "codex")) == [
        Signal(kind="prompt", at=at(2)),
        Signal(kind="prompt", at=at(6)),
    ]


@pytest.mark.parametrize(
    ("store", "turns"),
    [
        ("claude-2.1.332", [1, 1, 1, 1, 1, 1, 2, 3]),
        ("codex-0.145", [2, 2]),
        ("codex-0.171", [1, 1, 1, 1, 1, 2, 2, 2]),
        ("copilot-1.0.102", [1, 1, 2]),
        ("gemini-0.61", [1, 1, 2]),
        ("qwen-0.24", [1, 2]),
        ("opencode-1.18", [1, 1, 1, 2]),
        ("pi-1.6", [1, 1, 2]),
    ],
)
def test_the_turns_of_real_sessions_are_as_many_as_were_typed(store: str, turns: list[int]) -> None:
    sessions = sessions_in(DATA / store / "home", truth_of(store)["agent"])
    typed = [signals_of([session]) for session in sessions]
    assert sorted(sum(one.kind == "prompt" for one in found) for found in typed) == turns
