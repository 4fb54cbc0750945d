"""What a report does not know, and where its prices are from: the lines that stand below every table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render import terminal, wording

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from spec_kitty_telemetry.cli.formats import ReportRequest
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.costing import CostMode, UnknownModel
    from spec_kitty_telemetry.reports.search import Search
    from spec_kitty_telemetry.reports.summary import CostReport, CostSummary

NAMED_LINES = 5
"""How many unreadable lines are named; JSON has them all."""

Note = tuple[str, list[str]]
"""A sentence, and what it lists."""


def nothing(search: Search) -> str:
    """Say why there is nothing to report, and what to do."""
    recorded = search.report.event_count
    if recorded:
        return f"None of {wording.plural(recorded, 'recorded run')} matches these filters."
    where = f"for {', '.join(search.features())}" if search.filters.features else f"in {search.project.root}"
    return (
        f"Nothing recorded yet {where}.\nRuns are recorded when an orchestrator works here;\n"
        "'spec-kitty telemetry demo' shows what that looks like,\n"
        "'spec-kitty telemetry doctor' says whether it will."
    )


def all_notes(request: ReportRequest) -> list[Note]:
    """Return what a report does not say: its numbers, then its rows."""
    report = request.view.report
    return [
        *_about_outside(request),
        *_about_currency(request),
        *notes(report.total, report.unknown_models, request.context),
        *about_rows(report),
    ]


def notes(
    total: CostSummary,
    unknown: Iterable[UnknownModel],
    context: ReportContext,
    *,
    so: str = "so the total is a floor (≥)",
) -> list[Note]:
    """Return what the numbers in `total` do not say, the most important first; `so`: what unread lines mean for it."""
    search, book = context.search, context.book
    return [
        *_about_costs(total, book, context.cost),
        *_about_usage(total),
        *_about_models(unknown),
        *_about_lines(search, so),
        *_about_logs(search, so),
        *_about_waiting(search, so),
        *[
            (f"Prices of {wording.shown(', '.join(use.models))} are from {wording.shown(use.path)}", [])
            for use in book.overrides_in_use
        ],
        *[
            (f"Prices of {wording.shown(', '.join(use.models))} are a plugin's: {wording.shown(use.origin)}", [])
            for use in book.plugins_in_use
        ],
        *[(wording.shown(sentence), []) for sentence in book.passed_over],
    ]


def _about_waiting(search: Search, so: str) -> list[Note]:
    count = search.report.waiting_count
    if not count:
        return []
    runs = wording.plural(count, "recorded run")
    return [(f"{runs} wait to be written into a log, {so}; the next run or 'doctor --repair' does it.", [])]


def about_rows(report: CostReport) -> list[Note]:
    """Return what the rows of one report do not say."""
    found: list[Note] = []
    if report.repeated_event_count:
        runs = wording.plural(report.repeated_event_count, "run")
        found.append(
            (f"A run counts in the row of each model that it used: {runs} more in the rows than in the total.", [])
        )
    return found


def as_lines(found: Iterable[Note]) -> list[str]:
    """Return notes for a terminal, broken between words where it is narrow."""
    return [
        line
        for sentence, items in found
        for text, indent in ((sentence, ""), *((item, "  ") for item in items))
        for line in _broken(text, indent)
    ]


def _broken(text: str, indent: str) -> list[str]:
    columns = terminal.width()
    if wording.columns_of(text) + len(indent) <= columns:
        return [indent + text]
    from textwrap import wrap  # most notes are short

    further = f"{indent}  "
    return wrap(text, columns, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False,
                break_long_words=False)  # fmt: skip


def _about_currency(request: ReportRequest) -> list[Note]:
    if request.currency == "USD":
        return []
    return [(rates_note(request.currency, request.rates_end_on), [])]


def rates_note(currency: str, last_day: date | None) -> str:
    """Return how amounts came into `currency`; `last_day`: of the last rate, where it was used for later days."""
    late = f"; the last rate is of {last_day} and counts for all later days" if last_day else ""
    return f"In {currency} at the rate of each run's own day{late}."


def _about_outside(request: ReportRequest) -> list[Note]:
    from spec_kitty_telemetry.reports.outside import outside_spend  # most projects have none

    spend = outside_spend(request.context) if request.context.search.includes_outside else None
    if spend is None:
        return []
    mark = "~" if spend.cost.estimated_cost_usd is not None else ""
    cost = wording.money(spend.cost.total_cost_usd, mark, currency=request.currency)
    sessions = wording.plural(spend.session_count, "session")
    return [(f"Outside missions: {cost} in {sessions} (feature –; --outside hide leaves it out).", [])]


def _about_costs(total: CostSummary, book: PriceBook, cost: CostMode) -> list[Note]:
    if cost == "reported":
        silent = total.unpriced_event_count
        left_out = f"; {wording.plural(silent, 'run')} with tokens said none" if silent else ""
        return [(f"Only what agents reported (--cost reported){left_out}.", [])]
    if total.estimated_cost_usd is None:
        return []
    what = "~ calculated (--cost calculated)" if cost == "calculated" else "~ estimated"
    return [(f"{what} from list prices of each run's own day (price table of {book.as_of})", [])]


_FLOOR = "so the total is a floor (≥)"
_SENTENCES = {
    "partial_usage_event_count": "said only a part of the tokens used.",
    "incomplete_event_count": f"miss something that was used, {_FLOOR}; 'events --json' says what under 'uncertain'.",
    "contradictory_event_count": "said counts that cannot all be true, so they have no cost; 'prices explain ID' shows "
    "them.",
    "unpriced_search_event_count": f"searched the web at a price that no table has, {_FLOOR}.",
    "dearer_rate_event_count": "were billed fast, with priority or for one region, for which no table has rates; "
    f"standard ones were taken, {_FLOOR}.",
    "base_rate_event_count": f"may have reached long-context prices; base rates were taken, {_FLOOR}.",
    "cheaper_rate_event_count": "were billed as flex or batch, for which no table has rates; standard ones were taken, "
    "so they may have cost less.",
    "uncertain_event_count": "may be off in their counts; 'events --json' says why under 'uncertain'.",
}
"""What is said below a table of runs that have one of `reports.gaps`."""


def _about_usage(total: CostSummary) -> list[Note]:
    found: list[Note] = []
    if total.no_usage_event_count:
        known = total.event_count - total.no_usage_event_count
        runs = wording.plural(total.event_count, "run")
        found.append((f"Usage is known for {known:,} of {runs}; totals are a floor (≥).", []))
    for name, sentence in _SENTENCES.items():
        if number := getattr(total, name):
            found.append((f"{wording.plural(number, 'run')} {sentence}", []))
    return found


def _about_models(unknown: Iterable[UnknownModel]) -> list[Note]:
    listed = [
        f"{_named(model)}: "
        f"{wording.plural(model.event_count, 'run')}, {model.input_tokens:,} tokens in, {model.output_tokens:,} out"
        for model in unknown
    ]
    return [("No price, so not in the totals:", listed)] if listed else []


def _named(model: UnknownModel) -> str:
    name = wording.shown(model.model or "(the agent did not say its model)")
    return f"{name} at {wording.shown(model.provider)}" if model.provider else name


def _about_lines(search: Search, so: str) -> list[Note]:
    scan = search.report
    if not scan.skipped_count:
        return []
    named = [f"{wording.shown(line.file)} line {line.line}: {wording.shown(line.reason)}" for line in scan.skipped]
    more = scan.skipped_count - min(len(named), NAMED_LINES)
    return [
        (
            f"{wording.plural(scan.skipped_count, 'line')} could not be read, {so}:",
            [*named[:NAMED_LINES], *([f"… and {more:,} more; --json names them"] if more else [])],
        )
    ]


def _about_logs(search: Search, so: str) -> list[Note]:
    left_out = [wording.shown(log.reason) for log in search.report.unread]
    return [(f"Whole logs that could not be read, {so}:", left_out)] if left_out else []
