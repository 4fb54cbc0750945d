"""`status` and `statusline`: how things stand now, for a person and for an agent's status bar."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.options import json_option, project_option, search_for
from spec_kitty_telemetry.cli.output import print_json, say

if TYPE_CHECKING:
    from spec_kitty_telemetry.decisions.now import Snapshot

_HOME_AND_CLEAR = "\x1b[H\x1b[J"


@click.command("status")
@click.option("--watch", is_flag=True, help="Draw it again every few seconds, until Ctrl-C.")
@click.option("--every", type=click.IntRange(min=1), default=3, show_default=True, metavar="SECONDS",
              help="How often --watch draws it.")  # fmt: skip
@project_option
@json_option
def command(project_folder: Path | None, every: int, *, watch: bool, as_json: bool) -> None:
    """Show what is running, what today and this mission cost, how much of each budget is used, and what waits.

    This mission is the one of the current branch or lane, else the one that runs or ran last.

    \b
    Examples:
      status
      status --watch
      status --json | jq .today.total_cost_usd
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render import status as render
    from spec_kitty_telemetry.cli.render.terminal import is_terminal

    if watch and (as_json or not is_terminal(sys.stdout)):
        raise click.UsageError("--watch draws on a terminal. Leave it out, or use 'events --follow' in a script.")
    while True:
        found = _snapshot(project_folder)
        if as_json:
            print_json(render.document(found))
        else:
            if watch:
                sys.stdout.write(_HOME_AND_CLEAR)
            say("\n".join(render.lines(found)), coloured=True)
        if not watch:
            return
        time.sleep(every)


def _snapshot(folder: Path | None) -> Snapshot:
    from spec_kitty_telemetry.decisions.now import snapshot
    from spec_kitty_telemetry.reports.build import ReportContext

    search, zone = search_for(project_folder=folder)
    return snapshot(ReportContext(search, zone=zone), Path(folder or Path.cwd()).resolve())
