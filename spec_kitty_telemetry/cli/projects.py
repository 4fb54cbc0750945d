"""Several projects in one report: each is searched and priced on its own, under a name that no other has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli.options import search_for
from spec_kitty_telemetry.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.costing import CostMode


def contexts_of(
    folders: Sequence[Path], filters: Mapping[str, Any], *, with_outside: bool, cost: CostMode
) -> dict[str, ReportContext]:
    """Return what a report is made from, by the name of each project: the one here, or those around `folders`.

    Projects that lack a feature which was asked for are left out, unless all do.

    :raises click.UsageError: two folders are clones of one project, whose runs would count twice.
    :raises TelemetryError: as `search_for`.
    """
    from spec_kitty_telemetry.reports.build import ReportContext

    found: dict[Path, tuple[Project, ReportContext]] = {}
    for folder in folders or (None,):
        search, zone = search_for(project_folder=folder, **filters)
        search.with_outside = with_outside
        found.setdefault(search.project.root, (search.project, ReportContext(search, cost=cost, zone=zone)))
    if len(found) == 1:
        ((_, context),) = found.values()
        return {"": context}
    names = _names([project for project, _ in found.values()])
    return _with_features({names[root]: context for root, (_, context) in found.items()})


def _names(projects: Sequence[Project]) -> dict[Path, str]:
    """Return a name for each project: its own, or where two have the same, the path."""
    known: dict[str, Path] = {}
    for project in projects:
        uuid = project.identity().project_uuid
        if uuid in known:
            raise click.UsageError(
                f"{known[uuid]} and {project.root} are clones of one project. Name one of them, and run 'sync' there."
            )
        known[uuid] = project.root
    slugs = [project.identity().project_slug for project in projects]
    return {
        project.root: slug if slugs.count(slug) == 1 else str(project.root)
        for project, slug in zip(projects, slugs, strict=True)
    }


def _with_features(contexts: dict[str, ReportContext]) -> dict[str, ReportContext]:
    found: dict[str, ReportContext] = {}
    missing: ProjectError | None = None
    for name, context in contexts.items():
        try:
            context.search.features()
        except ProjectError as error:
            missing = error
        else:
            found[name] = context
    if not found and missing is not None:
        raise missing
    return found
