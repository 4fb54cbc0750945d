"""A report as a table for a person: columns that fit the terminal, and what the report does not know below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.cli import report_markdown, tables
from spec_kitty_telemetry.cost_sums import is_floor, share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from spec_kitty_telemetry.cli.report_view import View
    from spec_kitty_telemetry.cost import CostSummary

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


class _Column(NamedTuple):
    """One column of numbers."""

    title: str
    cell: Callable[[CostSummary, _Style], str]
    given_up: int = 0
    """When it is left out to save width: 1 first; 0 never."""
    compares: bool = False
    """Whether it sets rows against each other, which one row alone cannot use."""


def _some(number: int) -> str:
    return f"{number:,}" if number else ""


_BAR = _Column("", lambda row, style: tables.bar(row.total_cost_usd, style.longest_usd, BAR_CELLS), 1, compares=True)
_COLUMNS = (
    _Column("runs", lambda row, style: f"{row.event_count:,}"),
    _Column("failed", lambda row, style: _some(row.failed_event_count), 5),
    _Column("input", lambda row, style: tables.count(row.total_input_tokens, compact=style.compact)),
    _Column("cached", lambda row, style: tables.count(row.cache_read_tokens, compact=style.compact), 4),
    _Column("output", lambda row, style: tables.count(row.total_output_tokens, compact=style.compact)),
    _Column("time", lambda row, style: tables.duration(row.duration_ms), 2),
    _Column("reported", lambda row, style: tables.money(row.reported_cost_usd, places=style.places), 6),
    _Column("estimate", lambda row, style: tables.money(row.estimated_cost_usd, "~", places=style.places), 6),
    _Column("total", lambda row, style: cost(row, style.places)),
    _Column("share", lambda row, style: tables.percent(share(row.total_cost_usd, style.whole_usd)), 3, compares=True),
)


def lines(view: View, width: int) -> list[str]:
    """Return the widest table of `view` that fits `width` columns: fewer columns first, then shorter names.

    Whole numbers are preferred, then numbers with units.
    """
    wanted = _wanted(view, (*_COLUMNS, _BAR))
    columns = wanted
    for given_up in range(max(column.given_up for column in _COLUMNS) + 1):
        columns = [column for column in wanted if not 0 < column.given_up <= given_up]
        for compact in (False, True):
            text = _table(view, columns, compact=compact)
            if tables.widest(text) <= width:
                return text
    return _with_shorter_names(view, columns, width)


def markdown(view: View) -> list[str]:
    """Return the lines of the whole table in Markdown."""
    columns = _wanted(view, _COLUMNS)
    titles = [*(report_markdown.text(name) for name in view.by), *(column.title for column in columns)]
    rows, has_total = _cells(view, columns, _style(view, compact=False))
    cells = [[*map(report_markdown.text, row[: len(view.by)]), *row[len(view.by) :]] for row in rows]
    if has_total:
        cells[-1] = [f"**{cell}**" if cell else "" for cell in cells[-1]]
    return report_markdown.table(titles, cells, len(view.by))


def cost(row: CostSummary, places: int) -> str:
    """Return the cost of `row` with what qualifies it: `~` has estimates in it, `≥` is a floor."""
    if row.total_cost_usd is None:
        return "unknown"
    marks = ("≥" if is_floor(row) else "") + ("~" if row.estimated_cost_usd else "")
    return tables.money(row.total_cost_usd, marks, places=places)


def _wanted(view: View, columns: Sequence[_Column]) -> list[_Column]:
    """Return the columns that say something about this report: that compare several rows, that are not empty."""
    style = _style(view, compact=False)
    return [
        column
        for column in columns
        if (len(view.rows) > 1 or not column.compares)
        and (not column.given_up or any(column.cell(row, style) not in {"", tables.UNKNOWN} for row in view.rows))
    ]


def _table(view: View, columns: list[_Column], *, compact: bool, name_width: int | None = None) -> list[str]:
    rows, has_total = _cells(view, columns, _style(view, compact=compact))
    if name_width is not None:
        rows = [[*(tables.cut(cell, name_width) for cell in row[: len(view.by)]), *row[len(view.by) :]] for row in rows]
    titles = [*view.by, *(column.title for column in columns)]
    return tables.table(titles, rows, len(view.by), total=has_total, bar=_BAR in columns).splitlines()


def _with_shorter_names(view: View, columns: list[_Column], width: int) -> list[str]:
    """Return the table with its names cut until it fits, or as short as a name can be."""
    text: list[str] = []
    for name_width in range(max(width // len(view.by), 12), 9, -2):
        text = _table(view, columns, compact=True, name_width=name_width)
        if tables.widest(text) <= width:
            break
    return text


def _cells(view: View, columns: Sequence[_Column], style: _Style) -> tuple[list[list[str]], bool]:
    """Return the rows as texts, the rest and the total among them, and whether there is a total."""

    def cells(row: CostSummary, group: list[str]) -> list[str]:
        return [*group, *(column.cell(row, style) for column in columns)]

    blank = [""] * (len(view.by) - 1)
    rows = [cells(row, [_value(value) for value in row.group.values()]) for row in view.rows]
    if view.rest is not None:
        rest = [f"… and {view.rest_count:,} {'before' if view.rest_first else 'more'}", *blank]
        rows.insert(0 if view.rest_first else len(rows), _without_bar(cells(view.rest, rest), columns))
    has_total = len(rows) > 1
    if has_total:
        rows.append(_without_bar(cells(view.total, ["total", *blank]), columns))
    return rows, has_total


def _without_bar(cells: list[str], columns: Sequence[_Column]) -> list[str]:
    return [*cells[:-1], ""] if columns[-1] is _BAR else cells


def _style(view: View, *, compact: bool) -> _Style:
    known = [row.total_cost_usd for row in view.rows if row.total_cost_usd is not None]
    places = tables.money_places(view.total.total_cost_usd)
    return _Style(compact, places, view.total.total_cost_usd, max(known, default=None))


def _value(value: object) -> str:
    return tables.UNKNOWN if value is None else str(value)
