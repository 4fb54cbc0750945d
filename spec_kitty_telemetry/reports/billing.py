"""What a record says that is billed: its tokens and searches, and in which way they were billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
    from spec_kitty_telemetry.pricing import Price

_STANDARD = frozenset({"standard", "default", "auto", "global", "not_available", "none", ""})


def ways_of(counts: ExecutionPayload | ModelPart) -> dict[str, str]:
    """Return how the tokens were billed, as price tables say it: `{"processing": "batch"}`; nothing for standard."""
    said = {"speed": counts.speed, "service_tier": counts.service_tier, "inference_geo": counts.inference_geo}
    ways = {way: value.lower() for way, value in said.items() if value and value.lower() not in _STANDARD}
    if ways.get("service_tier") == "batch":
        ways["processing"] = ways.pop("service_tier")
    return ways


def unrated_ways(price: Price, ways: Mapping[str, str]) -> dict[str, str]:
    """Return those of `ways` that `price` has no rates for."""
    return {} if price.free else {way: value for way, value in ways.items() if way not in price.ways}


def costs_more(way: str, value: str) -> bool:
    """Tell whether a way of being billed costs more than the standard; else it costs less, or nobody knows."""
    return way in ("speed", "inference_geo") or value in ("priority", "fast")


def counts_for_price(counts: ExecutionPayload | ModelPart) -> tuple[int, int, int, int, int, int, int]:
    """Return what `Price.cost` and `Price.lines` want, in the order of their arguments.

    An unknown count adds nothing, which makes the cost a floor; an unknown whole is at least its known parts.
    """
    cache_read = counts.cache_read_tokens or 0
    cache_write_1h = counts.cache_write_1h_tokens or 0
    cache_write = cache_write_1h if counts.cache_write_tokens is None else counts.cache_write_tokens
    reasoning = counts.reasoning_tokens or 0
    return (
        cache_read + cache_write if counts.input_tokens is None else counts.input_tokens,
        reasoning if counts.output_tokens is None else counts.output_tokens,
        cache_read,
        cache_write,
        cache_write_1h,
        reasoning,
        counts.web_search_requests or 0,
    )


def says_parts(counts: ExecutionPayload | ModelPart) -> bool:
    """Tell whether some of the tokens were cached, written to a cache or thought."""
    return bool(
        counts.cache_read_tokens or counts.cache_write_tokens or counts.cache_write_1h_tokens or counts.reasoning_tokens
    )


def says_anything(counts: ExecutionPayload | ModelPart) -> bool:
    """Tell whether any tokens were counted."""
    return (
        counts.input_tokens is not None
        or counts.output_tokens is not None
        or counts.cache_read_tokens is not None
        or counts.cache_write_tokens is not None
        or counts.cache_write_1h_tokens is not None
        or counts.reasoning_tokens is not None
    )
