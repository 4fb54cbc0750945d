"""A report as a table for a person: columns that fit the terminal, and what the report does not know below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.cost import CostReport, CostSummary
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.query import Search


@dataclass(frozen=True, slots=True)
class _Style:
    """How the numbers of one table are written."""

    compact: bool
    """1.52M instead of 1,524,514."""
    places: int
    """Decimals of all amounts of money."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of numbers."""

    title: str
    cell: Callable[[CostSummary, _Style], str]
    given_up: int = 0
    """When it is left out to save width: 1 first; 0 never."""


def _some(number: int) -> str:
    return f"{number:,}" if number else ""


_COLUMNS = (
    _Column("runs", lambda row, style: f"{row.event_count:,}"),
    _Column("failed", lambda row, style: _some(row.failed_event_count), 3),
    _Column("input", lambda row, style: tables.count(row.total_input_tokens, compact=style.compact)),
    _Column("cached", lambda row, style: tables.count(row.cache_read_tokens, compact=style.compact), 2),
    _Column("output", lambda row, style: tables.count(row.total_output_tokens, compact=style.compact)),
    _Column("time", lambda row, style: tables.duration(row.duration_ms), 1),
    _Column("reported", lambda row, style: tables.money(row.reported_cost_usd, places=style.places), 4),
    _Column("estimate", lambda row, style: tables.money(row.estimated_cost_usd, "~", places=style.places), 4),
    _Column("total", lambda row, style: _total(row, style.places)),
)


def lines(report: CostReport, search: Search, book: PriceBook) -> list[str]:
    """Return the report for a person: the table, then what it does not know."""
    if not report.total.event_count:
        return [_nothing(search), *_notes(report, search, book)]
    return [_fitting_table(report), "", *_notes(report, search, book)]


def _fitting_table(report: CostReport) -> str:
    """Return the widest table that fits: whole numbers, then numbers with units, then fewer columns."""
    text = ""
    for given_up in range(max(column.given_up for column in _COLUMNS) + 1):
        columns = [column for column in _COLUMNS if not 0 < column.given_up <= given_up]
        for compact in (False, True):
            text = _table(report, columns, _Style(compact, tables.money_places(report.total.total_cost_usd)))
            if not tables.is_wider_than_terminal(text):
                return text
    return text


def _table(report: CostReport, columns: list[_Column], style: _Style) -> str:
    def cells(row: CostSummary, group: list[str]) -> list[str]:
        return [*group, *(column.cell(row, style) for column in columns)]

    rows = [cells(row, [_value(value) for value in row.group.values()]) for row in report.rows]
    several = len(rows) > 1
    if several:
        rows.append(cells(report.total, ["total", *[""] * (len(report.by) - 1)]))
    return tables.table([*report.by, *(column.title for column in columns)], rows, len(report.by), total=several)


def _value(value: object) -> str:
    return tables.UNKNOWN if value is None else str(value)


def _total(row: CostSummary, places: int) -> str:
    if row.total_cost_usd is None:
        return "unknown"
    is_floor = row.unpriced_event_count or row.no_usage_event_count or row.partial_usage_event_count
    return tables.money(
        row.total_cost_usd, ("≥" if is_floor else "") + ("~" if row.estimated_cost_usd else ""), places=places
    )


def _nothing(search: Search) -> str:
    recorded = search.report.event_count
    if recorded:
        return f"None of {tables.plural(recorded, 'recorded run')} matches these filters."
    return (
        f"Nothing recorded yet in {search.project.root}.\nRuns are recorded when an orchestrator works here; "
        "'spec-kitty telemetry demo' shows what\nthat looks like, 'spec-kitty telemetry doctor' whether it will."
    )


def _notes(report: CostReport, search: Search, book: PriceBook) -> list[str]:
    """Say what this report does not know, and where its prices are from."""
    total, scan = report.total, search.report
    notes = []
    if total.estimated_cost_usd is not None:
        notes.append(f"~ estimated from list prices of each run's own day (price table of {book.as_of})")
    if total.no_usage_event_count:
        known = total.event_count - total.no_usage_event_count
        runs = tables.plural(total.event_count, "run")
        notes.append(f"Usage is known for {known:,} of {runs}; totals are a floor (≥).")
    if total.partial_usage_event_count:
        notes.append(f"{tables.plural(total.partial_usage_event_count, 'run')} said only a part of the tokens used.")
    if report.unknown_models:
        notes.append("No price, so not in the totals:")
        notes.extend(
            f"  {tables.shown(unknown.model or '(the agent did not say its model)')}: "
            f"{tables.plural(unknown.event_count, 'run')}, {unknown.input_tokens:,} tokens in, "
            f"{unknown.output_tokens:,} out"
            for unknown in report.unknown_models
        )
    if scan.skipped_count:
        notes.append(f"{tables.plural(scan.skipped_count, 'line')} could not be read and were left out:")
        notes.extend(f"  {tables.shown(line.file)} line {line.line}: {line.reason}" for line in scan.skipped[:5])
    notes.extend(
        f"Prices of {tables.shown(', '.join(use.models))} are from {tables.shown(use.path)}"
        for use in book.overrides_in_use
    )
    return notes
