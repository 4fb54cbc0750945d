"""A report as a table for a person: columns that fit the terminal, and what the report does not know below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import tabulate  # noqa: F401 - `text.table` needs it: a report imports it while other processes count

from spec_kitty_telemetry.cli.render import report_notes, tables, terminal, wording
from spec_kitty_telemetry.model.money import share
from spec_kitty_telemetry.reports.columns import COLUMNS, Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from spec_kitty_telemetry.cli.formats import ReportRequest
    from spec_kitty_telemetry.reports.summary import CostSummary
    from spec_kitty_telemetry.reports.view import View

BAR_CELLS = 12


class _Style(NamedTuple):
    """How the numbers of one table are written."""

    compact: bool
    """1.52M instead of 1,524,514."""
    places: int
    """Decimals of all amounts of money."""
    whole_usd: Decimal | None
    """What shares are shares of."""
    longest_usd: Decimal | None
    """The cost of the row whose bar is full."""
    currency: str = "USD"
    """What all amounts are in."""


def _money(amount: Decimal | None, style: _Style, mark: str = "") -> str:
    return wording.money(amount, mark, places=style.places, currency=style.currency)


def _share(part_usd: Decimal | None, whole_usd: Decimal | None) -> str:
    found = share(part_usd, whole_usd)
    return "<0.1%" if part_usd and found == 0 else wording.percent(found)


_CELLS: dict[str, Callable[[CostSummary, Any, _Style], str]] = {
    "count": lambda _row, number, _style: f"{number:,}",
    "if any": lambda _row, number, _style: f"{number:,}" if number else "",
    "tokens": lambda _row, number, style: wording.count(number, compact=style.compact),
    "time": lambda _row, number, _style: wording.duration(number),
    "money": lambda _row, amount, style: _money(amount, style),
    "estimate": lambda _row, amount, style: _money(amount, style, "~"),
    "cost": lambda row, _amount, style: cost(row, style.places, style.currency),
    "share": lambda _row, amount, style: _share(amount, style.whole_usd),
    "bar": lambda _row, amount, style: wording.bar(amount, style.longest_usd, BAR_CELLS),
}
"""Kind of a column → how a table writes its number."""
SHOWN = tuple(column for column in COLUMNS if column.given_up is not None)
_BAR = Column("", "bar", lambda row: row.total_cost_usd, 1, compares=True)


def write(request: ReportRequest) -> str:
    """Return the report for a person."""
    below = report_notes.as_lines(report_notes.all_notes(request))
    if not request.view.total.event_count:
        return "\n".join([report_notes.nothing(request.context.search), *below])
    if request.to_file:
        return "\n".join([*lines(request.view, terminal.UNLIMITED, request.currency), "", *below])
    return "\n".join([*tables.coloured(lines(request.view, terminal.width(), request.currency)), "", *below])


def lines(view: View, width: int, currency: str = "USD") -> list[str]:
    """Return the widest table of `view` that fits `width` columns: fewer columns first, then shorter names.

    Whole numbers are preferred, then numbers with units.
    """
    whole, compact = Texts(view, compact=False, currency=currency), Texts(view, compact=True, currency=currency)
    wanted = wanted_columns(view, whole, (*SHOWN, _BAR))
    columns = wanted
    for given_up in range(max(column.given_up or 0 for column in SHOWN) + 1):
        columns = [column for column in wanted if not 0 < (column.given_up or 0) <= given_up]
        for texts in (whole, compact):
            if texts.width(columns) <= width:
                return _table(view, texts, columns)
    return _with_shorter_names(view, compact, columns, width)


def cost(row: CostSummary, places: int, currency: str = "USD") -> str:
    """Return the cost of `row` with what qualifies it: `~` has estimates in it, `≥` is a floor."""
    if row.total_cost_usd is None:
        return "unknown" if row.event_count else wording.UNKNOWN
    marks = wording.cost_marks(is_floor=row.is_lower_bound, is_estimated=bool(row.estimated_cost_usd))
    return wording.money(row.total_cost_usd, marks, places=places, currency=currency)


class Texts:
    """The cells of a table, column by column and each made once, so that what fits is known before it is drawn."""

    def __init__(self, view: View, *, compact: bool, currency: str = "USD") -> None:
        """Prepare the rows of `view` with the sums of those that are left out and of all among them."""
        known = [row.total_cost_usd for row in view.rows if row.total_cost_usd is not None]
        places = wording.money_places(view.total.total_cost_usd)
        self._style = _Style(compact, places, view.total.total_cost_usd, max(known, default=None), currency)
        blank = [""] * (len(view.by) - 1)
        names = [[_value(value) for value in row.group.values()] for row in view.rows]
        rows = list(view.rows)
        self._sums: set[int] = set()
        """The places of the rows that are sums of others."""
        if view.rest is not None:
            index = 0 if view.rest_first else len(rows)
            rows.insert(index, view.rest)
            names.insert(index, [f"… and {view.rest_count:,} {'before' if view.rest_first else 'more'}", *blank])
            self._sums.add(index)
        self.has_total = len(rows) > 1
        """Whether the last row is the total: one row alone needs none."""
        if self.has_total:
            self._sums.add(len(rows))
            rows.append(view.total)
            names.append(["total", *blank])
        self._rows, self.names = rows, names
        self._titles = view.by
        self._made: dict[Column, list[str]] = {}

    def of(self, column: Column) -> list[str]:
        """Return the cells of `column`; a sum has no bar, it would be longer than all others."""
        if column not in self._made:
            self._made[column] = [
                ""
                if column is _BAR and index in self._sums
                else _CELLS[column.kind](row, column.value(row), self._style)
                for index, row in enumerate(self._rows)
            ]
        return self._made[column]

    def rows(self, columns: Sequence[Column]) -> list[list[str]]:
        """Return the rows with their names and the cells of `columns`."""
        return [[*names, *cells] for names, *cells in zip(self.names, *map(self.of, columns), strict=True)]

    def width(self, columns: Sequence[Column]) -> int:
        """Return how many columns of a terminal the table needs."""
        names = [[title, *cells] for title, cells in zip(self._titles, zip(*self.names, strict=True), strict=True)]
        return tables.width_of([*names, *([column.heading, *self.of(column)] for column in columns)])


def wanted_columns(view: View, texts: Texts, columns: Sequence[Column]) -> list[Column]:
    """Return the columns that say something about this report: that compare several rows, that are not empty."""
    return [
        column
        for column in columns
        if (len(view.rows) > 1 or not column.compares)
        and (not column.given_up or not {"", wording.UNKNOWN}.issuperset(texts.of(column)))
    ]


def _table(view: View, texts: Texts, columns: Sequence[Column], name_width: int | None = None) -> list[str]:
    rows = texts.rows(columns)
    if name_width is not None:
        rows = [
            [*(wording.cut(cell, name_width) for cell in row[: len(view.by)]), *row[len(view.by) :]] for row in rows
        ]
    titles = [*view.by, *(column.heading for column in columns)]
    return tables.table(titles, rows, len(view.by), total=texts.has_total, bar=_BAR in columns).splitlines()


def _with_shorter_names(view: View, texts: Texts, columns: Sequence[Column], width: int) -> list[str]:
    """Return the table with its names cut until it fits, or as short as a name can be."""
    text: list[str] = []
    for name_width in range(max(width // len(view.by), 12), 9, -2):
        text = _table(view, texts, columns, name_width)
        if tables.widest(text) <= width:
            break
    return text


def _value(value: object) -> str:
    return wording.UNKNOWN if value is None else wording.shown(value)
