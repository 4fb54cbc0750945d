"""Reading an agent's SQLite file without touching it, however it was left behind.

A database in use has a write-ahead log beside it, and an index of that which all its users share: it is read like any
other user would.  Without that index SQLite would make one in the agent's folder, so the database is copied, with its
log, to a folder of ours.  One without a log is read in place, as a file that nobody changes.  What is damaged gives the
rows up to the damage.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.agents.common.store_files import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SECONDS = 60.0
_MOST_COPIED_BYTES = 4 << 30
_BLOCK_BYTES = 1 << 20
_STEPS = 100_000


class SqliteFile:
    """An open database; its queries give no rows where tables or columns are missing."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, up to the first that cannot be read."""
        with contextlib.suppress(sqlite3.Error, ValueError, OverflowError):
            yield from self._base.execute(query, values)

    def named_rows(self, table: str, column: str | None = None, value: object = None) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table by the names of its columns, all or those with `value` in `column`."""
        where = f" WHERE {column} = ?" if column else ""
        with contextlib.suppress(sqlite3.Error, ValueError, OverflowError):
            # The names are ours, never of the file.
            found = self._base.execute(f"SELECT * FROM {table}{where}", (value,) if column else ())  # noqa: S608
            names = [str(one[0]) for one in found.description]
            for row in found:
                yield dict(zip(names, row, strict=True))

    def columns(self, table: str) -> set[str]:
        """Return the names of a table's columns; none where there is no such table."""
        return {str(row[1]) for row in self.rows(f"PRAGMA table_info({table})")}


@contextlib.contextmanager
def open_sqlite(path: Path) -> Iterator[SqliteFile | None]:
    """Open a database for reading; `None` where it is none."""
    with contextlib.ExitStack() as stack:
        base = None
        for place in _places(path, stack):
            with contextlib.suppress(sqlite3.Error, OSError, ValueError):
                base = stack.enter_context(contextlib.closing(_connected(place)))
                break
        yield SqliteFile(base) if base is not None else None


def _places(path: Path, stack: contextlib.ExitStack) -> Iterator[str]:
    """Yield how the database may be opened, the best way first."""
    if not _size(wal_of(path)):
        yield f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        return
    if _size(path.with_name(f"{path.name}-shm")):
        yield f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.suppress(OSError):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sessions-")))
        # The copy is ours, and its log is to be taken in.
        yield f"{_copied(path, folder).absolute().as_uri()}?mode=rw"


def _connected(place: str) -> sqlite3.Connection:
    base = sqlite3.connect(place, uri=True, timeout=0.1)
    deadline = time.monotonic() + _SECONDS
    base.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
    base.text_factory = lambda text: text.decode("utf-8", errors="replace")
    try:
        base.execute("SELECT name FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.Error:
        base.close()
        raise
    return base


def wal_of(path: Path) -> Path:
    """Return where the write-ahead log of a database stands."""
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    with opened(path) as descriptor:
        return os.fstat(descriptor).st_size if descriptor is not None else 0


def _copied(path: Path, folder: Path) -> Path:
    if _size(path) + _size(wal_of(path)) > _MOST_COPIED_BYTES:
        raise OSError(f"{path} is too large to be copied while it is in use")
    copy = folder / "copy.db"
    # The log first: a checkpoint in between moves pages from it into the database, where they are then found.
    for source, target in ((wal_of(path), wal_of(copy)), (path, copy)):
        with opened(source) as descriptor, target.open("wb") as file:
            while descriptor is not None and (block := os.read(descriptor, _BLOCK_BYTES)):
                file.write(block)
    return copy
