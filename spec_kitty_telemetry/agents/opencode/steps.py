"""One step of OpenCode, as its stream and its stores have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import count, dollars, inner
from spec_kitty_telemetry.agents.common.tokens import Counts, of_parts

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.stdout import Json


def step_counts(part: Json) -> Counts:
    """Count what was used: input is the uncached part, reasoning stands beside output or, in old versions, inside.

    OpenCode prints a cost of 0 for models that it knows no price of and for log-ins by subscription (seen in
    `packages/opencode/src/session`, whose prices are those of models.dev), so a 0 beside tokens is no cost.
    """
    tokens = inner(part, "tokens")
    uncached, output, reasoning = (count(tokens, name) for name in ("input", "output", "reasoning"))
    read, write = count(inner(tokens, "cache"), "read"), count(inner(tokens, "cache"), "write")
    everything = count(tokens, "total")
    inside = everything == sum(part or 0 for part in (uncached, output, read, write))
    doubt = None
    if output is not None and reasoning and not inside:
        output += reasoning
        doubt = None if everything is not None else "reasoning may be part of the output already and counted twice"
    cost = dollars(part, "cost") or (None if any((uncached, read, write, output)) else dollars(part, "cost"))
    counts = of_parts(uncached, cache_read=read, cache_write=write, output=output, reasoning=reasoning, cost=cost)
    return counts.doubted(doubt)
