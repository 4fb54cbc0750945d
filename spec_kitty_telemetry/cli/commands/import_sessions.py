"""`import`: what agents' own session stores say, recorded for the missions that the work was for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli.options import json_option, project_option
from spec_kitty_telemetry.cli.output import print_json, say
from spec_kitty_telemetry.errors import LogError, SettingsError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.importing.importer import Found
    from spec_kitty_telemetry.importing.unchanged import Unchanged
    from spec_kitty_telemetry.project.layout import Project


@click.command("import", short_help="Record what agents did in their own windows.")
@click.option("--agent", "agents", multiple=True, metavar="NAME", help="Only this agent's sessions. Repeatable.")
@click.option("--since", metavar="WHEN", help="Only sessions that went on after then: 2026-02-16, 7d, yesterday …")
@click.option("--dry-run", is_flag=True, help="Show what would be recorded, and why; write nothing.")
@click.option("--all-projects", is_flag=True, help="Every project that the sessions were in, not only this one.")
@project_option
@json_option
def command(
    agents: tuple[str, ...],
    since: str | None,
    dry_run: bool,
    all_projects: bool,
    project_folder: Path | None,
    as_json: bool,
) -> None:
    """Record what agents did in their own windows, from the session stores that they keep on this machine.

    Each request to a model counts once: importing again adds nothing, and what 'run' or a host recorded is left out.
    Work that no marker ties to a mission is recorded as outside of all missions.

    \b
    Examples:
      import --dry-run
      import --agent claude --since 7d
      import --all-projects --dry-run --json
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.project.locate import find_project

    only = None if all_projects else find_project(project_folder)
    if not dry_run:
        _check_that_it_is_wanted(only)
    rows: list[dict[str, Any]] | None = [] if as_json else None
    moment = _moment(since)
    if only is not None and not (dry_run or as_json or agents or moment):
        found, problems, unchanged_count = _import_whole(only)
    else:
        unchanged_count = 0
        found = look(agents, only, moment, rows)
        problems = [] if dry_run else _write(found)
    if rows is not None:
        print_json(document(found, rows, dry_run=dry_run, problems=problems))
    else:
        from spec_kitty_telemetry.cli.render.imported import lines

        say("\n".join(lines(found, dry_run=dry_run, unchanged_count=unchanged_count)))
    if problems:
        raise LogError(f"{problems[0]}; {len(problems)} records could not be written, import again")


def _check_that_it_is_wanted(project: Project | None) -> None:
    from spec_kitty_telemetry.project.killswitch import IS_OFF, VARIABLE, is_off

    if is_off(os.environ):
        raise SettingsError(f"{IS_OFF}, so nothing is recorded; unset {VARIABLE} and try again, or use --dry-run")
    if project is not None and not project.settings().transcripts:
        raise SettingsError(
            f"'transcripts' is off in {project.root}, so agents' own files are not read; turn it on and try again"
        )


def _write(found: list[Found]) -> list[str]:
    from spec_kitty_telemetry.importing.importer import write

    return [problem for one in found if one.project for problem in write(one.project, one.changes)]


def _import_whole(project: Project) -> tuple[list[Found], list[str], int]:
    """Import all that changed in `project` since the last time, and what hooks left waiting with it.

    Returns what was found, why some of it could not be written, and how many sessions were as they were.
    """
    from spec_kitty_telemetry.importing.unchanged import Unchanged
    from spec_kitty_telemetry.importing.waiting import waiting

    left = waiting(project)
    unchanged = Unchanged(project)
    found = look((), project, None, None, unchanged)
    problems = _write(found)
    if not problems:
        for each in left:
            each.remove()
        if not any(one.changes for one in found):  # what was written now is looked at once more the next time
            unchanged.keep()
    return found, problems, unchanged.count


def look(
    agents: tuple[str, ...],
    only: Project | None,
    since: datetime | None,
    rows: list[dict[str, Any]] | None,
    unchanged: Unchanged | None = None,
) -> list[Found]:
    """Return what the stores of `agents` (all, if none is named) hold for the project `only`, or for every one.

    `rows` gets those of all segments, if it is wanted: to hold the segments themselves would take ten times as much.
    """
    from spec_kitty_telemetry.importing.compose import rows_of
    from spec_kitty_telemetry.importing.importer import Importer
    from spec_kitty_telemetry.importing.places import Places
    from spec_kitty_telemetry.importing.sources import agents_called, sessions

    places = Places()
    importer = Importer(places, only=only)
    for session in sessions(agents_called(agents), places, only=only, since=since, unchanged=unchanged):
        for segment in importer.look_at(session):
            if rows is not None:
                rows += rows_of(segment)
    return importer.found()


def _moment(text: str | None) -> datetime | None:
    from spec_kitty_telemetry.model.timespans import span

    return span(text)[0] if text else None


def document(found: list[Found], rows: list[dict[str, Any]], *, dry_run: bool, problems: list[str]) -> dict[str, Any]:
    """Return the JSON document: a row for each session, model and piece of work, and what was done in each project."""
    return {
        "version": 1,
        "dry_run": dry_run,
        "records": [row for row in rows if dry_run or row["project"] is not None],
        "projects": [_counts(one) for one in found if one.project is not None],
        "problems": problems,
    }


def _counts(found: Found) -> dict[str, Any]:
    kinds = [change.kind for change in found.changes]
    return {
        "project": str(found.project.root) if found.project else None,
        "new": kinds.count("new"),
        "grown": kinds.count("grown"),
        "moved": kinds.count("moved"),
        "recorded_elsewhere": found.recorded_count,
    }
