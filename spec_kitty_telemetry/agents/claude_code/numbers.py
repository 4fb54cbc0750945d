"""From the counts of Claude Code's lines to requests, in the record's meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from spec_kitty_telemetry.agents.claude_code.billing import BESIDE_THE_TOTALS, STANDARD_RATES
from spec_kitty_telemetry.agents.common.json_lines import request_of
from spec_kitty_telemetry.agents.common.store import Request, RunningTotal, Signal
from spec_kitty_telemetry.model.tokens import TOKEN_FIELDS

if TYPE_CHECKING:
    from datetime import datetime

    from spec_kitty_telemetry.agents.claude_code.lines import Message, ModelTotal, Usage, Used
    from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts


_RATES: dict[str | None, str | None] = dict.fromkeys((*STANDARD_RATES, ""))
"""What is said where nothing but the ordinary rates applies."""


class Place(NamedTuple):
    """What a line says about its message."""

    key: str
    at: datetime
    folder: str | None
    is_copy: bool


def read(message: Message, usage: Usage, place: Place) -> list[Request]:
    """Return what one response was billed for: itself, then what stands beside its totals."""
    own = _request(message.model, usage, place)
    if not usage.iterations:
        return [own]
    beside = [part for part in usage.iterations if part.type in BESIDE_THE_TOTALS]
    named = enumerate(beside, start=1)
    return [own, *(_request(part.model or message.model, part, _numbered(place, number)) for number, part in named)]


def read_loosely(counted: list[tuple[Model, TokenCounts]], place: Place) -> list[Request]:
    """Return the same of numbers that were read member by member."""
    return [
        request_of(of.key, of.at, model, counts, of.folder, is_copy=of.is_copy)
        for number, (model, counts) in enumerate(counted)
        for of in [_numbered(place, number)]
    ]


def _numbered(place: Place, number: int) -> Place:
    return place._replace(key=f"{place.key} {number}") if number else place


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


def _request(model: str | None, used: Used, place: Place) -> Request:
    uncached, read_tokens, write = used.input_tokens, used.cache_read_input_tokens, used.cache_write_tokens
    split, output, tools = used.cache_creation, used.output_tokens_details, used.server_tool_use
    return Request(
        request_id=place.key,
        at=place.at,
        model=model,
        folder=place.folder,
        input_tokens=None if uncached is None else uncached + (read_tokens or 0) + (write or 0),
        cache_read_tokens=read_tokens,
        cache_write_tokens=write,
        cache_write_1h_tokens=split.ephemeral_1h_input_tokens if split else None,
        output_tokens=used.output_tokens,
        reasoning_tokens=output.thinking_tokens if output else None,
        speed=_RATES.get(used.speed, used.speed),
        service_tier=_RATES.get(used.service_tier, used.service_tier),
        inference_geo=_RATES.get(used.inference_geo, used.inference_geo),
        web_search_requests=(tools.web_search_requests or None) if tools else None,
        is_copy=place.is_copy,
    )
