"""What a session says about the work it does: host commands that an agent ran, and slash commands that were typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.agents.common.store import Request, Signal
from tests.stores.conftest import sessions_in, signals_of

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
