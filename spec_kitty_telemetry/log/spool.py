"""Records that could not be appended in time: one small file each, put there without a lock.

A file appears whole (it is renamed into place), bears the record's `event_id` as its name, and is removed only after
its record is in the log.  If a crash comes between the two, the log's new lines are looked through for the name before
it is drained again (`clock.catch_up`), so every record is drained exactly once.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES, ExecutionEvent, parse
from spec_kitty_telemetry.project.files import is_within, open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

MAXIMUM_BYTES = MAXIMUM_LINE_BYTES - 32
"""Longest line that is kept here; the rest is room for the clock that it gets in the log."""

_FOLDER = "spool"
_SUFFIX = ".json"
_AT_ONCE = 200
"""How many records one append drains at most, so that a host never waits for all of a long outage."""


class Waiting:
    """What one append found in the spool; of use only while the log is locked."""

    def __init__(self, paths: list[Path], deadline: float) -> None:
        """Read the first of `paths`, as many as can be before `deadline` (of `time.monotonic`)."""
        self.all_removed = True
        """Whether every file whose record is in the log could be removed."""
        self._paths = {path.name.removesuffix(_SUFFIX): path for path in paths}
        self._events: dict[str, ExecutionEvent] = {}
        for path in paths:
            if len(self._events) == _AT_ONCE or time.monotonic() > deadline:
                break
            if event := read(path):
                self._events[event.event_id] = event

    def events(self) -> list[ExecutionEvent]:
        """Return the records to be drained, oldest first."""
        return sorted(self._events.values(), key=lambda event: (event.timestamp, event.event_id))

    def discard_recorded(self, event_id: str) -> None:
        """Remove the record `event_id`, if it waits: it is in the log already."""
        if event_id in self._paths:
            self._events.pop(event_id, None)
            self._remove(event_id)

    def remove_drained(self) -> None:
        """Remove the records that `events` gave, which are in the log now."""
        for event_id in self._events:
            self._remove(event_id)

    def _remove(self, event_id: str) -> None:
        try:
            self._paths[event_id].unlink(missing_ok=True)
        except OSError:
            self.all_removed = False


class Spool:
    """The records of one feature that wait for its log."""

    def __init__(self, project: Project, feature: str) -> None:
        """Name the spool of `feature`; its folder need not exist."""
        self.folder = project.runtime_dir / _FOLDER / feature
        self._project = project

    def put(self, event_id: str, line: bytes) -> None:
        """Keep `line` until it can be appended.

        :raises LogError: it is too long, or `event_id` cannot name a file.
        :raises ProjectError: the spool leads out of the project.
        :raises OSError: it cannot be kept here either.
        """
        if len(line) > MAXIMUM_BYTES:
            raise LogError(f"the record has {len(line)} bytes, more than {MAXIMUM_BYTES} are not kept")
        if not event_id.replace("-", "").isalnum():
            raise LogError(f"{event_id!r} cannot be a file's name")
        folder = self._project.runtime_folder(_FOLDER, self.folder.name)
        partial = folder / f".{event_id}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            partial.write_bytes(line)
            partial.replace(folder / f"{event_id}{_SUFFIX}")
        except OSError:
            with suppress(OSError):
                partial.unlink()
            raise

    def paths(self) -> list[Path]:
        """Return the files of all waiting records, by name."""
        try:
            names = sorted(name for name in os.listdir(self.folder) if name.endswith(_SUFFIX) and name[0] != ".")
        except OSError:
            return []
        if not names or not is_within(self.folder, self._project.root):
            return []
        return [self.folder / name for name in names]

    def inspect(self) -> tuple[list[Path], list[Path]]:
        """Return the files that hold a waiting record, and those that hold none."""
        good: list[Path] = []
        bad: list[Path] = []
        for path in self.paths():
            (good if read(path) else bad).append(path)
        return good, bad

    def waiting(self, deadline: float) -> Waiting:
        """Return what waits here and can be read before `deadline`; nothing where it could not be removed later."""
        paths = self.paths()
        return Waiting(paths if paths and os.access(self.folder, os.W_OK | os.X_OK) else [], deadline)


def read(path: Path) -> ExecutionEvent | None:
    """Return the record in one spool file; `None`: it holds none, which `doctor` tells a person."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (OSError, LogError):
        return None
    try:
        event = parse(os.read(descriptor, MAXIMUM_LINE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(descriptor)
    return event if path.name == event.event_id + _SUFFIX else None
