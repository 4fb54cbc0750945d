"""Kilo Code: the old command line, `kilocode --json`; Kilo 7 under the same name is read as OpenCode.

Usage is in `api_req_started`, which is printed once without numbers and again with them under the same timestamp: the
last one counts.  `tokensIn` is the uncached part, as in Cline.  Model and session are not reported.

Sources: Kilo-Org/kilocode `cli/src/ui/utils/jsonOutput.ts`; Piebald-AI/splitrail `src/analyzers/kilo_code.rs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common import json_spans as members
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import dollars, get_int, milliseconds, word
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import TokenCounts, of_parts, total
from spec_kitty_telemetry.agents.opencode import output as opencode

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Read the old format where it is printed, else OpenCode's."""
    printed = AgentOutput(result.stdout)
    if printed.first('"source"', _is_message) is None:
        return opencode.read(invocation, result, context)
    requests: dict[str, TokenCounts] = {}
    for number, message in enumerate(printed.objects('"api_req_started"')):
        facts = facts_of(message)
        if message.get("say") == "api_req_started" and facts:
            requests[str(message.get("timestamp", f"line {number}"))] = request_counts(facts)
    finished = printed.last('"completion_result"', lambda found: found.get("say") == "completion_result")
    return build_usage(total(requests.values()), success=True if finished else None, duration_ms=_duration(printed))


def _is_message(found: Json) -> bool:
    return word(found, "source") in {"cli", "extension"} and "timestamp" in found


def facts_of(message: Json) -> Json:
    """Return the numbers, which may also come as JSON inside a text."""
    for name in ("metadata", "content", "text"):
        found = message.get(name)
        try:
            found = members.decode(found) if isinstance(found, str) else found
        except ValueError:
            continue
        if isinstance(found, dict) and "tokensIn" in found:
            return found
    return {}


def request_counts(facts: Json) -> TokenCounts:
    """Count one request; `tokensIn` is the uncached part."""
    return of_parts(
        get_int(facts, "tokensIn"),
        cache_read=get_int(facts, "cacheReads"),
        cache_write=get_int(facts, "cacheWrites"),
        output=get_int(facts, "tokensOut"),
        cost=dollars(facts, "cost"),
    )


def _duration(printed: AgentOutput) -> int | None:
    begin = milliseconds(printed.first('"source"', _is_message) or {}, "timestamp")
    end = milliseconds(printed.last('"source"', _is_message) or {}, "timestamp")
    return end - begin if begin is not None and end is not None and end > begin else None
