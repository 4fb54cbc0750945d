"""A feature's log as a `spec_kitty_events.EventStore`, for tools of the host family that speak that interface.

The only module that imports `spec_kitty_events` (6.1; what it uses is there in 11 too).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from spec_kitty_events import Event, EventStore, StorageError

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.checkpoint import numbered
from spec_kitty_telemetry.log.known_ids import KnownIds
from spec_kitty_telemetry.log.lines import numbered_lines
from spec_kitty_telemetry.log.superseding import USUAL_REVISION
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.project.locate import project_of_feature_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.project.identity import Identity

_PATIENCE_S = 10.0


class SimpleJsonStore(EventStore):
    """Events of one feature in its `execution.events.jsonl`.

    The log is append-only, so of two events with one `event_id` the first stays, unless it was only a guess.  Events
    keep their own clocks; lines of the first version, which lacked parts of the envelope, are completed with the
    project's identity when loaded.
    """

    def __init__(self, feature_dir: Path | str) -> None:
        """Name the store in a feature's folder; nothing is opened yet.

        :raises ProjectError: the folder leads out of its project.
        """
        project, _ = project_of_feature_dir(Path(feature_dir))
        self._identity: Identity = project.identity()
        self._log = FeatureLog.of_feature_dir(Path(feature_dir))
        self._known = KnownIds()

    @property
    def path(self) -> Path:
        """Where the events are."""
        return self._log.path

    def save_event(self, event: Event) -> None:
        """Append `event` unless its `event_id` is there already; the log is not read again for that.

        :raises StorageError: it could not be written.
        """
        try:
            self._log.append_once(_line(event), self._known, _PATIENCE_S)
        except (LogError, OSError, ValueError, TypeError, RecursionError) as error:
            raise StorageError(f"event {event.event_id} was not saved: {error}") from error

    def load_events(self, aggregate_id: str) -> list[Event]:
        """Return the events of `aggregate_id` by (lamport_clock, node_id).

        :raises StorageError: the log cannot be read.
        """
        return [event for event in self.load_all_events() if event.aggregate_id == aggregate_id]

    def load_all_events(self) -> list[Event]:
        """Return all events by (lamport_clock, node_id); lines that are no event are passed over.

        Records that take others' places or take them back are events, too: they and those others are returned.

        :raises StorageError: the log cannot be read.
        """
        unique: dict[str, Event] = {}
        revisions: dict[str, int] = {}
        try:
            for event, revision in self._events():
                if revision > revisions.get(event.event_id, -1):
                    unique[event.event_id], revisions[event.event_id] = event, revision
        except LogError as error:
            raise StorageError(str(error)) from error
        return sorted(unique.values(), key=lambda event: (event.lamport_clock or 0, event.node_id))

    def _events(self) -> Iterator[tuple[Event, int]]:
        for _, line in numbered_lines(self._log.path):
            if line is not None and (event := self._event(line)):
                yield event, _revision(line)

    def _event(self, line: bytes) -> Event | None:
        try:
            return Event(**self._completed(msgspec.json.decode(line, type=dict[str, Any])))
        except (ValueError, TypeError, RecursionError):
            return None

    def _completed(self, document: dict[str, Any]) -> dict[str, Any]:
        required = {
            "build_id": self._identity.build_id,
            "node_id": self._identity.node_id,
            "project_uuid": self._identity.project_uuid,
            "correlation_id": document.get("event_id"),
        }
        return {**document, **{name: value for name, value in required.items() if document.get(name) is None}}


def _revision(line: bytes) -> int:
    try:
        return numbered(line).revision
    except (ValueError, RecursionError):  # another writer's payload
        return USUAL_REVISION


def _line(event: Event) -> bytes:
    """Return the line for `event`; a value that JSON cannot hold is a `ValueError`."""
    document = event.model_dump(mode="json")
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
