"""Walking one thread of a session: which piece of work each request served, by the markers in between.

A command belongs to the request that asked for it, which stands before it, and its result is seen by the next one.
Work that was handed on ends with the turn: what the agent still says then belongs to it, what the user says next does
not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from spec_kitty_telemetry.agents.common.store import Request, Signal
from spec_kitty_telemetry.importing.stays import (
    IMPLEMENTER,
    MARGIN,
    REVIEWER,
    role_of_lane,
    role_that_ends_in,
)
from spec_kitty_telemetry.importing.task import COORDINATOR, ROLE_OF_VERB, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spec_kitty_telemetry.agents.common.store import Thread
    from spec_kitty_telemetry.importing.missions import Mission
    from spec_kitty_telemetry.importing.places import Places

_A_COMMAND = timedelta(seconds=60)
"""How long one of the host's commands takes at most; it notes itself when it begins."""
_ENDING_VERBS = frozenset({"finalize-tasks", "tasks-finalize", "accept", "merge"})


class _Event(NamedTuple):
    place: int
    """The first request that it holds for."""
    order: int
    kind: Literal["command", "next", "end", "prompt", "slash", "prompt_file"]
    signal: Signal
    until: datetime
    """When the command's result came; else the signal's own moment."""


@dataclass
class Walked:
    """The requests of a thread in their order, and what each was for."""

    requests: list[Request]
    tasks: list[Task | None]

    def task_at(self, moment: datetime) -> Task | None:
        """Return what the thread worked on when something was started from it at `moment`."""
        found = None
        for request, task in zip(self.requests, self.tasks, strict=True):
            if request.at > moment + MARGIN:
                break
            found = task
        return found if self.requests else None


def walk(thread: Thread, places: Places) -> Walked:
    """Return what each request of `thread` was for, as far as its own markers say."""
    walker = _Walker(thread, places)
    events = walker.events()
    tasks: list[Task | None] = []
    next_event = 0
    for place, request in enumerate(walker.requests):
        while next_event < len(events) and events[next_event].place <= place:
            walker.take(events[next_event], request)
            next_event += 1
        tasks.append(walker.task)
    for event in events[next_event:]:
        if walker.requests:  # after the last request something may still be handed on
            walker.take(event, walker.requests[-1])
    return Walked(walker.requests, walker.settled(tasks))


