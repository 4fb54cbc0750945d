"""From a session to its segments: the requests of each piece of work, with the mission, work package and role.

Time alone never ties a request to its work.  What has no marker is outside of all missions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.store import Request
from spec_kitty_telemetry.importing.resolve import settle
from spec_kitty_telemetry.importing.stays import IMPLEMENTER, REVIEWER
from spec_kitty_telemetry.importing.task import COORDINATOR, Task
from spec_kitty_telemetry.importing.walk import Walked, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from spec_kitty_telemetry.agents.common.store import StoredSession, Thread
    from spec_kitty_telemetry.importing.missions import Mission
    from spec_kitty_telemetry.importing.places import Place, Places

STEERING = "this thread steered several work packages at once"
HIDDEN = "the agent's own total has this, but no line of its history does (compaction, side questions)"


@dataclass(eq=False, slots=True)
class Segment:
    """The requests of one session that served one piece of work."""

    session: StoredSession
    task: Task | None
    """`None`: outside of all missions."""
    place: Place
    is_hidden: bool = False
    requests: list[tuple[Thread, Request]] = field(default_factory=list)
    role: str | None = None
    wp_id: str | None = None
    doubts: list[str] = field(default_factory=list)

    @property
    def first(self) -> Request:
        """The earliest request."""
        return min((request for _, request in self.requests), key=lambda each: (each.at, each.request_id))

    @property
    def last(self) -> Request:
        """The latest request."""
        return max((request for _, request in self.requests), key=lambda each: (each.at, each.request_id))

    @property
    def subagent_count(self) -> int:
        """How many sub-agents worked in it."""
        return len({id(thread) for thread, _ in self.requests if thread.is_subagent})


def segments_of(session: StoredSession, places: Places, is_wanted: Callable[[Request], bool]) -> list[Segment]:
    """Return the segments of `session`; requests that are not wanted (copies, or recorded otherwise) are left out."""
    served = _served(session, places)
    found = _gathered(session, served, places, is_wanted)
    return [*found, *_hidden(session, served, places, is_wanted)]


def _served(session: StoredSession, places: Places) -> Served:
    """Return all requests but the hidden ones, in their order, with what each was for."""
    if not _has_marker(session, places):  # most sessions of most people; a tenth of the time
        return [
            (thread, entry, None)
            for thread in session.threads
            for entry in thread.entries
            if isinstance(entry, Request) and not entry.is_hidden
        ]
    walked = [(thread, walk(thread, places)) for thread in session.threads]
    _inherit(walked)
    served = [
        (thread, request, task)
        for thread, steps in walked
        for request, task in zip(steps.requests, steps.tasks, strict=True)
    ]
    _by_folder(served, places)
    _from_subagents(served)
    settle(served, places)
    return served


def _has_marker(session: StoredSession, places: Places) -> bool:
    folders = set()
    for thread in session.threads:
        for entry in thread.entries:
            if isinstance(entry, Request):
                folders.add(entry.folder)
            elif entry.kind not in {"prompt", "result"}:
                return True
    return any(places.at(folder).lane is not None for folder in folders)


Served = list["tuple[Thread, Request, Task | None]"]


def _inherit(walked: list[tuple[Thread, Walked]]) -> None:
    """Give a sub-agent's requests that have no marker the work of the thread that started it."""
    main = next((steps for thread, steps in walked if not thread.is_subagent), None)
    for thread, steps in walked:
        if not thread.is_subagent or main is None or not steps.requests:
            continue
        inherited = main.task_at(steps.requests[0].at)
        if inherited is not None:
            steps.tasks = [task or inherited for task in steps.tasks]


def _by_folder(served: Served, places: Places) -> None:
    """Give requests in a mission's worktree that have no other marker a task of their own."""
    made: dict[tuple[int, str, str | None], Task] = {}
    for number, (thread, request, task) in enumerate(served):
        lane = places.at(request.folder).lane
        if task is not None or lane is None:
            continue
        stays = [
            (wp_id, stay)
            for wp_id in lane.wp_ids
            for stay in lane.mission.stays.get(wp_id, ())
            if stay.overlaps(request.at, request.at)
        ]
        wp_id, stay = stays[0] if len(stays) == 1 else (None, None)
        key = (id(lane.mission), wp_id or "", f"{stay.role}{stay.attempt}" if stay else None)
        if key not in made:
            made[key] = _of_folder(lane.mission, wp_id, stay.role if stay else None, len(stays))
            made[key].stay = stay
        served[number] = (thread, request, made[key])


