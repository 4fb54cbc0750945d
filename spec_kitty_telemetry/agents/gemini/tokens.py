"""The `tokens` of one model, as Gemini CLI and its fork Qwen Code have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import count
from spec_kitty_telemetry.agents.common.tokens import Counts, of_parts, of_whole

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.stdout import Json


def token_counts(found: Json) -> Counts:
    """Count one model's `tokens`.  Thoughts are part of `candidates` only where the total says so."""
    whole, answered, thoughts = count(found, "prompt"), count(found, "candidates"), count(found, "thoughts")
    everything, tool = count(found, "total"), count(found, "tool")
    apart = None not in {whole, answered} and everything != (whole or 0) + (answered or 0)
    output = answered if answered is None or not apart else answered + (thoughts or 0)
    read = count(found, "cached")
    if whole is None:
        counts = of_parts(count(found, "input"), cache_read=read, output=output, reasoning=thoughts)
    else:
        counts = of_whole(whole, cache_read=read, output=output, reasoning=thoughts)
    return counts.doubted(f"{tool} tokens of tool results were reported apart and are not counted") if tool else counts