@dataclass
class _Walker:
    thread: Thread
    places: Places
    task: Task | None = None
    was_asked: bool = False
    """Whether the user said something since the task began."""
    requests: list[Request] = field(default_factory=list)
    _turn_began: int = 0
    _late: list[tuple[int, int, Task]] = field(default_factory=list)
    """Requests that a later marker claims: from, to, and for which task."""

    def __post_init__(self) -> None:
        self.requests = [each for each in self.thread.entries if isinstance(each, Request) and not each.is_hidden]
        self._has_prompts = self.thread.is_subagent or any(
            isinstance(entry, Signal) and entry.kind == "prompt" for entry in self.thread.entries
        )

    def events(self) -> list[_Event]:
        """Return the markers with the request from which on each holds."""
        entries = self.thread.entries
        results = _results(entries)
        found: list[_Event] = []
        place = 0
        for order, entry in enumerate(entries):
            if isinstance(entry, Request):
                place += not entry.is_hidden
            elif entry.kind == "command":
                found += self._events_of(entry, order, place, results.get(entry.call_id or ""))
            elif entry.kind == "note":
                found += self._events_of(entry, order, place, entry.at + _A_COMMAND)
            elif entry.kind in {"slash", "prompt", "prompt_file"}:
                found.append(_Event(place, order, entry.kind, entry, entry.at))  # type: ignore[arg-type]
        return sorted(found, key=lambda event: event[:2])

    def _events_of(self, signal: Signal, order: int, place: int, until: datetime | None) -> list[_Event]:
        asked_by = max(0, place - 1)
        events = [_Event(asked_by, order, "command", signal, until or signal.at)]
        if signal.verb == "next":
            events.append(_Event(asked_by + 1, order, "next", signal, until or signal.at))
        if _ends(signal) and not self._has_prompts:  # the next request sees the result; what follows, nobody can tell
            events.append(_Event(asked_by + 2, order, "end", signal, until or signal.at))
        return events

    def take(self, event: _Event, request: Request) -> None:
        """Change what the thread is at work on as the marker says."""
        if event.kind == "prompt":
            self._prompt(event)
        elif event.kind == "next":
            self._next(event, request)
        elif event.kind == "end":
            if self.task is not None and self.task.is_over:
                self.task = None
        elif event.kind != "command":
            self._marker(event, request)
        elif event.signal.verb == "move-task":
            self._move(event, request)
        else:
            self._command(event, request)

    def _marker(self, event: _Event, request: Request) -> None:
        is_typed = event.kind == "slash" and event.signal.call_id is None  # not a skill that the agent called
        if is_typed:
            self._turn_began, self.was_asked = event.place, True
        role = ROLE_OF_VERB.get(event.signal.verb or "")
        if role is not None:
            self._begin(event, role, "slash" if event.kind == "slash" else "prompt-file", request)

    def _prompt(self, event: _Event) -> None:
        self._turn_began, self.was_asked = event.place, True
        task = self.task
        if task is not None and (task.is_over or _was_handed_on(task, event.signal.at)):
            self.task = None

    def _command(self, event: _Event, request: Request) -> None:
        signal = event.signal
        role = ROLE_OF_VERB.get(signal.verb or "")
        source = "note" if signal.kind == "note" else "command"
        if role is None:
            if self.task is not None and self.task.mission is None:
                self._fill(self.task, signal, source, request)
            return
        if role == COORDINATOR and self.task is not None:  # `next`: what was going on is done
            self._fill(self.task, signal, source, request)
            self.task.is_over = self.task.is_over or self.task.role != COORDINATOR
            return
        self._begin(event, role, source, request)
        if self.task is not None and signal.verb in _ENDING_VERBS:
            self.task.is_over = True

    def _next(self, event: _Event, request: Request) -> None:
        """Begin what the host's `next` gave out, as it wrote that down."""
        missions = self.places.at(event.signal.folder or request.folder).missions
        issued = missions.issued(event.signal.at - MARGIN, event.until + MARGIN) if missions else None
        role = ROLE_OF_VERB.get(issued.verb) if issued else None
        if issued is not None and role is not None:
            self.task = Task(role, issued.mission, issued.wp_id, {"command", "lifecycle"})
            self.task.spans.append((event.signal.at, event.until))
            self.was_asked = False

    def _move(self, event: _Event, request: Request) -> None:
        """Take a `move-task`: into a lane of work it begins that work, out of one it ends it."""
        signal = event.signal
        source = "note" if signal.kind == "note" else "command"
        role = role_of_lane(signal.lane)
        if role is not None and not (self.task and self.task.wp_id == signal.wp_id and self.task.role == role):
            self._begin(event, role, source, request)
            return
        ends = role_that_ends_in(signal.lane)
        if ends is None:
            return
        task = self.task
        if task is None:
            task = self._begin_at_its_end(event, ends, source, request)
        elif task.needs_work_package or (task.wp_id == signal.wp_id and signal.wp_id):
            self._fill(task, signal, source, request)
        else:
            return  # it steers another work package than its own
        task.signals.add(source)
        task.spans.append((signal.at, event.until))
        task.is_over, task.left_for = True, signal.lane

    def _begin_at_its_end(self, event: _Event, role: str, source: str, request: Request) -> Task:
        """Begin a task that only its end gives away."""
        self.task = task = self._new(event, role, source, request)
        return task

    def _begin(self, event: _Event, role: str, source: str, request: Request) -> None:
        task = self.task
        signal = event.signal
        if task is not None and not task.is_over and self._goes_on(task, role, signal, request):
            self._fill(task, signal, source, request)
            if source in {"command", "note"}:
                task.spans.append((signal.at, event.until))
            return
        new = self._new(event, role, source, request)
        if task is not None and self._steers(task, new, signal):
            task.is_steering = new.is_steering = True
        self.task, self.was_asked = new, False

    def _goes_on(self, task: Task, role: str, signal: Signal, request: Request) -> bool:
        mission = self._mission(signal, request)
        if mission is not None and task.mission is not None and mission is not task.mission:
            return False
        if task.role == COORDINATOR and task.wp_id is None:
            task.role = role  # what comes after `next`
            return True
        same_package = signal.wp_id is None or task.wp_id is None or signal.wp_id == task.wp_id
        return task.role == role and same_package

    def _steers(self, before: Task, new: Task, signal: Signal) -> bool:
        return (
            not self.thread.is_subagent
            and not before.is_over
            and not self.was_asked
            and before.role in {IMPLEMENTER, REVIEWER}
            and new.role in {IMPLEMENTER, REVIEWER}
            and before.wp_id != new.wp_id
            and not _was_handed_on(before, signal.at)
        )

    def _new(self, event: _Event, role: str, source: str, request: Request) -> Task:
        signal = event.signal
        task = Task(role, self._mission(signal, request), signal.wp_id, {source})
        if source in {"command", "note"}:
            task.spans.append((signal.at, event.until))
        if self.task is None and self._has_prompts:  # the turn that led to it was spent on it
            self._late.append((self._turn_began, event.place, task))
        return task

    def _fill(self, task: Task, signal: Signal, source: str, request: Request) -> None:
        task.mission = task.mission or self._mission(signal, request)
        if task.needs_work_package:
            task.wp_id = signal.wp_id
        task.signals.add(source)

    def _mission(self, signal: Signal, request: Request) -> Mission | None:
        for folder in (signal.folder, request.folder):
            place = self.places.at(folder)
            if place.missions is not None and (found := place.missions.named(signal.mission)):
                return found
        return None

    def settled(self, tasks: Sequence[Task | None]) -> list[Task | None]:
        """Return the tasks of the requests, with the turns that their end claimed."""
        settled = list(tasks)
        for first, last, task in self._late:
            for place in range(first, min(last, len(settled))):
                if settled[place] is None:
                    settled[place] = task
        return settled


def _ends(signal: Signal) -> bool:
    if signal.verb == "move-task":
        return role_that_ends_in(signal.lane) is not None
    return signal.verb in _ENDING_VERBS


def _was_handed_on(task: Task, moment: datetime) -> bool:
    """Tell whether the host's lanes show that somebody had ended this work by then."""
    if task.mission is None or task.wp_id is None or not task.spans:
        return False
    began = task.spans[0][0]
    stays = [stay for stay in task.mission.stays.get(task.wp_id, ()) if stay.role == task.role]
    current = [stay for stay in stays if stay.overlaps(began, task.spans[0][1])]
    return bool(current) and all(stay.ended is not None and stay.ended <= moment for stay in current)


def _results(entries: Iterable[Request | Signal]) -> dict[str, datetime]:
    """Return when the result of each call came."""
    return {
        entry.call_id: entry.at
        for entry in entries
        if isinstance(entry, Signal) and entry.kind == "result" and entry.call_id
    }
