"""Gemini CLI: `--output-format json` (one pretty-printed object) and `stream-json` (lines).

`stats.models` has the tokens of each model: `prompt` includes `cached`, and `thoughts` stand beside `candidates`, as
do the tokens that searches gave back (`tool`), which are input.  The stream names neither, so its total less its
input is taken for output.  Searches (`google_web_search`) are counted, as Google bills them one by one.  Cost and
cache writes are not reported.  A session that is resumed without a terminal (`--resume latest`) keeps its id and
prints the statistics of the run alone: only the interactive program starts with stored totals (0.61.0, seen 2026-11).
A failed run prints its error as JSON on stderr, without tokens.

Sources: google-gemini/gemini-cli `packages/core/src/output/json-formatter.ts`, `telemetry/uiTelemetry.ts`,
`utils/exitCodes.ts` (5411f11), PR 21839 (models in the stream); output of Gemini CLI 0.61.0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import get_int, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.merge import with_transcript
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, of_whole
from spec_kitty_telemetry.agents.gemini import transcript
from spec_kitty_telemetry.agents.gemini.transcript import SEARCH, token_counts

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


_MAYBE_INPUT = "the stream does not tell what searches gave back from thoughts; it was all taken for output"


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Read the last statistics, else the error that was printed instead."""
    printed = AgentOutput(result.stdout)
    end = printed.last('"stats"', lambda found: isinstance(found.get("stats"), dict))
    start = printed.first('"init"', lambda found: found.get("type") == "init") or {}
    if end is None:
        return with_transcript(_failed(result, printed, start), invocation, result, context, transcript.find)
    session = word(end, "session_id") or word(start, "session_id")
    searches, in_stream = _searches(inner(end, "stats"), printed)
    models = _with_searches(models_of(inner(end, "stats")), searches)
    whole = None if models else _streamed(inner(end, "stats"))
    return build_usage(
        whole,
        models,
        model=None if models else named_model(start),
        session_id=session,
        success=_succeeded(end),
        duration_ms=_duration(end),
        error=sentence(inner(end, "error").get("message")),
        doubt=_MAYBE_INPUT if searches and in_stream else None,
    )


def _searches(stats: Json, printed: AgentOutput) -> tuple[int, bool]:
    """Return how often Google was searched, and whether only the stream's lines say so."""
    counted = get_int(inner(stats, "tools", "byName", SEARCH), "count")
    if counted is not None or "tools" in stats:
        return counted or 0, False
    used = printed.objects(f'"{SEARCH}"')
    return sum(found.get("type") == "tool_use" and found.get("tool_name") == SEARCH for found in used), True


def _with_searches(models: dict[Model, TokenCounts], searches: int) -> dict[Model, TokenCounts]:
    """Give the searches to the model that makes them: a small one where there is one, else the only one."""
    if not (models and searches):
        return models
    chosen = next((model for model in models if "flash" in model.name), next(iter(models)))
    return models | {chosen: replace(models[chosen], web_search_requests=searches)}


def models_of(stats: Json) -> dict[Model, TokenCounts]:
    """Count each model of `stats.models`, as the object (with `tokens`) or as the stream has it."""
    models = {}
    for name, found in inner(stats, "models").items():
        if isinstance(found, dict) and name:
            tokens = found.get("tokens")
            models[Model(name)] = token_counts(tokens) if isinstance(tokens, dict) else _streamed(found)
    return models


def named_model(start: Json) -> str | None:
    """Return the model of the first line; `auto` is no model."""
    model = word(start, "model")
    return None if model == "auto" else model


def _streamed(found: Json) -> TokenCounts:
    whole, everything = get_int(found, "input_tokens"), get_int(found, "total_tokens")
    output = get_int(found, "output_tokens")
    if whole is not None and everything is not None and everything - whole >= (output or 0):
        output = everything - whole
    return of_whole(whole, cache_read=get_int(found, "cached"), output=output)


def _succeeded(end: Json) -> bool:
    return "error" not in end and word(end, "status") in {None, "success"}


def _duration(end: Json) -> int | None:
    """Return the stream's duration; a failed run says 0."""
    return milliseconds(inner(end, "stats"), "duration_ms") or None


def _failed(result: InvocationResult, printed: AgentOutput, start: Json) -> Usage:
    for source in (printed, AgentOutput(result.stderr)):
        found = source.last('"error"', lambda found: isinstance(found.get("error"), dict))
        if found is not None:
            session = word(found, "session_id") or word(start, "session_id")
            message = sentence(inner(found, "error").get("message"))
            return build_usage(session_id=session, success=False, error=message, model=named_model(start))
    return build_usage(session_id=word(start, "session_id"), model=named_model(start))
