"""What belongs to a run in stores that copy, split or repeat: shapes of Copilot, Gemini, Qwen, OpenCode and pi."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common.context import AgentContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from spec_kitty_telemetry.model.invocation import Usage

SESSION, OTHER = "d60f7463-5d66-44b2-b8c4-60a0c0c36289", "d60f7463-5d66-44b2-b8c4-60a0c0c36290"
AT, BEFORE = "2026-08-20T09:00:00.000Z", "2026-08-20T08:00:00.000Z"
MS = 1787216400000
"""`AT` in milliseconds."""


def put(path: Path, *lines: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


@pytest.fixture
def look(read: Callable[..., Usage], tmp_path: Path) -> Callable[..., Usage]:
    """Have the files of a killed run read."""
    return lambda agent, **about: read(agent, context=AgentContext(tmp_path), session_id=SESSION, **about)


def requests(*numbers: tuple[int, int, int]) -> list[dict[str, Any]]:
    names = ("inputTokens", "cacheReadTokens", "outputTokens")
    return [{"model": "gpt-5.4", "cacheWriteTokens": 0} | dict(zip(names, one, strict=True)) for one in numbers]


def shutdown(*numbers: int, at: str = AT) -> dict[str, Any]:
    (usage,) = requests((numbers[0], numbers[1], numbers[2]))
    return {"type": "session.shutdown", "timestamp": at, "data": {"modelMetrics": {"gpt-5.4": {"usage": usage}}}}


def record(name: str, used: dict[str, Any]) -> dict[str, Any]:
    data = {"usage": used, "accounting": {"usageId": name}}
    return {"type": "session.usage_record", "timestamp": AT, "data": data}


def put_ledger(home: Path, rows: Iterable[tuple[int, int, int]]) -> None:
    names = "session_id, model, input_tokens, cache_read_tokens, output_tokens, cache_write_tokens, reasoning_tokens"
    with closing(sqlite3.connect(home / ".copilot/session-store.db")) as base, base:
        base.execute(f"CREATE TABLE assistant_usage_events ({names}, created_at)")
        for row in rows:
            values = (SESSION, "gpt-5.4", *row, 0, 0, AT)
            base.execute("INSERT INTO assistant_usage_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


@pytest.mark.parametrize(
    ("records", "totals", "ledger"),
    [
        ([], (100000, 80000, 2000), [(100000, 80000, 2000)] * 3),  # a compaction took two requests from the totals
        ([(100000, 80000, 2000)] * 3, (100000, 80000, 2000), [(100000, 80000, 2000)]),  # an old ledger
        ([(100000, 80000, 2000)], (300000, 240000, 6000), []),  # the first requests were of an older version
        ([], None, [(100000, 80000, 2000)] * 3),
    ],
)
def test_the_most_complete_of_copilots_sources_counts(
    records: list[tuple[int, int, int]],
    totals: tuple[int, int, int] | None,
    ledger: list[tuple[int, int, int]],
    look: Callable[..., Usage],
    tmp_path: Path,
) -> None:
    lines = [record(f"r{number}", used) for number, used in enumerate(requests(*records))]
    put(
        tmp_path / ".copilot/session-state" / SESSION / "events.jsonl", *lines, *([shutdown(*totals)] if totals else [])
    )
    put_ledger(tmp_path, ledger)
    found = look("copilot")
    assert (found.input_tokens, found.cache_read_tokens, found.output_tokens) == (300000, 240000, 6000)
    assert found.model == "gpt-5.4"


def test_a_copilot_request_that_is_recorded_twice_counts_once(look: Callable[..., Usage], tmp_path: Path) -> None:
    (used,) = requests((100, 80, 2))
    put(tmp_path / ".copilot/session-state" / SESSION / "events.jsonl", record("r1", used), record("r1", used))
    assert look("copilot").input_tokens == 100


def chat(session: str, *messages: dict[str, Any], kind: str = "main") -> list[dict[str, Any]]:
    return [{"sessionId": session, "projectHash": "0", "startTime": AT, "kind": kind}, *messages]


def answer(name: str, whole: int, output: int, *, tool: int = 0, at: str = AT) -> dict[str, Any]:
    tokens = {"input": whole, "output": output, "cached": 0, "thoughts": 5, "tool": tool}
    tokens["total"] = whole + output + 5 + tool
    return {"id": name, "timestamp": at, "type": "gemini", "model": "gemini-2.5-pro", "tokens": tokens}


def test_geminis_sub_agents_are_a_folder_deeper_and_theirs_too(look: Callable[..., Usage], tmp_path: Path) -> None:
    chats = tmp_path / ".gemini/tmp/shop/chats"
    put(chats / "session-1.jsonl", *chat(SESSION, answer("a", 100, 10), answer("a", 100, 10)))
    put(chats / SESSION / "child.jsonl", *chat("child", answer("a", 1000, 20), kind="subagent"))
    put(chats / "child" / "grandchild.jsonl", *chat("grandchild", answer("b", 5000, 40), kind="subagent"))
    put(chats / "session-2.jsonl", *chat(OTHER, answer("c", 7, 7)))
    put(chats / OTHER / "strange.jsonl", *chat("strange", answer("c", 7, 7), kind="subagent"))
    found = look("gemini")
    assert (found.input_tokens, found.output_tokens, found.reasoning_tokens) == (6100, 85, 15)


def test_what_searches_gave_back_is_input_in_geminis_chats(look: Callable[..., Usage], tmp_path: Path) -> None:
    put(tmp_path / ".gemini/tmp/shop/chats/session-1.jsonl", *chat(SESSION, answer("a", 151, 1089, tool=18329)))
    assert (look("gemini").input_tokens, look("gemini").output_tokens) == (18480, 1094)


def test_searches_that_geminis_chats_show_are_counted_once_a_message(
    look: Callable[..., Usage], tmp_path: Path
) -> None:
    searching = answer("a", 100, 10) | {"toolCalls": [{"name": "google_web_search"}, {"name": "read_file"}]}
    put(tmp_path / ".gemini/tmp/shop/chats/session-1.jsonl", *chat(SESSION, searching, searching, answer("b", 7, 7)))
    assert (look("gemini").web_search_requests, look("gemini").input_tokens) == (1, 107)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        # 151 + 1,089 + 1,120 + 18,329 = 20,689: all four stand apart
        ({"prompt": 151, "candidates": 1089, "thoughts": 1120, "tool": 18329, "total": 20689}, (18480, 2209)),
        # the total holds no more than prompt and answer: the others are parts of them
        ({"prompt": 18480, "candidates": 2209, "thoughts": 1120, "tool": 18329, "total": 20689}, (18480, 2209)),
        ({"prompt": 18480, "candidates": 1089, "thoughts": 1120, "tool": 18329, "total": 20689}, (18480, 2209)),
        ({"prompt": 151, "candidates": 2209, "thoughts": 1120, "tool": 18329, "total": 20689}, (18480, 2209)),
        ({"prompt": 151, "candidates": 1089, "thoughts": 1120, "tool": 18329}, (18480, 2209)),
    ],
)
def test_tokens_of_tool_results_are_input_unless_the_total_says_that_they_are_in_the_prompt(
    tokens: dict[str, int], expected: tuple[int, int], read: Callable[..., Usage]
) -> None:
    found = read(
        "gemini", json.dumps({"session_id": "g1", "stats": {"models": {"gemini-3-pro-preview": {"tokens": tokens}}}})
    )
    assert (found.input_tokens, found.output_tokens) == expected
    assert found.uncertain is None


def qwen_line(whole: int, output: int, model: str | None = None, **more: Any) -> dict[str, Any]:
    usage = {"promptTokenCount": whole, "candidatesTokenCount": output, "totalTokenCount": whole + output}
    return {"type": "assistant", "timestamp": AT, "usageMetadata": usage} | ({"model": model} if model else {}) | more


def test_qwens_sub_agents_are_counted_whether_or_not_the_chat_repeats_them(
    look: Callable[..., Usage], tmp_path: Path
) -> None:
    folder = tmp_path / ".qwen/projects/-p"
    numbers = {"input_token_count": 1000, "output_token_count": 20, "total_token_count": 1020}
    event = {"model": "qwen3-coder-plus", "subagent_name": "explore"} | numbers
    repeated = {"type": "system", "timestamp": AT, "systemPayload": {"uiEvent": event}}
    put(folder / f"chats/{SESSION}.jsonl", repeated, qwen_line(100, 10, "qwen3-coder-plus"))
    put(folder / f"subagents/{SESSION}/agent-explore.jsonl", qwen_line(1000, 20), qwen_line(5000, 30))
    found = look("qwen")
    assert (found.input_tokens, found.output_tokens) == (6100, 60)
    assert [part.model for part in found.models] == ["qwen3-coder-plus"]


def opencode(home: Path, *messages: tuple[str, int, int], began: int = MS) -> None:
    path = home / ".local/share/opencode/opencode.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE session (id, parent_id, directory, time_created)")
        base.execute("CREATE TABLE message (id, session_id, data)")
        base.execute("CREATE TABLE part (id, message_id, data)")
        base.execute("INSERT INTO session VALUES (?, NULL, '/p', ?)", (SESSION, began))
        for name, at, tokens in messages:
            counts = {"input": tokens, "output": 1, "reasoning": 0, "cache": {"read": 0, "write": 0}}
            said = {"role": "assistant", "modelID": "gpt-5.1", "time": {"created": at}, "cost": 0.1, "tokens": counts}
            base.execute("INSERT INTO message VALUES (?, ?, ?)", (name, SESSION, json.dumps(said)))


def test_messages_that_an_opencode_fork_copied_are_not_its_own(look: Callable[..., Usage], tmp_path: Path) -> None:
    opencode(tmp_path, ("m1", MS - 5000, 100), ("m2", MS - 4000, 200), ("m3", MS + 1000, 7))
    assert look("opencode", started_at=None, duration_seconds=10**7).input_tokens == 7


def test_messages_that_a_pi_fork_copied_are_not_its_own(look: Callable[..., Usage], tmp_path: Path) -> None:
    def line(name: str, at: str, tokens: int) -> dict[str, Any]:
        usage = {"input": tokens, "output": 1, "cacheRead": 0, "cacheWrite": 0}
        message = {"role": "assistant", "model": "gpt-5.1", "usage": usage, "timestamp": MS, "stopReason": "stop"}
        return {"type": "message", "id": name, "timestamp": at, "message": message}

    header = {"type": "session", "id": SESSION, "timestamp": AT, "cwd": "/p", "parentSession": "/x.jsonl"}
    path = tmp_path / f".pi/agent/sessions/--p--/2026-08-20_{SESSION}.jsonl"
    put(path, header, line("a", BEFORE, 100), line("b", "2026-08-20T09:00:01.000Z", 7))
    assert look("pi").input_tokens == 7
