"""Knows what the house pays by contract: cheaper than the list from the day on which the contract began."""

from __future__ import annotations

from datetime import UTC, datetime

from spec_kitty_telemetry import Price, hookimpl

BEGAN = datetime(2026, 10, 1, tzinfo=UTC)
CONTRACT = Price.per_million(
    model="house-large",
    input="0.80",
    output="2.40",
    cache_read="0.08",
    origin="the house's contract",
    note="from 2026-10-01",
)


@hookimpl
def find_price(model: str, at: datetime) -> Price | None:
    """Answer for the one model of the contract; `None` leaves all else to the price tables."""
    return CONTRACT if model == CONTRACT.model and at >= BEGAN else None
