"""What was read of the files of session stores, kept in the user's cache folder for all projects.

An index is a shortcut, never the truth: one that is broken, of another version or no index at all is made again, and
where none can be kept, everything is read.  It holds what `Fragment` holds: numbers, ids and names, no text of anybody.
Several processes may use it at once; one that finds it locked reads the files itself.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from spec_kitty_telemetry.agents.common.store import Fragment
from spec_kitty_telemetry.project.file_stamp import FileStamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

VERSION = 3
"""Goes up when `Fragment`, `Outline` or the tables change."""
_APPLICATION = 0x736B7469
_LOCK_SECONDS = 0.5
_SCHEMA = """
CREATE TABLE outlines (path TEXT PRIMARY KEY, format TEXT NOT NULL, outline BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE contents (path TEXT PRIMARY KEY, content BLOB NOT NULL);
"""


class Outline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What must be known of a file to tell which sessions are in it and whether they are wanted."""

    stamps: list[FileStamp]
    """Of the file itself, and of those that are read with it."""
    sessions: list[str]
    folders: list[str]
    began: float
    """When it was begun, in seconds since 1970; `ended`: the last entry."""
    ended: float
    count: int
    """How many requests there are."""
    requests: bytes
    """The ids of those that are not marked as copied, `copies` of the others; decoded when they are needed."""
    copies: bytes


_outlines = msgspec.msgpack.Decoder(Outline)
_fragments = msgspec.msgpack.Decoder(list[Fragment])
_encode = msgspec.msgpack.Encoder().encode


class StoreIndex:
    """The index; use it in a `with` statement, at whose end it is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._base: sqlite3.Connection | None = None
        self._kept: dict[str, tuple[str, bytes]] = {}

    @classmethod
    def of_user(cls) -> Self:
        """Return the user's own index."""
        from platformdirs import user_cache_path  # 25 ms that only reading session stores needs

        return cls(user_cache_path("spec-kitty-telemetry", appauthor=False) / "sessions.db")

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._base = _opened(self._path)
            except (OSError, sqlite3.Error):
                self._base = None
        self._kept = self._load()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._base is not None:
            with contextlib.suppress(sqlite3.Error):
                self._base.commit()
            self._base.close()

    def outline(self, path: Path, kind: str) -> Outline | None:
        """Return what is kept of a file, if it was read by the same `kind` of reading."""
        kept = self._kept.get(str(path))
        if kept is None or kept[0] != kind:
            return None
        try:
            return _outlines.decode(kept[1])
        except (ValueError, RecursionError):
            return None

    def content(self, path: Path) -> list[Fragment] | None:
        """Return what was read of a file; `None` where it is not kept."""
        if self._base is None:
            return None
        try:
            row = self._base.execute("SELECT content FROM contents WHERE path = ?", (str(path),)).fetchone()
            return _fragments.decode(row[0]) if row else None
        except (sqlite3.Error, ValueError, RecursionError, TypeError):
            return None

    def keep(self, path: Path, kind: str, outline: Outline, fragments: list[Fragment]) -> bool:
        """Keep what was read of a file; say whether it could be kept."""
        if self._base is None:
            return False
        try:
            name = str(path)
            self._base.execute("REPLACE INTO outlines VALUES (?, ?, ?)", (name, kind, _encode(outline)))
            self._base.execute("REPLACE INTO contents VALUES (?, ?)", (name, _encode(fragments)))
        except (sqlite3.Error, ValueError, OverflowError):  # locked, full, or a name that is no text
            return False
        return True

    def gone(self, kind: str, present: Iterable[Path]) -> list[tuple[Path, Outline]]:
        """Return files that were read by this `kind` of reading and are there no more; only their outlines are kept."""
        found = []
        for name in set(self._kept).difference(map(str, present)):
            if self._kept[name][0] == kind and not os.path.lexists(name):
                outline = self.outline(Path(name), kind)
                if outline is not None:
                    found.append((Path(name), outline))
        if found and self._base is not None:
            with contextlib.suppress(sqlite3.Error):
                names = [(str(path),) for path, _ in found]
                self._base.executemany("DELETE FROM contents WHERE path = ?", names)
        return found

    def _load(self) -> dict[str, tuple[str, bytes]]:
        if self._base is None:
            return {}
        try:
            rows = self._base.execute("SELECT path, format, outline FROM outlines")
            return {path: (kind, outline) for path, kind, outline in rows}
        except sqlite3.Error:
            return {}


def _opened(path: Path) -> sqlite3.Connection:
    """Open the index, or make it anew where what is there is none of this version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    base = _checked(path)
    if base is None:
        for name in (path, path.with_name(f"{path.name}-journal"), path.with_name(f"{path.name}-wal")):
            name.unlink(missing_ok=True)
        base = _checked(path)
    if base is None:
        raise sqlite3.DatabaseError(f"{path} cannot be made an index")
    return base


def _checked(path: Path) -> sqlite3.Connection | None:
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    base = sqlite3.connect(path, timeout=_LOCK_SECONDS)
    try:
        found = base.execute("PRAGMA application_id").fetchone()[0], base.execute("PRAGMA user_version").fetchone()[0]
        if found == (0, 0) and not base.execute("SELECT 1 FROM sqlite_master").fetchone():
            marks = f"PRAGMA application_id={_APPLICATION}; PRAGMA user_version={VERSION};"
            base.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {marks} COMMIT;")
        elif found == (_APPLICATION, VERSION):
            base.execute("SELECT path FROM outlines LIMIT 1").fetchone()
        else:
            base.close()
            return None
    except sqlite3.OperationalError as error:
        base.close()
        if "lock" in str(error) or "already exists" in str(error):
            raise
        return None
    except sqlite3.DatabaseError:
        base.close()
        return None
    return base
