"""One `usage` object of Codex, as its stream and its rollout files have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import count
from spec_kitty_telemetry.agents.common.tokens import Counts, of_whole

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.stdout import Json


def turn_counts(found: Json) -> Counts:
    """Count what was used: cached and cache-written input are parts of input, reasoning of output."""
    return of_whole(
        count(found, "input_tokens"),
        cache_read=count(found, "cached_input_tokens"),
        cache_write=count(found, "cache_write_input_tokens"),
        output=count(found, "output_tokens"),
        reasoning=count(found, "reasoning_output_tokens"),
    )
