"""`events`: single records, as a table or as JSON lines, and live."""

from __future__ import annotations

import sys
import time
from heapq import nlargest
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli.options import filter_options, project_option, search_for
from spec_kitty_telemetry.cli.output import complain, say
from spec_kitty_telemetry.cli.render import tables, wording
from spec_kitty_telemetry.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.follow import LogFollower
    from spec_kitty_telemetry.reports.search import Search

    Key = tuple[str, int | None]

_PAUSE_S = 0.5
_INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended."""


@click.group("events", invoke_without_command=True)
@click.option("--id", "event_id", metavar="ID", help="Only the record whose id begins so, as JSON.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=0), help="The newest N; 0: all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, as on disk.")
@click.option("--follow", is_flag=True, help="Go on with records as they come, until Ctrl-C.")
@click.option("--all", "everything", is_flag=True, help="Also records that were taken back or superseded.")
@filter_options
@click.pass_context
def command(
    click_context: click.Context,
    /,
    event_id: str | None,
    limit: int,
    as_json: bool,
    follow: bool,
    everything: bool,
    **filters: Any,
) -> None:
    """List single records, oldest first.

    \b
    Examples:
      events --mission user-login --outcome failed
      events --since today --json --limit 0
      events --follow
    """  # noqa: D301 - \b is click's mark
    if click_context.invoked_subcommand is not None:
        return
    search, zone = search_for(**filters)
    search.everything = everything
    if event_id is not None:
        _show_one(search, event_id)
        return
    from spec_kitty_telemetry.reports.build import ReportContext

    try:
        _list(ReportContext(search, zone=zone), limit, as_json=as_json, follow=follow)
    except KeyboardInterrupt:
        if not follow:
            raise
        sys.exit(_INTERRUPTED)  # that is how following ends


@command.command("void")
@click.argument("event_id", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is taken back; kept with the record.")
@project_option
def void_command(event_id: str, reason: str, project_folder: Path | None) -> None:
    """Take one record back: reports leave it out, 'events --all' shows it.

    ID is how its id begins. Nothing is edited or deleted: a record is added that says so, on every branch and machine
    that gets it.

    \b
    Example:
      events void 01KHJVJW --reason "typed the tokens twice"
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.recording.voiding import take_back
    from spec_kitty_telemetry.reports.search import record_called

    if not reason.strip():
        raise click.BadParameter("found nothing, expected why the record is taken back", param_hint="--reason")
    search, _ = search_for(project_folder=project_folder)
    event = record_called(search, event_id)
    appended = take_back(search.project, event, reason)
    if appended is None or appended.place == "warning":
        why = "telemetry is off" if appended is None else appended.reason
        raise ProjectError(f"{event.event_id} was not taken back: {why}")
    say(f"Took back {event.event_id} of {event.feature}; 'events --all' still shows it.")


def _list(context: ReportContext, limit: int, *, as_json: bool, follow: bool) -> None:
    from spec_kitty_telemetry.reports.follow import LogFollower

    search = context.search
    followed = LogFollower(search) if follow else None  # before reading, so that nothing falls in between
    seen: set[Key] = set()
    found = search.events(keep_unknown=True)
    events, count = _newest(_noted(found, seen) if follow else found, limit)
    if as_json:
        _print_lines(events)
    elif events or not follow:
        say(_table(events, context))
    if len(events) < count:
        rest = f"The newest {len(events):,} of {count:,} records; --limit 0 lists all."
        if as_json:  # standard output is for the records alone
            complain(rest)
        else:
            say(rest)
    _warn(search)
    if followed is not None:
        _follow(followed, seen, context, as_json=as_json)


def _noted(events: Iterable[ExecutionEvent], seen: set[Key]) -> Iterator[ExecutionEvent]:
    for event in events:
        seen.add(_key(event))
        yield event


def _key(event: ExecutionEvent) -> Key:
    """Return what tells a record from others: what is known of a run bears the id of what was guessed about it."""
    return event.event_id, event.payload.revision


