"""A report against another period: as a table, Markdown, CSV and JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.output import json_money, json_text, on_screen
from spec_kitty_telemetry.cli.render import report_markdown, tables, terminal, wording
from spec_kitty_telemetry.cli.render.fitting import ScreenColumn, drawn, fit
from spec_kitty_telemetry.cli.render.report_csv import cell
from spec_kitty_telemetry.cli.render.report_json import filters_used, skipped
from spec_kitty_telemetry.cli.render.report_notes import Note, as_lines, notes
from spec_kitty_telemetry.cli.render.report_rows import name_of
from spec_kitty_telemetry.cli.render.report_table import cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec_kitty_telemetry.decisions.comparison import Change
    from spec_kitty_telemetry.decisions.contrast import Contrast
    from spec_kitty_telemetry.decisions.periods import Period
    from spec_kitty_telemetry.reports.summary import CostSummary

JSON_VERSION = 1


def text(
    found: Contrast, output_format: str, *, currency: str, limit: int, to_file: bool, usd: Contrast | None = None
) -> str:
    """Return the comparison in one of the formats of a report, at most `limit` rows (0: all).

    `usd` is the same in dollars, where `found` is in another currency and the format says both.
    """
    rows = found.report.rows[:limit] if limit else found.report.rows
    if output_format == "json":
        return json_text(document(found, rows, currency, usd))
    if output_format == "csv":
        return _csv(found, rows, currency, usd)
    cells = [_cells(each, len(found.report.by), currency) for each in (*rows, found.report.total)]
    titles = [*found.report.by, "before", "now", "change", "in %"]
    below = [*_left_out(found, len(rows)), *as_lines(_notes(found))]
    if output_format == "markdown":
        names = len(found.report.by)
        shown = [[*map(report_markdown.text, row[:names]), *row[names:]] for row in cells]
        lines = report_markdown.table([*map(report_markdown.text, titles[:names]), *titles[names:]], shown, names)
        return "\n".join([report_markdown.text(headline(found)), "", *lines, "", *map(report_markdown.text, below)])
    body = _fitting(titles, cells, len(found.report.by), terminal.UNLIMITED if to_file else terminal.width())
    return "\n".join(
        [headline(found), "", *(body if to_file else tables.coloured(body)), "", *wording.legend(body), *below]
    ).rstrip()


def headline(found: Contrast) -> str:
    """Return which two periods these are."""
    now, before = (each.words(found.zone) for each in (found.periods.now, found.periods.before))
    same = ", the same part of it" if found.periods.is_partial else ""
    return f"{now} against {before}{same}"


def _cells(change: Change, names: int, currency: str) -> list[str]:
    named = [name_of(dimension, value) for dimension, value in change.group.items()]
    named = named or ["total", *[""] * (names - 1)]
    return [
        *named,
        _cost(change.before, currency),
        _cost(change.now, currency),
        _change(change, currency),
        _part(change),
    ]


def _cost(row: CostSummary | None, currency: str) -> str:
    return wording.NONE if row is None or not row.event_count else cost(row, 2, currency)


def _change(change: Change, currency: str) -> str:
    amount = change.change_usd
    if amount is None:
        return wording.UNKNOWN
    sign = "+" if amount > 0 else "-" if amount < 0 else ""
    return wording.money(
        abs(amount), (on_screen("≈") if change.is_uncertain else "") + sign, places=2, currency=currency
    )


def _part(change: Change) -> str:
    if change.group and change.kind != "changed":
        return change.kind
    part = change.change_share
    return wording.UNKNOWN if part is None else f"{part * 100:+.0f}%"


def _fitting(titles: Sequence[str], rows: list[list[str]], names: int, width: int) -> list[str]:
    columns = [
        ScreenColumn(title, cells, "name" if place < names else "number")
        for place, (title, *cells) in enumerate(zip(titles, *rows, strict=True))
    ]
    return drawn(fit(columns, width, frozenset({len(rows) - 1})), has_total=True)


def _left_out(found: Contrast, shown: int) -> list[str]:
    more = len(found.report.rows) - shown
    return [f"{more:,} more rows are left out (--limit 0 shows all)."] if more else []


def _notes(found: Contrast) -> list[Note]:
    total = found.report.total
    uncertain: list[Note] = [("≈ the cost of one of the periods is a minimum, so the change may be another.", [])]
    said = [
        note
        for context, row in ((found.now, total.now), (found.before, total.before))
        for note in (notes(row, [], context) if row is not None else [])
    ]
    return [
        *(uncertain if total.is_uncertain else []),
        *[note for place, note in enumerate(said) if note not in said[:place]],
    ]


def _csv(found: Contrast, rows: Sequence[Change], currency: str, usd: Contrast | None) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    in_dollars = _InDollars(found, usd)
    writer.writerow([*map(cell, found.report.by), *in_dollars.numbers(found.report.total), "currency"])
    for each in rows:
        writer.writerow(map(cell, [*each.group.values(), *in_dollars.numbers(each).values(), currency]))
    return out.getvalue().removesuffix("\n")


class _InDollars:
    """The numbers of each row, with its amounts in dollars beside those in another currency."""

    def __init__(self, found: Contrast, usd: Contrast | None) -> None:
        report = (found if usd is None else usd).report
        self._changes = {tuple(each.group.values()): each for each in (*report.rows, report.total)}

    def numbers(self, change: Change) -> dict[str, Any]:
        same = self._changes[tuple(change.group.values())]
        return {**_numbers(change), **{f"{name}_usd": value for name, value in _amounts(same).items()}}


def document(found: Contrast, rows: Sequence[Change], currency: str, usd: Contrast | None = None) -> dict[str, Any]:
    """Return the comparison as a JSON object: amounts in `currency`, and in dollars beside them."""
    in_dollars = _InDollars(found, usd)
    return {
        "version": JSON_VERSION,
        "by": list(found.report.by),
        "filters": filters_used(found.now.search.filters),
        "currency": currency,
        "now": _period(found.periods.now),
        "before": _period(found.periods.before),
        "is_partial": found.periods.is_partial,
        "rows": [{"group": each.group, **in_dollars.numbers(each)} for each in rows],
        "total": in_dollars.numbers(found.report.total),
        **skipped(found.now.search),
    }


def _numbers(each: Change) -> dict[str, Any]:
    return {
        "kind": each.kind,
        **_amounts(each),
        "change_share": json_money(each.change_share),
        "is_uncertain": each.is_uncertain,
        "before_event_count": each.before.event_count if each.before else 0,
        "now_event_count": each.now.event_count if each.now else 0,
    }


def _amounts(each: Change) -> dict[str, Any]:
    return {
        "before_cost": _amount(each.before),
        "now_cost": _amount(each.now),
        "change": json_money(each.change_usd),
    }


def _amount(row: CostSummary | None) -> Decimal | None:
    return json_money(Decimal(0) if row is None or not row.event_count else row.total_cost_usd)


def _period(period: Period) -> dict[str, str]:
    return {"since": period.since.isoformat(), "until": period.until.isoformat()}
