"""What the logs of a project say already about agents' sessions: imported segments, and runs that were recorded live.

Read apart from the reports, and wholly: also what was superseded or taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.log.lines import numbered_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

_MARGIN = timedelta(seconds=5)
"""How far the clock of a transcript and that of a host may be apart."""
_LOOKED_FOR_AT_MOST = 20
"""Up to so many sessions it is faster to look for their names in a line than to decode it."""
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Payload(msgspec.Struct, gc=False):
    agent: str | None = None
    attributed_by: list[str] | None = None
    duration_ms: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    revision: int | None = None
    session_id: str | None = None
    started_at: _Moment | None = None
    supersedes: str | None = None
    voided: str | None = None


class _Line(msgspec.Struct, gc=False):
    event_id: str
    timestamp: _Moment
    payload: _Payload


_decode = msgspec.json.Decoder(_Line).decode


@dataclass(slots=True)
class Known:
    """All that one log says about one imported segment."""

    feature: str | None
    """`None`: it is in the log of what is outside of all missions."""
    revision: int = 0
    line: bytes = b""
    """The record that counts."""


@dataclass(slots=True)
class Recorded:
    """What the logs of one project say."""

    segments: dict[str, Known] = field(default_factory=dict)
    """By the id of each segment's first record."""
    voided: dict[str, str] = field(default_factory=dict)
    """The segments that somebody, or an import, took back, which holds for ever; and why."""
    _of_session: dict[str, list[str]] = field(default_factory=dict)
    _session_of_run: dict[str, str] = field(default_factory=dict)
    _runs: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=dict)

    def has_any_of(self, session_id: str) -> bool:
        """Tell whether anything of this session is recorded, or was and was taken back."""
        return session_id in self._runs or session_id in self._of_session

    def has_runs_of(self, session_id: str) -> bool:
        """Tell whether a host recorded any run of this session with its numbers."""
        return session_id in self._runs

    def has_run(self, session_id: str, at: datetime) -> bool:
        """Tell whether a run of this session that a host recorded, with its numbers, covers that moment."""
        return any(began - _MARGIN <= at <= ended + _MARGIN for began, ended in self._runs.get(session_id, ()))

    def is_run_of(self, run_id: str, session_id: str) -> bool:
        """Tell whether the record `run_id` is a run of this session itself."""
        return self._session_of_run.get(run_id) == session_id

    def of_session(self, session_id: str) -> list[tuple[str, Known]]:
        """Return the imported segments of a session that still count."""
        subjects = self._of_session.get(session_id, ())
        return [(subject, self.segments[subject]) for subject in subjects if subject not in self.voided]

    def take(self, line: bytes, feature: str | None) -> None:
        """Learn from one line of the log of `feature`."""
        try:
            said = _decode(line)
        except (ValueError, RecursionError):
            return
        payload = said.payload
        subject = payload.supersedes or said.event_id
        if payload.voided is not None:
            self.voided[subject] = payload.voided
        elif payload.attributed_by is not None:
            known = self.segments.get(subject)
            if known is None:
                known = self.segments[subject] = Known(feature)
                self._of_session.setdefault(payload.session_id or "", []).append(subject)
            revision = 1 if payload.revision is None else payload.revision
            if revision > known.revision:
                known.revision, known.line = revision, line
        elif payload.session_id is not None:
            self._take_run(said)

    def _take_run(self, said: _Line) -> None:
        payload = said.payload
        self._session_of_run[said.event_id] = payload.session_id or ""
        if payload.input_tokens is None and payload.output_tokens is None:
            return  # nothing of this session was counted
        began = payload.started_at or said.timestamp - _length(payload.duration_ms)
        self._runs.setdefault(payload.session_id or "", []).append((began, said.timestamp))


def _length(duration_ms: int | None) -> timedelta:
    try:
        return timedelta(milliseconds=max(0, duration_ms or 0))
    except OverflowError:
        return timedelta()


def recorded(project: Project, session_ids: Collection[str] | None = None) -> Recorded:
    """Return what the logs of `project` say about these sessions, or about all."""
    found = Recorded()
    wanted = (
        None
        if session_ids is None or len(session_ids) > _LOOKED_FOR_AT_MOST
        else [each.encode() for each in session_ids]
    )
    for feature, path in _logs(project):
        try:
            for _, line in numbered_lines(path):
                if line is None or (wanted is not None and not _speaks_of(line, wanted)):
                    continue
                found.take(line, feature)
        except TelemetryError:  # reports and `doctor` say that this log cannot be read
            continue
    return found


def _speaks_of(line: bytes, wanted: list[bytes]) -> bool:
    return any(each in line for each in wanted) or b'"voided"' in line


def _logs(project: Project) -> Iterator[tuple[str | None, Path]]:
    for feature in project.features_with_logs():
        try:
            yield feature, project.log_path(feature)
        except TelemetryError:
            continue
    if project.has_outside_log():
        yield None, project.outside_log
