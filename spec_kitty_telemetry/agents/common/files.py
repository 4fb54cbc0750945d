"""Bounded reading of files that nobody vouches for, and what one run is recognised by."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from spec_kitty_telemetry.agents.common import json_spans as members
from spec_kitty_telemetry.model.doubts import TOO_LARGE
from spec_kitty_telemetry.project.files import check_that_it_may_be_read, open_database, open_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spec_kitty_telemetry.agents.common.context import Window
    from spec_kitty_telemetry.agents.common.stdout import Json

SECONDS = 1.0
BYTES = 64 << 20
_LINE_BYTES = 8 << 20
_ENTRIES = 20_000
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class SessionQuery(NamedTuple):
    """What one run is recognised by: its session if it is known, else its working folder; and its time."""

    session_id: str | None
    folder: Path | None
    window: Window

    @property
    def safe_session(self) -> str | None:
        """The session id, if it can be part of a file name."""
        return self.session_id if self.session_id and SAFE_NAME.fullmatch(self.session_id) else None

    def is_folder(self, found: object) -> bool:
        """Whether a session's working folder is the run's."""
        if self.folder is None or not isinstance(found, str) or not found or "\0" in found:
            return False
        return found == str(self.folder) or real_path(Path(found)) == real_path(self.folder)


class SessionFiles:
    """How much may still be read, and how long.  `cut` says that something was left out for that."""

    def __init__(self, seconds: float = SECONDS, size: int = BYTES) -> None:
        self._deadline = time.monotonic() + seconds
        self._bytes = size
        self.cut = False

    @property
    def is_over(self) -> bool:
        """Whether no more may be read."""
        over = self._bytes <= 0 or time.monotonic() > self._deadline
        self.cut = self.cut or over
        return over

    @property
    def doubt(self) -> str | None:
        """Why the numbers may be too low, if something was left out."""
        return TOO_LARGE if self.cut else None

    def lines(self, path: Path, *markers: str) -> Iterator[Json]:
        """Yield the objects of a file of JSON lines that hold one of `markers`; of a huge file, its end."""
        wanted = [marker.encode() for marker in markers]
        with contextlib.suppress(OSError), open_foreign(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - max(0, self._bytes)))
            if file.tell():
                self.cut = True
                file.readline(_LINE_BYTES)
            while not self.is_over and (line := file.readline(_LINE_BYTES)):
                self._bytes -= len(line)
                if not wanted or any(marker in line for marker in wanted):
                    yield from _objects(line)

    def first(self, path: Path, most: int = 20) -> Iterator[Json]:
        """Yield the objects of a file's first lines."""
        with contextlib.suppress(OSError), open_foreign(path) as file:
            for _ in range(most):
                line = b"" if self.is_over else file.readline(_LINE_BYTES)
                if not line:
                    return
                self._bytes -= len(line)
                yield from _objects(line)

    def last(self, path: Path, size: int, marker: str) -> Iterator[Json]:
        """Yield the objects in the last `size` bytes of a file of JSON lines that hold `marker`, the last first."""
        with contextlib.suppress(OSError), open_foreign(path) as file:
            start = max(0, file.seek(0, 2) - size)
            file.seek(start)
            text = b"" if self.is_over else file.read(size)
            self._bytes -= len(text)
            lines = text.split(b"\n")
            for line in reversed(lines[1:] if start else lines):
                if marker.encode() in line:
                    yield from _objects(line)

    def document(self, path: Path) -> Json:
        """Return a small file's one object; an empty one where it has none."""
        with contextlib.suppress(OSError), open_foreign(path) as file:
            text = b"" if self.is_over else file.read(_LINE_BYTES + 1)
            self._bytes -= len(text)
            if len(text) <= _LINE_BYTES:
                return next(_objects(text), {})
            self.cut = True
        return {}

    def files(self, folder: Path, name: str, depth: int = 0) -> Iterator[Path]:
        """Yield files whose name matches a pattern, up to `depth` folders down, those with the last names first."""
        pattern = re.compile(name)
        waiting = deque([(folder, 0)])
        seen = 0
        while waiting and not self.is_over:
            place, level = waiting.popleft()
            for entry in _entries(place):
                seen += 1
                if seen > _ENTRIES:
                    self.cut = True
                    return
                if _is_folder(entry):
                    if level < depth:
                        waiting.append((Path(entry), level + 1))
                elif pattern.fullmatch(entry.name):
                    yield Path(entry)

    def called(self, folder: Path, name: str, depth: int) -> Iterator[Path]:
        """Yield files of exactly that name, up to `depth` folders down; their neighbours are not looked at."""
        waiting = deque([(str(folder), 0)])
        seen = 0
        while waiting and not self.is_over:
            place, level = waiting.popleft()
            path = os.path.join(place, name)  # noqa: PTH118 - a Path for each folder takes longer than asking for it
            if os.path.isfile(path):  # noqa: PTH113
                yield Path(path)
            for entry in _entries(place) if level < depth else ():
                seen += 1
                if seen > _ENTRIES:
                    self.cut = True
                    return
                if _is_folder(entry):
                    waiting.append((entry.path, level + 1))

    def rows(self, path: Path, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return a query's rows from an SQLite file, opened read-only; none where it is not what was expected."""
        if self.is_over or not path.is_file():
            return []
        try:
            with contextlib.closing(open_database(path, timeout_s=0.1)) as base:
                base.set_progress_handler(lambda: int(time.monotonic() > self._deadline), 10_000)
                return base.execute(query, values).fetchmany(_ENTRIES)
        except (sqlite3.Error, OSError, ValueError, OverflowError):
            return []


def changed_since(path: Path, window: Window) -> bool:
    """Whether a file was written after the run began."""
    try:
        return path.stat().st_mtime >= window.start.timestamp() - 1
    except (OSError, ValueError, OverflowError):
        return False


def _objects(text: bytes) -> Iterator[Json]:
    try:
        found = members.decode(text.decode("utf-8", errors="replace"))
    except ValueError:
        return
    if isinstance(found, dict):
        yield found


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    check_that_it_may_be_read(folder)
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name, reverse=True)
    except (OSError, ValueError):
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links, or behind a closed folder: its neighbours are read
        return False


def real_path(path: Path) -> Path:
    """Return where a path leads, whatever links are on the way; the path itself where that cannot be told."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path
