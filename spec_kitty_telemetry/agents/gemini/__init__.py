"""Gemini CLI: `--output-format json` (one pretty-printed object) and `stream-json` (lines).

`stats.models` has the tokens of each model: `prompt` includes `cached`, and `thoughts` stand beside `candidates`.  The
stream leaves thoughts out, so output is its total less its input.  Cost and cache writes are not reported.  A session
that is resumed without a terminal (`--resume latest`) keeps its id and prints the statistics of the run alone: only the
interactive program starts with stored totals (0.61.0, seen 2026-11).  A failed run prints its error as JSON on stderr,
without tokens.

Sources: google-gemini/gemini-cli `packages/core/src/output/json-formatter.ts`, `telemetry/uiTelemetry.ts`,
`utils/exitCodes.ts` (5411f11), PR 21839 (models in the stream); output of Gemini CLI 0.61.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import answer, usage
from spec_kitty_telemetry.agents.common.fields import count, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.merge import with_transcript
from spec_kitty_telemetry.agents.common.stdout import Json, Printed
from spec_kitty_telemetry.agents.common.tokens import Counts, Model, of_whole
from spec_kitty_telemetry.agents.gemini import transcript
from spec_kitty_telemetry.agents.gemini.tokens import token_counts
from spec_kitty_telemetry.hooks.specs import hookimpl

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import Surroundings
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage

AGENTS = frozenset({"gemini", "gemini-cli", "google-gemini", "google-gemini-cli"})


@hookimpl
def extract_usage(invocation: Invocation, result: InvocationResult) -> Usage | None:
    """Say what a Gemini CLI run used."""
    return answer(invocation, result, AGENTS, read)


def read(invocation: Invocation, result: InvocationResult, around: Surroundings) -> Usage:
    """Read the last statistics, else the error that was printed instead."""
    printed = Printed(result.stdout)
    end = printed.last('"stats"', lambda found: isinstance(found.get("stats"), dict))
    start = printed.first('"init"', lambda found: found.get("type") == "init") or {}
    if end is None:
        return with_transcript(_failed(result, printed, start), invocation, result, around, transcript.find)
    session = word(end, "session_id") or word(start, "session_id")
    models = models_of(inner(end, "stats"))
    return usage(
        None if models else _streamed(inner(end, "stats")),
        models,
        model=None if models else named_model(start),
        session_id=session,
        success=_succeeded(end),
        duration_ms=_duration(end),
        error=sentence(inner(end, "error").get("message")),
    )


def models_of(stats: Json) -> dict[Model, Counts]:
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


def _streamed(found: Json) -> Counts:
    whole, everything = count(found, "input_tokens"), count(found, "total_tokens")
    output = count(found, "output_tokens")
    if whole is not None and everything is not None and everything - whole >= (output or 0):
        output = everything - whole
    return of_whole(whole, cache_read=count(found, "cached"), output=output)


def _succeeded(end: Json) -> bool:
    return "error" not in end and word(end, "status") in {None, "success"}


def _duration(end: Json) -> int | None:
    """Return the stream's duration; a failed run says 0."""
    return milliseconds(inner(end, "stats"), "duration_ms") or None


def _failed(result: InvocationResult, printed: Printed, start: Json) -> Usage:
    for source in (printed, Printed(result.stderr)):
        found = source.last('"error"', lambda found: isinstance(found.get("error"), dict))
        if found is not None:
            session = word(found, "session_id") or word(start, "session_id")
            message = sentence(inner(found, "error").get("message"))
            return usage(session_id=session, success=False, error=message, model=named_model(start))
    return usage(session_id=word(start, "session_id"), model=named_model(start))
