"""What newer programs print of resumed, refused and priced runs; seen of Claude Code 2.1.330 and Qwen Code 0.24.4."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common import session_totals as sessions
from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.agents.common.fields import sentence
from spec_kitty_telemetry.agents.detect import agent_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.model.invocation import Usage

SESSION = "52ac4b32-9b1e-41d6-be26-000000000001"
FIRST, SECOND, THIRD, FOURTH = (f"01K0000000000000000000000{number}" for number in range(1, 5))
BEGAN = datetime(2026, 11, 20, 10, tzinfo=UTC)
TURN = (1000, 20000, 700, 200, 20)
"""Uncached, read from a cache, written to it, output, and of that thinking."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def context(tmp_path: Path, home: Path) -> AgentContext:
    return AgentContext(home, transcripts=False, state_folder=tmp_path / "state")


def agent(turns: int) -> dict[str, Any]:
    uncached, read, written, output, thinking = (turns * number for number in TURN)
    return {
        "input_tokens": uncached,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": thinking},
        "cache_creation": {"ephemeral_1h_input_tokens": 400 * turns, "ephemeral_5m_input_tokens": 300 * turns},
    }


def of_model(turns: int, cost: float, **facts: Any) -> dict[str, Any]:
    uncached, read, written, output, thinking = (turns * number for number in TURN)
    return {
        "inputTokens": uncached,
        "outputTokens": output,
        "cacheReadInputTokens": read,
        "cacheCreationInputTokens": written,
        "costUSD": cost,
        "thinkingTokens": thinking,
        "cacheCreationEphemeral5mInputTokens": 300 * turns,
        "cacheCreationEphemeral1hInputTokens": 400 * turns,
        "provider": "firstParty",
        "costBasis": "list",
    } | facts


def claude(own: int, all_turns: int, cost: float = 0.5, **facts: Any) -> str:
    end = {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "session_id": SESSION,
        "total_cost_usd": cost,
        "usage": agent(own),
        "modelUsage": {"claude-sonnet-4-5": of_model(all_turns, cost, **facts)},
        "subagent_stats": {"spawned": 0},
    }
    return json.dumps(end)


