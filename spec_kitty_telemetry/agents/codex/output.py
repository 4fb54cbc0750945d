"""OpenAI Codex: `codex exec --json`.

`turn.completed` has the tokens of the whole *thread* so far, also after `codex exec resume`, so the last one counts and
what earlier runs of the thread, or the parent of a fork, had used is taken off.  What sub-agents used is not in it, and
`codex exec review` prints zeros, as all its work is a sub-agent's: their files have it, and zeros that no file vouches
for are unknown.  Input includes cached input, output includes reasoning; cache
writes are printed by the newest versions only.  Neither model nor cost is printed: the model comes from the thread's
rollout file, else from the configured default.  Who bills is the configured `model_provider` as it is: an id that a
user made up (`stub`, `proxy`) has no price until the settings say under `also_called` whose it is, as its rates may be
nobody's list prices (a local server).  A turn that failed or was interrupted prints no tokens.  Items of type
`error` are warnings, and a top-level `error` may be a passing reconnect.

Before about 0.44 the lines were `{"id", "msg": {"type": "token_count", …}}`, again with running totals.

Sources: openai/codex `codex-rs/exec/src/exec_events.rs` and `event_processor_with_jsonl_output.rs`, issues 5276 and
17539, PR 33454; output of Codex 0.169.0 and 0.171.0.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.codex import transcript
from spec_kitty_telemetry.agents.codex.running_total import is_billed_search
from spec_kitty_telemetry.agents.codex.thread import turn_counts
from spec_kitty_telemetry.agents.codex.transcript import Rollout
from spec_kitty_telemetry.agents.common import session_totals as sessions
from spec_kitty_telemetry.agents.common.configured_model import DOUBT, codex_model
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import inner, sentence, word
from spec_kitty_telemetry.agents.common.merge import doubt_of_match, look_up
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, join_doubts, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage, UsageSource

_STOOD_STILL = "the thread's total did not grow although a turn was completed, so it was taken for this run's own"


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Read the last running total, and take off what was there before this run."""
    printed = AgentOutput(result.stdout)
    thread = word(printed.first('"thread.started"', _is("thread.started")) or {}, "thread_id")
    done = printed.last('"turn.completed"', _is("turn.completed"))
    failed = printed.last('"turn.failed"', _is("turn.failed"))
    if not (thread or done or failed) and (legacy := _legacy(printed)).has_tokens:
        return legacy
    rollout = look_up(invocation, result, context, thread, transcript.find) or Rollout()
    used, doubt = _of_this_run(invocation, context, thread, turn_counts(inner(done or {}, "usage")), rollout)
    source: UsageSource = "agent-output" if used.has_tokens else "transcript"
    if not used.has_tokens:
        used = total(rollout.own.values())
        doubt = join_doubts(doubt_of_match(invocation, result, thread), rollout.doubt)
    model, guess = _model(invocation, context, rollout)
    models = _models(used, model or Model(""), rollout, _searches(printed))
    return build_usage(
        total(models.values()),
        models if len(models) > 1 else None,
        model=None if len(models) > 1 else next(iter(models), model or Model("")),
        session_id=thread or rollout.main.thread,
        success=False if failed else True if done else None,
        duration_ms=rollout.duration_ms,
        error=_error(printed, failed) if done is None or failed else None,
        source=source,
        doubt=reduce(join_doubts, (doubt, guess, _tier_doubt(models), _missing(printed, rollout))),
    )


def _models(
    used: TokenCounts, model: Model, rollout: Rollout, searches: TokenCounts | None
) -> dict[Model, TokenCounts]:
    """Return what each model used: the thread's requests where they add up to what it says, and its children's."""
    own = rollout.own
    requests = total(own.values())
    whole = replace(used, web_search_requests=requests.web_search_requests) if requests.is_known else used
    if not requests.is_known and searches is not None:
        whole = replace(used, web_search_requests=searches.web_search_requests)
    if whole != requests:
        own = {model: whole} if whole.is_known else {}
    return by_model((*own.items(), *rollout.by_children.items()))


