"""How a run was billed: at which rates, for how many searches, and whether the agent's dollars are a report."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common.context import AgentContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.model.invocation import Usage

SESSION = "11111111-2222-4333-8444-555555555555"
USED: dict[str, Any] = {"input_tokens": 1000, "cache_read_input_tokens": 20000, "output_tokens": 500}


def result(models: dict[str, dict[str, Any]], cost: float, **usage: Any) -> str:
    """A result object whose main agent used 1,000 + 20,000 and 500 tokens."""
    counts = {"inputTokens": 1000, "cacheReadInputTokens": 20000, "outputTokens": 500, "webSearchRequests": 0}
    named = {model: counts | facts for model, facts in models.items()}
    end = {"type": "result", "subtype": "success", "is_error": False, "session_id": SESSION, "total_cost_usd": cost}
    return json.dumps(end | {"usage": USED | usage, "modelUsage": named})


def message(name: str, model: str = "claude-opus-4-8", at: str = "2026-08-20T09:00:00Z", **usage: Any) -> str:
    """A line of a transcript or stream."""
    said = {"id": name, "role": "assistant", "model": model, "content": [], "usage": USED | usage}
    return json.dumps({"type": "assistant", "timestamp": at, "cwd": "/p", "sessionId": SESSION, "message": said})


@pytest.fixture
def killed(read: Callable[..., Usage], tmp_path: Path) -> Callable[..., Usage]:
    """A run of which only a transcript is left."""

    def reader(*lines: str) -> Usage:
        path = tmp_path / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read("claude_code", context=AgentContext(tmp_path), session_id=SESSION)

    return reader


@pytest.mark.parametrize(
    ("said", "speed", "tier", "geo"),
    [
        ({"speed": "fast", "service_tier": "standard", "inference_geo": ""}, "fast", None, None),
        ({"speed": "standard", "service_tier": "priority", "inference_geo": "global"}, None, "priority", None),
        ({"speed": "standard", "service_tier": "batch", "inference_geo": "not_available"}, None, "batch", None),
        ({"speed": "standard", "service_tier": "standard", "inference_geo": "us"}, None, None, "us"),
        ({"speed": "fast", "inference_geo": "us"}, "fast", None, "us"),
        ({"speed": ["fast"], "service_tier": 7, "inference_geo": None}, None, None, None),
    ],
)
def test_the_rates_of_a_claude_run_are_kept_whether_it_ended_or_was_killed(
    said: dict[str, Any],
    speed: str | None,
    tier: str | None,
    geo: str | None,
    read: Callable[..., Usage],
    killed: Callable[..., Usage],
) -> None:
    ended = read("claude_code", result({"claude-opus-4-8": {"costUSD": 0.055}}, 0.055, **said))
    streamed = read("claude_code", message("m1", **said))
    for found in (ended, streamed, killed(message("m1", **said))):
        assert (found.speed, found.service_tier, found.inference_geo) == (speed, tier, geo)
        (part,) = found.models
        assert (part.speed, part.service_tier, part.inference_geo) == (speed, tier, geo)
    assert ended.uncertain is None


def test_helpers_of_a_fast_run_are_billed_at_standard_rates(read: Callable[..., Usage]) -> None:
    helper = {"inputTokens": 9, "cacheReadInputTokens": 0, "outputTokens": 3, "costUSD": 0.001}
    text = result({"claude-haiku-4-5": helper, "claude-opus-4-8": {"costUSD": 0.055}}, 0.056, speed="fast")
    found = read("claude_code", text)
    assert [(part.model, part.speed) for part in found.models] == [
        ("claude-haiku-4-5", None),
        ("claude-opus-4-8", "fast"),
    ]
    assert (found.speed, found.cost_usd) == (None, Decimal("0.056"))


def test_a_session_that_was_fast_for_a_while_is_counted_at_both_speeds(killed: Callable[..., Usage]) -> None:
    found = killed(message("m1", speed="fast"), message("m1", speed="fast"), message("m2"), message("m3"))
    assert [(part.model, part.speed, part.input_tokens, part.output_tokens) for part in found.models] == [
        ("claude-opus-4-8", "fast", 21000, 500),
        ("claude-opus-4-8", None, 42000, 1000),
    ]
    assert (found.input_tokens, found.speed) == (63000, None)


def test_a_fast_last_turn_of_a_longer_run_leaves_the_speed_of_the_others_in_doubt(read: Callable[..., Usage]) -> None:
    text = result({"claude-opus-4-8": {"inputTokens": 3000, "outputTokens": 700, "costUSD": 0.1}}, 0.1, speed="fast")
    found = read("claude_code", text)
    assert (found.speed, found.cost_usd) == ("fast", Decimal("0.1"))
    assert found.uncertain == "the main agent's last turn was not billed at standard rates; earlier ones may have been"


def test_searches_are_counted_with_the_model_that_searched(
    read: Callable[..., Usage], killed: Callable[..., Usage]
) -> None:
    searched: dict[str, Any] = {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 5}}
    ended = read("claude_code", result({"claude-sonnet-4-6": {"webSearchRequests": 3, "costUSD": 0.0465}}, 0.0465))
    lines = [message("m1", **searched), message("m1", **searched), message("m2")]
    for found in (ended, read("claude_code", "\n".join(lines)), killed(*lines)):
        assert (found.web_search_requests, found.models[0].web_search_requests) == (3, 3)


def test_a_run_without_searches_says_nothing_of_them(read: Callable[..., Usage]) -> None:
    text = result({"claude-sonnet-4-6": {"costUSD": 0.0165}}, 0.0165, server_tool_use={"web_search_requests": 0})
    assert read("claude_code", text).web_search_requests is None


def test_the_advisor_of_a_killed_run_is_a_model_of_its_own(
    read: Callable[..., Usage], killed: Callable[..., Usage]
) -> None:
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 30000, "output_tokens": 2000}
    parts = [{"type": "message", **USED}, advisor]
    line = message("m1", "claude-sonnet-4-6", iterations=parts)
    for found in (killed(line, line), read("claude_code", f"{line}\n{line}")):
        assert [(part.model, part.input_tokens, part.output_tokens) for part in found.models] == [
            ("claude-sonnet-4-6", 21000, 500),
            ("claude-opus-4-8", 30000, 2000),
        ]
        assert (found.input_tokens, found.output_tokens) == (51000, 2500)


def test_what_a_compaction_used_is_added_to_its_response(killed: Callable[..., Usage]) -> None:
    compaction = {"type": "compaction", "input_tokens": 180000, "output_tokens": 3500}
    found = killed(message("m1", iterations=[compaction, {"type": "message", **USED}]))
    assert [(part.model, part.input_tokens, part.output_tokens) for part in found.models] == [
        ("claude-opus-4-8", 201000, 4000)
    ]


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("glm-4.5", {}),
        ("kimi-k2.5", {"provider": "firstParty"}),
        ("deepseek-chat", {"provider": "firstParty", "costBasis": "unknown"}),
        ("claude-opus-99", {"provider": "bedrock", "costBasis": "unknown"}),
        ("arn:aws:bedrock:eu-west-1:1:application-inference-profile/x", {"provider": "bedrock"}),
    ],
)
def test_dollars_for_a_model_that_claude_code_does_not_know_are_a_guess_and_no_cost(
    model: str, facts: dict[str, Any], read: Callable[..., Usage]
) -> None:
    found = read("claude_code", result({model: {"costUSD": 8.11, **facts}}, 8.11))
    assert (found.cost_usd, found.guessed_cost_usd, found.uncertain) == (None, Decimal("8.11"), None)
    assert (found.models[0].cost_usd, found.models[0].guessed_cost_usd) == (None, Decimal("8.11"))
    assert found.provider == ("aws-bedrock" if facts.get("provider") == "bedrock" else None)


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("claude-opus-4-8[1m]", {}),
        ("us.anthropic.claude-sonnet-4-6-v1:0", {"provider": "bedrock"}),
        ("sonnet", {}),
        ("house-model", {"costBasis": "list"}),
    ],
)
def test_dollars_for_anthropics_models_are_a_report(
    model: str, facts: dict[str, Any], read: Callable[..., Usage]
) -> None:
    found = read("claude_code", result({model: {"costUSD": 0.0165, **facts}}, 0.0165))
    assert (found.cost_usd, found.guessed_cost_usd) == (Decimal("0.0165"), None)


def test_beside_a_guess_the_dollars_of_known_models_stay_a_report(read: Callable[..., Usage]) -> None:
    helper = {"inputTokens": 9, "cacheReadInputTokens": 0, "outputTokens": 3, "costUSD": 0.001}
    found = read("claude_code", result({"claude-haiku-4-5": helper, "glm-4.6": {"costUSD": 0.018}}, 0.019))
    assert [(part.model, part.cost_usd, part.guessed_cost_usd) for part in found.models] == [
        ("claude-haiku-4-5", Decimal("0.001"), None),
        ("glm-4.6", None, Decimal("0.018")),
    ]
    # The whole is neither known nor a guess: a report takes the first as it stands and estimates the second.
    assert (found.cost_usd, found.guessed_cost_usd) == (None, Decimal("0.018"))


def test_dollars_of_a_version_that_names_no_models_are_a_guess_where_the_model_is_anothers(
    read: Callable[..., Usage],
) -> None:
    end = json.dumps({"type": "result", "subtype": "success", "total_cost_usd": 8.11, "usage": USED})
    start = json.dumps({"type": "system", "subtype": "init", "model": "glm-4.5"})
    for found in (read("claude_code", f"{start}\n{end}"), read("claude_code", end, model="glm-4.5")):
        assert (found.cost_usd, found.guessed_cost_usd, found.input_tokens) == (None, Decimal("8.11"), 21000)
    assert read("claude_code", end, model="opus").cost_usd == Decimal("8.11")
    assert read("claude_code", end).cost_usd == Decimal("8.11")


def gemini(searches: int | None) -> dict[str, Any]:
    """What a run with a helper model printed."""
    tokens = {"prompt": 1000, "candidates": 10, "thoughts": 0, "tool": 500, "total": 1510}
    models = {"gemini-2.5-pro": {"tokens": tokens}, "gemini-2.5-flash": {"tokens": tokens}}
    tools = {"byName": {} if searches is None else {"google_web_search": {"count": searches}}}
    return {"session_id": "g", "stats": {"models": models, "tools": tools}}


def test_searches_of_gemini_are_counted_with_the_model_that_makes_them(read: Callable[..., Usage]) -> None:
    found = read("gemini", json.dumps(gemini(3)))
    assert (found.web_search_requests, found.input_tokens, found.uncertain) == (3, 3000, None)
    assert [(part.model, part.web_search_requests) for part in found.models] == [
        ("gemini-2.5-pro", None),
        ("gemini-2.5-flash", 3),
    ]
    assert read("gemini", json.dumps(gemini(None))).web_search_requests is None


def test_searches_in_geminis_stream_are_counted_and_leave_a_doubt_about_what_they_gave_back(
    read: Callable[..., Usage],
) -> None:
    call = {"type": "tool_use", "tool_name": "google_web_search", "parameters": {"query": "x"}}
    told = {"type": "message", "content": 'a text about "google_web_search"'}
    one = {"total_tokens": 1510, "input_tokens": 1000, "output_tokens": 10, "cached": 0}
    end = {"type": "result", "status": "success", "stats": one | {"models": {"gemini-2.5-flash": one}}}
    found = read("gemini", "\n".join(json.dumps(line) for line in (call, told, call, end)))
    assert (found.web_search_requests, found.output_tokens) == (2, 510)
    assert found.uncertain == (
        "the stream does not tell what searches gave back from thoughts; it was all taken for output"
    )
    assert read("gemini", json.dumps(end)).uncertain is None


def test_zeros_of_a_provider_that_reports_no_usage_are_unknown(read: Callable[..., Usage]) -> None:
    usage = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "cost": {"total": 0}}
    message = {"role": "assistant", "model": "local", "usage": usage, "stopReason": "stop"}
    found = read("pi", json.dumps({"type": "message_end", "message": message}))
    assert (found.input_tokens, found.output_tokens, found.cost_usd, found.source) == (None, None, None, "none")
    assert (found.model, found.success) == ("local", True)
