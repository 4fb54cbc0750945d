"""Goose: `goose run --output-format json` (one object) or `stream-json` (lines).

`metadata`, or the last `complete` line, has the tokens of the whole *session*, so where the host resumes a session it
knows, what was there before is taken off.  Input includes what was read from and written to a cache.  Older versions
print a total only, from which nothing can be told.  Model, session and duration are not on stdout.

Sources: block/goose `crates/goose-cli/src/session/mod.rs`, `crates/goose/src/providers/formats/anthropic.rs` (d256f3f).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common import session_totals as sessions
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import dollars, get_int, inner, sentence, word
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json
from spec_kitty_telemetry.agents.common.tokens import TokenCounts, of_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Read the session's totals."""
    printed = AgentOutput(result.stdout)
    found = printed.last('"metadata"', lambda found: "total_tokens" in inner(found, "metadata"))
    done = inner(found or {}, "metadata") or printed.last('"complete"', _is("complete")) or {}
    failure = printed.last('"error"', _is("error")) if not done else None
    totals, doubt = sessions.since_last_run(
        invocation, context.state_folder, "goose", invocation.session_id, {"": _counts(done)}
    )
    return build_usage(
        totals.get("", TokenCounts()),
        session_id=invocation.session_id,
        success=_succeeded(done, failure),
        error=_error(failure) if failure else None,
        doubt=doubt,
    )


def _is(kind: str) -> Callable[[Json], bool]:
    return lambda found: found.get("type") == kind


def _counts(done: Json) -> TokenCounts:
    return of_whole(
        get_int(done, "input_tokens"),
        cache_read=get_int(done, "cache_read_input_tokens"),
        cache_write=get_int(done, "cache_write_input_tokens"),
        output=get_int(done, "output_tokens"),
        cost=dollars(done, "cost_usd"),
    )


def _succeeded(done: Json, failure: Json | None) -> bool | None:
    if not done:
        return False if failure else None
    return word(done, "status") in {None, "completed"}


def _error(failure: Json) -> str | None:
    return sentence(failure.get("error")) or sentence(inner(failure, "error").get("message"))
