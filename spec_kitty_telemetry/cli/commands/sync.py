"""`sync`: the team's history in a git branch of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.options import project_option
from spec_kitty_telemetry.cli.output import say
from spec_kitty_telemetry.cli.render.wording import plural, shown
from spec_kitty_telemetry.errors import LogError, TelemetryError

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.sync.rounds import Synced


@click.command("sync", short_help="Share the records through a git branch of their own.")
@click.option("--remote", metavar="NAME", help="The remote; default: origin, else the only one.")
@click.option("--no-push", is_flag=True, help="Take what others recorded, and push nothing.")
@click.option("--auto", type=click.Choice(["on", "off"]), help="In this clone, sync by itself after each merge.")
@click.option("--quiet", is_flag=True, help="Print nothing; a failure is left for doctor.")
@project_option
def command(project_folder: Path | None, remote: str | None, auto: str | None, *, no_push: bool, quiet: bool) -> None:
    """Share the records of this project through the branch kitty/telemetry.

    Fetches that branch, appends what others recorded to the local logs, adds what was recorded here, and pushes it.
    Each record is there once. No checkout, index or hook is touched; without a remote the branch is this clone's.

    \b
    Examples:
      sync
      sync --no-push
      sync --auto on   from now on after each merge, in the background
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.project.locate import find_project

    project = find_project(project_folder)
    if auto is not None:
        _set_auto(project, on=auto == "on")
    elif quiet:
        _sync_quietly(project, remote, push=not no_push)
    else:
        _sync(project, remote, push=not no_push)


def _set_auto(project: Project, *, on: bool) -> None:
    from spec_kitty_telemetry.sync.auto import set_auto

    set_auto(project, on=on)
    say("This clone syncs by itself after each merge." if on else "This clone syncs only when you say so.")


def _sync(project: Project, remote: str | None, *, push: bool) -> None:
    from spec_kitty_telemetry.sync.rounds import sync

    synced = sync(project, remote=remote, push=push)
    say(_said(synced))
    if synced.problems:
        raise LogError("; ".join(shown(each) for each in synced.problems) + "; all other logs are synced")


def _sync_quietly(project: Project, remote: str | None, *, push: bool) -> None:
    from spec_kitty_telemetry.project import diagnostics
    from spec_kitty_telemetry.sync.rounds import sync

    try:
        problems = sync(project, remote=remote, push=push).problems
    except TelemetryError as error:
        problems = [str(error)]
    diagnostics.forget(project.root, diagnostics.SYNC)
    for problem in problems:
        diagnostics.leave(project.root, diagnostics.SYNC, f"the last sync in the background failed: {problem}")


def _said(synced: Synced) -> str:
    if synced.is_empty:
        return "Nothing to sync: nobody has recorded anything yet."
    counts = f"{plural(synced.came, 'record')} came, {plural(synced.went, 'record')} went"
    if synced.remote is None:
        return f"{counts}. There is no remote, so the branch {synced.branch} is only in this clone."
    done = "pushed to" if synced.is_pushed else "fetched from"
    return f"{counts}. The branch {synced.branch} is {done} {synced.remote}."
