"""Understands an agent that is not shipped: `house-agent` ends its output with one line of JSON.

{"model": "house-large", "prompt_tokens": 1200, "cached_tokens": 1000, "completion_tokens": 80}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry import Usage, hookimpl

if TYPE_CHECKING:
    from spec_kitty_telemetry import Invocation, InvocationResult


@hookimpl
def extract_usage(invocation: Invocation, result: InvocationResult) -> Usage | None:
    """Say what a run of `house-agent` used; `None` means that it is another agent."""
    if invocation.agent != "house-agent":
        return None
    told = _last_object(result.stdout)
    # What the agent did not say stays unknown, never 0.  Its prompt includes what came from the cache, as ours does.
    return Usage(
        model=told.get("model"),
        input_tokens=told.get("prompt_tokens"),
        cache_read_tokens=told.get("cached_tokens"),
        output_tokens=told.get("completion_tokens"),
    )


def _last_object(text: str) -> dict[str, Any]:
    """Return the JSON object on the last line; an empty one where the agent was cut off before it."""
    try:
        told = json.loads(text.rstrip().rpartition("\n")[2])
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
