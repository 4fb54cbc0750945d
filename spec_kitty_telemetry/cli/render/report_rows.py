"""The rows of a report as a table shows them: with the sum of what is left out, the total, and missions as headings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from spec_kitty_telemetry.cli.render import wording
from spec_kitty_telemetry.reports.view import SORTABLE, in_order

if TYPE_CHECKING:
    from spec_kitty_telemetry.reports.dimensions import Value
    from spec_kitty_telemetry.reports.summary import CostSummary
    from spec_kitty_telemetry.reports.view import View

_ABSENT = frozenset({"feature", "wp"})
"""Dimensions that a run may well have none of; any other has one that nobody recorded.  Tags are like these."""


class TableRow(NamedTuple):
    """One row of a table."""

    names: list[str]
    summary: CostSummary
    kind: Literal["group", "heading", "rest", "total"] = "group"


def flat_rows(view: View) -> list[TableRow]:
    """Return a row for each group, with a cell for each dimension."""
    return _with_sums(view, [TableRow(_names(row, view.by), row) for row in view.rows])


def has_headings(view: View) -> bool:
    """Tell whether a mission's name would be repeated from row to row."""
    if len(view.by) == 1 or view.by[0] != "feature":
        return False
    return len({row.group["feature"] for row in view.rows}) < len(view.rows)


def headed_rows(view: View) -> list[TableRow]:
    """Return the rows below their missions, each a heading with the sum of all its rows, shown or not."""
    by = view.by
    rows: list[TableRow] = []
    for feature, subtotal in _missions(view):
        rows.append(TableRow([name_of("feature", feature), *[""] * (len(by) - 2)], subtotal, "heading"))
        for row in view.rows:
            if row.group["feature"] == feature:
                first, *others = _names(row, by)[1:]
                rows.append(TableRow([f"  {first}", *others], row))
    return _with_sums(view, rows)


def _missions(view: View) -> list[tuple[Value, CostSummary]]:
    """Return the missions that have a row, each with its sum, in the order of the report."""
    features = list(dict.fromkeys(row.group["feature"] for row in view.rows))
    sums = {each: view.report.sum_of(row for row in view.report.rows if row.group["feature"] == each)
            for each in features}  # fmt: skip
    if view.order.name not in SORTABLE:
        return list(sums.items())
    places = {id(row): feature for feature, row in sums.items()}
    return [(places[id(row)], row) for row in in_order(list(sums.values()), view.order)]


def _with_sums(view: View, rows: list[TableRow]) -> list[TableRow]:
    blank = [""] * (len(rows[0].names) - 1) if rows else []
    if view.rest is not None:
        label = f"… and {view.rest_count:,} {'before' if view.rest_first else 'more'}"
        rows.insert(0 if view.rest_first else len(rows), TableRow([label, *blank], view.rest, "rest"))
    if len(rows) > 1:  # one row alone is the total
        rows.append(TableRow(["total", *blank], view.total, "total"))
    return rows


def _names(row: CostSummary, by: tuple[str, ...]) -> list[str]:
    return [name_of(dimension, row.group[dimension]) for dimension in by]


def name_of(dimension: str, value: Value) -> str:
    """Return the value of a dimension for a person."""
    if value is not None:
        return wording.shown(value)
    return wording.NONE if dimension in _ABSENT or dimension.startswith("tag:") else wording.UNKNOWN
