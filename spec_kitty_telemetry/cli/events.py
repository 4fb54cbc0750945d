"""`events`: single records, as a table or as JSON lines, and live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli import tables
from spec_kitty_telemetry.cli.options import filter_options, search_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.query import Search
    from spec_kitty_telemetry.record import ExecutionEvent

_PAUSE_S = 0.5


@click.command("events")
@click.option("--id", "event_id", metavar="ID", help="Only the record whose id begins so, as JSON.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=0), help="The newest N; 0: all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, as on disk.")
@click.option("--follow", is_flag=True, help="Go on with records as they come, until Ctrl-C.")
@filter_options
def command(event_id: str | None, limit: int, as_json: bool, follow: bool, **filters: Any) -> None:
    r"""List single records, oldest first.

    \b
    Examples:
      events --feature 43 --outcome failed
      events --since today --json --limit 0
      events --follow
    """
    search, zone = search_for(**filters)
    if event_id is not None:
        _show_one(search, event_id)
        return
    everything = sorted(search.events(keep_unknown=True), key=lambda event: event.timestamp)
    events = everything[-limit:]
    if as_json:
        _print_lines(events)
    elif events or not follow:
        click.echo(_table(events, zone))
    _warn(search)
    if follow:
        _follow(search, {event.event_id for event in everything}, zone, as_json=as_json)


def _show_one(search: Search, event_id: str) -> None:
    from spec_kitty_telemetry.cli.output import print_json
    from spec_kitty_telemetry.query import record_called
    from spec_kitty_telemetry.record import as_document

    print_json(as_document(record_called(search, event_id)))


def _follow(search: Search, seen: set[str], zone: ZoneInfo | None, *, as_json: bool) -> None:
    """Print new records as they come; a log is read again only when its size changed."""
    sizes: dict[str, int] = {}
    while True:
        new = [event for event in _changed(search, sizes) if event.event_id not in seen]
        seen.update(event.event_id for event in new)
        if as_json:
            _print_lines(new)
        else:
            for event in new:
                click.echo(_line(event, zone))
        time.sleep(_PAUSE_S)


def _changed(search: Search, sizes: dict[str, int]) -> Iterator[ExecutionEvent]:
    from spec_kitty_telemetry.query import EventFilter
    from spec_kitty_telemetry.query import Search as NewSearch

    for slug in search.features():
        try:
            size = search.project.log_path(slug).stat().st_size
        except OSError:
            continue
        if sizes.get(slug) != size:
            sizes[slug] = size
            of_feature = NewSearch(search.project, EventFilter(features=(slug,)))
            yield from (event for event in of_feature.events(keep_unknown=True) if search.filters.accepts(event))


def _print_lines(events: list[ExecutionEvent]) -> None:
    from spec_kitty_telemetry.record import encode

    for event in events:
        click.echo(encode(event), nl=False)


_TITLES = ["when", "feature", "wp", "role", "agent", "model", "outcome", "input", "output", "cost", "id"]


def _cells(event: ExecutionEvent, zone: ZoneInfo | None) -> list[str]:
    from spec_kitty_telemetry.moments import in_zone

    payload = event.payload
    return [
        f"{in_zone(event.timestamp, zone):%Y-%m-%d %H:%M}",
        event.feature,
        payload.wp_id or tables.UNKNOWN,
        payload.role or tables.UNKNOWN,
        payload.agent or tables.UNKNOWN,
        payload.model or tables.UNKNOWN,
        payload.outcome or tables.UNKNOWN,
        tables.count(payload.input_tokens, compact=True),
        tables.count(payload.output_tokens, compact=True),
        tables.money(payload.cost_usd),
        event.event_id,
    ]


def _table(events: list[ExecutionEvent], zone: ZoneInfo | None) -> str:
    if not events:
        return "No record matches."
    rows = [_cells(event, zone) for event in events]
    text = tables.table(_TITLES, rows, 7)
    if tables.is_wider_than_terminal(text):
        keep = [0, 2, 3, 4, 6, 9, 10]  # a narrow terminal: what a person looks an id up by, and the id
        text = tables.table([_TITLES[place] for place in keep], [[row[place] for place in keep] for row in rows], 5)
    return text


def _line(event: ExecutionEvent, zone: ZoneInfo | None) -> str:
    return tables.shown("  ".join(_cells(event, zone)))


def _warn(search: Search) -> None:
    if search.report.skipped_count:
        lines = tables.plural(search.report.skipped_count, "line")
        click.echo(f"{lines} could not be read; 'doctor' names them.", err=True)
