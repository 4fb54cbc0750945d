"""What is known about a model's price, as a table for people and as JSON: rates as they were published."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.render import tables, wording
from spec_kitty_telemetry.pricing import dollars_per_million

if TYPE_CHECKING:
    from datetime import datetime

    from spec_kitty_telemetry.pricing import Price, Rates
    from spec_kitty_telemetry.pricing.description import ModelDescription

RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
TITLES = ("input", "output", "cache read", "write 5m", "write 1h")
LAST_MICROSECOND = 999_999


def rate(rate_pico: int) -> str:
    """Return a rate as it is published: dollars per million tokens, without trailing zeros."""
    text = f"{dollars_per_million(rate_pico):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def day(moment: str | None) -> str | None:
    """Return the day of a moment (ISO 8601, UTC) that is a midnight, else the moment."""
    return moment.removesuffix("T00:00:00+00:00") if moment else None


def rate_cells(price: Price | None, unpriced: str | None = None) -> list[str]:
    """Return a price as cells of a table with `TITLES`; `unpriced` is why a listed model has none."""
    if price is None:
        return [wording.UNKNOWN if unpriced is None else "no price", *[""] * (len(RATES) - 1)]
    return ["free" if price.free else rate(getattr(price, name)) for name in RATES]


def _rates_of(rates: Rates) -> dict[str, Decimal]:
    return {name: Decimal(rate(getattr(rates, name))) for name in RATES}


def summary(model: ModelDescription) -> dict[str, Any]:
    """Return a model and its price as JSON."""
    return {
        "provider": model.provider,
        "model": model.model,
        "unpriced": model.unpriced,
        "usd_per_million_tokens": _rates_of(model.now) if model.now else None,
    }


def everything(model: ModelDescription) -> dict[str, Any]:
    """Return all that is known about a model's price as JSON."""

    def price(found: Price) -> dict[str, Any]:
        return {
            "valid_from": found.valid_from,
            "usd_per_million_tokens": _rates_of(found),
            "above": [{"input_tokens": tier.input_tokens, **_rates_of(tier)} for tier in found.above],
            "source": found.source,
            "as_of": found.as_of,
            "note": found.note,
        }

    return {
        **summary(model),
        "aliases": list(model.aliases),
        "matched_by": model.matched_by,
        "origin": model.origin,
        "history": [price(each) for each in model.history],
        "variants": [{"when": each.when, **price(each.price)} for each in model.variants],
    }


def described(model: ModelDescription, at: datetime | None) -> list[str]:
    """Return it for a person; `at` is the moment whose price was asked for."""
    lines = [
        f"{model.provider or 'any provider'} / {model.model}   (matched by {model.matched_by}; from {model.origin})",
        f"also called: {', '.join(model.aliases)}" if model.aliases else "no other name",
        "",
    ]
    if model.unpriced:
        return [*lines, f"It has no price: {model.unpriced}"]
    rows = []
    for each in model.history:
        rows.append([day(each.valid_from) or "the beginning", *rate_cells(each)])
        rows += [[f"  above {tier.input_tokens:,} tokens", *map(rate, _tier(tier))] for tier in each.above]
    for variant in model.variants:
        rows.append([", ".join(f"{key}={value}" for key, value in variant.when.items()), *rate_cells(variant.price)])
    for hours in model.hours:
        rows.append([hours.hours, *rate_cells(hours.price)])
    lines += [tables.table(["from", *TITLES], rows, 1), "", "US dollars per million tokens."]
    if model.now:
        lines.append(f"In force {_moment(at)}: input {rate(model.now.input)}, "
                     f"output {rate(model.now.output)}.")  # fmt: skip
        lines.append(f"Source: {model.now.source or 'not said'}, checked {model.now.as_of or 'at a time nobody noted'}")
    lines += [f"Note: {each.note}" for each in model.history if each.note]
    return [wording.shown(line) if "\n" not in line else line for line in lines]


def _moment(at: datetime | None) -> str:
    """Return a moment in UTC as prices know it; the last microsecond of a day stands for the day."""
    if at is None:
        return "now"
    return f"on {at:%Y-%m-%d}" if at.microsecond == LAST_MICROSECOND else f"at {at:%Y-%m-%dT%H:%MZ}"


def _tier(tier: Rates) -> list[int]:
    return [getattr(tier, name) for name in RATES]
