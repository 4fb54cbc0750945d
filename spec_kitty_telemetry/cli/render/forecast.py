"""The forecast in words and tables, and as a JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from spec_kitty_telemetry.cli.output import json_money
from spec_kitty_telemetry.cli.render import tables, terminal, wording
from spec_kitty_telemetry.decisions.forecast import FEWEST, LEVELS, Forecast, TooFew

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal

    from spec_kitty_telemetry.decisions.outlook import Backtest, Outlook, Trial
    from spec_kitty_telemetry.decisions.pace import BudgetPace

JSON_VERSION = 1
_HEADINGS = ["mission", "open", "spent", "in the end", *(f"{level} % of cases" for level in LEVELS)]
_NARROW = (0, 1, 2, 3, 5)


class Answer(NamedTuple):
    """What `forecast` found."""

    outlook: Outlook
    paces: Sequence[BudgetPace]
    backtest: Backtest | None
    """Only where it was asked for."""


def lines(answer: Answer) -> list[str]:
    """Return the forecast for a person: the answer, each mission, the budgets, and what it is made from."""
    found = answer.outlook
    text = [headline(answer)]
    if any(isinstance(each.said, Forecast) for each in found.missions):
        text += ["", *_missions(found)]
    if answer.paces:
        text += ["", *(pace_sentence(each) for each in answer.paces)]
    text += ["", *basis(found)]
    return [*text, *(["", *_backtest(answer.backtest)] if answer.backtest is not None else [])]


def headline(answer: Answer) -> str:
    """Return the answer in one or two sentences."""
    found = answer.outlook
    said = found.total
    if not said.open_count:
        if found.problems and not found.finished_count:
            return "Nothing to forecast: it is not known which work packages are open."
        return "Nothing to forecast: no work package is open."
    packages = wording.plural(said.open_count, "open work package")
    spent = f"{_money(said.spent_usd)} spent on {'it' if said.open_count == 1 else 'them'} so far"
    if isinstance(said, TooFew):
        return f"{packages}, {spent}. {_too_few(said)}"
    range_80 = said.range_of(80)
    return (
        f"{packages}: probably {_money(range_80.low_usd)} to {_money(range_80.high_usd)} in the end "
        f"(80 % of cases), half of the cases below {_money(said.median_usd)}; {spent}."
    )


def _too_few(said: TooFew) -> str:
    known = wording.plural(said.known_count, "accepted work package")
    text = f"Too few to forecast: the cost of {known} is known, {FEWEST} are needed."
    if said.least_usd is None or said.known_count == 1:
        return text if said.least_usd is None else f"{text} It cost {_money(said.least_usd)}."
    least, middle, greatest = said.least_usd, said.median_usd, said.greatest_usd
    return (
        f"{text} The cheapest cost {_money(least)}, the median {_money(middle)}, the most expensive {_money(greatest)}."
    )


def basis(found: Outlook) -> list[str]:
    """Return what the forecast is made from, and what was left out."""
    history = found.history
    count = len(history.known)
    text = [f"Made from {wording.plural(count, 'accepted work package')} of this project whose cost is known."]
    for number, why in ((history.unknown_count, "with runs of unknown cost"), (history.free_count, "without any cost")):
        if number:
            text.append(f"Left out: {wording.plural(number, 'accepted work package')} {why}.")
    return [*text, *(f"{wording.shown(feature)}: {wording.shown(problem)}." for feature, problem in found.problems)]


def _missions(found: Outlook) -> list[str]:
    rows = [_cells(wording.shown(each.feature), each.said) for each in found.missions]
    has_total = len(rows) > 1
    if has_total:
        rows.append(_cells("total", found.total))
    text = tables.table(_HEADINGS, rows, 1, total=has_total).splitlines()
    if tables.widest(text) > terminal.width():
        narrow = [[row[place] for place in _NARROW] for row in (_HEADINGS, *rows)]
        numbers = list(zip(*(row[1:] for row in narrow), strict=True))
        room = max(terminal.width() - tables.width_of(numbers) - 2, 12)
        narrow = [[wording.cut(row[0], room), *row[1:]] for row in narrow]
        text = tables.table(narrow[0], narrow[1:], 1, total=has_total).splitlines()
    return tables.coloured(text)


def _cells(name: str, said: Forecast | TooFew) -> list[str]:
    if isinstance(said, TooFew):
        return [name, str(said.open_count), _money(said.spent_usd), *[wording.UNKNOWN] * (1 + len(LEVELS))]
    ranges = [f"{_money(each.low_usd)} – {_money(each.high_usd)}" for each in said.ranges]
    return [name, str(said.open_count), _money(said.spent_usd), _money(said.median_usd), *ranges]


def pace_sentence(each: BudgetPace) -> str:
    """Return when a budget is used up at its present pace."""
    name, limit = wording.shown(each.verdict.name), _money(each.verdict.budget.limit_usd)
    if each.verdict.state == "over":
        return f"{name}: {_money(each.verdict.spent_usd)} of {limit} spent, which is over."
    days = "today" if each.days <= 1 else f"the last {each.days:.0f} days"
    if each.per_day_usd is None:
        return f"{name}: nothing was spent {'' if days == 'today' else 'in '}{days}."
    pace = f"at {_money(each.per_day_usd)} a day ({days}) the {limit}"
    if each.used_up_on is None:
        return f"{name}: {pace} last{' until the end of the period' if each.ends_on else ' for years'}."
    earlier = " or earlier, as some costs are not known" if each.verdict.spent.is_lower_bound else ""
    return f"{name}: {pace} are used up on {each.used_up_on}{earlier}."


def _backtest(found: Backtest) -> list[str]:
    if not found.trials:
        if not found.too_early_count:
            return ["Backtest: there is no finished mission whose cost is known."]
        missions = wording.plural(found.too_early_count, "finished mission")
        return [f"Backtest: {missions}, but fewer than {FEWEST} packages were known before."]
    count = len(found.trials)
    held = ", ".join(f"{level} %: {found.held_count(level)}" for level in LEVELS)
    rows = [_trial_cells(each) for each in found.trials]
    head = ["mission", "packages", "known before", "median", "80 % of cases", "it cost", "held"]
    left = found.too_early_count + found.unfinished_count
    text = [
        f"Backtest of {wording.plural(count, 'finished mission')}. How many cost what the range said: {held}.",
        "",
        *tables.coloured(tables.table(head, rows, 1).splitlines()),
    ]
    if left:
        early = f"{found.too_early_count} with fewer than {FEWEST} packages known before"
        text += ["", f"Not tested: {early}, {found.unfinished_count} unfinished or of unknown cost."]
    return text


def _trial_cells(each: Trial) -> list[str]:
    said = each.said.range_of(80)
    return [
        wording.cut(wording.shown(each.feature), 30),
        str(each.package_count),
        str(each.known_count),
        _money(each.said.median_usd),
        f"{_money(said.low_usd)} – {_money(said.high_usd)}",
        _money(each.true_usd),
        "yes" if each.held(80) else "no",
    ]


def _money(amount_usd: Decimal | None) -> str:
    return wording.money(amount_usd, places=2)


def document(answer: Answer) -> dict[str, Any]:
    """Return the forecast as a JSON object."""
    found = answer.outlook
    return {
        "version": JSON_VERSION,
        "known_count": len(found.history.known),
        "unknown_count": found.history.unknown_count,
        "free_count": found.history.free_count,
        "total": _said(found.total),
        "missions": [{"feature": each.feature, **_said(each.said)} for each in found.missions],
        "problems": [{"feature": feature, "reason": reason} for feature, reason in found.problems],
        "budgets": [_pace(each) for each in answer.paces],
        "backtest": None if answer.backtest is None else _backtest_document(answer.backtest),
        "words": headline(answer),
    }


def _said(said: Forecast | TooFew) -> dict[str, Any]:
    ranges = () if isinstance(said, TooFew) else said.ranges
    return {
        "open_count": said.open_count,
        "spent_usd": json_money(said.spent_usd),
        "is_too_few": isinstance(said, TooFew),
        "median_usd": None if isinstance(said, TooFew) else json_money(said.median_usd),
        "ranges": [
            {"level": each.level, "low_usd": json_money(each.low_usd), "high_usd": json_money(each.high_usd)}
            for each in ranges
        ],
    }


def _pace(each: BudgetPace) -> dict[str, Any]:
    return {
        "name": each.verdict.name,
        "limit_usd": json_money(each.verdict.budget.limit_usd),
        "spent_usd": json_money(each.verdict.spent_usd),
        "per_day_usd": json_money(each.per_day_usd),
        "days": json_money(each.days),
        "used_up_on": _day(each.used_up_on),
        "ends_on": _day(each.ends_on),
    }


def _backtest_document(found: Backtest) -> dict[str, Any]:
    return {
        "trial_count": len(found.trials),
        "held": [{"level": level, "count": found.held_count(level)} for level in LEVELS],
        "too_early_count": found.too_early_count,
        "unfinished_count": found.unfinished_count,
        "trials": [
            {
                "feature": each.feature,
                "package_count": each.package_count,
                "known_count": each.known_count,
                "true_usd": json_money(each.true_usd),
                **_said(each.said),
            }
            for each in found.trials
        ],
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