def put_claude_transcript(home: Path, version: str = "2.1.330") -> None:
    """Two messages before the run, one in it."""
    path = home / ".claude/projects/p" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    times = ("2026-11-20T09:00:01.5Z", "2026-11-20T09:00:02.5Z", "2026-11-20T10:00:01.5Z")
    lines = [
        {
            "type": "assistant",
            "version": version,
            "timestamp": time,
            "message": {"id": f"msg_{time}", "model": "claude-sonnet-4-5", "usage": agent(1)},
        }
        for time in times
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_thinking_and_lifetimes_of_each_claude_model_are_taken_as_they_stand(read: Callable[..., Usage]) -> None:
    found = read("claude_code", claude(1, 2))
    assert (found.reasoning_tokens, found.cache_write_tokens, found.cache_write_1h_tokens) == (40, 1400, 800)


@pytest.mark.parametrize(
    ("said", "biller"),
    [
        ("firstParty", "anthropic"),
        ("bedrock", "aws-bedrock"),
        ("vertex", "google-vertex"),
        ("foundry", "azure"),
        ("gateway", None),
    ],
)
def test_who_bills_a_claude_run_is_named_as_price_tables_name_it(
    said: str, biller: str | None, read: Callable[..., Usage]
) -> None:
    found = read("claude_code", claude(1, 1, provider=said))
    assert (found.provider, found.models[0].provider) == (biller, biller)


def test_continued_claude_session_that_nobody_saw_is_told_apart_by_its_transcript(
    read: Callable[..., Usage], home: Path
) -> None:
    put_claude_transcript(home)
    found = read("claude_code", claude(1, 3), context=AgentContext(home), started_at=BEGAN)
    assert (found.input_tokens, found.output_tokens, found.reasoning_tokens) == (21700, 200, 20)
    assert (found.cost_usd, found.models[0].cost_usd, found.uncertain) == (None, None, None)


def test_totals_that_are_the_runs_own_have_nothing_of_the_history_that_a_fork_copied(
    read: Callable[..., Usage], home: Path
) -> None:
    put_claude_transcript(home)
    text = json.dumps(json.loads(claude(3, 3, 0.25)) | {"total_cost_usd": 0.75})
    found = read("claude_code", text, context=AgentContext(home), started_at=BEGAN, session_id="parent")
    assert (found.input_tokens, found.output_tokens, found.uncertain) == (65100, 600, None)
    assert found.cost_usd == Decimal("0.25")  # of its models; the whole cost may have what was before
    first = read("claude_code", text, context=AgentContext(home), started_at=BEGAN)
    assert first.cost_usd == Decimal("0.75")


def test_continued_claude_session_of_a_version_that_starts_at_zero_is_not_told_apart(
    read: Callable[..., Usage], home: Path
) -> None:
    put_claude_transcript(home, "2.1.276")
    found = read("claude_code", claude(1, 3), context=AgentContext(home), started_at=BEGAN)
    assert (found.input_tokens, found.cost_usd, found.uncertain) == (65100, Decimal("0.5"), None)


def test_continued_claude_session_that_nobody_saw_is_in_doubt_without_its_transcript(
    read: Callable[..., Usage], context: AgentContext
) -> None:
    found = read("claude_code", claude(1, 3), context=context)
    assert (found.input_tokens, found.uncertain) == (65100, sessions.NOT_SEEN_BEFORE)
    assert read("claude_code", claude(1, 1), context=AgentContext(context.home)).uncertain is None


def test_helpers_of_a_first_claude_run_leave_no_doubt_where_the_transcript_begins_with_it(
    read: Callable[..., Usage], home: Path
) -> None:
    put_claude_transcript(home)
    early = datetime(2026, 11, 20, 8, tzinfo=UTC)
    found = read("claude_code", claude(3, 4), context=AgentContext(home), started_at=early)
    assert (found.input_tokens, found.cost_usd, found.uncertain) == (86800, Decimal("0.5"), None)


def qwen(prompt: int, *, own_turns: int = 1, refused: bool = False, session: str = SESSION, **facts: Any) -> str:
    used = {"input_tokens": prompt, "output_tokens": prompt // 10, "cache_read_input_tokens": prompt // 2}
    tokens = {"prompt": prompt, "candidates": prompt // 10, "total": prompt + prompt // 10, "cached": prompt // 2}
    requests = {"totalRequests": prompt // 100, "totalErrors": 0}
    model = {"api": requests, "tokens": tokens | {"thoughts": prompt // 100}, "bySource": {"main": {"api": requests}}}
    end = {"type": "result", "session_id": session, "is_error": refused, "num_turns": own_turns, "usage": used}
    end |= {"error": {"message": "[API Error: 400 no]"}} if refused else {"stats": {"models": {"coder-1": model}}}
    return json.dumps([end | facts])


def numbers(found: Usage) -> tuple[int | None, ...]:
    return found.input_tokens, found.cache_read_tokens, found.output_tokens, found.reasoning_tokens


def test_continued_qwen_session_costs_what_each_run_added(read: Callable[..., Usage], context: AgentContext) -> None:
    runs = [(FIRST, qwen(100)), (SECOND, qwen(300, own_turns=2)), (SECOND, qwen(300, own_turns=2))]
    found = [read("qwen", text, context=context, invocation_id=run) for run, text in runs]
    assert [numbers(one) for one in found] == [(100, 50, 10, 1), (200, 100, 20, 2), (200, 100, 20, 2)]
    assert {one.uncertain for one in found} == {None}


def test_qwen_totals_that_did_not_grow_are_the_runs_own(
    read: Callable[..., Usage], sample: Callable[[str], str], context: AgentContext
) -> None:
    text = sample("qwen.json")
    first = read("qwen", text, context=context, invocation_id=FIRST)
    assert first.models
    assert read("qwen", text, context=context, invocation_id=SECOND) == first


def test_refused_qwen_run_adds_nothing_and_the_next_one_only_its_own(
    read: Callable[..., Usage], context: AgentContext
) -> None:
    read("qwen", qwen(100), context=context, invocation_id=FIRST)
    read("qwen", qwen(300, own_turns=2), context=context, invocation_id=SECOND)
    refused = read("qwen", qwen(300, refused=True), context=context, invocation_id=THIRD)
    assert (numbers(refused), refused.success) == ((0, 0, 0, None), False)
    last = read("qwen", qwen(500, own_turns=2), context=context, invocation_id=FOURTH)
    assert (numbers(last)[:3], last.model, last.uncertain) == ((200, 100, 20), "coder-1", None)


def test_continued_qwen_session_that_nobody_saw_is_told_apart_by_its_chat(
    read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    path = home / ".qwen/projects/p/chats" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    used = {"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110}
    used |= {"cachedContentTokenCount": 50, "thoughtsTokenCount": 1}
    line = {"type": "assistant", "timestamp": "2026-11-20T09:00:01.5Z", "model": "coder-1", "usageMetadata": used}
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    text = qwen(300, own_turns=2)
    found = read("qwen", text, context=AgentContext(home), started_at=BEGAN)
    assert (numbers(found), found.uncertain) == ((200, 100, 20, 2), None)
    assert read("qwen", text, context=context, started_at=BEGAN).uncertain == sessions.NOT_SEEN_BEFORE


def test_api_error_that_qwen_prints_as_an_answer_is_a_failure(read: Callable[..., Usage]) -> None:
    said = "[API Error: 400 the request was refused]"
    end = json.loads(qwen(100, result=said))[0]
    end["stats"]["models"]["coder-1"]["api"] = {"totalRequests": 1, "totalErrors": 1}
    found = read("qwen", json.dumps([end]))
    assert (found.success, found.error) == (False, said)
    assert read("qwen", qwen(100, result=said)).success is True


@pytest.mark.parametrize(("exit_code", "error"), [(1, "400 no such model"), (0, None)])
def test_error_of_a_copilot_session_is_that_of_a_run_that_failed(
    exit_code: int, error: str | None, read: Callable[..., Usage]
) -> None:
    failure = {"type": "session.error", "data": {"message": "400 no such model"}}
    end = {"type": "result", "sessionId": "s", "exitCode": exit_code, "usage": {}}
    assert read("copilot", f"{json.dumps(failure)}\n{json.dumps(end)}").error == error


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ('{"type": "error", "error": {"message": "no such model"}}', "no such model"),
        ('{"message": "no such model", "code": 400}', "no such model"),
        ('400 {"error": {"message": "no such model"}}', "400 no such model"),
        ('[API Error: {"error": {"message": "no"}}]', "[API Error: no]"),
        ('{"code": 400}', '{"code": 400}'),
        ('found {"message": "x"} and more', 'found {"message": "x"} and more'),
        ("expected {", "expected {"),
    ],
)
def test_error_that_is_json_is_shown_by_the_message_in_it(raw: str, line: str) -> None:
    assert sentence(raw) == line


@pytest.mark.parametrize("program", ["kilo", "/usr/bin/kilo", "kilo-cli", "kilocode"])
def test_kilo_is_recorded_under_its_own_name(program: str) -> None:
    assert agent_of([program, "run"]) == "kilocode"
