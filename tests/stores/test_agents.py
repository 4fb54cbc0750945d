"""What is particular to one agent's store, where the real stores do not show it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.conftest import copied, requests_of, sessions_in

if TYPE_CHECKING:
    from pathlib import Path

SESSION = "0b0f2a6e-3c1c-4b7e-9a59-2f3e6c1d7a11"


def lines(path: Path, *objects: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one, separators=(",", ":")) + "\n" for one in objects), encoding="utf-8")
    return path


# Claude Code


def claude_line(name: str, output: int, second: int = 1, **usage: Any) -> dict[str, Any]:
    message = {"id": name, "model": "claude-opus-4-8", "usage": {"input_tokens": 3, "output_tokens": output, **usage}}
    return {"type": "assistant", "timestamp": f"2026-11-28T02:00:{second:02d}Z", "cwd": "/shop", "message": message}


def claude_file(home: Path, name: str, *objects: Any) -> Path:
    return lines(home / ".claude" / "projects" / "-shop" / f"{name}.jsonl", *objects)


def test_of_a_response_that_is_written_again_the_greatest_numbers_count(home: Path) -> None:
    claude_file(home, SESSION, claude_line("m1", 1), claude_line("m1", 40), claude_line("m1", 7))
    ((_, request),) = requests_of(sessions_in(home, "claude-code"))
    assert request.output_tokens == 40


def test_an_advisor_is_a_request_of_its_own_beside_the_totals(home: Path) -> None:
    beside = {"type": "advisor_message", "model": "claude-fable-5", "input_tokens": 7, "output_tokens": 2}
    claude_file(home, SESSION, claude_line("m1", 40, iterations=[{"type": "message", "input_tokens": 3}, beside]))
    found = [
        (one.model, one.input_tokens, one.output_tokens) for _, one in requests_of(sessions_in(home, "claude-code"))
    ]
    assert found == [("claude-opus-4-8", 3, 40), ("claude-fable-5", 7, 2)]


def test_how_a_response_was_billed_is_kept_unless_it_was_as_usual(home: Path) -> None:
    searches = {"web_search_requests": 2}
    fast = claude_line("m1", 1, speed="fast", service_tier="priority", inference_geo="us", server_tool_use=searches)
    usual = claude_line("m2", 1, speed="standard", service_tier="standard", inference_geo="")
    claude_file(home, SESSION, fast, usual)
    found = [
        (one.speed, one.service_tier, one.inference_geo, one.web_search_requests)
        for _, one in requests_of(sessions_in(home, "claude-code"))
    ]
    assert found == [("fast", "priority", "us", 2), (None, None, None, None)]


def test_several_folders_may_be_named_with_commas(home: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    lines(first / "projects" / "p" / "s1.jsonl", claude_line("m1", 1))
    lines(second / "projects" / "p" / "s2.jsonl", claude_line("m2", 1))
    claude_file(home, SESSION, claude_line("m3", 1))
    found = sessions_in(home, "claude-code", environment={"CLAUDE_CONFIG_DIR": f"{first}, {second}"})
    assert {request.request_id for _, request in requests_of(found)} == {"m1", "m2"}


def total(session: str, output: int) -> dict[str, Any]:
    return {"type": "cost-state", "modelUsage": {"claude-opus-4-8": {"inputTokens": 3, "outputTokens": output}}}


def test_a_total_that_is_less_than_the_messages_hides_nothing(home: Path) -> None:
    claude_file(home, SESSION, claude_line("m1", 40), total(SESSION, 39))
    assert [one.is_hidden for _, one in requests_of(sessions_in(home, "claude-code"))] == [False]


def test_messages_after_the_last_total_are_not_taken_off_it(home: Path) -> None:
    claude_file(home, SESSION, claude_line("m1", 40), total(SESSION, 50), claude_line("m2", 8, second=9))
    hidden = [one.output_tokens for _, one in requests_of(sessions_in(home, "claude-code")) if one.is_hidden]
    assert hidden == [10]


# Codex


def codex_file(home: Path, thread: str, *objects: Any, **meta: Any) -> Path:
    name = f"rollout-2026-11-28T02-00-00-{thread}.jsonl"
    start = {"type": "session_meta", "payload": {"id": thread, "cwd": "/shop", **meta}}
    every = [{"timestamp": "2026-11-28T02:00:00.000Z"} | one for one in (start, *objects)]
    every = [{"timestamp": one["timestamp"], **one} for one in every]
    return lines(home / ".codex" / "sessions" / "2026" / "11" / "28" / name, *every)


def count(total: int, last: int, second: int = 5) -> dict[str, Any]:
    info = {
        "total_token_usage": {"input_tokens": total, "output_tokens": total // 10},
        "last_token_usage": {"input_tokens": last, "output_tokens": last // 10},
    }
    payload = {"type": "token_count", "info": info}
    return {"timestamp": f"2026-11-28T02:00:{second:02d}.000Z", "type": "event_msg", "payload": payload}


def inputs(home: Path, agent: str = "codex") -> list[int | None]:
    return [one.input_tokens for _, one in requests_of(sessions_in(home, agent))]


def test_a_total_that_stands_still_is_no_request_and_one_that_falls_begins_anew(home: Path) -> None:
    codex_file(home, SESSION, count(100, 100), count(100, 40), count(100, 100), count(250, 150), count(30, 30))
    assert inputs(home) == [100, 150, 30]


def codex_record(response: str, used: int, total: int | None) -> dict[str, Any]:
    counts: dict[str, Any] = {"usage": {"input_tokens": used, "output_tokens": used // 10}}
    if total is not None:
        counts["thread_token_usage"] = {"input_tokens": total, "output_tokens": total // 10}
    payload = {"thread_id": SESSION, "response_id": response} | counts
    return {"timestamp": "2026-11-28T02:00:05.000Z", "type": "token_usage_record", "payload": payload}


@pytest.mark.parametrize("total", [(100, 250), (None, None)])
def test_a_request_with_a_record_and_a_total_counts_once(home: Path, total: tuple[int | None, int | None]) -> None:
    one, two = codex_record("r1", 100, total[0]), codex_record("r2", 150, total[1])
    codex_file(home, SESSION, one, count(100, 100), two, count(250, 150))
    assert inputs(home) == [100, 150]


def test_a_request_whose_total_stands_before_its_record_counts_once(home: Path) -> None:
    one, two = codex_record("r1", 100, 100), codex_record("r2", 150, 250)
    codex_file(home, SESSION, count(100, 100), one, count(250, 150), two)
    assert inputs(home) == [100, 150]


def test_a_forks_first_total_holds_its_parents_and_only_the_last_response_is_its_own(home: Path) -> None:
    codex_file(home, SESSION, count(900, 200), count(1000, 100), forked_from_id="somewhere")
    assert inputs(home) == [200, 100]


def test_totals_that_a_fork_of_a_fork_copied_are_the_first_sessions(home: Path) -> None:
    first, second, third = (SESSION[:-1] + end for end in "abc")

    def begun(thread: str, forked_from: str | None) -> dict[str, Any]:
        return {"type": "session_meta", "payload": {"id": thread, "forked_from_id": forked_from, "cwd": "/shop"}}

    codex_file(home, first, count(100, 100, 5))
    codex_file(home, second, begun(first, None), count(100, 100, 0), count(160, 60, 9), forked_from_id=first)
    copies = (count(100, 100, 0), count(160, 60, 0))
    codex_file(home, third, begun(second, first), begun(first, None), *copies, count(170, 10, 9), forked_from_id=second)
    found = [(session[-1], one.input_tokens) for session, one in requests_of(sessions_in(home, "codex"))]
    assert found == [("a", 100), ("b", 60), ("c", 10)]


def test_a_search_is_billed_by_the_call_and_a_tier_from_when_it_was_asked_for(home: Path) -> None:
    settings = {"type": "thread_settings_applied", "thread_settings": {"service_tier": "fast"}}
    search = {"type": "web_search_call", "action": {"type": "search"}}
    opened = {"type": "web_search_call", "action": {"type": "open_page"}}
    codex_file(
        home,
        SESSION,
        count(100, 100),
        {"type": "event_msg", "payload": settings},
        {"type": "response_item", "payload": search},
        {"type": "response_item", "payload": opened},
        count(250, 150),
    )
    found = [
        (one.input_tokens, one.web_search_requests, one.service_tier)
        for _, one in requests_of(sessions_in(home, "codex"))
    ]
    assert found == [(100, None, None), (None, 1, "priority"), (150, None, "priority")]


# Copilot


def shutdown(second: int, whole: int) -> dict[str, Any]:
    used = {"inputTokens": whole, "outputTokens": whole // 10, "cacheReadTokens": 1}
    data = {"modelMetrics": {"gpt-5.1": {"usage": used}}}
    return {"type": "session.shutdown", "timestamp": f"2026-11-28T02:00:{second:02d}Z", "data": data}


def copilot_file(home: Path, *objects: Any) -> Path:
    start = {
        "type": "session.start",
        "timestamp": "2026-11-28T02:00:00Z",
        "data": {"copilotVersion": "0.0.400", "context": {"cwd": "/shop"}},
    }
    return lines(home / ".copilot" / "session-state" / SESSION / "events.jsonl", start, *objects)


@pytest.mark.parametrize(("totals", "added"), [((100, 160), [100, 60]), ((100, 40), [100, 40])])
def test_an_older_copilots_totals_go_on_or_begin_again(home: Path, totals: tuple[int, int], added: list[int]) -> None:
    copilot_file(home, shutdown(1, totals[0]), shutdown(2, totals[1]))
    found = [one for _, one in requests_of(sessions_in(home, "copilot"))]
    assert [one.input_tokens for one in found] == added
    assert {one.doubt for one in found} == {
        "the requests of one start of the program are added up: only their totals were written"
    }


def test_copilots_database_beats_totals(home: Path) -> None:
    copied("copilot-1.0.102", home)
    before = Counter(one.input_tokens for _, one in requests_of(sessions_in(home, "copilot")))
    for path in home.rglob("events.jsonl"):
        kept = [line for line in path.read_bytes().splitlines(keepends=True) if b"session.usage_record" not in line]
        path.write_bytes(b"".join(kept))
    after = [one for _, one in requests_of(sessions_in(home, "copilot"))]
    assert Counter(one.input_tokens for one in after) == before
    assert {one.doubt for one in after} == {None}


# Kilo and OpenCode


def kilo_store(home: Path) -> Path:
    opencode = copied("opencode-1.18", home) / ".local" / "share" / "opencode"
    kilo = opencode.with_name("kilo")
    shutil.move(opencode, kilo)
    return (kilo / "opencode.db").rename(kilo / "kilo.db")


def test_what_kilo_adds_to_a_parents_message_for_its_child_is_not_counted_twice(home: Path) -> None:
    path = kilo_store(home)
    with closing(sqlite3.connect(path)) as base, base:
        parts = [json.loads(row[0]) for row in base.execute("SELECT data FROM part")]
        own = sum(Decimal(str(one["cost"])) for one in parts if one["type"] == "step-finish")
        copies = {
            row[0]
            for row in base.execute(
                "SELECT message.id FROM message JOIN session ON session.id = session_id"
                " WHERE message.time_created < session.time_created"
            )
        }
        cut = 'json_set(data, "$.cost", 0)'
        for name in copies:
            base.execute(f"UPDATE part SET data = {cut} WHERE message_id = ? AND data LIKE '%step-finish%'", (name,))
        base.execute("""UPDATE message SET data = json_set(data, "$.cost", 99) WHERE data LIKE '%assistant%'""")
    found = [one for _, one in requests_of(sessions_in(home, "kilo"))]
    assert len(found) == 14
    assert sum(one.cost_usd or 0 for one in found) == own - copied_cost(parts)
    assert sessions_in(home, "opencode") == []


def copied_cost(parts: list[dict[str, Any]]) -> Decimal:
    """The fork's five copies repeat the first five requests of the first session."""
    steps = [(one["tokens"]["total"], Decimal(str(one["cost"]))) for one in parts if one["type"] == "step-finish"]
    return sum((cost for total, cost in set(steps) if steps.count((total, cost)) == 2), Decimal())


