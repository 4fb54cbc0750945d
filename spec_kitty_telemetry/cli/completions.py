"""What shell completion offers: the names that occur in this project's records, and those that are always there.

A name comes from data, and a shell puts it on the command line as it is, where Return would run it; so only names of
harmless characters are offered.  Looking is bounded in time, and whatever goes wrong offers nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project

Complete = Callable[[click.Context, click.Parameter, str], list[str]]
"""What click asks for the values of an option: the context, the option, what was typed."""
LOOKING_S = 0.3
"""How long records are read for names before the ones found so far are offered."""
_HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,127}")
_MOMENTS = ("today", "yesterday", "this-week", "last-week", "this-month", "last-month", "24h", "7d", "30d")


def complete_feature(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the features of this project, by slug or by number."""
    project = _project(context)
    known = project.features() if project else []
    if begun.isdigit():
        return [slug for slug in known if slug.startswith(begun) or slug.lstrip("0").startswith(begun)]
    return _beginning(known, begun)


def complete_wp(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the work packages that occur."""
    return _occurring(context, begun, lambda event: [event.payload.wp_id or "none"])


def complete_role(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the roles that occur."""
    return _occurring(context, begun, lambda event: [event.payload.role])


def complete_agent(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the agents that occur."""
    return _occurring(context, begun, lambda event: [event.payload.agent])


def complete_model(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the models that occur."""
    return _occurring(
        context, begun, lambda event: [event.payload.model, *(part.model for part in event.payload.models)]
    )


def complete_outcome(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the outcomes that a run can have."""
    from spec_kitty_telemetry.model.payload import OUTCOMES

    return _beginning(OUTCOMES, begun)


def complete_moment(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the words for spans of time."""
    return _beginning(_MOMENTS, begun)


def complete_zone(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the time zones of this machine."""
    from zoneinfo import available_timezones

    return _beginning(sorted(available_timezones()), begun)


def complete_dimensions(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer dimensions, also after a comma, each once; tags by their name."""
    from spec_kitty_telemetry.reports.dimensions import NAMES

    before, comma, last = begun.rpartition(",")
    taken = set(before.split(","))
    tags = _occurring(context, last, lambda event: [f"tag:{name}" for name in event.payload.tags])
    offered = [*_beginning(NAMES, last), *(tags if last.startswith("t") else [])]
    return [f"{before}{comma}{name}" for name in offered if name not in taken]


def complete_sort(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Offer the columns and the dimensions of the report."""
    from spec_kitty_telemetry.reports.view import SORTABLE

    sign = "-" if begun.startswith("-") else ""
    chosen = str(context.params.get("by") or "feature").split(",")
    return [sign + name for name in _beginning([*SORTABLE, *chosen], begun.removeprefix("-"))]


def _beginning(names: Iterable[str], begun: str) -> list[str]:
    return [name for name in names if name.lower().startswith(begun.lower())]


def _occurring(context: click.Context, begun: str, names_of: Callable[[ExecutionEvent], list[str | None]]) -> list[str]:
    found = {name for event in _events(context) for name in names_of(event) if name and _HARMLESS.fullmatch(name)}
    return _beginning(sorted(found), begun)


def _events(context: click.Context) -> Iterator[ExecutionEvent]:
    """Yield records, the youngest feature's first, until the time for looking is over."""
    from spec_kitty_telemetry.errors import TelemetryError
    from spec_kitty_telemetry.log.reader import scan

    project = _project(context)
    until = time.monotonic() + LOOKING_S
    for slug in reversed(project.features_with_logs() if project else []):
        try:
            for event in scan(project.log_path(slug)):  # type: ignore[union-attr]
                yield event
                if time.monotonic() > until:
                    return
        except TelemetryError:
            continue


def _project(context: click.Context) -> Project | None:
    from pathlib import Path

    from spec_kitty_telemetry.errors import TelemetryError
    from spec_kitty_telemetry.project.locate import find_project

    folders = context.params.get("project_folders")
    named = folders[0] if folders else context.params.get("project_folder")
    try:
        return find_project(Path(named) if named else None)
    except (TelemetryError, OSError):
        return None
