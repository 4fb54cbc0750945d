"""Feature logs on disk: one JSONL file for each feature, one line for each record.

The only module that opens one to write.  A line is appended under a cross-process lock with one `write`, so a crash can
tear at most the last line, and the next append mends that.  What cannot be appended in time waits in the spool, one
small file a record, and is drained by the next append.  What a record means is the business of `record`; finding it
again is that of `scan`.

The next Lamport clock must be above every one in the log, also after git merged another branch's lines, yet an append
must not read the log.  So the clock file remembers how far the log was read and what stood right before that point
(`checkpoint.Checkpoint`): if that still stands there, only what came after it is read.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from filelock import FileLock, Timeout

from spec_kitty_telemetry.errors import LogError, ProjectError
from spec_kitty_telemetry.log import checkpoint
from spec_kitty_telemetry.log.flushing import flush, flush_folder
from spec_kitty_telemetry.log.spool import Spool
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES, ExecutionEvent, encode
from spec_kitty_telemetry.project.files import is_within, open_regular
from spec_kitty_telemetry.project.ignoring import ignore_logs_once
from spec_kitty_telemetry.project.layout import LOG_NAME, Project
from spec_kitty_telemetry.project.locate import project_of_feature_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.log.known_ids import KnownIds
    from spec_kitty_telemetry.log.spool import Waiting

logger = logging.getLogger(__name__)

PATIENCE_S = 0.25
"""How long one append may wait for the lock and the disk before its record goes to the spool."""

Place = Literal["log", "spool", "warning"]


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a record went."""

    event: ExecutionEvent
    """With its clock, where it is in the log."""
    place: Place
    reason: str | None = None
    """Why it is not in the log."""


