"""`sql`: any question over single runs, answered by DuckDB."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli.options import project_option, search_for
from spec_kitty_telemetry.cli.output import complain, say

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMATS = ("table", "csv", "jsonl")


@click.command("sql", short_help="Ask with SQL.")
@click.argument("question", metavar="SELECT")
@click.option("--from", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Ask what 'export parquet' wrote there, of all projects, instead of this project.")  # fmt: skip
@click.option("--format", "output_format", type=click.Choice(_FORMATS), default="table", show_default=True,
              help="How the rows are printed.")  # fmt: skip
@project_option
def command(question: str, folder: Path | None, output_format: str, project_folder: Path | None) -> None:
    """Ask one SELECT over the tables runs (a row a run) and models (a row a model of a run).

    The columns are those of 'export csv'; times are UTC. Needs DuckDB: pip install 'spec-kitty-telemetry[fleet]'.

    \b
    Examples:
      sql "SELECT agent, sum(total_cost_usd) FROM runs GROUP BY agent"
      sql --from /mnt/telemetry "SELECT project, count(*) FROM runs GROUP BY 1"
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.exports.tables import connection_over, connection_with, rows_of

    if folder is not None:
        names, rows = rows_of(connection_over(folder), question)
    else:
        from spec_kitty_telemetry.reports.build import ReportContext

        search, zone = search_for(project_folder=project_folder)
        names, rows = rows_of(connection_with(ReportContext(search, zone=zone)), question)
        if search.report.skipped_count or search.report.unread:
            complain("Some lines or logs could not be read; 'doctor' names them.")
    _print(names, [[_plain(value) for value in row] for row in rows], output_format)


def _print(names: Sequence[str], rows: list[list[Any]], output_format: str) -> None:
    from spec_kitty_telemetry.cli.output import write_lines
    from spec_kitty_telemetry.cli.render import export_rows, tables

    if output_format == "table":
        cells = [[export_rows.text_of(value) for value in row] for row in rows]
        say(tables.table(list(names), cells, len(names)) if rows else "No row.")
        return
    found = [dict(zip(names, row, strict=True)) for row in rows]
    write_lines(export_rows.csv_lines(names, found) if output_format == "csv" else export_rows.json_lines(found), None)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
