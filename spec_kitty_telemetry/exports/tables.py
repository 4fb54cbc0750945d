"""Priced runs as two tables in DuckDB: `runs`, a row a run, and `models`, a row for each model of a run.

Money is DECIMAL, which every engine widens where it adds up; whole numbers above 2⁶³ would silently turn round in some
of them.  Times are UTC.  This is the one module that imports DuckDB, the extra `fleet`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.errors import FilterError, SettingsError, TelemetryError
from spec_kitty_telemetry.exports.runs import priced_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spec_kitty_telemetry.exports.runs import PricedModel, PricedRun
    from spec_kitty_telemetry.reports.build import ReportContext

_MONEY = "DECIMAL(38,12)"
_USED = {
    "model": "VARCHAR", "provider": "VARCHAR", "total_input_tokens": "BIGINT", "cache_read_tokens": "BIGINT",
    "cache_write_tokens": "BIGINT", "total_output_tokens": "BIGINT", "reasoning_tokens": "BIGINT",
    "reported_cost_usd": _MONEY, "estimated_cost_usd": _MONEY, "total_cost_usd": _MONEY, "list_cost_usd": _MONEY,
}  # fmt: skip
"""What a run and each of its models have alike."""
_WHO = {
    "event_id": "VARCHAR", "subject": "VARCHAR", "revision": "BIGINT", "project": "VARCHAR", "feature": "VARCHAR",
    "wp": "VARCHAR", "role": "VARCHAR", "agent": "VARCHAR", "outcome": "VARCHAR", "attempt": "BIGINT",
    "run": "VARCHAR", "session": "VARCHAR", "ended_at": "TIMESTAMP",
}  # fmt: skip
COLUMNS = {
    "runs": {
        **_WHO, **_USED, "started_at": "TIMESTAMP", "duration_ms": "BIGINT", "is_lower_bound": "BOOLEAN",
        "is_in_doubt": "BOOLEAN", "gaps": "VARCHAR[]", "list_cost_is_lower_bound": "BOOLEAN",
        "price_table_as_of": "VARCHAR", "tags": "MAP(VARCHAR, VARCHAR)",
    },
    "models": {**_WHO, **_USED},
}  # fmt: skip
"""Table → its columns, with DuckDB's types."""


def duckdb_module() -> Any:
    """Return DuckDB.

    :raises SettingsError: it is not installed.
    """
    try:
        import duckdb  # an extra: 25 MB and half a second that few need
    except ImportError as error:
        raise SettingsError(
            "Parquet and SQL need DuckDB. Install it: pip install 'spec-kitty-telemetry[fleet]'"
        ) from error
    return duckdb


def connection_with(context: ReportContext) -> Any:
    """Return a database in memory with the two tables of a search's records.

    :raises TelemetryError: DuckDB is not installed; else as `Search.events`.
    """
    connection = _new_connection()
    encode = msgspec.json.Encoder(decimal_format="string").encode
    with tempfile.TemporaryDirectory(prefix="telemetry-") as folder:
        paths = {table: Path(folder) / f"{table}.ndjson" for table in COLUMNS}
        with paths["runs"].open("wb") as runs, paths["models"].open("wb") as models:
            for run in priced_runs(context):
                runs.write(encode(run) + b"\n")
                models.writelines(encode(row) + b"\n" for row in _models_of(run))
        for table, columns in COLUMNS.items():
            types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            connection.execute(
                f"CREATE TABLE {table} AS SELECT {', '.join(columns)} FROM "  # noqa: S608 - our own names
                f"read_ndjson({quoted(paths[table])}, columns={{{types}}}, maximum_object_size=4194304)"
            )
    return connection


def connection_over(folder: Path) -> Any:
    """Return a database with the two tables as views over what `export parquet` wrote into `folder`.

    Of several records of one run, exported by several clones, the one that has got furthest counts.

    :raises TelemetryError: DuckDB is not installed, or there is no export in `folder`.
    """
    connection = _new_connection()
    for table, columns in COLUMNS.items():
        if not any((folder / table).glob("month=*/*.parquet")):
            raise FilterError(f"found no export in {folder}, expected a folder that 'export parquet' wrote")
        files = quoted(folder / table / "month=*" / "*.parquet")
        key = "subject" if table == "runs" else "subject, coalesce(model, ''), coalesce(provider, '')"
        connection.execute(
            f"CREATE VIEW {table} AS SELECT {', '.join(columns)} FROM "  # noqa: S608 - as above
            f"read_parquet({files}, hive_partitioning=false, union_by_name=true) "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY revision DESC, event_id) = 1"
        )
    return connection


def _new_connection() -> Any:
    connection = duckdb_module().connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def quoted(path: Path) -> str:
    """Return a path as SQL's text."""
    return "'" + path.as_posix().replace("'", "''") + "'"


def _models_of(run: PricedRun) -> Iterator[dict[str, Any]]:
    who = {name: getattr(run, name) for name in _WHO}
    members: Sequence[PricedModel | PricedRun] = run.models or [run]
    for used in members:
        yield {**who, **{name: getattr(used, name) for name in _USED}}


def rows_of(connection: Any, question: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns' names and the rows that one SELECT gives.

    Nothing but a SELECT is taken.  It may read what else DuckDB can read: the question is the user's own.

    :raises FilterError: the question is no single SELECT.
    :raises TelemetryError: the database cannot answer it.
    """
    duckdb = duckdb_module()
    try:
        statements = duckdb.extract_statements(question)
        if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
            raise FilterError("found something else than one SELECT; tables cannot be changed here")
        found = connection.execute(question)
        return [column[0] for column in found.description], found.fetchall()
    except duckdb.Error as error:
        raise TelemetryError(f"the question cannot be answered: {str(error).splitlines()[0]}") from error
