"""What one record says about one agent run, and within which limits a number is believed.

Version history of the payload:

1. agent, cost_usd, duration_ms, error, exit_code, input_tokens, model, output_tokens, role, success, wp_id
   (`wp_id` was "N/A" where there was none; there was no `version`).
2. Adds all that `ExecutionPayload` lists below its eleven.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, get_args

import msgspec

PAYLOAD_VERSION = 2

# What is above these could be written but never read again, so whoever takes numbers from outside asks for them.
MAXIMUM_COUNT = 2**53 - 1
MAXIMUM_COST_USD = Decimal(10) ** 9
MAXIMUM_DURATION_MS = 10**15

Outcome = Literal["succeeded", "failed", "timed_out", "killed", "rejected"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)

_Count = Annotated[int, msgspec.Meta(ge=0, le=MAXIMUM_COUNT)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]

# The fields of these stand in the order in which their names stand on a line, that of the alphabet: msgspec finds them
# a tenth faster so.


class ModelPart(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one model was given and gave; counts as in `ExecutionPayload`."""

    cache_read_tokens: _Count | None = None
    cache_write_1h_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None
    cost_usd: Decimal | None = None
    guessed_cost_usd: Decimal | None = None
    inference_geo: str | None = None
    input_tokens: _Count | None = None
    model: str
    output_tokens: _Count | None = None
    provider: str | None = None
    reasoning_tokens: _Count | None = None
    requested_model: str | None = None
    service_tier: str | None = None
    speed: str | None = None
    web_search_requests: _Count | None = None


class ExecutionPayload(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one agent run was, how it ended and what it used.  Unknown is `None`, never 0."""

    agent: str | None = None
    agent_duration_ms: _Count | None = None
    """The agent's own measure of its run."""
    attempt: _Count | None = None
    attributed_by: list[str] | None = None
    """Of what was read in an agent's own session store: what ties it to its mission (docs/records.md)."""
    cache_read_tokens: _Count | None = None
    cache_write_1h_tokens: _Count | None = None
    """A part of `cache_write_tokens`."""
    cache_write_tokens: _Count | None = None
    cost_usd: Decimal | None = None
    """US dollars, only as the agent or the host reported them; an estimate is never stored."""
    duration_ms: _Count | None = None
    """Wall clock of the host."""
    error: str | None = None
    """One line, at most 500 characters, secrets redacted."""
    exit_code: int | None = None
    guessed_cost_usd: Decimal | None = None
    """The agent's own dollars for a model whose price it does not know: never added up, shown by `prices explain`."""
    inference_geo: str | None = None
    """Where the model ran, where that changes the price: us, …"""
    input_tokens: _Count | None = None
    """The whole prompt: uncached, read from a cache and written to one."""
    model: str | None = None
    models: list[ModelPart] = []
    """One entry a model where the agent says so; the counts above are their sums."""
    outcome: str | None = None
    """succeeded, failed, timed_out, killed or rejected."""
    output_tokens: _Count | None = None
    """Everything generated, reasoning included."""
    provider: str | None = None
    reasoning_tokens: _Count | None = None
    """A part of `output_tokens`, never added again."""
    requested_model: str | None = None
    """The name that was asked for, where `model` is another one that was shown."""
    revision: _Count | None = None
    """Of several records of one run the greatest counts; `None` is 1 (docs/records.md)."""
    role: str | None = None
    run_id: str | None = None
    service_tier: str | None = None
    """priority, flex or batch; `None` is standard."""
    session_id: str | None = None
    speed: str | None = None
    """fast; `None` is standard."""
    started_at: _Moment | None = None
    subagent_count: _Count | None = None
    """How many sub-agents of the agent's own worked in this run."""
    success: bool | None = None
    supersedes: str | None = None
    """The `event_id` of the first record of the same run, which this one takes the place of."""
    tags: dict[str, str] = {}
    uncertain: str | None = None
    """Why the counts may be off, in one sentence."""
    usage_source: str | None = None
    """agent-output, host, manual, transcript or none."""
    version: _Count = 1
    voided: str | None = None
    """Why the record that this one supersedes counts no more: somebody took it back."""
    web_search_requests: _Count | None = None
    """Searches by the provider's own tool, which are billed one by one."""
    wp_id: str | None = None
