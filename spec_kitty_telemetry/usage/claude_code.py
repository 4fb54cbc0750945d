"""Claude Code: `claude -p` with `--output-format json` or `stream-json`.

The last `result` object has everything: `modelUsage` for each model, subagents and helpers included, and
`total_cost_usd`.  Its `usage` covers the main agent only, so it is used for the split of cache writes by lifetime, and
for versions without `modelUsage`.  With `--verbose` the output is an array.  `input_tokens` is the uncached part,
output includes thinking, which is not reported apart.  `is_error` may be true with subtype `success` (an API error).  A
run that was killed printed no result: then its transcript is read, else what it streamed.

A resumed session continues its totals since 2.1.277, before that every call began at zero; the result does not say the
version, so `_of_this_run` decides by what it finds.

Sources: anthropics/claude-agent-sdk-python `types.py` (e8bde60); output of Claude Code 2.1.197; anthropics/claude-code
CHANGELOG (1.0.22: `total_cost` became `total_cost_usd`; 2.1.152: flat cache-write count was 0 beside a filled split)
and issue 84784 (arrays); Enderfga/claw-orchestrator PR 112 (resumed sessions, measured on 2.1.278).
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from spec_kitty_telemetry.hookspecs import hookimpl
from spec_kitty_telemetry.usage import sessions
from spec_kitty_telemetry.usage.answer import answer, usage
from spec_kitty_telemetry.usage.claude_messages import message_counts
from spec_kitty_telemetry.usage.counts import TOKEN_FIELDS, Counts, Model, by_model, of_parts, total
from spec_kitty_telemetry.usage.lookup import look_up, with_transcript
from spec_kitty_telemetry.usage.printed import Json, Printed
from spec_kitty_telemetry.usage.transcripts import claude_code as transcript
from spec_kitty_telemetry.usage.values import count, dollars, flag, inner, milliseconds, sentence, word

if TYPE_CHECKING:
    from spec_kitty_telemetry.invocation import Invocation, InvocationResult, Usage
    from spec_kitty_telemetry.usage.surroundings import Surroundings

AGENTS = frozenset({"claude-code", "claude", "claudecode", "claude-cli"})

_CONTINUES_TOTALS_SINCE = (2, 1, 277)
_COST_NOISE = Decimal("0.0000001")
"""The agent adds costs as floats; sums that differ by less are the same."""
_CUT_OFF = "the run was cut off; output is at least what was streamed"
_MAYBE_ALREADY_A_DIFFERENCE = (
    "the session was resumed and its version is unknown; the printed numbers were taken as the session's totals"
)


@hookimpl
def extract_usage(invocation: Invocation, result: InvocationResult) -> Usage | None:
    """Say what a Claude Code run used."""
    return answer(invocation, result, AGENTS, read)


def read(invocation: Invocation, result: InvocationResult, around: Surroundings) -> Usage:
    """Read the result object, else what is left of a run that printed none."""
    printed = Printed(result.stdout)
    end = printed.last('"result"', lambda found: found.get("type") == "result")
    if end is None:
        return with_transcript(_unfinished(printed, _start(printed)), invocation, result, around, transcript.find)
    cost, models = _models_of(end)
    version = _version(printed, invocation, result, around, end)
    cost, models, doubt = _of_this_run(invocation, around, version, end, cost, models)
    models = _with_lifetimes(models, inner(end, "usage"))
    whole = total(models.values()) if models else _main_agent(end)
    return usage(
        replace(whole, cost_usd=cost),
        models,
        session_id=word(end, "session_id"),
        success=_succeeded(end),
        duration_ms=milliseconds(end, "duration_ms"),
        error=_error(end),
        doubt=doubt,
    )


def _models_of(end: Json) -> tuple[Decimal | None, dict[Model, Counts]]:
    models = {
        Model(name, word(found, "provider")): of_parts(
            count(found, "inputTokens"),
            cache_read=count(found, "cacheReadInputTokens"),
            cache_write=count(found, "cacheCreationInputTokens"),
            output=count(found, "outputTokens"),
            cost=dollars(found, "costUSD"),
        )
        for name, found in inner(end, "modelUsage").items()
        if isinstance(found, dict)
    }
    cost = dollars(end, "total_cost_usd", "total_cost", "cost_usd")
    return (total(models.values()).cost_usd if cost is None else cost), models


def _main_agent(end: Json) -> Counts:
    return message_counts(inner(end, "usage"))


def _with_lifetimes(models: dict[Model, Counts], main: Json) -> dict[Model, Counts]:
    """Give the main agent's model its one-hour cache writes; those of subagents are not reported."""
    agent = message_counts(main)
    able = [model for model, counts in models.items() if _holds(counts, agent)]
    if agent.cache_write_1h_tokens is None or not able:
        return models
    exact = [model for model in able if models[model].output_tokens == agent.output_tokens]
    chosen = (exact or sorted(able, key=lambda model: models[model].cost_usd or 0, reverse=True))[0]
    return models | {chosen: replace(models[chosen], cache_write_1h_tokens=agent.cache_write_1h_tokens)}