def _searches(printed: AgentOutput) -> TokenCounts | None:
    """Count the searches that the stream shows: opening a page is no search."""
    items = (inner(found, "item") for found in printed.objects('"web_search"') if _is("item.completed")(found))
    actions = [inner(item, "action").get("type") for item in items if item.get("type") == "web_search"]
    billed = [action for action in actions if is_billed_search(action)]
    return TokenCounts(web_search_requests=len(billed)) if billed else None


def _tier_doubt(models: dict[Model, TokenCounts]) -> str | None:
    tiers = sorted({model.service_tier for model in models if model.service_tier})
    return f"service tier {' and '.join(tiers)} was asked for; whether it was granted is not said" if tiers else None


def _missing(printed: AgentOutput, rollout: Rollout) -> str | None:
    """Say that sub-agents which the stream announces are in no file."""
    items = [inner(found, "item") for found in printed.objects('"receiver_thread_ids"')]
    started = [item for item in items if item.get("type") == "collab_tool_call" and item.get("tool") == "spawn_agent"]
    named = [item.get("receiver_thread_ids") for item in started]
    threads = {one for listed in named if isinstance(listed, list) for one in listed if isinstance(one, str)}
    number = rollout.lacks(threads - {rollout.main.thread or ""})
    return f"too low: the tokens of {number} of its sub-agents are in no file that could be read" if number else None


def _model(invocation: Invocation, context: AgentContext, rollout: Rollout) -> tuple[Model | None, str | None]:
    """Return the model of the thread's file, else the configured one unless the host chose another."""
    if rollout.main.named_model or rollout.by_children or invocation.model or not context.transcripts:
        return rollout.main.named_model, None
    default = codex_model(context)
    return default, DOUBT if default else None


def _is(kind: str) -> Callable[[Json], bool]:
    return lambda found: found.get("type") == kind


def _of_this_run(
    invocation: Invocation, context: AgentContext, thread: str | None, counts: TokenCounts, rollout: Rollout
) -> tuple[TokenCounts, str | None]:
    """Take off the thread's total before this run, as it was last seen, else as the thread's file has it."""
    if not counts.has_tokens or _is_unvouched(counts, rollout):
        return TokenCounts(), None
    totals = {"": counts}
    before = sessions.exchange(context.state_folder, "codex", thread, invocation.invocation_id, totals)
    if before is None and rollout.before.has_tokens:
        before = {"": rollout.before}
    if before is None:
        unknown = invocation.session_id and not rollout.own
        return counts, sessions.NOT_SEEN_BEFORE if unknown else None
    if sessions.stood_still(totals, before):
        return counts, _STOOD_STILL
    added = sessions.difference(totals, before)
    return (counts if added is None else added[""]), None


def _is_unvouched(counts: TokenCounts, rollout: Rollout) -> bool:
    """Whether zeros were printed that no file has: `codex exec review` prints them for what its reviewer used."""
    return not (counts.input_tokens or counts.output_tokens or rollout.own)


def _error(printed: AgentOutput, failed: Json | None) -> str | None:
    said = inner(failed, "error").get("message") if failed else None
    last = None if said else printed.last('"error"', _is("error"))
    return sentence(said) or sentence((last or {}).get("message"))


def _legacy(printed: AgentOutput) -> Usage:
    begun = inner(printed.first('"session_configured"', _is_message("session_configured")) or {}, "msg")
    counted = inner(printed.last('"token_count"', _is_message("token_count")) or {}, "msg")
    numbers = inner(counted, "info", "total_token_usage") or counted
    return build_usage(turn_counts(numbers), model=word(begun, "model"), session_id=word(begun, "session_id"))


def _is_message(kind: str) -> Callable[[Json], bool]:
    return lambda found: inner(found, "msg").get("type") == kind
