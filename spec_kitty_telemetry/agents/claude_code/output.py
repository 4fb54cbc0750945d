"""Claude Code: `claude -p` with `--output-format json` or `stream-json`.

The last `result` object has everything: `modelUsage` for each model, subagents and helpers included, and
`total_cost_usd`.  Its `usage` covers the main agent only, so it is used for versions without `modelUsage`, for the
split of cache writes by lifetime where the models have none, and for the rates that the main agent was billed at.  With
`--verbose` the output is an array.  `input_tokens` is the uncached part, output includes thinking.  How requests were
billed, and whose dollars are a guess, is told by `billing`.  `is_error` may be true with subtype `success` (an API
error).  A run that was killed printed no result: then its transcript is read, else what it streamed.  Totals of resumed
sessions are the business of `resume`.

Sources: anthropics/claude-agent-sdk-python `types.py` (e8bde60); output of Claude Code 2.1.197 and 2.1.330 (2026-11:
`thinkingTokens`, cache writes by lifetime, `provider` and `costBasis` of each model); anthropics/claude-code CHANGELOG
(1.0.22: `total_cost` became `total_cost_usd`; 2.1.152: flat cache-write count was 0 beside a filled split) and issue
84784 (arrays).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.claude_code import transcript
from spec_kitty_telemetry.agents.claude_code.billing import (
    MAYBE_NOT_ALL,
    biller,
    is_guess,
    message_counts,
    rated,
    without_guesses,
)
from spec_kitty_telemetry.agents.claude_code.resume import Resumption, Totals
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import dollars, flag, get_int, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.merge import with_transcript
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, join_doubts, of_parts, total
from spec_kitty_telemetry.model.doubts import CUT_OFF_IN_STREAM
from spec_kitty_telemetry.model.tokens import HOST_FIELDS

if TYPE_CHECKING:
    from decimal import Decimal

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Read the result object, else what is left of a run that printed none."""
    printed = AgentOutput(result.stdout)
    end = printed.last('"result"', lambda found: found.get("type") == "result")
    if end is None:
        return with_transcript(_unfinished(printed, _start(printed)), invocation, result, context, transcript.find)
    cost, models = _models_of(end)
    printed_totals = Totals(cost, models, message_counts(inner(end, "usage")))
    run = Resumption(invocation, result, context, word(end, "session_id"), word(_start(printed), "claude_code_version"))
    nothing_else_ran = get_int(inner(end, "subagent_stats"), "spawned") == 0
    cost, models, doubt = run.added(printed_totals, nothing_else_ran=nothing_else_ran)
    models = _with_lifetimes(models, printed_totals.agent)
    models, doubt = _with_rates(models, printed_totals.agent, inner(end, "usage"), doubt)
    models = without_guesses(models, inner(end, "modelUsage"))
    whole = replace(total(models.values()) if models else printed_totals.agent, cost_usd=cost)
    named = None if models else word(_start(printed), "model") or invocation.model
    if named and is_guess(named, {}):
        whole = replace(whole, guessed_cost_usd=cost)
    return build_usage(
        replace(whole, cost_usd=None) if whole.guessed_cost_usd is not None else whole,
        models,
        session_id=word(end, "session_id"),
        success=_succeeded(end),
        duration_ms=milliseconds(end, "duration_ms"),
        error=_error(end),
        doubt=doubt,
    )


def _models_of(end: Json) -> tuple[Decimal | None, dict[Model, TokenCounts]]:
    models = {
        Model(name, biller(name, found)): _counts(found)
        for name, found in inner(end, "modelUsage").items()
        if isinstance(found, dict)
    }
    cost = dollars(end, "total_cost_usd", "total_cost", "cost_usd")
    return (total(models.values()).cost_usd if cost is None else cost), models


def _counts(found: Json) -> TokenCounts:
    five_minutes, hour = (get_int(found, f"cacheCreationEphemeral{length}InputTokens") for length in ("5m", "1h"))
    written = get_int(found, "cacheCreationInputTokens")
    counts = of_parts(
        get_int(found, "inputTokens"),
        cache_read=get_int(found, "cacheReadInputTokens"),
        cache_write=written if hour is None else max(written or 0, (five_minutes or 0) + hour),
        cache_write_1h=hour,
        output=get_int(found, "outputTokens"),
        reasoning=get_int(found, "thinkingTokens"),
        cost=dollars(found, "costUSD"),
    )
    return replace(counts, web_search_requests=get_int(found, "webSearchRequests") or None)


def _with_rates(
    models: dict[Model, TokenCounts], agent: TokenCounts, used: Json, doubt: str | None
) -> tuple[dict[Model, TokenCounts], str | None]:
    """Say at which rates the main agent's model was billed: that stands in the agent's own `usage` alone."""
    chosen = _models_of_agent(models, agent)[:1]
    rates = rated(Model(""), used)
    if not chosen or rates == Model(""):
        return models, doubt
    named = {model: rates._replace(name=model.name, provider=model.provider) for model in chosen}
    is_all = all(getattr(models[chosen[0]], name) == getattr(agent, name) for name in ("input_tokens", "output_tokens"))
    return {named.get(model, model): counts for model, counts in models.items()}, (
        doubt if is_all else join_doubts(doubt, MAYBE_NOT_ALL)
    )


def _with_lifetimes(models: dict[Model, TokenCounts], agent: TokenCounts) -> dict[Model, TokenCounts]:
    """Give the main agent's model its one-hour cache writes, for versions that do not say them for each model."""
    able = _models_of_agent(models, agent)
    said = any(counts.cache_write_1h_tokens is not None for counts in models.values())
    if said or agent.cache_write_1h_tokens is None or not able:
        return models
    return models | {able[0]: replace(models[able[0]], cache_write_1h_tokens=agent.cache_write_1h_tokens)}


def _models_of_agent(models: dict[Model, TokenCounts], agent: TokenCounts) -> list[Model]:
    """Return the models that can hold the main agent's `usage`, the likeliest first."""
    able = [model for model, counts in models.items() if _holds(counts, agent)]
    exact = [model for model in able if models[model].output_tokens == agent.output_tokens]
    return exact or sorted(able, key=lambda model: models[model].cost_usd or 0, reverse=True)


def _holds(counts: TokenCounts, part: TokenCounts) -> bool:
    return all((getattr(counts, name) or 0) >= (getattr(part, name) or 0) for name in HOST_FIELDS if name != "cost_usd")


def _start(printed: AgentOutput) -> Json:
    return printed.first('"init"', lambda found: found.get("subtype") == "init") or {}


def _succeeded(end: Json) -> bool | None:
    failed = flag(end, "is_error")
    subtype = word(end, "subtype") or ""
    return False if failed or subtype.startswith("error") else None if failed is None and not subtype else True


def _error(end: Json) -> str | None:
    if _succeeded(end) is not False:
        return None
    errors = end.get("errors")
    said = errors[0] if isinstance(errors, list) and errors else end.get("result")
    return sentence(said) or sentence(end.get("subtype"))


def _unfinished(printed: AgentOutput, start: Json) -> Usage:
    """Count the messages that were streamed before the end: each once, with the greatest of its repeated numbers."""
    messages: dict[str, tuple[Model, TokenCounts]] = {}
    session = word(start, "session_id")
    for number, line in enumerate(printed.objects('"assistant"')):
        transcript.note_line(messages, line, f"line {number}", unnamed=word(start, "model"))
        session = session or word(line, "session_id")
    models = by_model(messages.values())
    return build_usage(
        None, models, model=None if models else word(start, "model"), session_id=session, doubt=CUT_OFF_IN_STREAM
    )