def _of_folder(mission: Mission, wp_id: str | None, role: str | None, stay_count: int) -> Task:
    task = Task(role or COORDINATOR, mission, wp_id, {"worktree"})
    if stay_count > 1:
        task.doubt("in the worktree of several work packages that were worked on at that time")
    elif wp_id is None:
        task.doubt("in a worktree of the mission, but outside of the time in which its work packages were worked on")
    return task


def _from_subagents(served: Served) -> None:
    """Fill in what the thread that steers does not say itself, where all of its sub-agents agree."""
    main = {id(task): task for thread, _, task in served if task is not None and not thread.is_subagent}
    below: dict[int, list[Task]] = {}
    current: Task | None = None
    for thread, _, task in sorted(served, key=lambda each: (each[1].at, each[0].is_subagent)):
        if not thread.is_subagent:
            current = task
        elif task is not None and current is not None and task is not current:
            below.setdefault(id(current), []).append(task)
    for key, tasks in below.items():
        task = main[key]
        missions = {id(each.mission): each.mission for each in tasks if each.mission is not None}
        if task.mission is None and len(missions) == 1:
            task.mission = next(iter(missions.values()))
            task.signals.add("sub-agent")
        packages = {each.wp_id for each in tasks if each.wp_id is not None}
        if task.needs_work_package and len(packages) == 1:
            task.wp_id = next(iter(packages))
            task.signals.add("sub-agent")
        elif task.role in {IMPLEMENTER, REVIEWER} and len(packages | {task.wp_id} - {None}) > 1:
            task.is_steering = True


def _gathered(
    session: StoredSession, served: Served, places: Places, is_wanted: Callable[[Request], bool]
) -> list[Segment]:
    found: dict[tuple[object, ...], Segment] = {}
    last: tuple[Thread, Task | None, str | None] | None = None
    requests: list[tuple[Thread, Request]] = []
    for thread, request, task in served:
        if not is_wanted(request):
            continue
        here = (thread, task, request.folder)
        if last is None or here[0] is not last[0] or here[1] is not last[1] or here[2] != last[2]:
            place = places.at(request.folder)
            is_steered = task is not None and task.is_steering and not thread.is_subagent
            is_inside = task is not None and task.mission is not None
            key = (id(task), is_steered) if is_inside else ("outside", place.project and place.project.root, id(task))
            if key not in found:
                found[key] = _segment(session, task, place, is_steered=is_steered)
            requests, last = found[key].requests, here
        requests.append((thread, request))
    return list(found.values())


def _segment(session: StoredSession, task: Task | None, place: Place, *, is_steered: bool) -> Segment:
    if task is None:
        return Segment(session, None, place)
    if is_steered:
        doubts = [*task.doubts, STEERING]
        return Segment(session, task, place, role=COORDINATOR, doubts=doubts)
    return Segment(session, task, place, role=task.role, wp_id=task.wp_id, doubts=[*task.doubts])


def _hidden(
    session: StoredSession, served: Served, places: Places, is_wanted: Callable[[Request], bool]
) -> Iterable[Segment]:
    """Return the part of a session that only its totals show, as an entry of its own for each thread.

    It belongs to the mission if all of the session does, and to the work package if all of that is for one.
    """
    for thread in session.threads:
        requests = [each for each in thread.entries if isinstance(each, Request) and each.is_hidden and is_wanted(each)]
        if not requests:
            continue
        tasks = [task for _, _, task in served]
        place = places.at(served[-1][1].folder) if served else places.at(requests[0].folder)
        missions = {id(task.mission) if task and task.mission else None for task in tasks}
        packages = {(task.wp_id, task.role, task.attempt) if task else None for task in tasks}
        task = tasks[0] if tasks and len(missions) == 1 and None not in missions else None
        segment = Segment(session, task, place, is_hidden=True, requests=[(thread, each) for each in requests])
        if task is not None:
            is_one = len(packages) == 1 and not task.is_steering
            segment.role = task.role if is_one else COORDINATOR
            segment.wp_id = task.wp_id if is_one else None
        segment.doubts.append(HIDDEN)
        yield segment
