"""`report`: what was spent, grouped by anything, and what is not known about it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from spec_kitty_telemetry.cli.completions import complete_dimensions, complete_sort
from spec_kitty_telemetry.cli.options import filter_options, format_options, format_wanted, search_for
from spec_kitty_telemetry.cli.output import json_text, write

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.cli.render.report_notes import Note
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports.costing import CostMode, FindPrice
    from spec_kitty_telemetry.reports.search import Search
    from spec_kitty_telemetry.reports.summary import CostReport
    from spec_kitty_telemetry.reports.view import View

TABLE_ROWS = 40
"""How many rows a table has where nobody said how many."""


class ReportRequest(NamedTuple):
    """What was asked and what was found: all that any format writes."""

    search: Search
    zone: ZoneInfo | None
    book: PriceBook
    cost: CostMode
    view: View

    def notes(self) -> list[Note]:
        from spec_kitty_telemetry.cli.render.report_notes import about_rows, notes

        report = self.view.report
        return [*notes(report.total, report.unknown_models, self.search, self.book, self.cost), *about_rows(report)]


@click.command("report")
@click.option(
    "--by", default="feature", show_default=True, metavar="DIMENSIONS", shell_complete=complete_dimensions,
    help="feature, wp, role, agent, model, provider, outcome, attempt, run, day, week, month, tag:<name>; "
    "several with commas.",
)  # fmt: skip
@filter_options
@click.option("--sort", metavar="COLUMN", shell_complete=complete_sort,
              help="cost, runs, failed, input, output, time … or a dimension; '-' before it turns the order round. "
              "Default: the dearest first; days, weeks and months in their order.")  # fmt: skip
@click.option("--reverse", is_flag=True, help="Turn the order round.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N",
              help=f"At most N rows, then the sum of the rest; 0: all. Default: {TABLE_ROWS} for a table.")  # fmt: skip
@click.option("--cost", type=click.Choice(["auto", "reported", "calculated"]), default="auto", show_default=True,
              help="auto: what was reported, else the list price; or one of the two alone.")  # fmt: skip
@format_options
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
              help="Write there instead of to the terminal; the file appears whole or not at all.")  # fmt: skip
def command(
    by: str,
    sort: str | None,
    *,
    reverse: bool,
    limit: int | None,
    cost: str,
    output_format: str | None,
    as_json: bool,
    output: Path | None,
    **filters: Any,
) -> None:
    """Show what was spent.

    \b
    Examples:
      report                         every feature of this project
      report --by model              which models the money went to
      report --by day --since 7d     the last week, day by day
      report --by wp,role --feature 43
      report --by agent --sort failed --limit 5
      report --by month --cost calculated --format csv --output costs.csv
      report --by feature --json | jq .total
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.reports.dimensions import checked
    from spec_kitty_telemetry.reports.view import arranged, order_named

    wanted = format_wanted(output_format, as_json=as_json)
    order = order_named(sort, checked(by), reverse=reverse)
    search, zone = search_for(**filters)
    mode = cast("CostMode", cost)
    report, book = _computed(search, by, mode, zone, wanted)
    if limit is None:
        limit = TABLE_ROWS if wanted == "table" else 0
    asked = ReportRequest(search, zone, book, mode, arranged(report, order, limit))
    target = None if str(output) == "-" else output
    write(_WRITERS[wanted](asked, target), target)


_PRINTED_WITH = {
    "table": (
        "tabulate",
        "spec_kitty_telemetry.cli.render.report_table",
        "spec_kitty_telemetry.cli.render.report_notes",
    ),
    "markdown": (
        "tabulate",
        "spec_kitty_telemetry.cli.render.report_table",
        "spec_kitty_telemetry.cli.render.report_notes",
    ),
    "csv": ("spec_kitty_telemetry.cli.render.report_csv", "spec_kitty_telemetry.cli.render.report_notes"),
    "json": ("spec_kitty_telemetry.cli.render.report_json",),
}


def _computed(
    search: Search, by: str, cost: CostMode, zone: ZoneInfo | None, output_format: str
) -> tuple[CostReport, PriceBook]:
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports.dimensions import checked
    from spec_kitty_telemetry.reports.parallel import ParallelScan
    from spec_kitty_telemetry.reports.summary import report_of
    from spec_kitty_telemetry.reports.totals import Aggregator

    book = PriceBook.load(search.project.root)
    dimensions, wanted_model = checked(by), search.filters.wanted_model()

    def counting(find_price: FindPrice, processes: int | None = None) -> ParallelScan:
        def new_aggregator() -> Aggregator:
            return Aggregator(dimensions, find_price, cost=cost, zone=zone, wanted_model=wanted_model)

        return ParallelScan(search, new_aggregator, book, processes=processes)

    with counting(book.find) as count:
        # What takes its time and can be done while other processes count: that they may have begun in vain is rare.
        from spec_kitty_telemetry.cli.progress import progress
        from spec_kitty_telemetry.reports.prices import find_price_for

        for module in _PRINTED_WITH[output_format]:
            import_module(module)
        find_price = find_price_for(book, search.project.root)
        if find_price == book.find:
            with progress(lambda: count.read_count):
                totals = count.totals()
            return report_of(totals, dimensions, wanted_model, unread_count=search.report.unread_count), book
    # A plugin that is asked for prices may hold what copies of this process cannot share.
    with counting(find_price, processes=1) as count, progress(lambda: count.read_count):
        totals = count.totals()
    return report_of(totals, dimensions, wanted_model, unread_count=search.report.unread_count), book


def _table(asked: ReportRequest, output: Path | None) -> str:
    from spec_kitty_telemetry.cli.render import report_table
    from spec_kitty_telemetry.cli.render import text as tables
    from spec_kitty_telemetry.cli.render.report_notes import as_lines, nothing

    below = as_lines(asked.notes())
    if not asked.view.total.event_count:
        return "\n".join([nothing(asked.search), *below])
    if output is not None:
        return "\n".join([*report_table.lines(asked.view, tables.UNLIMITED), "", *below])
    return "\n".join([*tables.coloured(report_table.lines(asked.view, tables.width())), "", *below])


def _markdown(asked: ReportRequest, _output: Path | None) -> str:
    from spec_kitty_telemetry.cli.render import report_markdown, report_table
    from spec_kitty_telemetry.cli.render.report_notes import nothing

    below = report_markdown.notes(asked.notes())
    if not asked.view.total.event_count:
        return "\n".join([report_markdown.text(nothing(asked.search).replace("\n", " ")), "", *below])
    return "\n".join([*report_table.markdown(asked.view), "", *below])


def _csv(asked: ReportRequest, _output: Path | None) -> str:
    """Return the rows alone; all else goes to stderr, where it spoils no column."""
    from spec_kitty_telemetry.cli.render.report_csv import csv_text
    from spec_kitty_telemetry.cli.render.report_notes import as_lines

    if asked.view.rest is not None:
        click.echo(f"{asked.view.rest_count:,} more rows are left out (--limit 0 writes all).", err=True)
    for line in as_lines(asked.notes()):
        click.echo(line, err=True)
    return csv_text(asked.view)


def _json(asked: ReportRequest, _output: Path | None) -> str:
    from spec_kitty_telemetry.cli.render.report_json import document

    return json_text(document(asked.view, asked.search, asked.book, cost=asked.cost, zone=asked.zone))


_WRITERS = {"table": _table, "json": _json, "csv": _csv, "markdown": _markdown}
