"""`export`: records for other programs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from spec_kitty_telemetry.cli.options import feature_option, filter_options, project_option, search_for
from spec_kitty_telemetry.cli.output import complain, say, write_lines
from spec_kitty_telemetry.cli.render.wording import plural, shown
from spec_kitty_telemetry.errors import SettingsError, TelemetryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.exports.focus import Source
    from spec_kitty_telemetry.exports.otlp.sending import TraceExport
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.search import Search


@click.group("export", short_help="Records for other programs.")
def command() -> None:
    """Write priced runs, or a bill, for other programs.

    The sums are those of 'report', to the last digit. Notes go to standard error.

    \b
    Examples:
      export csv --since 2026-11 --output runs.csv
      export jsonl --feature 43 | jq .total_cost_usd
      export focus --until yesterday --output focus.csv
      export otlp
      export parquet /mnt/telemetry
    """  # noqa: D301 - \b is click's mark


def _output_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
                        help="Write there; the file appears whole or not at all.")(command)  # fmt: skip


@command.command("csv")
@filter_options
@_output_option
def export_csv(output: Path | None, **filters: Any) -> None:
    """Write one line a run as CSV, with what it cost.

    An empty cell is unknown. Tags are JSON; a run's single models are in 'export jsonl' alone.

    \b
    Example:
      export csv --since 2026-11 --output runs.csv
    """  # noqa: D301 - \b is click's mark
    from msgspec.structs import asdict

    from spec_kitty_telemetry.cli.render.export_rows import csv_lines
    from spec_kitty_telemetry.exports.runs import PricedRun, priced_runs

    context = _context(filters)
    names = [name for name in PricedRun.__struct_fields__ if name != "models"]
    write_lines(csv_lines(names, map(asdict, priced_runs(context))), _target(output))
    _warn(context.search)


@command.command("jsonl")
@filter_options
@_output_option
def export_jsonl(output: Path | None, **filters: Any) -> None:
    """Write one JSON object a run, with what it and its models cost.

    \b
    Example:
      export jsonl --feature 43 | jq .total_cost_usd
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render.export_rows import json_lines
    from spec_kitty_telemetry.exports.runs import priced_runs

    context = _context(filters)
    write_lines(json_lines(priced_runs(context)), _target(output))
    _warn(context.search)


@command.command("focus")
@click.option("--cost", "source", type=click.Choice(["calculated", "reported"]), default="calculated",
              show_default=True, help="What everything costs at list prices, or what agents reported.")  # fmt: skip
@filter_options
@_output_option
def export_focus(source: str, output: Path | None, **filters: Any) -> None:
    """Write a bill as FOCUS 1.3 CSV, for FinOps tools.

    A row for each UTC day, mission, work package, role, agent, model and token class. Runs of unknown cost are left
    out and named on standard error: a bill would say 0.

    \b
    Examples:
      export focus --until yesterday --output focus.csv
      export focus --cost reported --since 2026-11
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render.export_rows import csv_lines, missing_lines
    from spec_kitty_telemetry.exports.focus import COLUMNS, days_to_come, focus_rows

    context = _context(filters)
    rows, missing = focus_rows(context, cast("Source", source))
    write_lines(csv_lines(COLUMNS, rows), _target(output))
    for line in missing_lines(missing, source):
        complain(shown(line))
    if unfinished := list(days_to_come(rows, datetime.now(UTC))):
        complain(
            f"Not over yet: {', '.join(unfinished)}. Some tools refuse such days; --until yesterday leaves them out."
        )
    _warn(context.search)


@command.command("parquet")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@project_option
def export_parquet(folder: Path, project_folder: Path | None) -> None:
    """Write all runs of the project into DIR as Parquet, by month.

    Several projects and machines may write into one folder: each has files of its own, and replaces only those that
    changed. Needs DuckDB: pip install 'spec-kitty-telemetry[fleet]'.

    \b
    Example:
      export parquet /mnt/telemetry
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.exports.parquet import write_parquet

    context = _context({"project_folder": project_folder})
    written = write_parquet(context, folder)
    say(
        f"{shown(folder)}: {plural(written.run_count, 'run')}; {plural(written.changed_count, 'file')} written, "
        f"{written.removed_count:,} removed, {written.same_count:,} as before."
    )
    _warn(context.search)


@command.command("otlp")
@click.option("--print", "is_printed", is_flag=True, help="Print all requests as JSON instead; nothing is sent.")
@click.option("--again", is_flag=True, help="Send everything, also what was sent before.")
@feature_option
@project_option
def export_otlp(features: tuple[str, ...], project_folder: Path | None, *, is_printed: bool, again: bool) -> None:
    """Send runs as OpenTelemetry traces, those that were not sent before.

    They go to OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) as Protocol Buffers over HTTP; …_HEADERS and
    …_TIMEOUT count too. A refusal, whole or in part, is exit code 1. A run keeps its ids, so that one sent twice
    counts once.

    \b
    Examples:
      export otlp --print | jq .resourceSpans
      export otlp --feature 43
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.output import print_json
    from spec_kitty_telemetry.exports.otlp.sending import TraceExport

    context = _context({"features": features, "project_folder": project_folder})
    export = TraceExport(context)
    if is_printed:
        for request in export.requests():
            print_json(request)
    else:
        _send(export, again=again)
    _warn(context.search)


def _send(export: TraceExport, *, again: bool) -> None:
    from spec_kitty_telemetry.exports.otlp.endpoint import endpoint_of, is_disabled
    from spec_kitty_telemetry.exports.otlp.sending import Sent

    if is_disabled():
        complain("Nothing was sent: OTEL_SDK_DISABLED is true.")
        return
    endpoint = endpoint_of()
    if endpoint is None:
        raise SettingsError(
            "no OTLP endpoint is set; set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318, or use --print"
        )
    sent = Sent()
    try:
        export.send(endpoint, sent, again=again)
    finally:
        say(f"Sent {plural(sent.run_count, 'run')} ({plural(sent.span_count, 'span')}) to {shown(endpoint.shown)}.")
    said = shown("; ".join(sent.messages))
    if sent.rejected_count:
        reason = f": {said}" if said else ""
        raise TelemetryError(f"{endpoint.shown} refused {plural(sent.rejected_count, 'span')}{reason}")
    if said:
        complain(f"{shown(endpoint.shown)} says: {said}")


def _context(filters: dict[str, Any]) -> ReportContext:
    from spec_kitty_telemetry.reports.build import ReportContext

    search, zone = search_for(**filters)
    return ReportContext(search, zone=zone)


def _target(output: Path | None) -> Path | None:
    return None if str(output) == "-" else output


def _warn(search: Search) -> None:
    """Say what could not be read: nobody should take an export for more than it is."""
    if search.report.skipped_count:
        complain(f"{plural(search.report.skipped_count, 'line')} could not be read; 'doctor' names them.")
    for log in search.report.unread:
        complain(f"Left out: {shown(log.reason)}")
