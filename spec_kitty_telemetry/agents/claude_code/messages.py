"""One API response of Claude, as Claude Code's results, streams and transcripts have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import count, inner
from spec_kitty_telemetry.agents.common.tokens import Counts, of_parts

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.stdout import Json


def message_counts(found: Json) -> Counts:
    """Count one response; the flat number of cache writes was 0 in some versions beside a filled split."""
    split = inner(found, "cache_creation")
    hour = count(split, "ephemeral_1h_input_tokens")
    halves = [part for part in (count(split, "ephemeral_5m_input_tokens"), hour) if part is not None]
    flat = count(found, "cache_creation_input_tokens")
    return of_parts(
        count(found, "input_tokens"),
        cache_read=count(found, "cache_read_input_tokens"),
        cache_write=max(flat or 0, sum(halves)) if halves else flat,
        cache_write_1h=hour,
        output=count(found, "output_tokens"),
        reasoning=count(inner(found, "output_tokens_details"), "thinking_tokens"),
    )
