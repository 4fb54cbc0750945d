"""Bringing the logs of a project up to date with agents' own session stores.

A segment's record is written once.  A segment that grew, or of which more became known, is superseded by a record with
a greater `revision`; one whose requests belong to another record now is taken back.  What is up to date is left alone,
so importing twice adds nothing, whoever imports.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.agents.common.store import Request
from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.importing.attribute import segments_of
from spec_kitty_telemetry.importing.compose import record_of, subject_of
from spec_kitty_telemetry.importing.identify import revision_id, segment_id
from spec_kitty_telemetry.importing.notes import forget_old, notes_of, with_notes
from spec_kitty_telemetry.importing.places import Places
from spec_kitty_telemetry.importing.recorded import Recorded, recorded
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.record import ExecutionEvent, decode
from spec_kitty_telemetry.project.host_notes import RUN_VARIABLE
from spec_kitty_telemetry.project.identity import identity_of
from spec_kitty_telemetry.project.layout import OUTSIDE, settings_or_defaults
from spec_kitty_telemetry.recording.child_environment import cause_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.store import StoredSession
    from spec_kitty_telemetry.importing.attribute import Segment
    from spec_kitty_telemetry.importing.notes import Note
    from spec_kitty_telemetry.importing.recorded import Known
    from spec_kitty_telemetry.project.layout import Project

MOVED = "its requests are counted in another record now"
_MOST_MOVES = 8
_PATIENCE_S = 10.0


@dataclass(slots=True)
class Change:
    """One record that an import writes."""

    kind: str
    """new, grown or moved"""
    event: ExecutionEvent
    request_count: int | None = None
    """`None`: nobody knows, as for what is hidden."""


@dataclass(slots=True)
class Found:
    """What the sessions that were looked at hold for one project; for `None`, for no project at all."""

    project: Project | None
    sessions: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)
    recorded_count: int = 0
    """Requests that belong to runs which a host recorded."""


class Importer:
    """Looks at sessions, one after the other, and compares them with what projects have recorded."""

    def __init__(
        self, places: Places | None = None, *, only: Project | None = None, session_ids: Collection[str] | None = None
    ) -> None:
        """Look at what belongs to the project `only`, or to any; `session_ids` are those that will be looked at."""
        self._places = places or Places()
        self._only = only
        self._session_ids = session_ids
        self._recorded: dict[Path, Recorded] = {}
        self._imported: dict[tuple[Path, str], bool] = {}
        self._notes: dict[Path, dict[str, list[Note]]] = {}
        self._seen: dict[str, set[int]] = {}
        self._looked_at: set[tuple[str, str]] = set()
        self._found: dict[Path | None, Found] = {}

    def found(self) -> list[Found]:
        """Return what was found, by project."""
        return [self._found[root] for root in sorted(self._found, key=str)]

    def look_at(self, session: StoredSession) -> list[Segment]:
        """Take in one session, and return its segments; a request that stood in an earlier session is a copy."""
        key = (session.agent, session.session_id)
        is_new = key not in self._looked_at
        self._looked_at.add(key)
        segments = [each for each in self._segments(session) if self._is_wanted_in(_project_of(each))]
        by_project: dict[Path | None, list[Segment]] = {}
        for segment in segments:
            project = _project_of(segment)
            self._of(project).sessions.add(session.session_id)
            by_project.setdefault(project.root if project else None, []).append(segment)
        for found in list(self._found.values()):
            if found.project is not None:
                here = by_project.get(found.project.root, [])
                found.changes += self._changes(found.project, session, here, is_new=is_new)
        return segments

    def _is_wanted_in(self, project: Project | None) -> bool:
        return self._only is None or (project is not None and project.root == self._only.root)

    def _of(self, project: Project | None) -> Found:
        return self._found.setdefault(project.root if project else None, Found(project))

    def _segments(self, session: StoredSession) -> list[Segment]:
        seen = self._seen.setdefault(session.agent, set())
        counts: dict[str | None, bool] = {}

        def is_counted(request: Request) -> bool:
            key = hash(request.request_id)
            if key in seen:
                return False
            seen.add(key)
            folder = request.folder
            if folder not in counts:
                counts[folder] = self._may_be_recorded(session, folder)
            return not counts[folder] or not self._is_recorded(session, request)

        return segments_of(self._with_notes(session), self._places, is_counted)

    def _with_notes(self, session: StoredSession) -> StoredSession:
        folders = {entry.folder for thread in session.threads for entry in thread.entries}
        projects = {there.root: there for folder in folders if (there := self._places.at(folder).project)}
        for root, project in projects.items():
            if root not in self._notes:
                self._notes[root] = notes_of(project)
        every = [note for root in projects for note in self._notes[root].get(session.session_id, ())]
        return with_notes(session, every) if every else session

    def _may_be_recorded(self, session: StoredSession, folder: str | None) -> bool:
        """Tell whether requests of the session that were made in `folder` need a closer look."""
        project = self._places.at(folder).project
        if project is None:
            return False
        known = self._logs_of(project)
        return session.forked_from is not None or known.has_runs_of(session.session_id)

    def _is_recorded(self, session: StoredSession, request: Request) -> bool:
        """Tell whether a host, or an import of the session that this was copied from, recorded the request."""
        project = self._places.at(request.folder).project
        if project is None:
            return False
        known = self._logs_of(project)
        if known.has_run(session.session_id, request.at):
            if self._is_wanted_in(project):
                self._of(project).recorded_count += 1
            return True
        return request.is_copy and session.forked_from is not None and self._was_imported(project, session.forked_from)

    def _was_imported(self, project: Project, session_id: str) -> bool:
        """Tell whether a session that may be deleted by now was imported while it was there."""
        if self._session_ids is None:
            return bool(self._logs_of(project).of_session(session_id))
        key = (project.root, session_id)
        if key not in self._imported:
            self._imported[key] = bool(recorded(project, {session_id}).of_session(session_id))
        return self._imported[key]

    def _logs_of(self, project: Project) -> Recorded:
        if project.root not in self._recorded:
            self._recorded[project.root] = recorded(project, self._session_ids)
        return self._recorded[project.root]

    def _changes(
        self, project: Project, session: StoredSession, segments: Iterable[Segment], *, is_new: bool
    ) -> list[Change]:
        known = self._logs_of(project)
        identity = identity_of(project.root)
        tags = settings_or_defaults(project).tags
        cause = self._cause(project, session)
        changes = []
        kept = set()
        for segment in segments:
            subject = _subject(segment, known)
            kept.add(subject)
            if subject in known.voided:
                continue  # somebody took it back
            record = msgspec.structs.replace(
                record_of(segment, identity, tags), event_id=subject, correlation_id=subject, causation_id=cause
            )
            before = known.segments.get(subject)
            count = None if segment.is_hidden else len(segment.requests)
            if before is None:
                changes.append(Change("new", record, count))
            elif not _is_same(record, before):
                changes.append(Change("grown", _revised(record, before, len(segment.requests)), count))
        return [*changes, *(self._moved(project, session, kept) if is_new else ())]

    def _cause(self, project: Project, session: StoredSession) -> str | None:
        """Return the run of a host's within which an agent started this session by itself."""
        notes = self._notes.get(project.root, {}).get(session.session_id, ())
        known = self._logs_of(project)
        runs = (cause_of({RUN_VARIABLE: note.run_id or ""}) for note in notes)
        return next((run for run in runs if run and not known.is_run_of(run, session.session_id)), None)

    def _moved(self, project: Project, session: StoredSession, kept: set[str]) -> list[Change]:
        """Take back the segments of `session` whose first request belongs to another one now."""
        before = self._logs_of(project).of_session(session.session_id)
        gone = [(subject, known) for subject, known in before if subject not in kept]
        if not gone:
            return []
        missions = self._places.missions_of(project)
        scopes = {"outside", *(mission.scope for _, known in gone if (mission := missions.named(known.feature)))}
        possible = {
            segment_id(session.agent, session.session_id, request.request_id, scope, request.at, number)
            for thread in session.threads
            for request in thread.entries
            if isinstance(request, Request)
            for scope in scopes
            for number in range(_MOST_MOVES)
        }
        return [_taken_back(subject, known) for subject, known in gone if subject in possible]


