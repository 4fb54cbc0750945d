"""From the counts of Claude Code's lines to requests, in the record's meaning."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from spec_kitty_telemetry.agents.claude_code.billing import BESIDE_THE_TOTALS, STANDARD_RATES
from spec_kitty_telemetry.agents.common.store import Request, RunningTotal, Signal
from spec_kitty_telemetry.model.tokens import TOKEN_FIELDS

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.claude_code.lines import Message, ModelTotal, Usage, Used
    from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts

_UNKNOWN = datetime.fromtimestamp(0, UTC)
"""Stands in for the moment, which the line has and its message has not."""


def read(message: Message, usage: Usage) -> list[Request]:
    """Return what one response was billed for: itself, then what stands beside its totals."""
    own = _request(message.model, usage)
    if not usage.iterations:
        return [own]
    beside = [part for part in usage.iterations if part.type in BESIDE_THE_TOTALS]
    return [own, *(_request(part.model or message.model, part) for part in beside)]


def read_loosely(model: Model, counts: TokenCounts) -> Request:
    """Return the request of numbers that were read member by member."""
    return Request(
        request_id="",
        at=_UNKNOWN,
        model=model.name or None,
        input_tokens=counts.input_tokens,
        cache_read_tokens=counts.cache_read_tokens,
        cache_write_tokens=counts.cache_write_tokens,
        cache_write_1h_tokens=counts.cache_write_1h_tokens,
        output_tokens=counts.output_tokens,
        reasoning_tokens=counts.reasoning_tokens,
        speed=model.speed,
        service_tier=model.service_tier,
        inference_geo=model.inference_geo,
        web_search_requests=counts.web_search_requests,
        doubt=counts.doubt,
    )


def greatest(before: Request | Signal, now: Request) -> Request | Signal:
    """Take the greater of each number of a response that is written again; the rest stays as it was first."""
    if not isinstance(before, Request) or before.output_tokens == now.output_tokens:
        return before
    grown = {
        name: max(value, getattr(before, name) or 0)
        for name in TOKEN_FIELDS
        if (value := getattr(now, name)) is not None
    }
    return replace(before, web_search_requests=now.web_search_requests or before.web_search_requests, **grown)


def running_totals(models: dict[str, ModelTotal], at: datetime | None) -> list[RunningTotal]:
    """Return the totals of a `cost-state` line, which has no time of its own."""
    if at is None:
        return []
    return [
        RunningTotal(
            model=name.removesuffix("[1m]"),
            at=at,
            input_tokens=one.inputTokens + one.cacheReadInputTokens + one.cacheCreationInputTokens,
            cache_read_tokens=one.cacheReadInputTokens,
            cache_write_tokens=one.cacheCreationInputTokens,
            cache_write_1h_tokens=one.cacheCreationEphemeral1hInputTokens,
            output_tokens=one.outputTokens,
            reasoning_tokens=one.thinkingTokens,
        )
        for name, one in models.items()
    ]


def _request(model: str | None, used: Used) -> Request:
    uncached, read_tokens, write = used.input_tokens, used.cache_read_input_tokens, used.cache_write_tokens
    split, output, tools = used.cache_creation, used.output_tokens_details, used.server_tool_use
    return Request(
        request_id="",
        at=_UNKNOWN,
        model=model,
        input_tokens=None if uncached is None else uncached + (read_tokens or 0) + (write or 0),
        cache_read_tokens=read_tokens,
        cache_write_tokens=write,
        cache_write_1h_tokens=split.ephemeral_1h_input_tokens if split else None,
        output_tokens=used.output_tokens,
        reasoning_tokens=output.thinking_tokens if output else None,
        speed=_rate(used.speed),
        service_tier=_rate(used.service_tier),
        inference_geo=_rate(used.inference_geo),
        web_search_requests=(tools.web_search_requests or None) if tools else None,
    )


def _rate(said: str | None) -> str | None:
    return said if said and said not in STANDARD_RATES else None
