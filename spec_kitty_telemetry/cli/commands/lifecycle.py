"""`lifecycle`: for each work package what it cost until it was accepted, what was done again, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from spec_kitty_telemetry.cli.options import feature_option, json_option, project_option, search_for, wp_option
from spec_kitty_telemetry.cli.output import print_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.reports.costing import CostMode


@click.command("lifecycle", short_help="Show what work packages cost until accepted.")
@feature_option
@wp_option
@click.option("--attempts", is_flag=True, help="Also list every attempt at every work package.")
@click.option("--cost", type=click.Choice(["auto", "reported", "calculated"]), default="auto", show_default=True,
              help="auto: what was reported, else the list price; or one of the two alone.")  # fmt: skip
@project_option
@json_option
def command(
    features: tuple[str, ...],
    wp_ids: tuple[str, ...],
    project_folder: Path | None,
    cost: str,
    *,
    attempts: bool,
    as_json: bool,
) -> None:
    """Show what each work package cost until it was accepted, and what was done again.

    Runs are joined with the lanes in the project's own status.events.jsonl: accepted is approved or done, rework is
    all that began after the first rejection. docs/reports.md says exactly how, with an example.

    \b
    Examples:
      lifecycle   every work package of this project
      lifecycle --mission user-login --attempts   each attempt, implementer and reviewer apart
      lifecycle --json | jq .summary
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.progress import progress
    from spec_kitty_telemetry.reports.build import ReportContext, build_lifecycle

    search, _ = search_for(project_folder=project_folder, features=features, wp_ids=wp_ids)
    context = ReportContext(search, cost=cast("CostMode", cost))
    found, lanes = build_lifecycle(context, watch=progress)
    if as_json:
        from spec_kitty_telemetry.cli.render.lifecycle_json import document

        print_json(document(found, lanes, context))
    else:
        from spec_kitty_telemetry.cli.render.lifecycle_table import lines

        say("\n".join(lines(found, lanes, context, attempts=attempts)), coloured=True)
