"""The prices a report uses: other people's plugins first, then overrides and the shipped tables."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.pricing import Price, PriceBook
    from spec_kitty_telemetry.reports.costing import FindPrice


def find_price_for(book: PriceBook, project_root: Path) -> FindPrice:
    """Return a finder over `book` that asks other plugins first, where any is installed that could answer.

    Without one pluggy is not even imported.
    """
    from spec_kitty_telemetry.hooks.discovery import other_plugins

    if not other_plugins():
        return book.find
    from spec_kitty_telemetry.hooks.manager import Hooks

    hooks = Hooks.load(project_root)
    return asking(hooks, book) if hooks.has("find_price") else book.find


def asking(hooks: Hooks, book: PriceBook) -> FindPrice:
    """Return a finder that asks the plugins of `hooks`, then `book`.

    Answers are not kept for longer than one moment: a plugin may have rates by the hour.
    """

    @lru_cache(maxsize=1024)
    def asked(model: str, provider: str | None, at: datetime) -> Price | None:
        return hooks.find_price(model, provider, at)

    def find(
        model: str | None,
        provider: str | None,
        at: datetime,
        agent: str | None,
        context: Mapping[str, str] | None = None,
    ) -> Price | None:
        default = book.default_for(agent) if model is None else None
        name = default.model if default else model
        if name is None:
            return None
        price = asked(name, provider or (default.provider if default else None), at)
        if price is not None:
            book.note_plugin(price)
        if price is not None and default:
            book.note_default(agent)
        return price or book.find(model, provider, at, agent, context)

    return find
