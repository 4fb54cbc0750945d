"""What is recorded of the agents' own programs is what the API served, to the last token."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spec_kitty_telemetry.pricing import PriceBook, dollars
from tests.agents.programs import (
    CLAUDE_MODEL,
    CODEX_MODEL,
    GEMINI_MODEL,
    ORCHESTRATOR_NAMES,
    OTHER_MODEL,
    PER_MILLION,
    PROGRAMS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agents.conftest import Bench, Ended, Way

pytestmark = pytest.mark.agents

every_way = pytest.mark.parametrize("way", ["hooks", "run"])
every_agent = pytest.mark.parametrize("agent", sorted(PROGRAMS))

ALWAYS = ("input_tokens", "cache_read_tokens", "output_tokens")
OPTIONAL = ("cache_write_tokens", "cache_write_1h_tokens", "reasoning_tokens")
SAID = {
    "claude-code": ("cache_write_tokens", "cache_write_1h_tokens"),
    "codex": ("cache_write_tokens", "reasoning_tokens"),
    "copilot": ("reasoning_tokens",),
    "gemini": ("reasoning_tokens",),
    "kilo": ("reasoning_tokens",),
    "opencode": ("reasoning_tokens",),
    "pi": (),
    "qwen": ("reasoning_tokens",),
}
"""Which optional counts each agent reports."""
ZERO = dict.fromkeys(("copilot", "kilo", "opencode", "pi"), ("cache_write_tokens",))
"""What an agent says is 0 where its API has no such count."""
MODELS = {"claude-code": CLAUDE_MODEL, "codex": CODEX_MODEL, "gemini": GEMINI_MODEL, "copilot": "gpt-4.1"}
APART = {("claude-code", "reasoning_tokens")}
"""What has a test of its own: thinking is reported by newer versions only."""
PRICED = ("kilo", "opencode", "pi")
FLOAT_NOISE = Decimal("1e-12")


def tokens(ended: Ended) -> dict[str, int | None]:
    names = [name for name in (*ALWAYS, *OPTIONAL) if (ended.payload.agent, name) not in APART]
    return {name: getattr(ended.payload, name) for name in names}


def expected(agent: str, ended: Ended) -> dict[str, int | None]:
    nothing: dict[str, int | None] = {name: None for name in OPTIONAL if (agent, name) not in APART}
    said = SAID[agent]
    if agent == "qwen" and ended.exit_code == 1:
        said = ()  # reasoning is in the statistics, which a refused run does not print
    return nothing | dict.fromkeys(ZERO.get(agent, ()), 0) | ended.used(*ALWAYS, *said)


def cost(ended: Ended) -> Decimal:
    """Price the main loop by hand, at the rates that the agent was told."""
    rate = {name: Decimal(str(amount)) / 10**6 for name, amount in PER_MILLION.items()}
    used = ended.used(*ALWAYS)
    uncached = used["input_tokens"] - used["cache_read_tokens"]
    return (
        uncached * rate["input"]
        + used["cache_read_tokens"] * rate["cacheRead"]
        + used["output_tokens"] * rate["output"]
    )


@every_way
@every_agent
def test_three_requests_with_tool_calls_are_recorded_to_the_last_token(
    run: Callable[..., Ended], agent: str, way: Way
) -> None:
    ended = run(agent, way, "tool", "tool", "text")
    assert [each["answer"] for each in ended.main] == ["tool", "tool", "text"]
    assert tokens(ended) == expected(agent, ended)
    payload = ended.payload
    assert (payload.outcome, payload.exit_code, payload.error, payload.uncertain) == ("succeeded", 0, None, None)
    assert payload.model == MODELS.get(agent, OTHER_MODEL)
    assert payload.session_id
    assert payload.session_id in ended.stdout
    assert payload.usage_source == ("transcript" if agent == "copilot" else "agent-output")


@every_way
@every_agent
def test_what_was_used_before_the_api_refused_is_kept(run: Callable[..., Ended], agent: str, way: Way) -> None:
    ended = run(agent, way, "tool", "error")
    assert [each["answer"] for each in ended.main] == ["tool"]
    assert tokens(ended) == expected(agent, ended)
    assert ended.payload.outcome == "failed"
    assert "refuses this request" in (ended.payload.error or "")


@every_way
@every_agent
def test_what_was_used_before_a_kill_is_kept(run: Callable[..., Ended], agent: str, way: Way) -> None:
    ended = run(agent, way, "tool", "hang")
    assert [each["answer"] for each in ended.main] == ["tool"]
    assert tokens(ended) == expected(agent, ended)
    assert ended.payload.outcome == "killed"
    assert ended.payload.model == MODELS.get(agent, OTHER_MODEL)


@every_way
@pytest.mark.parametrize("agent", PRICED)
def test_cost_that_an_agent_reports_is_that_of_its_main_loop(run: Callable[..., Ended], agent: str, way: Way) -> None:
    ended = run(agent, way, "tool", "tool", "text")
    assert ended.payload.cost_usd is not None
    assert abs(ended.payload.cost_usd - cost(ended)) < FLOAT_NOISE  # they add floats


@every_way
def test_cost_that_claude_code_reports_is_what_our_own_table_says(run: Callable[..., Ended], way: Way) -> None:
    payload = run("claude-code", way, "tool", "tool", "text").payload
    price = PriceBook.shipped().find(payload.model, payload.provider, datetime.now(UTC))
    assert price is not None
    counts = {name: getattr(payload, name) for name in (*ALWAYS, "cache_write_tokens", "cache_write_1h_tokens")}
    assert payload.cost_usd is not None
    assert abs(payload.cost_usd - dollars(price.cost(**counts))) < FLOAT_NOISE
    assert sum((part.cost_usd or 0 for part in payload.models), Decimal()) == payload.cost_usd


@every_way
def test_thinking_that_claude_code_reports_is_recorded_as_reasoning(run: Callable[..., Ended], way: Way) -> None:
    ended = run("claude-code", way, "tool", "tool", "text")
    assert {"reasoning_tokens": ended.payload.reasoning_tokens} == ended.used("reasoning_tokens")


def test_cost_that_claude_code_itself_has_no_basis_for_is_a_guess(bench: Callable[[str], Bench]) -> None:
    """It prices a model that it does not know like another one, and says `"costBasis": "unknown"` beside it."""
    command = (*PROGRAMS["claude-code"].command[:-1], "some-unknown-model-9")
    ended = bench("claude-code").run("hooks", "text", command=command)
    assert tokens(ended) == expected("claude-code", ended)
    assert ended.payload.model == "some-unknown-model-9"
    assert ended.payload.cost_usd is None
    assert ended.payload.guessed_cost_usd is not None
    assert ended.payload.provider is None


FAST = {"speed": "fast", "inference_geo": "us"}
SEARCHED = {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}}


@every_way
@pytest.mark.parametrize("last", ["text", "hang"])
def test_fast_mode_and_place_of_a_claude_run_are_kept_whether_it_ended_or_was_killed(
    bench: Callable[[str], Bench], last: str, way: Way
) -> None:
    command = (*PROGRAMS["claude-code"].command[:-1], "claude-opus-4-8")
    ended = bench("claude-code").run(way, "tool", last, command=command, usage=FAST)
    assert tokens(ended) == expected("claude-code", ended)
    assert (ended.payload.speed, ended.payload.inference_geo) == ("fast", "us")
    assert [(part.model, part.speed) for part in ended.payload.models] == [("claude-opus-4-8", "fast")]


@every_way
@pytest.mark.parametrize("last", ["text", "hang"])
def test_searches_of_a_claude_run_are_counted_whether_it_ended_or_was_killed(
    bench: Callable[[str], Bench], last: str, way: Way
) -> None:
    ended = bench("claude-code").run(way, "tool", last, usage=SEARCHED)
    assert tokens(ended) == expected("claude-code", ended)
    assert ended.payload.web_search_requests == 3 * len(ended.main)


def test_cost_of_searches_is_in_what_claude_code_reports(bench: Callable[[str], Bench]) -> None:
    plain = bench("claude-code").run("hooks", "text").payload
    searched = bench("claude-code").run("hooks", "text", usage=SEARCHED).payload
    assert plain.cost_usd is not None
    assert searched.cost_usd is not None
    assert abs(searched.cost_usd - plain.cost_usd - Decimal("0.03")) < FLOAT_NOISE  # 3 of $10 per 1,000


@every_way
@pytest.mark.parametrize("spawn", ["spawn", "spawn-with-history"])
def test_sub_agents_of_a_codex_run_are_a_part_of_it(bench: Callable[[str], Bench], spawn: str, way: Way) -> None:
    ended = bench("codex").run(way, spawn, "wait", "text")
    assert [each["answer"] for each in ended.main] == [spawn, "wait", "text"]
    assert len(ended.children) == 1
    assert tokens(ended) == expected("codex", ended)
    assert (ended.payload.model, ended.payload.uncertain) == (CODEX_MODEL, None)


def test_without_their_files_the_sub_agents_of_a_codex_run_are_missed(bench: Callable[[str], Bench]) -> None:
    ended = bench("codex").run("hooks", "spawn", "wait", "text", transcripts=False)
    assert ended.payload.input_tokens == sum(each["input_tokens"] for each in ended.main)
    assert "the tokens of 1 of its sub-agents" in (ended.payload.uncertain or "")


@every_way
def test_fork_of_a_codex_thread_is_recorded_without_its_parent(bench: Callable[[str], Bench], way: Way) -> None:
    place = bench("codex")
    first = place.run("hooks", "tool", "text")
    command = (*PROGRAMS["codex"].command[:2], "fork", str(first.payload.session_id), "--json", "say it again")
    fork = place.run(way, "text", command=command)
    assert fork.payload.session_id != first.payload.session_id
    for ended in (first, fork):
        assert (tokens(ended), ended.payload.uncertain) == (expected("codex", ended), None)


@every_way
def test_review_by_codex_costs_what_its_reviewer_used(bench: Callable[[str], Bench], way: Way) -> None:
    command = (*PROGRAMS["codex"].command[:2], "review", "--uncommitted", "--json")
    ended = bench("codex").run(way, "text", command=command)
    assert len(ended.main) == 1
    assert tokens(ended) == expected("codex", ended)
    assert ended.payload.outcome == "succeeded"


@every_agent
def test_run_knows_the_agent_by_its_program(run: Callable[..., Ended], agent: str) -> None:
    assert run(agent, "run", "tool", "tool", "text").payload.agent in {agent, ORCHESTRATOR_NAMES.get(agent)}


@pytest.mark.parametrize("agent", ["claude-code", "codex", "copilot", "gemini", "pi", "qwen"])
def test_agent_makes_no_request_beside_its_main_loop(run: Callable[..., Ended], agent: str) -> None:
    """Should a newer version make one, this says so; then it is time to see whether the agent counts it."""
    assert run(agent, "hooks", "tool", "tool", "text").background == []


@pytest.mark.parametrize("agent", ["kilo", "opencode"])
def test_request_for_a_title_is_reported_nowhere_and_so_not_recorded(run: Callable[..., Ended], agent: str) -> None:
    ended = run(agent, "hooks", "tool", "tool", "text")
    assert all(each["tools"] == [] for each in ended.background)  # Kilo asks after its answer, and not always in time
    assert ended.payload.input_tokens == ended.used("input_tokens")["input_tokens"]


@pytest.mark.parametrize("agent", ["codex", "copilot", "kilo", "opencode"])
def test_without_the_agents_own_files_only_what_stdout_says_is_recorded(run: Callable[..., Ended], agent: str) -> None:
    ended = run(agent, "hooks", "tool", "tool", "text", transcripts=False)
    if agent == "copilot":
        assert set(tokens(ended).values()) == {None}
        assert (ended.payload.model, ended.payload.usage_source) == ("gpt-4.1", "none")
    else:
        assert tokens(ended) == expected(agent, ended)
        assert (ended.payload.model, ended.payload.usage_source) == (None, "agent-output")


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini"])
def test_killed_run_without_the_agents_own_files_is_of_unknown_cost(run: Callable[..., Ended], agent: str) -> None:
    ended = run(agent, "hooks", "tool", "hang", transcripts=False)
    assert set(tokens(ended).values()) == {None}
    assert (ended.payload.outcome, ended.payload.usage_source) == ("killed", "none")


@pytest.mark.parametrize(
    ("agent", "more"),
    [
        ("claude-code", ("--continue",)),
        ("codex", ("resume", "--last")),
        ("gemini", ("--resume", "latest")),
        ("opencode", ("--continue",)),
        ("qwen", ("--continue",)),
    ],
)
def test_resumed_session_is_recorded_without_what_it_had_used_before(
    bench: Callable[[str], Bench], agent: str, more: tuple[str, ...]
) -> None:
    """Claude Code, Codex and Qwen Code print the session's totals, Gemini and OpenCode those of the run."""
    place = bench(agent)
    first = place.run("hooks", "tool", "text")
    again = place.run("run", "tool", "text", command=resumed(agent, more))
    third = place.run("hooks", "text", command=resumed(agent, more))
    for ended in (first, again, third):
        assert tokens(ended) == expected(agent, ended)
    assert again.payload.session_id == first.payload.session_id


@pytest.mark.parametrize(
    ("agent", "more"),
    [
        ("claude-code", ("--continue",)),
        ("codex", ("resume", "--last")),
        ("gemini", ("--resume", "latest")),
        ("qwen", ("--continue",)),
    ],
)
def test_resumed_session_whose_beginning_nobody_saw_is_exact_or_in_doubt(
    bench: Callable[[str], Bench], agent: str, more: tuple[str, ...]
) -> None:
    place = bench(agent)
    place.run("run", "tool", "text")
    shutil.rmtree(place.project / ".kittify" / "runtime" / "telemetry" / "sessions", ignore_errors=True)
    again = place.run("run", "tool", "text", command=resumed(agent, more))
    assert again.payload.uncertain or tokens(again) == expected(agent, again)


def resumed(agent: str, more: tuple[str, ...]) -> tuple[str, ...]:
    command = PROGRAMS[agent].command
    return (*(word for word in command if word != "-"), *more, "-") if agent == "codex" else (*command, *more)
