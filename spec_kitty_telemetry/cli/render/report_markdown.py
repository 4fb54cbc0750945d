"""A report as a Markdown table, for a pull request or a wiki; the notes follow as a list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render import context_line, report_notes, report_table, wording
from spec_kitty_telemetry.cli.render.report_rows import flat_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spec_kitty_telemetry.cli.formats import ReportRequest
    from spec_kitty_telemetry.cli.render.report_notes import Note
    from spec_kitty_telemetry.reports.columns import Column
    from spec_kitty_telemetry.reports.view import View

_ADDRESS = re.compile(r"(www)\.", re.IGNORECASE)
"""What GitHub makes a link of without a scheme."""
_BEGINNING = re.compile(r"\A(\s*(?:\d{1,9}(?=[.)](?:\s|\Z)))?)([-+=.)](?=[\s=-]|\Z))")
"""What a list, a heading or a rule begins with."""
_REFERENCE = re.compile(r"(\\@(?=\w)|\\#(?=\d))")
"""What GitHub makes a mention, an address or an issue of, also where its sign is escaped; a comment parts it."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#!&@])")


def write(request: ReportRequest) -> str:
    """Return the report as Markdown."""
    below = notes(report_notes.all_notes(request))
    if not request.view.total.event_count:
        return "\n".join([text(report_notes.nothing(request.context.search).replace("\n", " ")), "", *below])
    about: Note = (" · ".join(context_line.parts(request.context, request.currency, request.projects)), [])
    table_lines = lines(request.view, request.currency, request.columns)
    legend: list[Note] = [(each, []) for each in wording.legend(table_lines)]
    return "\n".join([*table_lines, "", *notes([about, *legend]), *below])


def lines(view: View, currency: str = "USD", chosen: Sequence[Column] = ()) -> list[str]:
    """Return the lines of the whole table."""
    texts = report_table.Texts(view, flat_rows(view), compact=False, currency=currency)
    columns = chosen or report_table.wanted_columns(view, texts, report_table.SHOWN)
    titles = [*(text(name) for name in view.by), *(column.heading for column in columns)]
    rows = [[*map(text, row[: len(view.by)]), *row[len(view.by) :]] for row in texts.rows(columns)]
    if texts.has_total:
        rows[-1] = [f"**{cell}**" if cell else "" for cell in rows[-1]]
    return table(titles, rows, len(view.by))


def text(value: object) -> str:
    """Return `value` so that Markdown shows it as it is: no markup, no HTML, no new cell, no control character."""
    safe = _SPECIAL.sub(r"\\\1", wording.shown(value).strip()).replace("://", ":\\//")
    safe = _REFERENCE.sub(r"\1<!-- -->", safe)
    return _BEGINNING.sub(r"\1\\\2", _ADDRESS.sub(r"\1\\.", safe))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], left_columns: int) -> list[str]:
    """Return the lines of a table; the first `left_columns` columns hold text, the others numbers.

    The cells are Markdown already.
    """
    rule = [":--"] * left_columns + ["--:"] * (len(headers) - left_columns)
    return [f"| {' | '.join(cells)} |" for cells in (headers, rule, *rows)]


def notes(found: Iterable[Note]) -> list[str]:
    """Return notes as a list, with what they list below them."""
    return [
        line for sentence, items in found for line in (f"- {text(sentence)}", *(f"  - {text(item)}" for item in items))
    ]
