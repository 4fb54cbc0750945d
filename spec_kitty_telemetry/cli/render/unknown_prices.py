"""Models without a price, and what to write into the settings to give them one without changing any other price."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render import tables, wording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports.costing import UnknownModel

_OTHER_KEYS = "# also, where they have rates of their own: cache_read, cache_write_5m, cache_write_1h (docs/prices.md)"


def lines(models: Sequence[UnknownModel], settings_path: Path, book: PriceBook) -> list[str]:
    """Return the models as a table, and entries to paste into the settings file."""
    if not models:
        return ["Every model in these records has a price."]
    rows = [[_called(each), f"{each.event_count:,}", f"{each.input_tokens:,}", f"{each.output_tokens:,}"]
            for each in models]  # fmt: skip
    text = [tables.table(["model", "runs", "input", "output"], rows, 1), ""]
    if named := [(each.model, each.provider) for each in models if each.model]:
        text += [f"To give them a price, put this into {wording.shown(settings_path)} and fill in dollars per million",
                 "tokens:", "", "pricing:", "  models:"]  # fmt: skip
        text += [line for model, provider in named for line in _entry(model, provider, book)]
    if any(each.model is None for each in models):
        text += ["", "For an agent that never says its model, name the one it uses:", "",
                 "pricing:", "  agents:", "    codex: {model: gpt-6-sol}"]  # fmt: skip
    return text


def _called(model: UnknownModel) -> str:
    return (model.model or "(not said)") + (f" at {model.provider}" if model.provider else "")


def _entry(model: str, provider: str | None, book: PriceBook) -> list[str]:
    """Return an entry in which only what must be given is missing.

    Where nobody said who bills and others have a price for that name, that is to be given too: without a provider the
    entry would count for them as well.
    """
    entry = [f"    - id: {_quoted(model)}"]
    if provider:
        entry.append(f"      provider: {_quoted(provider)}")
    elif book.describe(model) is not None:
        entry.append("      provider:  # who bills these runs; others have a price for this name already")
    return [*entry, "      input:", "      output:", f"      {_OTHER_KEYS}"]


def _quoted(text: str) -> str:
    return json.dumps(wording.shown(text))  # JSON strings are YAML strings
