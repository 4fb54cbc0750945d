"""Aider's analytics log, where `AIDER_ANALYTICS_LOG` names one: exact numbers for each model call, no cache split.

Source: Aider-AI/aider 0.86 `aider/analytics.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import dollars, get_int, inner, moment, word
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_whole

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Usage | None:
    """Add up the calls in the run's time; the log does not say the folder."""
    named = context.environment.get("AIDER_ANALYTICS_LOG", "").strip()
    if not named:
        return None
    calls = (event for event in reading.lines(Path(named), '"message_send"') if event.get("event") == "message_send")
    models = by_model(
        (Model(word(inner(call, "properties"), "main_model") or ""), _counts(inner(call, "properties")))
        for call in calls
        if wanted.window.holds(moment((get_int(call, "time") or 0) * 1000))
    )
    return build_usage(None, models, source="transcript", doubt=reading.doubt) if models else None


def _counts(found: Json) -> TokenCounts:
    return of_whole(
        get_int(found, "prompt_tokens"), output=get_int(found, "completion_tokens"), cost=dollars(found, "cost")
    )