def write(project: Project, changes: Iterable[Change]) -> list[str]:
    """Write the records of `changes`, and return why some are not in their log, one sentence each.

    Nothing is written where the project wants none, or nothing that is from agents' own files.
    """
    forget_old(project)
    settings = settings_or_defaults(project)
    if not (settings.enabled and settings.transcripts):
        return []
    problems = []
    logs: dict[str, FeatureLog] = {}
    spooled = set()
    for change in changes:
        feature = change.event.aggregate_id
        if feature not in logs:
            logs[feature] = FeatureLog.of_feature(project, feature, fsync=settings.fsync)
        appended = logs[feature].append(change.event)
        if appended.place == "warning":
            problems.append(f"{logs[feature].path}: {appended.reason}")
        elif appended.place == "spool":
            spooled.add(feature)
    for feature in sorted(spooled):  # no host waits for us
        with suppress(LogError):
            logs[feature].drain(_PATIENCE_S)
    return problems


def _subject(segment: Segment, known: Recorded) -> str:
    """Return the segment's id; one that was taken back because it moved away, and came back, gets another."""
    subject = subject_of(segment)
    number = 0
    while known.voided.get(subject) == MOVED and number < _MOST_MOVES:
        number += 1
        subject = subject_of(segment, number)
    return subject


def _project_of(segment: Segment) -> Project | None:
    mission = segment.task.mission if segment.task else None
    return mission.project if mission else segment.place.project


def _is_same(record: ExecutionEvent, before: Known) -> bool:
    try:
        there = decode(before.line)
    except ValueError:
        return False
    tags = record.payload.tags  # other settings alone are no news of the session
    payload = msgspec.structs.replace(there.payload, revision=None, supersedes=None, tags=tags)
    return there.timestamp == record.timestamp and payload == record.payload


def _revised(record: ExecutionEvent, before: Known, request_count: int) -> ExecutionEvent:
    subject = record.event_id
    # Mostly the number of requests; what only became better known must be greater than what is there.
    revision = max(request_count, before.revision) + 1
    return msgspec.structs.replace(
        record,
        event_id=revision_id(subject, revision, record.timestamp),
        payload=msgspec.structs.replace(record.payload, supersedes=subject, revision=revision),
    )


def _taken_back(subject: str, known: Known) -> Change:
    record = decode(known.line)
    payload = msgspec.structs.replace(record.payload, supersedes=subject, revision=known.revision + 1, voided=MOVED)
    event_id = revision_id(subject, known.revision + 1, record.timestamp)
    feature = OUTSIDE if known.feature is None else known.feature
    return Change("moved", msgspec.structs.replace(record, event_id=event_id, aggregate_id=feature, payload=payload))
