"""What is known about one model's price, for people: every dated entry, way of being called and hour of the day.

A report never needs this; `prices list` and `prices show` do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from spec_kitty_telemetry.pricing.history import PriceHistory
    from spec_kitty_telemetry.pricing.price import Price


@dataclass(frozen=True, slots=True)
class VariantDescription:
    """What requests made in one way cost from one moment on, such as `{"processing": "batch"}`."""

    when: dict[str, str]
    valid_from: str | None
    price: Price


@dataclass(frozen=True, slots=True)
class Hours:
    """What a model costs at some hours of the day: `01:00-04:00 mon-fri`, UTC."""

    hours: str
    price: Price


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """Everything that is known about one model's price."""

    model: str
    provider: str | None
    aliases: tuple[str, ...]
    dated: bool
    """A date after the name (`-20260205`, `@20260205`, `-2026-02-05`) means this model too."""
    versions: tuple[str, ...]
    """Other kinds of versions that may follow the name: latest, default, number, preview, experimental, customtools."""
    unpriced: str | None
    """Why the model is listed without a price; `None` where it has one."""
    origin: str
    matched_by: str
    now: Price | None
    history: tuple[Price, ...]
    """One price for each dated entry, oldest first."""
    variants: tuple[VariantDescription, ...]
    hours: tuple[Hours, ...]


def description_of(history: PriceHistory, at: datetime) -> ModelDescription:
    """Return everything that `history` knows, with the price at `at` in `now`."""
    model = history.model
    return ModelDescription(
        model=model.id,
        provider=history.provider,
        aliases=model.aliases,
        dated=model.dated,
        versions=model.versions,
        unpriced=model.unpriced,
        origin=history.origin,
        matched_by=history.matched_by,
        now=history.at(at),
        history=() if model.unpriced else history.prices(),
        variants=tuple(VariantDescription(*row) for row in history.variants(at)),
        hours=tuple(Hours(*row) for row in history.hours(at)),
    )
