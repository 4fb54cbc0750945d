"""Rows of exports as lines of CSV and JSON, and what is not in them as sentences."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.cli.output import harmless
from spec_kitty_telemetry.cli.render.report_csv import cell
from spec_kitty_telemetry.cli.render.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from spec_kitty_telemetry.exports.focus import Missing

_LINES_AT_ONCE = 500
"""Printed together, because each print is flushed."""
_encoder = msgspec.json.Encoder(order="sorted", decimal_format="number")


def csv_lines(names: Iterable[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield the lines of a CSV of `rows` with the columns `names`, some hundreds at a time.

    Objects and lists are JSON; no cell begins a formula.
    """
    columns = list(names)
    block: list[list[str]] = [columns]
    for row in rows:
        block.append([text_of(row[name]) for name in columns])
        if len(block) >= _LINES_AT_ONCE:
            yield _csv_text(block)
            block = []
    if block:
        yield _csv_text(block)


def _csv_text(block: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(block)
    return text.getvalue().removesuffix("\n")


def text_of(value: object) -> str:
    """Return `value` as the text of a cell."""
    if isinstance(value, dict | list | tuple):
        return harmless(_encoder.encode(value).decode()) if value else ""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else cell(value)


def json_lines(rows: Iterable[Any]) -> Iterator[str]:
    """Yield one JSON object for each of `rows`, with money as numbers that no float has touched."""
    for row in rows:
        yield harmless(_encoder.encode(row).decode())


def missing_lines(missing: Missing, source: str) -> list[str]:
    """Return what an export of costs does not have, a sentence each."""
    said = []
    if source == "reported" and missing.unpriced_count:
        said.append(f"Not in it: {plural(missing.unpriced_count, 'run')} with usage that reported no cost.")
    elif missing.unpriced_count:
        said.append(f"Not in it, or not all of it: {plural(missing.unpriced_count, 'run')} without a price.")
    said += [
        f"No price for {each.model or 'an unnamed model'}{f' at {each.provider}' if each.provider else ''}: "
        f"{plural(each.event_count, 'run')}, {each.input_tokens:,} input and {each.output_tokens:,} output tokens."
        for each in missing.models
    ]
    if missing.contradictory_count:
        said.append(f"Counts that cannot all be true: {plural(missing.contradictory_count, 'run')}.")
    if missing.no_usage_count:
        said.append(f"Not in it: {plural(missing.no_usage_count, 'run')} with neither tokens nor a cost.")
    if missing.partial_count:
        said.append(f"Only a part of it is known: {plural(missing.partial_count, 'run')}.")
    return said