def test_the_older_tree_of_files_is_read_with_sub_agents_and_the_copies_of_forks_once(home: Path) -> None:
    storage = home / ".local" / "share" / "opencode" / "storage"

    def session(name: str, created: int, *messages: tuple[str, int], parent: str | None = None) -> None:
        about = {"id": name, "directory": "/shop", "version": "0.9", "time": {"created": created}}
        lines(storage / "session" / "p" / f"{name}.json", about | ({"parentID": parent} if parent else {}))
        for message, at in messages:
            answer = {"role": "assistant", "modelID": "m", "time": {"created": at}, "cost": 7, "tokens": {"input": 99}}
            lines(storage / "message" / name / f"{message}.json", answer)
            step = {"type": "step-finish", "cost": 0.5, "tokens": {"input": at - 1_787_216_400_000, "output": 1}}
            lines(storage / "part" / message / "prt_1.json", step)

    start = 1_787_216_400_000
    session("ses_1", start, ("msg_1", start + 10), ("msg_2", start + 20))
    session("ses_2", start + 30, ("msg_3", start + 40), parent="ses_1")
    session("ses_3", start + 50, ("msg_4", start + 10), ("msg_5", start + 60))
    found = sessions_in(home, "opencode")
    assert [(session, one.input_tokens) for session, one in requests_of(found)] == [
        ("ses_1", 10),
        ("ses_1", 20),
        ("ses_2", 40),
        ("ses_3", 60),
    ]
    assert [(one.session_id, one.forked_from) for one in found] == [("ses_1", None), ("ses_3", "ses_1")]


# Qwen


def test_a_sub_agent_of_qwen_without_a_trace_in_its_parent_has_the_sessions_model_and_a_doubt(home: Path) -> None:
    copied("qwen-0.24", home)
    for path in home.rglob("chats/*.jsonl"):
        kept = [line for line in path.read_bytes().splitlines(keepends=True) if b'"subagent_name"' not in line]
        path.write_bytes(b"".join(kept))
    found = [one for _, one in requests_of(sessions_in(home, "qwen")) if one.doubt]
    assert [(one.model, one.doubt) for one in found] == 2 * [
        ("qwen3-coder-plus", "the sub-agent's lines do not name its model; it was taken to be the session's")
    ]
