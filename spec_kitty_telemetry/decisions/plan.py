"""Which work packages a mission still has to do, by its lanes and its tasks."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.reports.lanes import ACCEPTED

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.lanes import LaneHistory

CANCELED = "canceled"
_TASK = re.compile(r"(WP\d{1,4})\b.*\.md", re.IGNORECASE)


class Plan(NamedTuple):
    """The work packages of one mission that are neither accepted nor canceled."""

    feature: str
    open_wp_ids: tuple[str, ...]
    problem: str | None
    """Why nobody knows what is open."""


def plan_of(project: Project, feature: str, lanes: LaneHistory) -> Plan:
    """Return what is open in `feature`: what its lanes say, and tasks that no lane names yet."""
    if lanes.problem is not None and not lanes.moves:
        return Plan(feature, (), f"{lanes.problem}, so nobody knows what is open")
    where = {wp_id: moves[-1].to_lane for wp_id, moves in lanes.moves.items() if moves}
    every = {*where, *_tasks(project, feature)}
    closed = {wp_id for wp_id, lane in where.items() if lane in ACCEPTED or lane == CANCELED}
    return Plan(feature, tuple(sorted(every - closed)), None)


def _tasks(project: Project, feature: str) -> set[str]:
    try:
        names = os.listdir(project.feature_dir(feature) / "tasks")
    except OSError:
        return set()
    return {found[1].upper() for name in names if (found := _TASK.fullmatch(name))}
