"""`forecast`: what the open work packages will cost, and when the budgets are used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.options import feature_option, json_option, project_option, search_for
from spec_kitty_telemetry.cli.output import print_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.cli.render.forecast import Answer


@click.command("forecast", short_help="Forecast what open work packages cost.")
@feature_option
@click.option("--backtest", is_flag=True, help="Also what it would have said on past missions.")
@project_option
@json_option
def command(features: tuple[str, ...], project_folder: Path | None, *, backtest: bool, as_json: bool) -> None:
    """Show what the open work packages will cost in the end, and when each budget is used up.

    An open work package is taken to cost what the accepted ones of this project did, and at least what was spent on it
    already. The ranges say in how many of 100 cases the cost lies within. docs/decisions.md says how.

    \b
    Examples:
      forecast
      forecast --feature 43
      forecast --backtest
      forecast --json | jq .total.median_usd
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render import forecast as render

    answer = _answer(features, project_folder, backtest=backtest)
    if as_json:
        print_json(render.document(answer))
    else:
        say("\n".join(render.lines(answer)), coloured=True)


def _answer(features: tuple[str, ...], folder: Path | None, *, backtest: bool) -> Answer:
    from spec_kitty_telemetry.cli.progress import progress
    from spec_kitty_telemetry.cli.render.forecast import Answer
    from spec_kitty_telemetry.decisions import outlook
    from spec_kitty_telemetry.decisions.pace import budget_paces
    from spec_kitty_telemetry.decisions.spending import budgets_of
    from spec_kitty_telemetry.reports.build import ReportContext, build_lifecycle
    from spec_kitty_telemetry.reports.lanes import STATUS_NAME, lane_history

    asked, zone = search_for(project_folder=folder, features=features)
    wanted = asked.features() if features else asked.project.features()
    search, _ = search_for(project_folder=folder)
    context = ReportContext(search, zone=zone)
    found, lanes = build_lifecycle(context, watch=progress)
    project = search.project
    for feature in wanted:  # a mission that has not begun has lanes or tasks, but no log
        if feature not in lanes:
            lanes[feature] = lane_history(project.feature_dir(feature) / STATUS_NAME)
    budgets = [each for each in budgets_of(project) if not features or each.is_about_any(wanted)]
    return Answer(
        outlook.outlook(project, found, lanes, wanted),
        budget_paces(context, budgets),
        outlook.backtest(project, found, lanes) if backtest else None,
    )
