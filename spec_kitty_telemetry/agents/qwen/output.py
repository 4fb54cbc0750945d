"""Qwen Code: `--output-format json` (an array on one line) and `stream-json` (the same objects as lines).

The names are those of Claude Code, the meaning is not: `usage.input_tokens` includes what was read from a cache.  The
array also has `stats.models`, which includes background requests such as the memory extractor.  Reasoning is inside
output for OpenAI-compatible providers and beside it for Gemini's; the sums tell.  Cache writes and cost are not
reported. Early forks printed Gemini's object.

A resumed session (`--continue`) continues its totals in both; a refused run prints `usage` alone.  0.15.10 reports an
API error as the answer of a run that succeeded.

Sources: QwenLM/qwen-code `packages/cli/src/nonInteractive/types.ts` and `io/BaseJsonOutputAdapter.ts`; output of Qwen
Code 0.15.10 and 0.24.4 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import flag, get_int, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.merge import with_transcript
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, main_model, of_whole
from spec_kitty_telemetry.agents.gemini.output import models_of
from spec_kitty_telemetry.agents.qwen import transcript
from spec_kitty_telemetry.agents.qwen.resume import Totals, of_this_run
from spec_kitty_telemetry.model.doubts import CUT_OFF

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Read the last result: subagents can print results of their own before it."""
    printed = AgentOutput(result.stdout)
    end = printed.last('"result"', lambda found: found.get("type") == "result")
    if end is None:
        end = printed.last('"stats"', lambda found: bool(inner(found, "stats", "models")))
    if end is None:
        return with_transcript(_unfinished(printed), invocation, result, context, transcript.find)
    models = models_of(inner(end, "stats"))
    session = word(end, "session_id")
    start = {} if models and session else _start(printed)
    session = session or word(start, "session_id")
    now = Totals(_counts(inner(end, "usage")), models, _holds_more_than_its_turns(end))
    whole, rest, doubt = of_this_run(invocation, result, context, session, now)
    return build_usage(
        whole,
        rest,
        model=None if rest else main_model(models) or word(start, "model"),
        session_id=session,
        success=_succeeded(end),
        duration_ms=milliseconds(end, "duration_ms"),
        error=_error(end),
        doubt=doubt,
    )


def _holds_more_than_its_turns(end: Json) -> bool:
    """Whether the main agent's requests are more than this run's turns, so that earlier runs are among them."""
    found = inner(end, "stats", "models").values()
    requests = [
        get_int(inner(one, "bySource", "main", "api"), "totalRequests") for one in found if isinstance(one, dict)
    ]
    turns = get_int(end, "num_turns")
    return turns is not None and sum(number or 0 for number in requests) > turns


def _start(printed: AgentOutput) -> Json:
    return printed.first('"init"', lambda found: found.get("subtype") == "init") or {}


def _counts(found: Json) -> TokenCounts:
    return of_whole(
        get_int(found, "input_tokens"),
        cache_read=get_int(found, "cache_read_input_tokens"),
        output=get_int(found, "output_tokens"),
    )


def _succeeded(end: Json) -> bool | None:
    failed = flag(end, "is_error")
    return not _api_error(end) and ("error" not in end if failed is None else not failed)


def _error(end: Json) -> str | None:
    return sentence(inner(end, "error").get("message")) or _api_error(end)


def _api_error(end: Json) -> str | None:
    """Return an answer that is an error of the API, where the statistics have one too."""
    found = inner(end, "stats", "models").values()
    errors = sum(get_int(inner(one, "api"), "totalErrors") or 0 for one in found if isinstance(one, dict))
    answer = end.get("result")
    return sentence(answer) if errors and isinstance(answer, str) and answer.startswith("[API Error: ") else None


def _unfinished(printed: AgentOutput) -> Usage:
    start = _start(printed)
    messages: dict[str, tuple[Model, TokenCounts]] = {}
    for number, line in enumerate(printed.objects('"assistant"')):
        message = inner(line, "message")
        if line.get("type") == "assistant":
            model = Model(word(message, "model") or word(start, "model") or "")
            messages[word(message, "id") or f"line {number}"] = (model, _counts(inner(message, "usage")))
    models = by_model(messages.values())
    doubt = CUT_OFF if messages else None
    return build_usage(None, models, model=word(start, "model"), session_id=word(start, "session_id"), doubt=doubt)
