"""A report as one self-contained page: no script, nothing fetched, pictures as SVG with their numbers as tables below.

What is not known is hatched and never drawn as 0; every amount has its `≥` and `~`.
"""

from __future__ import annotations

import copy
from datetime import date, timedelta
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.cli.render import context_line, report_notes, report_table, wording
from spec_kitty_telemetry.cli.render.report_rows import flat_rows, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spec_kitty_telemetry.cli.formats import ReportRequest
    from spec_kitty_telemetry.reports.summary import CostSummary
    from spec_kitty_telemetry.reports.view import View

_COLOURS = (
    "#4e79a7",
    "#f28e2b",
    "#59a14f",
    "#b07aa1",
    "#e15759",
    "#76b7b2",
    "#9c755f",
    "#edc948",
    "#ff9da7",
    "#86714d",
)
_MOST_DAYS = 120
"""A longer time is drawn by months."""
_WIDTH, _HEIGHT, _LEFT, _UNKNOWN_HEIGHT = 1000, 240, 70, 12
_BAR_ROWS = 30
_STYLE = """:root{color-scheme:light dark;--fg:#22313f;--bg:#fffdf8;--dim:#56646f;--line:#d8d8d8}
@media(prefers-color-scheme:dark){:root{--fg:#e8e8e8;--bg:#191d21;--dim:#a3afb8;--line:#3c444c}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:66rem;margin:1.5rem auto;
padding:0 1rem}h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}.answer{font-size:1.3rem}.dim{color:var(--dim)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;text-align:left;
border-bottom:1px solid var(--line)}.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
tr.total td,tr.total th{font-weight:650}svg{width:100%;height:auto;display:block}svg text{font-size:13px;
fill:var(--fg)}.grid{stroke:var(--line)}.unknown{fill:url(#unknown);stroke:var(--dim)}.key span{margin-right:1rem;
display:inline-block}.wide svg{min-width:42rem}.key svg{display:inline;width:.9em;height:.9em;margin-right:.3em}
@media print{body{max-width:none;margin:0}h2,svg,tr{break-inside:avoid}details>*{display:block}}"""
_HATCH = (
    '<defs><pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line y2="6" stroke="currentColor" stroke-width="3" opacity=".55"/></pattern></defs>'
)


class _Bar(NamedTuple):
    """A part of the stack of one day."""

    series: str
    row: CostSummary


def write(request: ReportRequest) -> str:
    """Return the report as an HTML document."""
    context = request.context
    title = f"Cost of AI agents: {wording.shown(', '.join(request.projects) or context.search.project.root.name)}"
    about = " · ".join(context_line.parts(context, request.currency, request.projects))
    body = [f"<h1>{escape(title)}</h1>", f'<p class="dim">{escape(about)}</p>', _answer(request)]
    if request.view.total.event_count:
        body += [*_over_time(request), *_by_row(request)]
    body.append(_notes(request))
    style = _STYLE + "".join(f".s{place}{{fill:{colour}}}" for place, colour in enumerate(_COLOURS))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{''.join(body)}</main></body></html>"
    )


def _answer(request: ReportRequest) -> str:
    total = request.view.total
    if not total.event_count:
        return f'<p class="answer">{escape(report_notes.nothing(request.context.search))}</p>'
    runs = wording.plural(total.event_count, "run")
    failed = f", {total.failed_event_count:,} of them failed" if total.failed_event_count else ""
    text = f"{runs}{failed}: {_money(total, request)}"
    return f'<p class="answer">{escape(text)}</p>'


def _money(row: CostSummary, request: ReportRequest) -> str:
    places = wording.money_places(request.view.total.total_cost_usd)
    return report_table.cost(row, places, request.currency)


def _over_time(request: ReportRequest) -> list[str]:
    if request.projects:
        return []  # each project has its own records; the rows below have all of them
    buckets, unit = _buckets(request)
    if not buckets:
        return []
    costs: dict[str, Decimal] = {}
    for bars in buckets.values():
        for bar in bars:
            costs[bar.series] = costs.get(bar.series, Decimal(0)) + (bar.row.total_cost_usd or 0)
    ranked = sorted(costs, key=lambda name: (-costs[name], name))
    series = {name: place % len(_COLOURS) for place, name in enumerate(ranked)}
    key = "".join(
        f'<span><svg viewBox="0 0 9 9" aria-hidden="true"><rect width="9" height="9" class="s{place}"/></svg>'
        f"{escape(name)}</span>"
        for name, place in series.items()
    )
    return [
        f"<h2>Cost by {unit} and model</h2>",
        f'<p class="key">{key}<span>hatched: cost unknown</span></p>',
        _stacks(buckets, series, unit, request),
    ]


def _buckets(request: ReportRequest) -> tuple[dict[str, list[_Bar]], str]:
    """Return the models of each day, or month where there are many days; a day without runs has none."""
    from spec_kitty_telemetry.reports.build import build_report
    from spec_kitty_telemetry.reports.search import Search

    def bars(by: str) -> dict[str, list[_Bar]]:
        context = copy.copy(request.context)
        old = context.search
        context.search = Search(old.project, old.filters, goes_on=True, with_outside=old.with_outside)
        found: dict[str, list[_Bar]] = {}
        for row in build_report(context, f"{by},model").rows:
            found.setdefault(str(row.group[by]), []).append(_Bar(name_of("model", row.group["model"]), row))
        return dict(sorted(found.items()))

    days = bars("day")
    if not days:
        return {}, "day"
    first, last = date.fromisoformat(next(iter(days))), date.fromisoformat(next(reversed(days)))
    count = (last - first).days + 1
    if count > _MOST_DAYS:
        return bars("month"), "month"
    every = [str(first + timedelta(days=place)) for place in range(count)]
    return {day: days.get(day, []) for day in every}, "day"


