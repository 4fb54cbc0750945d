"""Letta Code: `letta -p --output-format json` or `stream-json`.

The last `result` has the tokens of the run; `usage` is null after an error.  That `prompt_tokens` includes cached
tokens is an assumption, so a record with cached tokens carries a doubt.  Model and cost are not reported.

Source: letta-ai/letta-code 0.30.29 `src/headless.ts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import flag, get_int, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import TokenCounts, of_whole

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage

_ASSUMED = "input is taken to include cached tokens, which Letta does not say"


def read(_invocation: Invocation, result: InvocationResult, _around: AgentContext) -> Usage:
    """Read the last result."""
    end = AgentOutput(result.stdout).last('"result"', lambda found: found.get("type") == "result") or {}
    conversation = word(end, "session_id", "conversation_id")
    succeeded = _succeeded(end)
    return build_usage(
        _counts(inner(end, "usage")),
        session_id=None if conversation == "default" else conversation,
        success=succeeded,
        duration_ms=milliseconds(end, "duration_ms"),
        error=(sentence(end.get("result")) or word(end, "stop_reason")) if succeeded is False else None,
    )


def _counts(used: Json) -> TokenCounts:
    read, write = get_int(used, "cached_input_tokens"), get_int(used, "cache_write_tokens")
    counts = of_whole(
        get_int(used, "prompt_tokens"),
        cache_read=read,
        cache_write=write,
        output=get_int(used, "completion_tokens"),
        reasoning=get_int(used, "reasoning_tokens"),
    )
    return counts.doubted(_ASSUMED) if (read or write) and counts.doubt is None else counts


def _succeeded(end: Json) -> bool | None:
    failed = flag(end, "is_error")
    subtype = word(end, "subtype")
    return (subtype == "success" if subtype else None) if failed is None else not failed
