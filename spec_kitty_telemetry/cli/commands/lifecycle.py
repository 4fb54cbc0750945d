"""`lifecycle`: for each work package what it cost until it was accepted, what was done again, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from spec_kitty_telemetry.cli.completions import complete_moment, complete_zone
from spec_kitty_telemetry.cli.options import (
    currency_option,
    feature_option,
    format_options,
    format_wanted,
    in_currency,
    project_option,
    search_for,
    wp_option,
)
from spec_kitty_telemetry.cli.output import json_text, say
from spec_kitty_telemetry.cli.render.report_notes import rates_note
from spec_kitty_telemetry.reports.lifecycle_groups import GROUPS

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.cli.render.lifecycle_table import LifecycleView
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.costing import CostMode
    from spec_kitty_telemetry.reports.lanes import LaneHistory
    from spec_kitty_telemetry.reports.lifecycle import Lifecycle


@click.command("lifecycle", short_help="Show what work packages cost until accepted.")
@feature_option
@wp_option
@click.option("--since", metavar="WHEN", shell_complete=complete_moment,
              help="Only work packages with a run from then on: 2026-02, 7d, yesterday …")  # fmt: skip
@click.option("--until", metavar="WHEN", shell_complete=complete_moment, help="Only those with a run up to then.")
@click.option("--tz", "time_zone", metavar="ZONE", shell_complete=complete_zone,
              help="Time zone for days; default: yours.")  # fmt: skip
@click.option("--by", type=click.Choice(GROUPS), help="One row for each of these instead of for each work package.")
@click.option("--columns", metavar="NAMES", help="Only these columns of numbers: total,rework …")
@click.option("--limit", type=click.IntRange(min=0), default=0, metavar="N", help="At most N rows; 0: all.")
@click.option("--attempts", is_flag=True, help="Also list every attempt at every work package.")
@click.option("--cost", type=click.Choice(["auto", "reported", "calculated"]), default="auto", show_default=True,
              help="auto: what was reported, else the list price; or one of the two alone.")  # fmt: skip
@currency_option
@project_option
@format_options
def command(
    features: tuple[str, ...],
    wp_ids: tuple[str, ...],
    since: str | None,
    until: str | None,
    time_zone: str | None,
    by: str | None,
    columns: str | None,
    limit: int,
    project_folder: Path | None,
    cost: str,
    currency: str,
    output_format: str | None,
    *,
    attempts: bool,
    as_json: bool,
) -> None:
    """Show what each work package cost until it was accepted, and what was done again.

    The answer comes first: what accepted work packages cost, how many passed their first review, and how much of all
    costs was rework. Runs are joined with the lanes in the project's own status.events.jsonl: accepted is approved or
    done, rework is all that began after the first rejection. docs/reports.md says exactly how, with an example.

    \b
    Examples:
      lifecycle   every work package, under its feature
      lifecycle --mission user-login --attempts   each attempt, implementer and reviewer apart
      lifecycle --by agent --since 30d
      lifecycle --columns rework,total --limit 20
      lifecycle --json | jq .summary
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.progress import progress
    from spec_kitty_telemetry.cli.render.lifecycle_table import LifecycleView
    from spec_kitty_telemetry.reports.build import ReportContext, build_lifecycle

    wanted = format_wanted(output_format, as_json=as_json)
    chosen = _columns(columns, by)
    search, zone = search_for(
        project_folder=project_folder, features=features, wp_ids=wp_ids, since=since, until=until, time_zone=time_zone
    )
    context = ReportContext(search, cost=cast("CostMode", cost), zone=zone)
    if currency == "USD":
        found, lanes = _with_outside(context, *build_lifecycle(context, watch=progress))
        view = LifecycleView(found, lanes, context, by, chosen, limit, attempts)
    else:
        local, rates = in_currency(context, currency)
        found, lanes = _with_outside(local, *build_lifecycle(local, watch=progress))
        note = rates_note(currency, rates.last_day_used_late)
        view = LifecycleView(found, lanes, local, by, chosen, limit, attempts, currency, note)
        if wanted in {"json", "csv"}:  # which have the dollars beside it
            view = view._replace(usd=_with_outside(context, *build_lifecycle(context))[0])
    say(_written(view, wanted), coloured=wanted == "table")


def _with_outside(
    context: ReportContext, found: Lifecycle, lanes: dict[str, LaneHistory]
) -> tuple[Lifecycle, dict[str, LaneHistory]]:
    """Return the lifecycle with what was spent outside missions."""
    from dataclasses import replace

    from spec_kitty_telemetry.reports.outside import outside_spend

    spend = outside_spend(context)
    return (found if spend is None else replace(found, outside=spend.cost)), lanes


def _written(view: LifecycleView, output_format: str) -> str:
    from spec_kitty_telemetry.cli.render import lifecycle_export, lifecycle_json, lifecycle_table

    if output_format == "json":
        return json_text(lifecycle_json.document(view))
    if output_format == "csv":
        return lifecycle_export.csv_text(view)
    return lifecycle_export.markdown(view) if output_format == "markdown" else "\n".join(lifecycle_table.lines(view))


def _columns(names: str | None, by: str | None) -> tuple[str, ...]:
    """Return the columns that were asked for.

    :raises click.UsageError: there is no such column.
    """
    from spec_kitty_telemetry.cli.render import lifecycle_cells as cells

    known = cells.PACKAGES[1:] if by is None else cells.PAIRS[2:] if by == "pair" else cells.GROUPS
    chosen = tuple(name.strip() for name in (names or "").split(",") if name.strip())
    for name in chosen:
        if name not in known:
            raise click.UsageError(f"Unknown --columns {name!r}. Choose from {', '.join(known)}.")
    return chosen
