"""Which rows of a report are shown, and in which order: sorted, cut at a limit, with the sums of the rest.

Pure: it opens nothing and prints nothing, so that every format shows the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.reports import dimensions
from spec_kitty_telemetry.reports.columns import COLUMNS

if TYPE_CHECKING:
    from spec_kitty_telemetry.reports.dimensions import Value
    from spec_kitty_telemetry.reports.summary import CostReport, CostSummary

TIMES = frozenset({"day", "week", "month"})
_MONEY = ("cost", "money", "estimate")
SORTABLE = {
    column.name: column.value
    for column in sorted(COLUMNS, key=lambda column: (*_MONEY, column.kind).index(column.kind))
    if column.kind != "share"  # in the order of the costs
}
"""What `--sort` knows besides the report's dimensions, money first."""
_ALIASES = {"total": "cost", "share": "cost", "estimate": "estimated", "duration": "time", "events": "runs"}


class Order(NamedTuple):
    """A column or a dimension to sort by, or `dimensions` for all of them in their order."""

    name: str
    ascending: bool


class View(NamedTuple):
    """The rows of a report that are shown."""

    report: CostReport
    order: Order
    limit: int
    """0: all."""
    rows: list[CostSummary]
    rest: CostSummary | None
    """The sums of the rows that are not shown."""
    rest_count: int
    rest_first: bool
    """Whether the rest comes before the rows: in the order of time the newest rows are the ones that stay."""

    @property
    def by(self) -> tuple[str, ...]:
        """The dimensions of the report."""
        return self.report.by

    @property
    def total(self) -> CostSummary:
        """The sums of all rows, shown or not, in which each run counts once."""
        return self.report.total


def arranged(report: CostReport, order: Order, limit: int) -> View:
    """Return the rows of `report` in `order`; at most `limit` of them, 0 for all."""
    rows = in_order(report.rows, order)
    cut = len(rows) - limit if 0 < limit < len(rows) else 0
    rest_first = cut > 0 and order.ascending and _first_dimension(order, report.by) in TIMES
    shown, rest = (rows[cut:], rows[:cut]) if rest_first else (rows[: len(rows) - cut], rows[len(rows) - cut :])
    return View(
        report=report,
        order=order,
        limit=limit,
        rows=shown,
        rest=report.sum_of(rest) if rest else None,
        rest_count=len(rest),
        rest_first=rest_first,
    )


def order_named(text: str | None, by: tuple[str, ...], *, reverse: bool = False) -> Order:
    """Return the order that `text` names for a report by the dimensions `by`.

    Numbers begin with the greatest, dimensions with the least; a `-` before the name or `reverse` turns that round,
    both together turn it back.  Without a name the dearest comes first, or, where there are buckets of time, the
    dimensions count in their own order.

    :raises FilterError: there is no such column or dimension.
    """
    turned = reverse
    name = text
    if name is not None and name.startswith("-"):
        name, turned = name[1:], not reverse
    if name is None:
        name = "dimensions" if not TIMES.isdisjoint(by) else "cost"
    name = _ALIASES.get(name, dimensions.own_name(name))
    if name not in SORTABLE and name != "dimensions" and name not in by:
        raise FilterError(
            f"found the column {name!r} to sort by, expected one of {', '.join([*SORTABLE, 'dimensions'])}, "
            f"or a dimension of this report ({', '.join(by)})"
        )
    return Order(name, ascending=(name not in SORTABLE) != turned)


def in_order(rows: list[CostSummary], order: Order) -> list[CostSummary]:
    """Return `rows` sorted; what is unknown comes last in either direction, and equals go by cost and name."""
    every = sorted(rows, key=lambda row: (-(row.total_cost_usd or 0), -(row.total_input_tokens or 0), row.group_key))
    if order.name in SORTABLE:
        column = SORTABLE[order.name]
        known = [row for row in every if column(row) is not None]
        unknown = [row for row in every if column(row) is None]
        return [*sorted(known, key=lambda row: column(row) or 0, reverse=not order.ascending), *unknown]
    names = list(every[0].group) if every and order.name == "dimensions" else [order.name]
    for name in reversed(names):
        known = [row for row in every if row.group[name] is not None]
        unknown = [row for row in every if row.group[name] is None]
        every = [*sorted(known, key=lambda row: _key(row.group[name]), reverse=not order.ascending), *unknown]
    return every


def _key(value: Value) -> tuple[bool, Value]:
    return isinstance(value, str), value


def _first_dimension(order: Order, by: tuple[str, ...]) -> str:
    return by[0] if order.name == "dimensions" else order.name
