"""One step of OpenCode, as its stream and its stores have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.usage.counts import Counts, of_parts
from spec_kitty_telemetry.usage.values import count, dollars, inner

if TYPE_CHECKING:
    from spec_kitty_telemetry.usage.printed import Json


def step_counts(part: Json) -> Counts:
    """Count what was used: input is the uncached part, reasoning stands beside output or, in old versions, inside."""
    tokens = inner(part, "tokens")
    uncached, output, reasoning = (count(tokens, name) for name in ("input", "output", "reasoning"))
    read, write = count(inner(tokens, "cache"), "read"), count(inner(tokens, "cache"), "write")
    everything = count(tokens, "total")
    inside = everything == sum(part or 0 for part in (uncached, output, read, write))
    doubt = None
    if output is not None and reasoning and not inside:
        output += reasoning
        doubt = None if everything is not None else "reasoning may be part of the output already and counted twice"
    counts = of_parts(
        uncached, cache_read=read, cache_write=write, output=output, reasoning=reasoning, cost=dollars(part, "cost")
    )
    return counts.doubted(doubt)
