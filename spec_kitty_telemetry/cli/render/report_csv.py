"""A report as CSV for spreadsheets and programs: plain numbers, what qualifies them in columns of their own.

An empty cell is unknown.  There is no total among the rows, so that a column can be added up.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.output import complain
from spec_kitty_telemetry.cli.render import report_notes, wording
from spec_kitty_telemetry.cli.render.report_json import Converted, numbers

if TYPE_CHECKING:
    from spec_kitty_telemetry.cli.formats import ReportRequest

_MARKS = ("cost_is_estimated", "cost_is_floor", "cost_is_in_doubt")
_FIELDS = {
    "runs": ("event_count",),
    "succeeded": ("succeeded_event_count",),
    "failed": ("failed_event_count",),
    "rejected": ("rejected_event_count",),
    "input": ("total_input_tokens",),
    "cached": ("cache_read_tokens",),
    "cache-write": ("cache_write_tokens",),
    "output": ("total_output_tokens",),
    "reasoning": ("reasoning_tokens",),
    "time": ("duration_ms",),
    "reported": ("reported_cost_usd", "reported_cost"),
    "estimated": ("estimated_cost_usd", "estimated_cost"),
    "cost": ("total_cost_usd", "total_cost", *_MARKS),
    "share": ("share_of_total_cost",),
}
"""A column of `--columns` → what CSV has of it: an amount never stands without what qualifies it."""
_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20-"
_FORMULA = re.compile(rf"(\A|[;,|])(\s*)(?=[{_SIGNS}])")
"""Where a spreadsheet begins a formula: in a cell, and in what it takes for one where another sign separates cells.

Tabs and line ends are replaced before.
"""


def write(request: ReportRequest) -> str:
    """Return the rows alone; all else goes to stderr, where it spoils no column."""
    view = request.usd_view or request.view
    if view.rest is not None:
        complain(f"{view.rest_count:,} more rows are left out (--limit 0 writes all).")
    for line in report_notes.as_lines(report_notes.all_notes(request)):
        complain(line)
    return csv_text(request)


def csv_text(request: ReportRequest) -> str:
    r"""Return the rows as CSV (RFC 4180, but lines end with `\n`), the dimensions first; the names are JSON's."""
    import csv
    import io

    view, local = request.usd_view or request.view, Converted(request)
    code = {} if local.document() is None else {"currency": request.currency}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    whole = view.total.total_cost_usd
    titles = [*numbers(view.total, whole), *local.total(), *code]
    if request.columns:
        wanted = [name for column in request.columns for name in _FIELDS[column.name]]
        titles = [name for name in dict.fromkeys((*wanted, "currency")) if name in titles]
    writer.writerow([*map(cell, view.by), *titles])
    for row in view.rows:
        amounts = {**numbers(row, whole), **local.row(row), **code}
        writer.writerow(map(cell, [*row.group.values(), *(amounts[name] for name in titles)]))
    return text.getvalue().removesuffix("\n")


def cell(value: object) -> str:
    """Return `value` as the text of a cell: no cell begins a formula, none holds a control character."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int):
        return str(value)
    text = wording.shown(value)
    return _FORMULA.sub(r"\1'\2", text)
