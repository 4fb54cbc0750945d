"""Amp's threads: `amp/threads/T-<id>.json` under the data folder.

A message's `usage` names its model; `inputTokens` is the uncached part here, unlike on stdout.  Credits are not
dollars.

Source: ryoppippi/ccusage amp adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import usage
from spec_kitty_telemetry.agents.common.fields import count, inner, listed, moment, word
from spec_kitty_telemetry.agents.common.tokens import Counts, Model, by_model, of_parts

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import Surroundings
    from spec_kitty_telemetry.agents.common.files import Reading, Wanted
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage


def find(around: Surroundings, wanted: Wanted, reading: Reading) -> Usage | None:
    """Add up the messages of the run's thread; without a thread id nothing tells whose it is."""
    if wanted.safe_session is None:
        return None
    data = around.folder("XDG_DATA_HOME", ".local", "share")
    thread = reading.document(data / "amp" / "threads" / f"{wanted.safe_session}.json")
    requests = (inner(message, "usage") for message in listed(thread, "messages"))
    models = by_model(
        (Model(word(used, "model") or ""), _counts(used))
        for used in requests
        if wanted.window.holds(moment(used.get("timestamp")))
    )
    return usage(None, models, session_id=wanted.session_id, source="transcript") if models else None


def _counts(used: Json) -> Counts:
    return of_parts(
        count(used, "inputTokens"),
        cache_read=count(used, "cacheReadInputTokens"),
        cache_write=count(used, "cacheCreationInputTokens"),
        output=count(used, "outputTokens"),
    )
