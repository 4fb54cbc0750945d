"""The columns of a report: one line each says what it shows, how tables write it and whether `--sort` knows it.

JSON and CSV have all numbers of a row, in the order of their published schema (`cli/render/report_json.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from spec_kitty_telemetry.errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from spec_kitty_telemetry.reports.summary import CostSummary

Kind = Literal["count", "if any", "tokens", "time", "money", "estimate", "cost", "share", "bar"]
"""How a table writes it: `if any` has a sign for 0, `estimate` and `cost` have their marks (`~`, `≥`)."""


class Column(NamedTuple):
    """One number of a row."""

    name: str
    """What `--sort` calls it, and its heading in tables where there is no `title`."""
    kind: Kind
    value: Callable[[CostSummary], int | Decimal | None]
    given_up: int | None = None
    """When a narrow table leaves it out: 1 first, 0 never; `None`: it is only to sort by."""
    title: str = ""
    compares: bool = False
    """Whether it sets rows against each other, which one row alone cannot use."""

    @property
    def is_optional(self) -> bool:
        """Whether a table leaves it out where no row fills it."""
        return self.name not in {"runs", "input", "output", "cost"}

    @property
    def heading(self) -> str:
        """What stands above it in a table."""
        return self.title or self.name


COLUMNS = (
    Column("runs", "count", lambda row: row.event_count, 7),
    Column("succeeded", "count", lambda row: row.succeeded_event_count),
    Column("failed", "if any", lambda row: row.failed_event_count, 9),
    Column("rejected", "count", lambda row: row.rejected_event_count),
    Column("input", "tokens", lambda row: row.total_input_tokens, 5),
    Column("cached", "tokens", lambda row: row.cache_read_tokens, 2),
    Column("cache-write", "tokens", lambda row: row.cache_write_tokens),
    Column("output", "tokens", lambda row: row.total_output_tokens, 4),
    Column("reasoning", "tokens", lambda row: row.reasoning_tokens),
    Column("time", "time", lambda row: row.duration_ms, 3),
    Column("reported", "money", lambda row: row.reported_cost_usd, 6),
    Column("estimated", "estimate", lambda row: row.estimated_cost_usd, 6, title="estimate"),
    Column("cost", "cost", lambda row: row.total_cost_usd, 0, title="total"),
    Column("share", "share", lambda row: row.total_cost_usd, 8, compares=True),
)
"""In the order of a table."""
_ALIASES = {"total": "cost", "estimate": "estimated", "duration": "time", "events": "runs"}


def columns_named(text: str) -> tuple[Column, ...]:
    """Return the columns that `text` names, in its order: `cost,share,failed`.

    :raises FilterError: there is no such column.
    """
    known = {column.name: column for column in COLUMNS}
    names = [name.strip() for name in text.split(",")]
    found = {name: known.get(_ALIASES.get(name, name)) for name in names}
    for name, column in found.items():
        if column is None:
            raise FilterError(f"unknown column {name!r} in --columns; choose from {', '.join(known)}")
    return tuple(dict.fromkeys(column for column in found.values() if column is not None))
