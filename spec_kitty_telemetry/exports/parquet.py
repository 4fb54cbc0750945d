"""A project's priced runs as Parquet files, in a folder that many projects and machines share.

`DIR/runs/month=2026-08/<clone>.parquet`, and the same for `models`.  Each clone writes files of its own, named after
the project and the clone, so that no two of them ever write one file, and replaces only those that changed.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.errors import TelemetryError, reason_of
from spec_kitty_telemetry.exports.tables import COLUMNS, connection_with, duckdb_module, quoted
from spec_kitty_telemetry.project.identity import identity_of

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.build import ReportContext


class Written(msgspec.Struct):
    """What an export did."""

    run_count: int = 0
    changed_count: int = 0
    same_count: int = 0
    removed_count: int = 0
    """Files of this clone whose runs are all gone: they were taken back."""


def write_parquet(context: ReportContext, folder: Path) -> Written:
    """Write the runs of a search into `folder`.

    A file appears whole or not at all; whoever reads meanwhile has the old or the new one.

    :raises TelemetryError: DuckDB is not installed, or a file cannot be written; else as `Search.events`.
    """
    connection = connection_with(context)
    name = f"{_clone_name(context.search.project)}.parquet"
    written = Written(run_count=connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    try:
        for table in COLUMNS:
            _write_table(connection, folder / table, table, name, written)
    except OSError as error:
        raise TelemetryError(f"{folder} cannot be written: {reason_of(error)}") from error
    except duckdb_module().Error as error:
        raise TelemetryError(f"{folder} cannot be written: {str(error).splitlines()[0]}") from error
    return written


def _write_table(connection: Any, folder: Path, table: str, name: str, written: Written) -> None:
    months = connection.execute(f"SELECT DISTINCT strftime(ended_at, '%Y-%m') FROM {table} ORDER BY 1")  # noqa: S608
    current = [folder / f"month={month}" / name for (month,) in months.fetchall()]
    for path in current:
        _write_month(connection, path, table, written)
    for path in set(folder.glob(f"month=*/{name}")) - set(current):
        path.unlink()
        written.removed_count += 1


def _write_month(connection: Any, path: Path, table: str, written: Written) -> None:
    month = path.parent.name.removeprefix("month=")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        connection.execute(
            f"COPY (SELECT * FROM {table} WHERE strftime(ended_at, '%Y-%m') = '{month}' ORDER BY ended_at, event_id) "  # noqa: S608 - our own names
            f"TO {quoted(temporary)} (FORMAT parquet, COMPRESSION zstd)"
        )
        if path.exists() and path.read_bytes() == temporary.read_bytes():
            written.same_count += 1
        else:
            temporary.replace(path)
            written.changed_count += 1
    finally:
        temporary.unlink(missing_ok=True)


def _clone_name(project: Project) -> str:
    """Return a name that no other clone has, on this machine or another."""
    identity = identity_of(project.root)
    place = f"{identity.node_id}:{project.root.as_posix()}"
    return f"{_digest(identity.project_uuid)}-{_digest(place)}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
