"""Amp: `amp -x PROMPT --stream-json`.

Each `assistant` line has the tokens of one request; the `result` has none, and messages have no id to tell repetitions
apart, so all lines are added up.  In the one published sample input includes what was read from and written to a cache;
where it is too small for that, it is taken as the uncached part.  Model and cost are not printed; credits are not
dollars.

Source: ampcode.com `news/streaming-json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.amp import transcript
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import flag, get_int, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.merge import with_transcript
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import TokenCounts, of_parts, of_whole, total

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage

_ASSUMED = "whether input includes cached tokens is taken from their sizes"


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Add up the assistant's lines."""
    printed = AgentOutput(result.stdout)
    start = printed.first('"init"', lambda found: found.get("subtype") == "init") or {}
    end = printed.last('"result"', lambda found: found.get("type") == "result") or {}
    lines = (found for found in printed.objects('"assistant"') if found.get("type") == "assistant")
    failed = flag(end, "is_error")
    said = build_usage(
        total(_counts(inner(line, "message", "usage")) for line in lines),
        session_id=word(end, "session_id") or word(start, "session_id"),
        success=None if failed is None else not failed,
        duration_ms=milliseconds(end, "duration_ms"),
        error=(sentence(end.get("error")) or sentence(end.get("result"))) if failed else None,
    )
    return with_transcript(said, invocation, result, context, transcript.find)


def _counts(used: Json) -> TokenCounts:
    given = get_int(used, "input_tokens")
    read, write = get_int(used, "cache_read_input_tokens"), get_int(used, "cache_creation_input_tokens")
    output = get_int(used, "output_tokens")
    cached = (read or 0) + (write or 0)
    includes = given is not None and given >= cached
    build = of_whole if includes else of_parts
    return build(given, cache_read=read, cache_write=write, output=output).doubted(_ASSUMED if cached else None)
