"""`events`: single records, as a table or as JSON lines, and live."""

from __future__ import annotations

import sys
import time
from heapq import nlargest
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli.options import currency_option, filter_options, in_currency, project_option, search_for
from spec_kitty_telemetry.cli.output import complain, nobody_reads, say
from spec_kitty_telemetry.cli.render import context_line, tables, terminal, wording
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
@currency_option
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
    currency: str,
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
        _list(ReportContext(search, zone=zone), limit, currency, as_json=as_json, follow=follow)
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


def _list(context: ReportContext, limit: int, currency: str, *, as_json: bool, follow: bool) -> None:
    from spec_kitty_telemetry.reports.follow import LogFollower

    search, cost = context.search, _Cost(context, currency)
    followed = LogFollower(search) if follow else None  # before reading, so that nothing falls in between
    seen: set[Key] = set()
    found = search.events(keep_unknown=True)
    events, count = _newest(_noted(found, seen) if follow else found, limit)
    if as_json:
        _print_lines(events)
    elif events or not follow:
        say("\n".join(_table(events, cost)), coloured=True)
    if len(events) < count and not nobody_reads():
        rest = f"The newest {len(events):,} of {count:,} records; --limit 0 lists all."
        if as_json:  # standard output is for the records alone
            complain(rest)
        else:
            say(rest)
    _warn(search)
    if followed is not None:
        _follow(followed, seen, cost, as_json=as_json)


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


def _follow(followed: LogFollower, seen: set[Key], cost: _Cost, *, as_json: bool) -> None:
    """Print new records as they come, each once."""
    while not nobody_reads():
        new = [event for event in followed.new() if _key(event) not in seen]
        unique = {_key(event): event for event in reversed(new)}  # of two with one id the first counts
        seen.update(unique)
        for event in reversed(unique.values()):
            if as_json:
                _print_lines([event])
            else:
                say(_line(event, cost))
        time.sleep(_PAUSE_S)


def _print_lines(events: list[ExecutionEvent]) -> None:
    from spec_kitty_telemetry.cli.output import harmless
    from spec_kitty_telemetry.model.record import encode

    for event in events:
        say(harmless(encode(event).decode()), nl=False)
        if nobody_reads():
            break


_COLUMNS = {"when": 0, "mission": 9, "wp": 0, "role": 8, "agent": 0, "model": 0, "outcome": 0, "input": 2, "output": 1,
            "cost": 0, "id": 3}  # fmt: skip
"""The columns → when a narrow terminal gives each up (`render.fitting`)."""
_TEXTS = frozenset({"when", "outcome", "id"})
_NUMBERS = frozenset({"input", "output", "cost"})
_ROOMY = 140
"""From this width on a row has the year and the whole id."""
_SHORT_ID = 14
"""An id is looked up by how it begins, and its first fourteen characters are a millisecond and more."""


class _Cost:
    """What single records cost, in one currency."""

    def __init__(self, context: ReportContext, currency: str) -> None:
        self.zone = context.zone
        self.currency = currency
        self.context = context if currency == "USD" else in_currency(context, currency)[0]

    def text(self, event: ExecutionEvent) -> str:
        from spec_kitty_telemetry.cli.render import report_table
        from spec_kitty_telemetry.decisions.currency import ConvertedSearch
        from spec_kitty_telemetry.reports.build import cost_of

        search = self.context.search
        known = search.converted(event) if isinstance(search, ConvertedSearch) else event
        return report_table.cost(cost_of(self.context, known), wording.money_places(None), self.currency)


def _cells(event: ExecutionEvent, cost: _Cost, *, is_roomy: bool) -> list[str]:
    from spec_kitty_telemetry.cli.render.report_rows import name_of
    from spec_kitty_telemetry.model.timespans import in_zone

    payload = event.payload
    moment = in_zone(event.timestamp, cost.zone)
    return [
        f"{moment:%Y-%m-%d %H:%M}" if is_roomy else f"{moment:%m-%d %H:%M}",
        wording.shown(event.feature),
        name_of("wp", payload.wp_id),
        name_of("role", payload.role),
        name_of("agent", payload.agent),
        name_of("model", payload.model),
        "voided" if payload.voided is not None else payload.outcome or wording.UNKNOWN,
        wording.count(payload.input_tokens, compact=True),
        wording.count(payload.output_tokens, compact=True),
        cost.text(event),
        event.event_id if is_roomy else event.event_id[:_SHORT_ID],
    ]


def _table(events: list[ExecutionEvent], cost: _Cost) -> list[str]:
    """Return the records as a table, under the line that says what they are."""
    if not events:
        return ["No record matches."]
    lines = _rows(events, cost)
    above = context_line.lines(cost.context, terminal.width(), cost.currency)
    return [*above, "", *tables.coloured(lines), *wording.legend(lines)]


def _rows(events: list[ExecutionEvent], cost: _Cost) -> list[str]:
    from spec_kitty_telemetry.cli.render.fitting import ScreenColumn, drawn, fit

    width = terminal.width()
    rows = [_cells(event, cost, is_roomy=width >= _ROOMY) for event in events]
    columns = [
        ScreenColumn(
            title,
            [row[place] for row in rows],
            "text" if title in _TEXTS else "number" if title in _NUMBERS else "name",
            given_up,
        )
        for place, (title, given_up) in enumerate(_COLUMNS.items())
    ]
    return drawn(fit(columns, width))


def _line(event: ExecutionEvent, cost: _Cost) -> str:
    return _rows([event], cost)[-1]


def _warn(search: Search) -> None:
    if search.report.skipped_count:
        lines = wording.plural(search.report.skipped_count, "line")
        complain(f"{lines} could not be read; 'doctor' names them.")
    for log in search.report.unread:
        complain(f"Left out: {wording.shown(log.reason)}")
