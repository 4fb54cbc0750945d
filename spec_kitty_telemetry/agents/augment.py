"""Augment: `auggie --print --output-format json`, or `--acp`.

Augment reports no tokens, no model, no cost and no duration, neither on stdout nor in its session files (0.31); credits
are not dollars.  So the record says that usage is unknown, with the session and what the agent says of its success.

Sources: augmentcode/auggie changelog; session files of auggie 0.31.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import flag, sentence, word
from spec_kitty_telemetry.agents.common.stdout import AgentOutput

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


def read(_invocation: Invocation, result: InvocationResult, _around: AgentContext) -> Usage:
    """Read the session and the success of the last result."""
    end = AgentOutput(result.stdout).last('"result"', lambda found: found.get("type") == "result") or {}
    failed = flag(end, "is_error")
    return build_usage(
        session_id=word(end, "session_id"),
        success=None if failed is None else not failed,
        error=(sentence(end.get("result")) or sentence(end.get("subtype"))) if failed else None,
    )
