"""Agents or models of a role against each other: a table with sentences, and a JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.output import json_money
from spec_kitty_telemetry.cli.render import tables, terminal, wording
from spec_kitty_telemetry.decisions.contest import LEVEL, overlap
from spec_kitty_telemetry.decisions.forecast import FEWEST

if TYPE_CHECKING:
    from decimal import Decimal

    from spec_kitty_telemetry.decisions.contest import Contender, Contest, Interval

JSON_VERSION = 1
_HEADINGS = ["packages", "accepted", "first pass", "range", "cost each", "range", "least – most", "rework", "time"]
_WIDTHS = (
    tuple(range(10)),
    (0, 1, 2, 3, 4, 5, 6, 8, 9),
    (0, 1, 2, 3, 5, 6, 8),
    (0, 2, 3, 5, 6),
)
"""The columns that are shown, from wide terminals to narrow ones."""


def lines(found: Contest, currency: str = "USD") -> list[str]:
    """Return the contest for a person: what can be said, the table, and what it does not count."""
    if not found.contenders:
        return [f"No work package has a run of the role {wording.shown(found.role)!r}."]
    rows = [_cells(each, currency) for each in found.contenders]
    return [*sentences(found, currency), "", *_table([found.kind, *_HEADINGS], rows), "", *_below(found)]


def sentences(found: Contest, currency: str = "USD") -> list[str]:
    """Return what the numbers allow to say."""
    enough = [each for each in found.contenders if not each.is_too_few]
    text = []
    if len(enough) > 1:
        best, other = enough[0], enough[1]
        chance = overlap(best.typical_range_usd, other.typical_range_usd)
        much = f"{_name(best)} {_money(best.median_usd, currency)}, {_name(other)} {_money(other.median_usd, currency)}"
        end = f"; their {LEVEL} % ranges overlap, so this may be chance" if chance else ""
        text.append(f"Cost of an accepted work package (median): {much}{end}.")
        first = sorted(enough, key=lambda each: -(each.first_pass_rate or 0))
        if not overlap(first[0].first_pass_range, first[1].first_pass_range):
            text.append(f"{_name(first[0])} passes the first review more often than {_name(first[1])}.")
    few = [each for each in found.contenders if each.is_too_few]
    text += [
        f"{_name(each)}: the cost of {wording.plural(len(each.costs_usd), 'accepted work package')} is known, "
        f"too few to say anything ({FEWEST} are needed)."
        for each in few
    ]
    return text or ["There is one only, so nothing to compare with."]


def _cells(each: Contender, currency: str) -> list[str]:
    costs = each.costs_usd
    return [
        _name(each),
        f"{each.package_count:,}",
        f"{each.accepted_count:,}",
        _percent(each.first_pass_rate),
        _range(each.first_pass_range),
        _money(each.median_usd, currency),
        _amounts(each.typical_range_usd, currency),
        f"{_money(costs[0], currency)} – {_money(costs[-1], currency)}" if costs else wording.UNKNOWN,
        _percent(each.rework_share),
        wording.duration(each.median_duration_ms),
    ]


def _table(titles: list[str], rows: list[list[str]]) -> list[str]:
    text: list[str] = []
    for places in _WIDTHS:
        narrow = [[row[place] for place in places] for row in (titles, *rows)]
        text = tables.table(narrow[0], narrow[1:], 1).splitlines()
        if tables.widest(text) <= terminal.width():
            return tables.coloured(text)
    room = max(terminal.width() - (tables.widest(text) - max(len(row[0]) for row in rows)), 12)
    narrow = [[wording.cut(row[0], room), *row[1:]] for row in narrow]
    return tables.coloured(tables.table(narrow[0], narrow[1:], 1).splitlines())


def _below(found: Contest) -> list[str]:
    text = [f"A range holds the true value in {LEVEL} % of cases. Cost and rework are of all roles, time of this one."]
    if found.shared_count:
        packages = wording.plural(found.shared_count, "work package")
        text.append(f"Not counted: {packages} in which several had a part, because it can speak for none of them.")
    if found.without_count:
        packages = wording.plural(found.without_count, "work package")
        text.append(f"Not counted: {packages} without a run of the role {wording.shown(found.role)}.")
    return text


def _name(each: Contender) -> str:
    return "unknown" if each.name is None else wording.shown(each.name)


def _money(amount: Decimal | None, currency: str) -> str:
    return wording.money(amount, places=2, currency=currency)


def _percent(part: Decimal | None) -> str:
    return wording.UNKNOWN if part is None else f"{part * 100:.0f}%"


def _range(interval: Interval | None) -> str:
    return wording.UNKNOWN if interval is None else f"{interval.low * 100:.0f}–{interval.high * 100:.0f}%"


def _amounts(interval: Interval | None, currency: str) -> str:
    if interval is None:
        return wording.UNKNOWN
    return f"{_money(interval.low, currency)} – {_money(interval.high, currency)}"


def document(found: Contest, currency: str = "USD", usd: Contest | None = None) -> dict[str, Any]:
    """Return the contest as a JSON object; `usd` is the same in dollars, where it is in another currency."""
    in_dollars = {each.name: each for each in (found if usd is None else usd).contenders}
    return {
        "version": JSON_VERSION,
        "role": found.role,
        "by": found.kind,
        "currency": currency,
        "range_level": LEVEL,
        "contenders": [_document(each, in_dollars[each.name]) for each in found.contenders],
        "shared_count": found.shared_count,
        "without_count": found.without_count,
        "words": sentences(found, currency) if found.contenders else [],
    }


def _document(each: Contender, in_dollars: Contender) -> dict[str, Any]:
    first_pass = each.first_pass_range
    return {
        "name": each.name,
        "work_package_count": each.package_count,
        "accepted_count": each.accepted_count,
        "known_cost_count": len(each.costs_usd),
        "is_too_few": each.is_too_few,
        "first_pass_rate": json_money(each.first_pass_rate),
        "first_pass_range": None if first_pass is None else [json_money(each) for each in first_pass],
        **_costs(each),
        **{f"{name}_usd": value for name, value in _costs(in_dollars).items()},
        "rework_share": json_money(each.rework_share),
        "median_duration_ms": each.median_duration_ms,
    }


def _costs(each: Contender) -> dict[str, Any]:
    typical, costs = each.typical_range_usd, each.costs_usd
    return {
        "median_cost": json_money(each.median_usd),
        "median_cost_range": None if typical is None else [json_money(end) for end in typical],
        "least_cost": json_money(costs[0]) if costs else None,
        "greatest_cost": json_money(costs[-1]) if costs else None,
    }
