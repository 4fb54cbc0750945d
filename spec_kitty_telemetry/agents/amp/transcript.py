"""Amp's threads: `amp/threads/T-<id>.json` under the data folder.

A message's `usage` names its model; `inputTokens` is the uncached part here, unlike on stdout.  Credits are not
dollars.

Source: ryoppippi/ccusage amp adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import get_int, inner, listed, moment, word
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_parts

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Usage | None:
    """Add up the messages of the run's thread; without a thread id nothing tells whose it is."""
    if wanted.safe_session is None:
        return None
    data = context.folder("XDG_DATA_HOME", ".local", "share")
    thread = reading.document(data / "amp" / "threads" / f"{wanted.safe_session}.json")
    requests = (inner(message, "usage") for message in listed(thread, "messages"))
    models = by_model(
        (Model(word(used, "model") or ""), _counts(used))
        for used in requests
        if wanted.window.holds(moment(used.get("timestamp")))
    )
    return build_usage(None, models, session_id=wanted.session_id, source="transcript") if models else None


def _counts(used: Json) -> TokenCounts:
    return of_parts(
        get_int(used, "inputTokens"),
        cache_read=get_int(used, "cacheReadInputTokens"),
        cache_write=get_int(used, "cacheCreationInputTokens"),
        output=get_int(used, "outputTokens"),
    )
