"""A plugin as somebody else writes one: it keeps a diary of runs, and knows what its company pays for a model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry import hookimpl

if TYPE_CHECKING:
    from spec_kitty_telemetry import Invocation, InvocationResult
    from spec_kitty_telemetry.pricing import Price


@hookimpl
def after_invocation(invocation: Invocation, result: InvocationResult) -> None:
    """Add a line to the diary that the environment names."""
    with Path(os.environ["HOUSE_DIARY"]).open("a", encoding="utf-8") as diary:
        diary.write(f"{invocation.wp_id} {invocation.role} {invocation.agent} {result.settled_outcome()}\n")


@hookimpl
def find_price(model: str) -> Price | None:
    """Answer for the one model that has a contract."""
    if model != "claude-sonnet-4-6":
        return None
    from spec_kitty_telemetry.pricing import Price

    return Price.per_million(model=model, input="1", output="2")
