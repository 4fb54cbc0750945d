"""`compare`: which agent or model does best in a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.completions import complete_moment, complete_role
from spec_kitty_telemetry.cli.options import (
    currency_option,
    feature_option,
    in_currency,
    json_option,
    project_option,
    search_for,
)
from spec_kitty_telemetry.cli.output import print_json, say

if TYPE_CHECKING:
    from pathlib import Path


@click.command("compare", short_help="Compare agents or models in a role.")
@click.option("--role", default="implementer", show_default=True, metavar="NAME", shell_complete=complete_role,
              help="The role in which they are compared.")  # fmt: skip
@click.option("--by", "kind", type=click.Choice(["agent", "model"]), default="agent", show_default=True,
              help="Compare agents, or models.")  # fmt: skip
@feature_option
@click.option("--since", metavar="WHEN", shell_complete=complete_moment,
              help="Only work packages with a run from then on: 2026-02, 30d …")  # fmt: skip
@click.option("--until", metavar="WHEN", shell_complete=complete_moment, help="Only those with a run up to then.")
@currency_option
@project_option
@json_option
def command(
    role: str,
    kind: str,
    features: tuple[str, ...],
    since: str | None,
    until: str | None,
    currency: str,
    project_folder: Path | None,
    *,
    as_json: bool,
) -> None:
    """Compare the agents or models that worked in a role: what an accepted work package cost, how many passed the first
    review, how much was done again, how long it took.

    Each has the number of work packages beside it, and a range; where they are too few to say anything, it says so.

    \b
    Examples:
      compare
      compare --by model --since 30d
      compare --role reviewer --json
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.progress import progress
    from spec_kitty_telemetry.cli.render import contest as render
    from spec_kitty_telemetry.decisions.contest import contest
    from spec_kitty_telemetry.reports.build import ReportContext, build_lifecycle

    search, zone = search_for(project_folder=project_folder, features=features, since=since, until=until)
    context = ReportContext(search, zone=zone)
    local = context if currency == "USD" else in_currency(context, currency)[0]
    found = contest(build_lifecycle(local, watch=progress)[0].work_packages, role, kind)
    if as_json:
        usd = None if currency == "USD" else contest(build_lifecycle(context)[0].work_packages, role, kind)
        print_json(render.document(found, currency, usd))
    else:
        say("\n".join(render.lines(found, currency)), coloured=True)
