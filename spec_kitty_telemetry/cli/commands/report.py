"""`report`: what was spent, grouped by anything, and what is not known about it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from spec_kitty_telemetry.cli.completions import complete_dimensions, complete_sort
from spec_kitty_telemetry.cli.formats import ReportRequest, format_called
from spec_kitty_telemetry.cli.options import (
    currency_option,
    format_options,
    format_wanted,
    in_currency,
    projects_option,
    record_options,
)
from spec_kitty_telemetry.cli.output import write
from spec_kitty_telemetry.reports.columns import columns_named
from spec_kitty_telemetry.reports.dimensions import NAMES, checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.columns import Column
    from spec_kitty_telemetry.reports.costing import CostMode
    from spec_kitty_telemetry.reports.view import Order, View

TABLE_ROWS = 40
"""How many rows a table has where nobody said how many."""
CHOOSING_COLUMNS = frozenset({"table", "markdown", "csv"})
"""The formats whose columns `--columns` chooses."""
SAYING_DOLLARS = frozenset({"json", "csv"})
"""The formats that have dollars beside every amount in another currency."""


@click.command("report")
@click.option(
    "--by", default="feature", show_default=True, metavar="DIMENSIONS", shell_complete=complete_dimensions,
    help=f"{', '.join(NAMES)}, tag:<name>; several with commas.",
)  # fmt: skip
@record_options
@projects_option
@click.option("--sort", metavar="COLUMN", shell_complete=complete_sort,
              help="cost, runs, failed, input, output, time … or a dimension; '-' before it reverses the order. "
              "Default: most expensive first; days, weeks and months in their order.")  # fmt: skip
@click.option("--reverse", is_flag=True, help="Reverse the order.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N",
              help=f"At most N rows, then the sum of the rest; 0: all. Default: {TABLE_ROWS} for a table.")  # fmt: skip
@click.option(
    "--columns", metavar="NAMES", help="The columns of table, markdown and csv, in this order: cost,share,failed …"
)
@click.option("--cost", type=click.Choice(["auto", "reported", "calculated"]), default="auto", show_default=True,
              help="auto: what was reported, else the list price; or one of the two alone.")  # fmt: skip
@click.option("--outside", type=click.Choice(["show", "hide"]), default="show", show_default=True,
              help="What agents did here for none of the features: a row of its own, or left out.")  # fmt: skip
@currency_option
@click.option("--compare", "compare_with", metavar="PERIOD",
              help="Against another period: previous, 2026-10, or the time before this branch left main.")  # fmt: skip
@format_options
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
              help="Write there; the ending (.csv, .md, .json) chooses the format.")  # fmt: skip
def command(
    by: str,
    sort: str | None,
    *,
    reverse: bool,
    limit: int | None,
    columns: str | None,
    cost: str,
    outside: str,
    currency: str,
    compare_with: str | None,
    output_format: str | None,
    as_json: bool,
    output: Path | None,
    project_folders: tuple[Path, ...],
    **filters: Any,
) -> None:
    """Show what was spent.

    \b
    Examples:
      report                         every feature of this project
      report --by model              which models the money went to
      report --by day --since 7d     the last week, day by day
      report --by wp,role --mission user-login
      report --by agent --sort failed --limit 5
      report --by month --cost calculated --format csv --output costs.csv
      report --by feature --json | jq .total
      report --by model --compare previous
      report --project shop --project "clients/*" --by project
      report --since 2026-11 --until 2026-11 --currency EUR
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.projects import contexts_of
    from spec_kitty_telemetry.reports.view import order_named

    wanted = format_wanted(output_format, as_json=as_json, output=output)
    chosen = _chosen(columns, wanted, is_compared=compare_with is not None)
    order = order_named(sort, checked(by), reverse=reverse)
    mode = cast("CostMode", cost)
    contexts = contexts_of(project_folders, filters, with_outside=outside == "show", cost=mode)
    target = None if str(output) == "-" else output
    if limit is None:
        limit = TABLE_ROWS if wanted == "table" else 0
    if compare_with is not None:
        if len(contexts) > 1:
            raise click.UsageError("--compare is about one project. Use --project once.")
        (context,) = contexts.values()
        text = _compared(context, by, compare_with, currency, wanted, limit, to_file=target is not None)
        write(text, target, coloured=wanted == "table")
        return
    request = _request(contexts, by, order, limit, currency=currency, output_format=wanted)
    projects = tuple(contexts) if len(contexts) > 1 else ()
    request = request._replace(to_file=target is not None, columns=chosen, projects=projects)
    write(format_called(wanted).write(request), target, coloured=wanted == "table")


def _chosen(columns: str | None, output_format: str, *, is_compared: bool) -> tuple[Column, ...]:
    if columns is None:
        return ()
    if is_compared or output_format not in CHOOSING_COLUMNS:
        reason = "--compare has its own" if is_compared else f"{output_format} always has all"
        raise click.UsageError(f"--columns chooses the columns of a table, Markdown or CSV; {reason}.")
    return columns_named(columns)


def _request(
    contexts: Mapping[str, ReportContext], by: str, order: Order, limit: int, *, currency: str, output_format: str
) -> ReportRequest:
    """Make the report; in another currency also in dollars, where the format says both."""
    from spec_kitty_telemetry.cli.progress import progress
    from spec_kitty_telemetry.reports.build import build_joint_report, build_report
    from spec_kitty_telemetry.reports.view import arranged

    def made(of: Mapping[str, ReportContext]) -> View:
        meanwhile = partial(format_called, output_format)
        if len(of) > 1:
            return arranged(build_joint_report(of, by, watch=progress, meanwhile=meanwhile), order, limit)
        (only,) = of.values()
        return arranged(build_report(only, by, watch=progress, meanwhile=meanwhile), order, limit)

    first = next(iter(contexts.values()))
    if currency == "USD":
        return ReportRequest(first, made(contexts), to_file=False)
    both = {name: in_currency(context, currency) for name, context in contexts.items()}
    view = made({name: local for name, (local, _) in both.items()})
    usd_view = made(contexts) if output_format in SAYING_DOLLARS else None
    local = next(iter(both.values()))[0]
    late = [rates.last_day_used_late for _, rates in both.values() if rates.last_day_used_late]
    return ReportRequest(local if usd_view is None else first, view, to_file=False, currency=currency,
                         usd_view=usd_view, rates_end_on=min(late, default=None))  # fmt: skip


def _compared(
    context: ReportContext, by: str, with_period: str, currency: str, output_format: str, limit: int, *, to_file: bool
) -> str:
    from spec_kitty_telemetry.cli.render import comparison as render
    from spec_kitty_telemetry.decisions.contrast import contrast
    from spec_kitty_telemetry.reports.view import TIMES

    if not TIMES.isdisjoint(checked(by)):
        raise click.UsageError("--compare compares whole periods. Leave day, week and month out of --by.")
    at = datetime.now(UTC)  # both are about the same periods
    found = contrast(context, by, with_period, in_currency(context, currency)[1] if currency != "USD" else None, at)
    says_both = currency != "USD" and output_format in SAYING_DOLLARS
    usd = contrast(context, by, with_period, None, at) if says_both else None
    return render.text(found, output_format, currency=currency, limit=limit, to_file=to_file, usd=usd)
