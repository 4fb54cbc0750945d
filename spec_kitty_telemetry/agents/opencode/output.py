"""OpenCode: `opencode run --format json`; Kilo 7 is a fork and prints the same.

Every `step_finish` has the tokens and the cost of one step: they are added up, each part once.  `input` is the uncached
part; `reasoning` stands beside `output`, in older versions inside it, and the step's total tells which.  Cost comes
from models.dev prices, so 0 may mean a subscription or a model without a price.  The model is not printed; it and the
sessions of subagents are in the local store.

Sources: anomalyco/opencode `packages/opencode/src/cli/cmd/run.ts`, issues 11027, 12377 and 40544; output of OpenCode
1.18.33 and Kilo 7.7.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.configured_model import DOUBT, opencode_model
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.merge import completed, doubt_of_match, look_up
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import TokenCounts, join_doubts, total
from spec_kitty_telemetry.agents.opencode import transcript
from spec_kitty_telemetry.agents.opencode.transcript import step_counts

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Add up the steps."""
    printed = AgentOutput(result.stdout)
    first = printed.first('"sessionID"', _is_event) or {}
    failure = printed.last('"error"', lambda found: found.get("type") == "error")
    steps: dict[str, TokenCounts] = {}
    going_on = False
    for number, event in enumerate(printed.objects('"step_finish"')):
        part = inner(event, "part")
        if event.get("type") == "step_finish":
            steps[word(part, "id") or f"step {number}"] = step_counts(part)
            going_on = part.get("reason") == "tool-calls"
    said = build_usage(
        total(steps.values()),
        session_id=word(first, "sessionID"),
        success=False if failure else True if steps and not going_on else None,
        duration_ms=_duration(first, printed.last('"sessionID"', _is_event) or {}),
        error=_error(failure) if failure else None,
    )
    return _with_model(_with_store(said, invocation, result, context), invocation, context)


def _with_store(said: Usage, invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    found = look_up(invocation, result, context, said.session_id, transcript.find)
    if found is None:
        return said
    doubt = doubt_of_match(invocation, result, said.session_id)
    return completed(said, found.usage, doubt=doubt, prefer_numbers=found.has_children)


def _with_model(said: Usage, invocation: Invocation, context: AgentContext) -> Usage:
    """Fall back on the configured model, unless the host chose another."""
    if said.model or invocation.model or not context.transcripts:
        return said
    default = opencode_model(context, invocation)
    found = {"model": default.name, "provider": default.provider} if default else {}
    return said.model_copy(update=found | {"uncertain": join_doubts(said.uncertain, DOUBT if default else None)})


def _is_event(found: Json) -> bool:
    return "timestamp" in found and "sessionID" in found and "type" in found


def _duration(first: Json, last: Json) -> int | None:
    begin, end = milliseconds(first, "timestamp"), milliseconds(last, "timestamp")
    return end - begin if begin is not None and end is not None and end > begin else None


def _error(event: Json) -> str | None:
    return sentence(inner(event, "error", "data").get("message")) or sentence(inner(event, "error").get("name"))
