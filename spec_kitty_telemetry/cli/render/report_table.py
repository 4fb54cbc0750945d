"""A report as a table for a person: what it is about, columns that fit, and what the report does not know below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import tabulate  # noqa: F401 - `text.table` needs it: a report imports it while other processes count

from spec_kitty_telemetry.cli.render import context_line, report_notes, tables, terminal, wording
from spec_kitty_telemetry.cli.render.fitting import ESSENTIAL, ScreenColumn, drawn, fit
from spec_kitty_telemetry.cli.render.report_rows import flat_rows, has_headings, headed_rows
from spec_kitty_telemetry.model.money import share
from spec_kitty_telemetry.reports.columns import COLUMNS, Column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from spec_kitty_telemetry.cli.formats import ReportRequest
    from spec_kitty_telemetry.cli.render.report_rows import TableRow
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
    "count": lambda _row, number, _style: f"{number:,}" if number else wording.NONE,
    "if any": lambda _row, number, _style: f"{number:,}" if number else wording.NONE,
    "tokens": lambda row, number, style: _known(row, wording.count(number, compact=style.compact)),
    "time": lambda row, number, _style: _known(row, wording.duration(number)),
    "money": lambda _row, amount, style: wording.NONE if amount is None else _money(amount, style),
    "estimate": lambda _row, amount, style: wording.NONE if amount is None else _money(amount, style, "~"),
    "cost": lambda row, _amount, style: cost(row, style.places, style.currency),
    "share": lambda row, amount, style: _known(row, _share(amount, style.whole_usd)),
    "bar": lambda _row, amount, style: wording.bar(amount, style.longest_usd, BAR_CELLS),
}
"""Kind of a column → how a table writes its number."""
SHOWN = tuple(column for column in COLUMNS if column.given_up is not None)
_BAR = Column("", "bar", lambda row: row.total_cost_usd, 1, compares=True)


def write(request: ReportRequest) -> str:
    """Return the report for a person."""
    view, context = request.view, request.context
    below = report_notes.as_lines(report_notes.all_notes(request))
    if not view.total.event_count:
        return "\n".join([report_notes.nothing(context.search), *below])
    width = terminal.UNLIMITED if request.to_file else terminal.width()
    table = lines(view, width, request.currency, request.columns)
    above = context_line.lines(context, width, request.currency, request.projects)
    shown = table if request.to_file else tables.coloured(table)
    return "\n".join([*above, "", *shown, "", *wording.legend(table), *left_out(table, request.columns), *below])


def lines(view: View, width: int, currency: str = "USD", chosen: Sequence[Column] = ()) -> list[str]:
    """Return the fullest table of `view` that fits `width` columns, or that with the columns that were `chosen`."""
    headed = has_headings(view)
    texts = Texts(view, headed_rows(view) if headed else flat_rows(view), compact=True, currency=currency)
    columns = chosen or wanted_columns(view, texts, (*SHOWN, _BAR))
    titles = [f"feature / {view.by[1]}", *view.by[2:]] if headed else view.by
    names = [
        ScreenColumn(title, cells, "name") for title, cells in zip(titles, zip(*texts.names, strict=True), strict=True)
    ]
    numbers = [
        ScreenColumn(
            each.heading,
            texts.of(each),
            "bar" if each is _BAR else "number",
            # Of chosen columns the first is the last to go.
            (ESSENTIAL + len(chosen) - place if place else 0) if chosen else each.given_up or 0,
        )
        for place, each in enumerate(columns)
    ]
    return drawn(fit([*names, *numbers], width, texts.sums), has_total=texts.has_total)


def left_out(table: Sequence[str], chosen: Sequence[Column]) -> list[str]:
    """Return which of the columns that somebody chose have no room in `table`."""
    missing = [column.heading for column in chosen if column.heading not in table[0].split()]
    text = f"No room here for {', '.join(missing)}; a wider terminal or --output shows all."
    return report_notes.as_lines([(text, [])] if missing else [])


def cost(row: CostSummary, places: int, currency: str = "USD") -> str:
    """Return the cost of `row` with what qualifies it: `~` has estimates in it, `≥` is a floor."""
    if row.total_cost_usd is None:
        return wording.UNKNOWN if row.event_count else wording.NONE
    marks = wording.cost_marks(is_floor=row.is_lower_bound, is_estimated=bool(row.estimated_cost_usd))
    return wording.money(row.total_cost_usd, marks, places=places, currency=currency)


def _known(row: CostSummary, text: str) -> str:
    """Return `text`, or nothing's sign for a row without runs: there is nothing to know."""
    return text if row.event_count else wording.NONE


class Texts:
    """The cells of a table, column by column and each made once."""

    def __init__(self, view: View, rows: list[TableRow], *, compact: bool, currency: str = "USD") -> None:
        """Prepare the cells of `rows`, which are those of `view` and its sums."""
        known = [row.total_cost_usd for row in view.rows if row.total_cost_usd is not None]
        places = wording.money_places(view.total.total_cost_usd)
        self._style = _Style(compact, places, view.total.total_cost_usd, max(known, default=None), currency)
        self._rows = rows
        self.names = [row.names for row in rows]
        self.sums = frozenset(place for place, row in enumerate(rows) if row.kind in {"rest", "total"})
        """The places of the rows whose names say what is summed."""
        self.has_total = bool(rows) and rows[-1].kind == "total"
        self._made: dict[Column, list[str]] = {}

    def of(self, column: Column) -> list[str]:
        """Return the cells of `column`; a sum has no bar, it would be longer than all others."""
        if column not in self._made:
            self._made[column] = [
                ""
                if column is _BAR and row.kind != "group"
                else _CELLS[column.kind](row.summary, column.value(row.summary), self._style)
                for row in self._rows
            ]
        return self._made[column]

    def rows(self, columns: Sequence[Column]) -> list[list[str]]:
        """Return the rows with their names and the cells of `columns`."""
        return [[*names, *cells] for names, *cells in zip(self.names, *map(self.of, columns), strict=True)]


def wanted_columns(view: View, texts: Texts, columns: Sequence[Column]) -> list[Column]:
    """Return the columns that say something about this report: that compare several rows, that are not empty."""
    return [
        column
        for column in columns
        if (len(view.rows) > 1 or not column.compares)
        and (not column.is_optional or not {"", wording.UNKNOWN, wording.NONE}.issuperset(texts.of(column)))
    ]
