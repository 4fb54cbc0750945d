"""How things stand: what runs, what today and this mission cost, how much of each budget is left, what waits."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.decisions.here import mission_here
from spec_kitty_telemetry.decisions.running import Running, running_in
from spec_kitty_telemetry.decisions.spending import budgets_of, verdicts
from spec_kitty_telemetry.log.spool import Spool
from spec_kitty_telemetry.model.timespans import in_zone
from spec_kitty_telemetry.reports.build import ReportContext, build_report
from spec_kitty_telemetry.reports.dimensions import period_of

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.decisions.verdict import Verdict
    from spec_kitty_telemetry.reports.summary import CostSummary


class Snapshot(NamedTuple):
    """How things stand at one moment."""

    at: datetime
    running: list[Running]
    today: CostSummary
    mission: str | None
    """The one that the current folder is about."""
    mission_cost: CostSummary | None
    wp_id: str | None
    """The work package of the mission that runs, or was recorded last."""
    budgets: list[Verdict]
    waiting_count: int
    """Records that could not be appended yet."""


def snapshot(context: ReportContext, folder: Path, at: datetime | None = None) -> Snapshot:
    """Return how things stand in the context's project for somebody in `folder`.

    :raises TelemetryError: as `build_report` and `budgets_of`.
    """
    at = at or datetime.now(UTC)
    project = context.search.project
    running = running_in(project)
    mission = mission_here(project, folder, running)
    report = build_report(context, "feature,day,wp")
    today = period_of("day", in_zone(at, context.zone).date())
    of_mission = [row for row in report.rows if row.group["feature"] == mission]
    last_day = max((str(row.group["day"]) for row in of_mission if row.group["wp"]), default=None)
    last = [str(row.group["wp"]) for row in of_mission if row.group["wp"] and row.group["day"] == last_day]
    runs = [run.wp_id for run in running if run.feature == mission and run.wp_id]
    return Snapshot(
        at=at,
        running=running,
        today=report.sum_of(row for row in report.rows if row.group["day"] == today),
        mission=mission,
        mission_cost=report.sum_of(of_mission) if mission else None,
        wp_id=runs[-1] if runs else max(last, default=None),
        budgets=verdicts(context, budgets_of(project), now=at),
        waiting_count=sum(len(Spool(project, feature).paths()) for feature in _spooled(project.runtime_dir)),
    )


def _spooled(runtime_dir: Path) -> list[str]:
    try:
        return sorted(os.listdir(runtime_dir / "spool"))
    except OSError:
        return []