def _holds(counts: Counts, part: Counts) -> bool:
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    return all((getattr(counts, name) or 0) >= (getattr(part, name) or 0) for name in names)


def _of_this_run(
    invocation: Invocation,
    around: Surroundings,
    version: tuple[int, ...] | None,
    end: Json,
    cost: Decimal | None,
    models: dict[Model, Counts],
) -> tuple[Decimal | None, dict[Model, Counts], str | None]:
    """Take off what earlier runs of the session had printed, where this version continues totals.

    A known version decides.  Where it is unknown: a counter that fell is a new start; a cost that grew by exactly what
    the models cost is a total beside this run's models; everything else that grew is taken as a total, with a doubt
    unless the growth is exactly the main agent's own `usage`.
    """
    now = {model.name: counts for model, counts in models.items()} | {"": Counts(cost_usd=cost)}
    session = word(end, "session_id")
    before = sessions.exchange(around.state_folder, "claude-code", session, invocation.invocation_id, now)
    if version is not None and version < _CONTINUES_TOTALS_SINCE:
        return cost, models, None
    if before is None:
        return cost, models, sessions.NOT_SEEN_BEFORE if invocation.session_id else None
    own_cost = _cost_beside_models(cost, before, models)
    if own_cost is not None:
        return own_cost, models, None
    added = sessions.difference(now, before)
    if added is None:
        return cost, models, None
    rest = {model: added[model.name] for model in models if model.name in added}
    certain = version is not None or _grew_by(total(rest.values()), _main_agent(end))
    return added[""].cost_usd, rest, None if certain else _MAYBE_ALREADY_A_DIFFERENCE


def _cost_beside_models(cost: Decimal | None, before: sessions.Totals, models: dict[Model, Counts]) -> Decimal | None:
    """Return this run's cost where only the cost is the session's and the models are the run's."""
    alone = total(models.values()).cost_usd
    earlier = before.get("", Counts()).cost_usd
    if not (cost and alone and earlier) or abs(cost - earlier - alone) >= _COST_NOISE:
        return None
    return cost - earlier


def _grew_by(added: Counts, agent: Counts) -> bool:
    names = set(TOKEN_FIELDS) - {"cache_write_1h_tokens"}
    return added.has_tokens and all(getattr(added, name) == getattr(agent, name) for name in names)


def _start(printed: Printed) -> Json:
    return printed.first('"init"', lambda found: found.get("subtype") == "init") or {}


def _version(
    printed: Printed, invocation: Invocation, result: InvocationResult, around: Surroundings, end: Json
) -> tuple[int, ...] | None:
    """Return the version that the stream names, else the one that wrote the transcript; only where it may matter."""
    session = word(end, "session_id")
    if not (invocation.session_id or sessions.is_known(around.state_folder, "claude-code", session)):
        return None
    said = _numbers(word(_start(printed), "claude_code_version"))
    return said or _numbers(look_up(invocation, result, around, session, transcript.version))


def _numbers(version: str | None) -> tuple[int, ...] | None:
    found = re.match(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})", version or "")
    return tuple(int(part) for part in found.groups()) if found else None


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


def _unfinished(printed: Printed, start: Json) -> Usage:
    """Count the messages that were streamed before the end: each once, with the greatest of its repeated numbers."""
    messages: dict[str, tuple[Model, Counts]] = {}
    session = word(start, "session_id")
    for number, line in enumerate(printed.objects('"assistant"')):
        message = inner(line, "message")
        if line.get("type") != "assistant" or message.get("model") == "<synthetic>":
            continue
        key = word(message, "id") or f"line {number}"
        _, seen = messages.get(key, (None, Counts()))
        model = Model(word(message, "model") or word(start, "model") or "")
        messages[key] = (model, message_counts(inner(message, "usage")).greatest(seen))
        session = session or word(line, "session_id")
    models = by_model(messages.values())
    return usage(None, models, model=None if models else word(start, "model"), session_id=session, doubt=_CUT_OFF)