class FeatureLog:
    """The append-only log of one feature."""

    def __init__(self, project: Project, folder: Path, *, fsync: bool = True) -> None:
        """Name the log in a feature's `folder`; its lock, clock and spool are the project's; nothing is opened yet."""
        folder = Path(os.path.realpath(folder))  # one log has one lock, also where a link gives it a second name
        self.path = folder / LOG_NAME
        self.spool = Spool(project, folder.name)
        self._project = project
        self._lock_path = project.runtime_dir / f"{folder.name}.lock"
        self._clock_path = project.runtime_dir / f"{folder.name}.clock"
        self._fsync = fsync

    @classmethod
    def of_feature(cls, project: Project, feature: str, *, fsync: bool = True) -> FeatureLog:
        """Return the log of `feature`, or of what belongs to none (`layout.OUTSIDE`).

        :raises ProjectError: the slug or its folder is refused.
        """
        return cls(project, project.log_folder(feature), fsync=fsync)

    @classmethod
    def of_feature_dir(cls, feature_dir: Path, *, fsync: bool = True) -> FeatureLog:
        """Return the log of the feature whose folder this is, in the primary checkout also from within a worktree."""
        project, folder = project_of_feature_dir(feature_dir)
        return cls(project, folder, fsync=fsync)

    def make_folder(self) -> None:
        """Make the folder of the log, where it is missing.

        :raises LogError: it cannot be made, or leads out of the project.
        """
        try:
            self._project.runtime_folder()  # first, because git has to ignore what is made in it
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, ProjectError) as error:
            raise LogError(f"{self.path.parent} cannot be made: {_reason(error)}") from error

    def append(self, event: ExecutionEvent) -> Appended:
        """Write `event` with the next clock; never raises, never waits much longer than `PATIENCE_S`.

        What cannot be written in time goes to the spool; if that fails too, one warning carries the whole record.
        """
        return self.append_all([event])[0]

    def append_all(self, events: list[ExecutionEvent], patience_s: float = PATIENCE_S) -> list[Appended]:
        """Write `events` at once; all else as `append`."""
        deadline = time.monotonic() + patience_s
        try:
            written = self._append(events, deadline)[-len(events) :]
            return [Appended(event, "log") for event in written]
        except Exception as error:  # noqa: BLE001 - the promise of this method
            reason = _reason(error)
            return [self.set_aside(event, reason) for event in events]

    def drain(self, patience_s: float = PATIENCE_S) -> int:
        """Move what waits in the spool into the log and return how many records that were.

        :raises LogError: the log cannot be written now; nothing is lost.
        """
        if not self.spool.paths():
            return 0
        try:
            return len(self._append([], time.monotonic() + patience_s))
        except (OSError, Timeout, ProjectError) as error:
            raise LogError(f"{self.path} cannot be written: {_reason(error)}") from error

    def append_once(self, line: bytes, known: KnownIds, patience_s: float) -> bool:
        """Append another writer's `line` with its own clock, unless its record is there; tell whether it was new.

        :raises LogError: it could not be written in time; it is nowhere then.
        """
        deadline = time.monotonic() + patience_s
        numbered = checkpoint.numbered(line)
        with self.exclusively(patience_s), self._opened(deadline) as descriptor:
            known.catch_up(descriptor, deadline)
            if not known.mark.complete:
                raise LogError(f"{self.path} could not be read through within {patience_s:g} s")
            if known.has(numbered.event_id, numbered.revision):
                return False
            known.mark = self._write(descriptor, known.mark, [line], numbered.lamport_clock)
            known.add(numbered.event_id, numbered.revision)
            self._flush(descriptor, deadline)
        return True

    @contextmanager
    def exclusively(self, patience_s: float) -> Iterator[None]:
        """Keep every other writer out of this log for as long as the block runs.

        :raises LogError: the lock cannot be had in time, or a folder is refused.
        """
        try:
            with self._locked(time.monotonic() + patience_s):
                yield
        except (OSError, Timeout, ProjectError) as error:
            raise LogError(f"{self.path} cannot be written: {_reason(error)}") from error

    def _append(self, events: list[ExecutionEvent], deadline: float) -> list[ExecutionEvent]:
        with ExitStack() as stack:
            with self._locked(deadline):
                descriptor = stack.enter_context(self._opened(deadline))
                written = self._append_locked(descriptor, events, deadline)
            # Outside the lock: a slow disk keeps this writer waiting, not the others.
            self._flush(descriptor, deadline)
        return written

    def _append_locked(self, descriptor: int, events: list[ExecutionEvent], deadline: float) -> list[ExecutionEvent]:
        waiting = self.spool.waiting(deadline)
        before = checkpoint.load(self._clock_path)
        mark = checkpoint.catch_up(descriptor, before, deadline, waiting.discard_recorded)
        if not mark.complete:
            self._save(mark, before, waiting)
            raise LogError("the log changed and could not be read through in time")
        drained = waiting.events()
        written = _numbered([*drained, *events], mark.clock)
        if written:
            mark = self._write(descriptor, mark, [encode(event) for event in written], written[-1].lamport_clock)
        if drained:
            self._flush(descriptor, deadline)  # the spool's copies go only when the log's are safe
            waiting.remove_drained(deadline)
        self._save(mark, before, waiting)
        return written

    def _save(self, mark: checkpoint.Checkpoint, before: checkpoint.Checkpoint, waiting: Waiting) -> None:
        # A file that stays though its record is in the log must meet that line again the next time.
        checkpoint.save(self._clock_path, mark if waiting.all_removed else before)

    def _write(
        self, descriptor: int, mark: checkpoint.Checkpoint, lines: list[bytes], greatest_clock: int
    ) -> checkpoint.Checkpoint:
        if any(len(line) > MAXIMUM_LINE_BYTES for line in lines):
            raise LogError(f"the record is longer than {MAXIMUM_LINE_BYTES} bytes, which no reader accepts")
        # A line that a crash tore off is ended first, or it would swallow the one that follows.
        text = (b"" if mark.at_line_start else b"\n") + b"".join(lines)
        count = os.write(descriptor, text)
        if count != len(text):
            # The disk is full.  We hold the lock, so what was written of this text can be taken back.
            with suppress(OSError):
                os.ftruncate(descriptor, mark.size)
            raise LogError(f"only {count} of {len(text)} bytes could be written")
        if self._was_replaced(descriptor):
            raise LogError("the log was deleted or replaced while it was written")
        return mark.after(text, greatest_clock)

    def _was_replaced(self, descriptor: int) -> bool:
        """Tell whether git or a person put another file in this one's place; Windows does not let them."""
        status = os.fstat(descriptor)
        if status.st_nlink > 0:
            return False
        try:
            return not os.path.samestat(status, self.path.stat())
        except OSError:
            return True

    @contextmanager
    def _locked(self, deadline: float) -> Iterator[None]:
        if not is_within(self.path.parent, self._project.root):
            raise ProjectError(f"{self.path.parent} leads out of the project {self._project.root}")
        self._project.runtime_folder()
        ignore_logs_once(self._project, self.path)
        # One lock object for each append: it must hold between threads as well as between processes.
        lock = FileLock(self._lock_path, thread_local=False, is_singleton=False)
        with lock.acquire(timeout=max(0.0, deadline - time.monotonic()), poll_interval=0.005):
            yield

    @contextmanager
    def _opened(self, deadline: float) -> Iterator[int]:
        """Open the log, which is made where it is missing; only while it is locked."""
        flags = os.O_RDWR | os.O_APPEND
        try:
            descriptor, is_new = open_regular(self.path, flags), False
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, is_new = open_regular(self.path, flags | os.O_CREAT), True
        try:
            yield descriptor
            if is_new and self._fsync:
                flush_folder(self.path.parent, deadline)
        finally:
            os.close(descriptor)

    def _flush(self, descriptor: int, deadline: float) -> None:
        if self._fsync:
            flush(descriptor, deadline)

    def set_aside(self, event: ExecutionEvent, reason: str) -> Appended:
        """Put `event` into the spool because of `reason`, else into one warning; never raises."""
        text = repr(event)
        try:
            line = encode(event)
            text = line.decode().rstrip()
            self.spool.put(event, line)
        except Exception as error:  # noqa: BLE001 - the last place before a record is lost
            reason = f"{reason}; nor in the spool {self.spool.folder}: {_reason(error)}"
            logger.warning("%s: %s; this record is in no file: %s", self.path, reason, text)
            return Appended(event, "warning", reason)
        logger.info("%s: %s; the record waits in %s", self.path, reason, self.spool.folder)
        return Appended(event, "spool", reason)


def _numbered(events: list[ExecutionEvent], above: int) -> list[ExecutionEvent]:
    return [msgspec.structs.replace(event, lamport_clock=above + 1 + index) for index, event in enumerate(events)]


def _reason(error: Exception) -> str:
    if isinstance(error, Timeout):
        return "another process kept its lock for too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
