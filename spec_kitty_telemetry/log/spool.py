"""Records that could not be appended in time: one small file each, put there without a lock.

Where the project's own spool cannot be written either (a read-only checkout, a full disk, another user's folder), the
record waits in the user's state folder, under a name that is the project's alone.

A file appears whole (it is renamed into place), bears the record's `event_id` as its name, and is removed only after
its record is in the log.  If a crash comes between the two, the log's new lines are looked through for the name before
it is drained again (`clock.catch_up`), so every record is drained exactly once.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError, ProjectError
from spec_kitty_telemetry.log.superseding import GUESS_REVISION, revision_of
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES, ExecutionEvent, parse
from spec_kitty_telemetry.project.files import is_within, open_regular

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

MAXIMUM_BYTES = MAXIMUM_LINE_BYTES - 32
"""Longest line that is kept here; the rest is room for the clock that it gets in the log."""

_STATE_VARIABLE = "SPEC_KITTY_TELEMETRY_STATE_DIR"
_STATE_NAME = "spec-kitty-telemetry"
_FOLDER = "spool"
_SUFFIX = ".json"
_AT_ONCE = 200
"""How many records one append drains at most, so that a host never waits for all of a long outage."""


class Waiting:
    """What one append found in the spool; of use only while the log is locked."""

    def __init__(self, paths: list[Path], deadline: float) -> None:
        """Read the first of `paths`, as many as can be before `deadline` (of `time.monotonic`)."""
        self._deadline = deadline
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

    def discard_recorded(self, event_id: str, revision: int) -> None:
        """Remove the record `event_id`, if it waits: it is in the log already, and got as far as this one there."""
        if event_id not in self._paths:
            return
        waiting = self._events.get(event_id) or read(self._paths[event_id])
        if waiting is None or revision_of(waiting) <= revision:
            self._events.pop(event_id, None)
            self._remove(event_id, self._deadline)

    def remove_drained(self, deadline: float) -> None:
        """Remove the records that `events` gave, which are in the log now; what is left at `deadline` the next time."""
        for event_id in self._events:
            self._remove(event_id, deadline)

    def _remove(self, event_id: str, deadline: float) -> None:
        if time.monotonic() > deadline:
            self.all_removed = False
            return
        try:
            self._paths[event_id].unlink(missing_ok=True)
        except OSError:
            self.all_removed = False


class Spool:
    """The records of one feature that wait for its log."""

    def __init__(self, project: Project, feature: str) -> None:
        """Name the spool of `feature`; its folder need not exist."""
        self.folder = project.runtime_dir / _FOLDER / feature
        self.fallback = _state_folder(project) / feature
        self._project = project

    @staticmethod
    def features(project: Project) -> list[str]:
        """Return the features that have a spool, sorted; a folder that cannot be read has none."""
        names: set[str] = set()
        for folder in (project.runtime_dir / _FOLDER, _state_folder(project)):
            with suppress(OSError):
                names.update(os.listdir(folder))
        return sorted(names)

    def put(self, event: ExecutionEvent, line: bytes) -> None:
        """Keep `line`, that of `event`, until it can be appended; a guess never replaces what is known.

        :raises LogError: it is too long, or `event_id` cannot name a file.
        :raises ProjectError: the spool leads out of the project.
        :raises OSError: it cannot be kept here either.
        """
        if len(line) > MAXIMUM_BYTES:
            raise LogError(f"the record has {len(line)} bytes, more than {MAXIMUM_BYTES} are not kept")
        event_id = event.event_id
        if not event_id.replace("-", "").isalnum():
            raise LogError(f"{event_id!r} cannot be a file's name")
        try:
            _put(self._project.runtime_folder(_FOLDER, self.folder.name), event, line)
        except (OSError, ProjectError):
            self.fallback.mkdir(parents=True, exist_ok=True, mode=0o700)
            _put(self.fallback, event, line)

    def paths(self) -> list[Path]:
        """Return the files of all waiting records, by name, the project's own first."""
        own = _names(self.folder)
        if own and not is_within(self.folder, self._project.root):
            own = []
        return [*(self.folder / name for name in own), *(self.fallback / name for name in _names(self.fallback))]

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
        writable = {folder for folder in {path.parent for path in paths} if os.access(folder, os.W_OK | os.X_OK)}
        return Waiting([path for path in paths if path.parent in writable], deadline)


def _put(folder: Path, event: ExecutionEvent, line: bytes) -> None:
    target = folder / f"{event.event_id}{_SUFFIX}"
    if revision_of(event) == GUESS_REVISION and target.exists():
        return
    partial = folder / f".{event.event_id}.{os.getpid()}.{time.monotonic_ns()}"
    try:
        descriptor = open_regular(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)
        partial.replace(target)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIX) and name[0] != ".")
    except OSError:
        return []


def _state_folder(project: Project) -> Path:
    return _state_folder_of(project.root, os.environ.get(_STATE_VARIABLE), os.environ.get("XDG_STATE_HOME"))


@lru_cache(maxsize=32)
def _state_folder_of(root: Path, own: str | None, xdg: str | None) -> Path:
    """Return where records of the project at `root` wait in the user's own folders, as platformdirs has it."""
    if own:
        base = Path(own)
    elif sys.platform == "darwin":
        base = _home() / "Library" / "Application Support" / _STATE_NAME
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or _home()) / _STATE_NAME
    else:
        base = (Path(xdg) if xdg else _home() / ".local" / "state") / _STATE_NAME
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return base / _FOLDER / name


def _home() -> Path:
    return Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where nobody has a home


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
