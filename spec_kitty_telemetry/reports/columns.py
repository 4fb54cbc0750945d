"""The columns of a report: one line each says what it shows, how tables write it and whether `--sort` knows it.

JSON and CSV have all numbers of a row, in the order of their published schema (`cli/render/report_json.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from spec_kitty_telemetry.reports.summary import CostSummary

Kind = Literal["count", "if any", "tokens", "time", "money", "estimate", "cost", "share", "bar"]
"""How a table writes it: `if any` leaves 0 out, `estimate` and `cost` have their marks (`~`, `≥`)."""


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
    def heading(self) -> str:
        """What stands above it in a table."""
        return self.title or self.name


COLUMNS = (
    Column("runs", "count", lambda row: row.event_count, 0),
    Column("succeeded", "count", lambda row: row.succeeded_event_count),
    Column("failed", "if any", lambda row: row.failed_event_count, 5),
    Column("rejected", "count", lambda row: row.rejected_event_count),
    Column("input", "tokens", lambda row: row.total_input_tokens, 0),
    Column("cached", "tokens", lambda row: row.cache_read_tokens, 4),
    Column("cache-write", "tokens", lambda row: row.cache_write_tokens),
    Column("output", "tokens", lambda row: row.total_output_tokens, 0),
    Column("reasoning", "tokens", lambda row: row.reasoning_tokens),
    Column("time", "time", lambda row: row.duration_ms, 2),
    Column("reported", "money", lambda row: row.reported_cost_usd, 6),
    Column("estimated", "estimate", lambda row: row.estimated_cost_usd, 6, title="estimate"),
    Column("cost", "cost", lambda row: row.total_cost_usd, 0, title="total"),
    Column("share", "share", lambda row: row.total_cost_usd, 3, compares=True),
)
"""In the order of a table."""
