"""Answers on disk, in the project's runtime folder: one file a question, beside them the ids of the records in them.

They are a shortcut, never the truth: one that is broken, of another version or missing is made again, and where none
can be kept, everything is read.  A file appears whole or not at all, so several processes may use them at once.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.project.files import is_within, new_file, read_small_file
from spec_kitty_telemetry.reports.answer import Answer
from spec_kitty_telemetry.reports.id_lists import holds_any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.answer import KeptLog

FOLDER = "answers"
_MOST_ANSWER_BYTES = 16 * 1024 * 1024
_MOST_ID_BYTES = 64 * 1024 * 1024
"""Of one answer: two million records."""
_MOST_BYTES = 192 * 1024 * 1024
"""Of all answers; the oldest make room."""
_MOST_FILES = 200

_decode = msgspec.json.Decoder(Answer).decode


class AnswerStore:
    """The answers that a project keeps."""

    def __init__(self, project: Project) -> None:
        """Look in the runtime folder of `project`, which is not made before there is something to keep."""
        self._project = project
        self._folder = project.runtime_dir / FOLDER

    def find(self, question: str, dimension_count: int) -> Answer | None:
        """Return what is kept for a question about so many dimensions."""
        path = self._folder / f"{question}.json"
        try:
            if not is_within(path, self._project.root):
                return None
            answer = _decode(read_small_file(path, _MOST_ANSWER_BYTES))
        except (OSError, ValueError, RecursionError, TelemetryError):
            return None
        return answer if answer.is_whole(dimension_count) else None

    def may_hold(self, answer: Answer, ids: Collection[str]) -> bool:
        """Tell whether a record with one of `ids` is in `answer`, or cannot be told not to be."""
        if answer.id_files is None or not set(answer.later_ids).isdisjoint(ids):
            return True
        try:
            return any(holds_any(self._folder / name, ids) for name in answer.id_files if "/" not in name)
        except (OSError, ValueError, RecursionError):
            return True

    def keep(self, question: str, answer: Answer) -> None:
        """Keep an answer; a failure is no loss."""
        content = msgspec.json.encode(answer)
        if len(content) <= _MOST_ANSWER_BYTES:
            self._write(f"{question}.json", content)

    def keep_ids(self, logs: Sequence[KeptLog], lists: Sequence[bytes]) -> list[str] | None:
        """Keep the ids of all records of `logs`, once for all questions; return the names of the files.

        `None`: they are too many, or cannot be kept.
        """
        if sum(map(len, lists)) > _MOST_ID_BYTES:
            return None
        state = blake2b(msgspec.json.encode([(log.path, log.stamp) for log in logs]), digest_size=16).hexdigest()
        names = [f"{state}-{number}-of-{len(lists)}.ids" for number in range(len(lists))]
        for name, encoded in zip(names, lists, strict=True):
            if not (self._folder / name).exists() and not self._write(name, encoded):
                return None
        return names

    def _write(self, name: str, content: bytes) -> bool:
        try:
            folder = self._project.runtime_folder(FOLDER)
            self._make_room(len(content))
            partial = folder / f".{name}.{os.getpid()}"
            try:
                with new_file(partial) as file:
                    file.write(content)
                partial.replace(folder / name)
            except OSError:
                partial.unlink(missing_ok=True)
                raise
        except (OSError, TelemetryError):
            return False
        return True

    def _make_room(self, more_bytes: int) -> None:
        """Delete the oldest files until `more_bytes` fit."""
        files = []
        for entry in os.scandir(self._folder):
            with suppress(OSError):  # another process was quicker
                status = entry.stat(follow_symlinks=False)
                files.append((status.st_mtime_ns, status.st_size, entry.path))
        files.sort(reverse=True)
        kept_bytes = more_bytes
        for number, (_, size, path) in enumerate(files, start=1):
            kept_bytes += size
            if kept_bytes > _MOST_BYTES or number >= _MOST_FILES:
                with suppress(OSError):
                    os.unlink(path)  # noqa: PTH108 - scandir gives texts
