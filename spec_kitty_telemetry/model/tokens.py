"""What is known of how much a run used: the names of its token counts and other numbers, and which is inside which.

`Usage` and `ModelUsage` (from an agent's output), `ExecutionPayload` and `ModelPart` (in a record) and `TokenCounts`
(while output is read) have these fields; what a host says itself (`InvocationResult`) has the first of each kind.
"""

from __future__ import annotations

TOKEN_FIELDS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)
"""Input is the whole prompt, output is everything generated: the others are parts of those two."""
MONEY_FIELDS = ("cost_usd", "guessed_cost_usd")
NUMBER_FIELDS = (*TOKEN_FIELDS, "cost_usd", "web_search_requests", "guessed_cost_usd")
"""All that can be added up."""
RATE_FIELDS = ("speed", "service_tier", "inference_geo")
"""What decides at which of a model's rates its tokens are billed."""
HOST_FIELDS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost_usd")
"""What a host's own result can say."""
PARTS_OF = {
    "input_tokens": ("cache_read_tokens", "cache_write_tokens"),
    "cache_write_tokens": ("cache_write_1h_tokens",),
    "output_tokens": ("reasoning_tokens",),
}
"""Counts whose sum cannot be more than the count that they are inside of."""
