"""Prices of models: dated, sourced, overridable, never guessed.

From the table that people edit to the picodollars of one record:

- `document` reads YAML that is not trusted, `checking` makes strict rows of it (`rows`), `table` compiles and loads
  them;
- `overrides` reads what a project or a user states, `catalog` lays that over one provider's models;
- `names` knows how models are spelt, `resolver` whose catalog a name means, `history` which of a model's dated prices
  counts, `price` what tokens cost;
- `book` puts them together: `PriceBook.find` is the one question that a report asks.

`description` is for people who look at prices; `upstream`, `importing` and `emitting` are for those who refresh them.
"""

from __future__ import annotations

from spec_kitty_telemetry.model.money import PICO, dollars, dollars_per_million
from spec_kitty_telemetry.pricing.book import (
    OverrideUse,
    PriceBook,
    import_genai_prices,
)
from spec_kitty_telemetry.pricing.linting import Checked, checked_files, lint
from spec_kitty_telemetry.pricing.price import Price, PriceLine, Rates, Tier

__all__ = [
    "PICO",
    "Checked",
    "OverrideUse",
    "Price",
    "PriceBook",
    "PriceLine",
    "Rates",
    "Tier",
    "checked_files",
    "dollars",
    "dollars_per_million",
    "import_genai_prices",
    "lint",
]
