"""Options that several commands share, and the search they describe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.query import Search

Command = TypeVar("Command", bound=Callable[..., object])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def project_option(command: Command) -> Command:
    """Add `--project`."""
    return click.option(
        "--project",
        "project_folder",
        type=click.Path(path_type=Path),
        help="A folder inside the project; default: the current one.",
    )(command)


def filter_options(command: Command) -> Command:
    """Add the options that say which records are wanted; they arrive as the arguments of `search_for`."""
    for option in reversed(
        [
            click.option("--feature", "--mission", "features", multiple=True, metavar="SLUG",
                         help="Only this feature: slug, number (43) or glob (04*). Repeatable, as the next five are."),
            click.option("--wp", "wp_ids", multiple=True, metavar="ID", help="Only this work package; 'none' for none."),
            click.option("--role", "roles", multiple=True, metavar="NAME", help="Only this role, such as reviewer."),
            click.option("--agent", "agents", multiple=True, metavar="NAME", help="Only this agent; globs work."),
            click.option("--model", "models", multiple=True, metavar="NAME", help="Only this model; globs work."),
            click.option("--outcome", "outcomes", multiple=True, metavar="NAME",
                         help="succeeded, failed, timed_out, killed or rejected."),
            click.option("--since", metavar="WHEN", help="From then on: 2026-02-16, 2026-02, 7d, 36h, yesterday …"),
            click.option("--until", metavar="WHEN", help="Up to then; a day or month is taken whole."),
            click.option("--tz", "time_zone", metavar="ZONE", help="Time zone for days; default: yours."),
        ]
    ):  # fmt: skip
        command = option(command)
    return project_option(command)


def search_for(
    *,
    project_folder: Path | None = None,
    features: tuple[str, ...] = (),
    wp_ids: tuple[str, ...] = (),
    roles: tuple[str, ...] = (),
    agents: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
    outcomes: tuple[str, ...] = (),
    since: str | None = None,
    until: str | None = None,
    time_zone: str | None = None,
) -> tuple[Search, ZoneInfo | None]:
    """Return the search that these options describe, and the zone that days are cut in.

    :raises TelemetryError: there is no project, or an option means nothing.
    """
    from spec_kitty_telemetry.moments import span, zone_named
    from spec_kitty_telemetry.project import find_project
    from spec_kitty_telemetry.query import EventFilter, Search

    project = find_project(project_folder)
    zone = zone_named(time_zone or project.settings().time_zone)
    filters = EventFilter(
        features=features,
        wp_ids=wp_ids,
        roles=roles,
        agents=agents,
        models=models,
        outcomes=outcomes,
        since=span(since, zone)[0] if since else None,
        until=span(until, zone)[1] if until else None,
    )
    return Search(project, filters), zone
