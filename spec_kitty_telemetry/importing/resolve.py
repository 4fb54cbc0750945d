"""Filling in a task by what the host wrote down: its mission, its work package, its attempt and how it ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from spec_kitty_telemetry.importing.stays import IMPLEMENTER, MARGIN, REVIEWER, outcome_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from spec_kitty_telemetry.agents.common.store import Request, Thread
    from spec_kitty_telemetry.importing.missions import LaneFolder, Mission
    from spec_kitty_telemetry.importing.places import Places
    from spec_kitty_telemetry.importing.stays import Stay
    from spec_kitty_telemetry.importing.task import Task

_LEFT_SOON = timedelta(seconds=60)
"""How long after the last request of a session the move that ends its work may come, where nobody else did it."""


def settle(served: Sequence[tuple[Thread, Request, Task | None]], places: Places) -> None:
    """Fill in every task of a session, each once."""
    requests: dict[int, list[Request]] = {}
    tasks: dict[int, Task] = {}
    for _, request, task in served:
        if task is not None:
            tasks[id(task)] = task
            requests.setdefault(id(task), []).append(request)
    for key, task in tasks.items():
        served_by = sorted(requests[key], key=lambda each: each.at)
        _by_folders(task, served_by, places)
        _by_history(task, served_by, places)
        _stay(task, served_by[0].at, served_by[-1].at)


def _by_folders(task: Task, requests: Sequence[Request], places: Places) -> None:
    """Confirm or fill in a task by the worktrees that its requests were made in; flag what contradicts it."""
    for request in requests:
        lane = places.at(request.folder).lane
        if lane is None:
            continue
        if task.mission is None:
            task.mission = lane.mission
        if task.mission is not lane.mission:
            task.doubt(f"a command names {task.mission.slug}, the folder is a worktree of {lane.mission.slug}")
            continue
        task.signals.add("worktree")
        if not lane.wp_ids:
            continue
        if task.needs_work_package:
            task.wp_id = _package_of(lane, task.role, request.at)
        elif task.wp_id is not None and task.wp_id not in lane.wp_ids:
            there = ", ".join(lane.wp_ids)
            task.doubt(f"a command names {task.wp_id}, the folder is the worktree of {there}")


def _package_of(lane: LaneFolder, role: str | None, moment: datetime) -> str | None:
    if len(lane.wp_ids) == 1:
        return lane.wp_ids[0]
    active = [wp_id for wp_id in lane.wp_ids if lane.mission.is_active(role, wp_id, moment, moment)]
    return active[0] if len(active) == 1 else None


def _by_history(task: Task, requests: Sequence[Request], places: Places) -> None:
    """Find the mission, then the work package, that the host saw this role work on, if there is only one."""
    began, ended = requests[0].at, requests[-1].at
    if task.mission is None:
        missions = places.at(requests[0].folder).missions
        every = missions.all() if missions else []
        active = [mission for mission in every if mission.is_active(task.role, task.wp_id, began, ended)]
        if task.needs_work_package:
            active = [mission for mission in every if _active_packages(mission, task.role, began, ended)]
        if len(active) == 1:
            task.mission = active[0]
            task.signals.add("lane-move" if task.wp_id or task.needs_work_package else "phase")
            task.doubt("no marker names the mission; the host moved only this one at that time")
        elif len(every) == 1:
            task.mission = every[0]
            task.doubt("no marker names the mission; it is the only one of the project")
    if task.mission is not None and task.needs_work_package:
        moved = _active_packages(task.mission, task.role, began, ended)
        if len(moved) == 1:
            task.wp_id = moved[0]
            task.signals.add("lane-move")
            task.doubt(f"no marker names the work package; {moved[0]} was the only one in its lane at that time")


def _active_packages(mission: Mission, role: str | None, began: datetime, ended: datetime) -> list[str]:
    return [wp_id for wp_id in sorted(mission.stays) if mission.is_active(role, wp_id, began, ended)]


def _stay(task: Task, began: datetime, ended: datetime) -> None:
    """Find which stay in a lane of work this was: its number is the attempt, its end the outcome."""
    if task.mission is None or task.wp_id is None or task.role not in {IMPLEMENTER, REVIEWER}:
        return
    stays = [stay for stay in task.mission.stays.get(task.wp_id, ()) if stay.role == task.role]
    exact = [stay for stay in stays if any(_is_near(stay.began, span) for span in task.spans)]
    if exact:
        task.signals.add("lane-move")
    if any(stay.ended is not None and _is_near(stay.ended, span) for stay in stays for span in task.spans):
        task.signals.add("lane-move")
    begun = [stay for stay in stays if stay.began <= ended + MARGIN]
    stay = task.stay or (exact[0] if exact else None) or _last_overlapping(begun, began, ended)
    task.stay = stay
    if task.left_for is not None and not _was_moved(task.mission, task.wp_id, task.left_for, task.spans):
        task.left_for = None  # the host refused
    if stay is not None:
        task.attempt = stay.attempt
        if task.left_for is None and stay.ended is not None and began <= stay.ended <= ended + _LEFT_SOON:
            task.left_for = stay.left_for
    if task.left_for is not None:
        task.outcome = outcome_of(task.role, task.left_for)


def _was_moved(mission: Mission, wp_id: str, lane: str, spans: Sequence[tuple[datetime, datetime]]) -> bool:
    return any(mission.was_moved(wp_id, lane, began - MARGIN, ended + MARGIN) for began, ended in spans)


def _last_overlapping(stays: Sequence[Stay], began: datetime, ended: datetime) -> Stay | None:
    overlapping = [stay for stay in stays if stay.overlaps(began, ended)]
    return overlapping[-1] if overlapping else stays[-1] if stays else None


def _is_near(moment: datetime, span: tuple[datetime, datetime]) -> bool:
    return span[0] - MARGIN <= moment <= span[1] + MARGIN