def _stacks(buckets: dict[str, list[_Bar]], series: dict[str, int], unit: str, request: ReportRequest) -> str:
    unknown = max(sum(bar.row.total_cost_usd is None for bar in bars) for bars in buckets.values())
    room = _HEIGHT - min(unknown, 8) * _UNKNOWN_HEIGHT
    sums = [sum((bar.row.total_cost_usd or Decimal(0) for bar in bars), Decimal(0)) for bars in buckets.values()]
    greatest = max(sums) or Decimal(1)
    step = (_WIDTH - _LEFT) / len(buckets)
    places = wording.money_places(request.view.total.total_cost_usd)
    parts = [_HATCH]
    for quarter in range(5):
        y = _HEIGHT - room * quarter / 4
        label = wording.money(greatest * quarter / 4, places=places, currency=request.currency)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.0f}H{_WIDTH}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{escape(label)}</text>')
    for place, (name, bars) in enumerate(buckets.items()):
        x, y = _LEFT + place * step, float(_HEIGHT)
        for bar in sorted(bars, key=lambda each: (each.row.total_cost_usd is None, series[each.series])):
            amount = bar.row.total_cost_usd
            height = _UNKNOWN_HEIGHT if amount is None else float(amount / greatest) * room
            style = "unknown" if amount is None else f"s{series[bar.series]}"
            y -= height
            tip = escape(f"{name} {bar.series}: {_money(bar.row, request)}")
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * 0.9:.1f}" height="{height:.1f}" class="{style}">'
                f"<title>{tip}</title></rect>"
            )
        if place % max(len(buckets) // 8, 1) == 0:
            parts.append(f'<text x="{x:.0f}" y="{_HEIGHT + 18}">{escape(name)}</text>')
    label = f"Cost by {unit} and model; the rows below have the numbers"
    return _picture(label, _HEIGHT + 26, parts)


def _by_row(request: ReportRequest) -> list[str]:
    view = request.view
    heading = escape(f"Cost by {', '.join(view.by)}")
    return [f"<h2>{heading}</h2>", _bars(view, request), _table(view, request)]


def _bars(view: View, request: ReportRequest) -> str:
    rows = view.rows[:_BAR_ROWS]
    greatest = max((row.total_cost_usd or Decimal(0) for row in rows), default=Decimal(0)) or Decimal(1)
    parts = [_HATCH.replace('"unknown"', '"unknown-row"')]
    for place, row in enumerate(rows):
        name = wording.cut(" / ".join(name_of(by, value) for by, value in row.group.items()), 40)
        amount, y = row.total_cost_usd, place * 26
        length = 60 if amount is None else float(amount / greatest) * 480
        style = 'class="unknown" style="fill:url(#unknown-row)"' if amount is None else 'class="s0"'
        parts.append(
            f'<text x="340" y="{y + 17}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="350" y="{y + 4}" width="{length:.1f}" height="18" {style}/>'
            f'<text x="{length + 358:.0f}" y="{y + 17}">{escape(_money(row, request))}</text>'
        )
    label = f"Cost by {', '.join(view.by)}; the table below has the numbers"
    return _picture(label, len(rows) * 26, parts)


def _picture(label: str, height: int, parts: Sequence[str]) -> str:
    """Return a picture; on a phone it is scrolled sideways, as small letters could not be read."""
    label = escape(label)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="Picture"><svg viewBox="0 0 {_WIDTH} {height}" '
        f'role="img" aria-label="{label}">{"".join(parts)}</svg></div>'
    )


def _table(view: View, request: ReportRequest) -> str:
    texts = report_table.Texts(view, flat_rows(view), compact=True, currency=request.currency)
    columns = report_table.wanted_columns(view, texts, report_table.SHOWN)
    names = len(view.by)
    head = _row("th", [*view.by, *(column.heading for column in columns)], names)
    rows = [_row("td", cells, names) for cells in texts.rows(columns)]
    if texts.has_total:
        rows[-1] = f'<tr class="total">{rows[-1].removeprefix("<tr>")}'
    legend = "".join(wording.legend(" ".join(cells) for cells in texts.rows(columns)))
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="Table"><table><thead>{head}</thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><p class="dim">{escape(legend)}</p>'
    )


def _row(tag: str, cells: Sequence[str], names: int) -> str:
    made = [
        f"<{tag}{'' if place < names else ' class=n'}{' scope=col' if tag == 'th' else ''}>{escape(cell)}</{tag}>"
        for place, cell in enumerate(cells)
    ]
    return f"<tr>{''.join(made)}</tr>"


def _notes(request: ReportRequest) -> str:
    def listed(found: Iterable[report_notes.Note]) -> str:
        return "".join(
            f"<li>{escape(wording.shown(text))}"
            + (f"<ul>{''.join(f'<li>{escape(wording.shown(each))}</li>' for each in items)}</ul>" if items else "")
            + "</li>"
            for text, items in found
        )

    return f'<h2>How sure this is</h2><ul class="dim">{listed(report_notes.all_notes(request))}</ul>'