def _newest(events: Iterable[ExecutionEvent], limit: int) -> tuple[list[ExecutionEvent], int]:
    """Return the newest `limit` (0: all), oldest first, and how many there are; no more than those are held."""
    count = 0

    def numbered() -> Iterator[tuple[datetime, int, ExecutionEvent]]:
        nonlocal count
        for event in events:
            count += 1
            yield event.timestamp, count, event

    chosen = sorted(nlargest(limit, numbered()) if limit else numbered())
    return [event for _, _, event in chosen], count


def _show_one(search: Search, event_id: str) -> None:
    from spec_kitty_telemetry.cli.output import print_json
    from spec_kitty_telemetry.model.record import as_document
    from spec_kitty_telemetry.reports.search import record_called

    print_json(as_document(record_called(search, event_id)))


def _follow(followed: LogFollower, seen: set[Key], context: ReportContext, *, as_json: bool) -> None:
    """Print new records as they come, each once."""
    while True:
        new = [event for event in followed.new() if _key(event) not in seen]
        unique = {_key(event): event for event in reversed(new)}  # of two with one id the first counts
        seen.update(unique)
        for event in reversed(unique.values()):
            if as_json:
                _print_lines([event])
            else:
                say(_line(event, context))
        time.sleep(_PAUSE_S)


def _print_lines(events: list[ExecutionEvent]) -> None:
    from spec_kitty_telemetry.cli.output import harmless
    from spec_kitty_telemetry.model.record import encode

    for event in events:
        say(harmless(encode(event).decode()), nl=False)


_TITLES = ["when", "feature", "wp", "role", "agent", "model", "outcome", "input", "output", "cost", "id"]
_ID = len(_TITLES) - 1
_SHORT_ID = 14
_NARROWER = ((0, 2, 3, 4, 6, 7, 8, 9, _ID), (0, 2, 3, 4, 6, 9, _ID), (0, 2, 4, 6, 9, _ID))
"""The columns for narrower and narrower terminals."""


def _cells(event: ExecutionEvent, context: ReportContext) -> list[str]:
    from spec_kitty_telemetry.cli.render import report_table
    from spec_kitty_telemetry.model.timespans import in_zone
    from spec_kitty_telemetry.reports.build import cost_of

    payload = event.payload
    return [
        in_zone(event.timestamp, context.zone).replace(tzinfo=None).isoformat(" ", "minutes"),
        event.feature,
        payload.wp_id or wording.UNKNOWN,
        payload.role or wording.UNKNOWN,
        payload.agent or wording.UNKNOWN,
        payload.model or wording.UNKNOWN,
        "voided" if payload.voided is not None else payload.outcome or wording.UNKNOWN,
        wording.count(payload.input_tokens, compact=True),
        wording.count(payload.output_tokens, compact=True),
        report_table.cost(cost_of(context, event), wording.money_places(None)),
        event.event_id,
    ]


def _table(events: list[ExecutionEvent], context: ReportContext) -> str:
    if not events:
        return "No record matches."
    rows = [_cells(event, context) for event in events]
    text = tables.table(_TITLES, rows, 7)
    for keep in _NARROWER:
        if not tables.is_wider_than_terminal(text):
            break
        # An id is looked up by how it begins, and its first fourteen characters are a millisecond and more.
        cells = [[row[index][:_SHORT_ID] if index == _ID else row[index] for index in keep] for row in rows]
        text = tables.table([_TITLES[index] for index in keep], cells, sum(index < 7 for index in keep))  # noqa: PLR2004
    return text


def _line(event: ExecutionEvent, context: ReportContext) -> str:
    return wording.shown("  ".join(_cells(event, context)))


def _warn(search: Search) -> None:
    if search.report.skipped_count:
        lines = wording.plural(search.report.skipped_count, "line")
        complain(f"{lines} could not be read; 'doctor' names them.")
    for log in search.report.unread:
        complain(f"Left out: {wording.shown(log.reason)}")
