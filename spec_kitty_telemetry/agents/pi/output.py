"""pi: `pi -p --mode json`.

Every `message_end` of the assistant has the tokens and the cost of one request; they are added up, failed attempts
included.  The same message stands again in `turn_end` and `agent_end`, which are left alone, as are the running numbers
of `message_update`.  `input` is the uncached part, output includes reasoning.  The exit code does not show a model's
error, the last `stopReason` does.

Sources: badlogic/pi-mono `packages/ai/src/types.ts` and `packages/coding-agent/docs/json.md` (83378aa); output of pi
0.73.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import dollars, get_int, inner, sentence, word
from spec_kitty_telemetry.agents.common.merge import with_transcript
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_parts
from spec_kitty_telemetry.agents.pi import transcript

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Add up the assistant's messages."""
    printed = AgentOutput(result.stdout)
    session = word(printed.first('"session"', lambda found: found.get("type") == "session") or {}, "id")
    ended = (found for found in printed.objects('"message_end"') if found.get("type") == "message_end")
    said = _of_messages((inner(found, "message") for found in ended), session)
    return with_transcript(said, invocation, result, context, _find)


def _find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Usage | None:
    session, messages = transcript.find(context, wanted, reading)
    return _of_messages(messages, session).model_copy(update={"source": "transcript"}) if messages else None


def _of_messages(messages: Iterable[Json], session_id: str | None) -> Usage:
    """Add up messages, as the stream and the session files have them."""
    counted: list[tuple[Model, TokenCounts]] = []
    last: Json = {}
    for message in messages:
        if message.get("role") == "assistant":
            last = message
            model = Model(word(message, "model") or "", word(message, "provider"))
            counted.append((model, message_counts(inner(message, "usage"))))
    models = by_model(counted)
    stopped = word(last, "stopReason")
    failed = stopped in {"error", "aborted"}
    return build_usage(
        None,
        models,
        session_id=session_id,
        success=None if stopped in {None, "toolUse"} else not failed,
        error=(sentence(last.get("errorMessage")) or stopped) if failed else None,
    )


def message_counts(used: Json) -> TokenCounts:
    """Count one message's `usage`; all zeros are what a provider that reports none is said to have used."""
    if not any(get_int(used, name) for name in ("input", "output", "cacheRead", "cacheWrite")):
        return TokenCounts()
    return of_parts(
        get_int(used, "input"),
        cache_read=get_int(used, "cacheRead"),
        cache_write=get_int(used, "cacheWrite"),
        cache_write_1h=get_int(used, "cacheWrite1h"),
        output=get_int(used, "output"),
        reasoning=get_int(used, "reasoning"),
        cost=dollars(inner(used, "cost"), "total"),
    )
