"""The lifecycle of work packages as tables for a person: work packages, who worked with whom, and every attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.output import on_screen
from spec_kitty_telemetry.cli.render import tables, terminal, wording
from spec_kitty_telemetry.cli.render.report_notes import as_lines, notes, nothing
from spec_kitty_telemetry.cli.render.report_table import cost as cost_cell
from spec_kitty_telemetry.reports.lifecycle import pairs
from spec_kitty_telemetry.reports.lifecycle_summary import part_usd, review_share, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.lanes import LaneHistory
    from spec_kitty_telemetry.reports.lifecycle import Lifecycle, Pair, WorkPackage
    from spec_kitty_telemetry.reports.search import Search
    from spec_kitty_telemetry.reports.summary import CostSummary

_WORK = ["feature", "wp", "lane", "runs", "rejected", "implementing", "reviewing", "total", "until accepted", "rework",
         "review share"]  # fmt: skip
_WORK_NARROW = (1, 2, 3, 4, 7, 8, 9, 10)
"""The columns of `_WORK` that a narrow terminal gets; with several features the first stays."""
_PAIRS = ["implementer", "reviewer", "packages", "reviews", "accepted", "rejected", "implementing", "reviewing"]
_ATTEMPTS = ["feature", "wp", "attempt", "role", "runs", "failed", "input", "output", "time", "cost"]


def lines(
    found: Lifecycle,
    lanes: dict[str, LaneHistory],
    context: ReportContext,
    *,
    attempts: bool,
) -> list[str]:
    """Return the lifecycle for a person."""
    every = found.work_packages
    search, total = context.search, found.total
    below = as_lines([*notes(total, found.unknown_models, context, so="so runs may be missing"), *_about_lanes(lanes)])
    if not every:
        return [nothing(search) if not total.event_count else "No run here served a single work package.", *below]
    places = wording.money_places(total.total_cost_usd)
    text = _fitting(_WORK, [_work_cells(each, places) for each in every], 3, _narrow(every))
    if attempts:
        cells = [row for each in every for row in _attempt_cells(each, places)]
        text += ["", *_fitting(_ATTEMPTS, cells, 4, (1, 2, 3, 4, 5, 9))]
    if who := pairs(every):
        text += ["", *_fitting(_PAIRS, [_pair_cells(each, places) for each in who], 2, (0, 1, 3, 4, 5, 6, 7))]
    return [*text, "", *_accepted(found, search, places), *_outside(found, places), *below]


def _fitting(titles: list[str], rows: list[list[str]], left: int, narrow: Sequence[int]) -> list[str]:
    text = tables.table(titles, rows, left).splitlines()
    if tables.widest(text) > terminal.width():
        kept_left = sum(index < left for index in narrow)
        cells = [[row[index] for index in narrow] for row in (titles, *rows)]
        text = tables.table(cells[0], cells[1:], kept_left).splitlines()
    return tables.coloured(text)


def _narrow(every: list[WorkPackage]) -> Sequence[int]:
    return (0, 1, 2, 3, 7, 8, 9) if len({each.feature for each in every}) > 1 else _WORK_NARROW


def _work_cells(each: WorkPackage, places: int) -> list[str]:
    fraction, is_exact = review_share(each)
    return [
        each.feature,
        each.wp_id,
        each.lane or wording.UNKNOWN,
        f"{each.total.event_count:,}",
        f"{each.rejection_count}" if each.rejection_count else "",
        _part(each.implementation, each.total, places),
        _part(each.review, each.total, places),
        cost_cell(each.total, places),
        _part(each.until_accepted, each.total, places) if each.until_accepted else wording.UNKNOWN,
        _part(each.rework, each.total, places) if each.rework else wording.UNKNOWN,
        ("" if is_exact or fraction is None else on_screen("≈")) + wording.percent(fraction),
    ]


def _part(part: CostSummary, whole: CostSummary, places: int) -> str:
    if not part.event_count and part_usd(part, whole) is not None:
        return "none"
    return cost_cell(part, places)


def _pair_cells(pair: Pair, places: int) -> list[str]:
    return [
        pair.implementer or wording.UNKNOWN,
        pair.reviewer or wording.UNKNOWN,
        f"{pair.work_package_count:,}",
        f"{pair.review_count:,}",
        f"{pair.accepted_count:,}",
        f"{pair.rejected_count:,}",
        _part(pair.work, pair.review, places),
        cost_cell(pair.review, places),
    ]


def _attempt_cells(each: WorkPackage, places: int) -> list[list[str]]:
    return [
        [
            each.feature,
            each.wp_id,
            wording.UNKNOWN if attempt.attempt is None else str(attempt.attempt),
            attempt.role or wording.UNKNOWN,
            f"{attempt.cost.event_count:,}",
            f"{attempt.cost.failed_event_count:,}" if attempt.cost.failed_event_count else "",
            wording.count(attempt.cost.total_input_tokens, compact=True),
            wording.count(attempt.cost.total_output_tokens, compact=True),
            wording.duration(attempt.cost.duration_ms),
            cost_cell(attempt.cost, places),
        ]
        for attempt in each.attempts
    ]


def _accepted(found: Lifecycle, search: Search, places: int) -> list[str]:
    told = summary(found, search.report.unread_count)
    text = f"Accepted: {told['accepted_count']:,} of {wording.plural(told['work_package_count'], 'work package')}"
    if told["mean_accepted_cost_usd"] is None:
        return [f"{text}."]

    def money(name: str) -> str:
        marks = wording.cost_marks(is_floor=told[f"{name}_is_floor"], is_estimated=told["accepted_cost_is_estimated"])
        return wording.money(told[f"{name}_usd"], marks, places=places)

    known = told["accepted_with_known_cost_count"]
    each = "each" if known == told["accepted_count"] else f"each for the {known:,} whose cost is known"
    return [f"{text}, for {money('accepted_cost')} until then, {money('mean_accepted_cost')} {each}."]


def _outside(found: Lifecycle, places: int) -> list[str]:
    outside = found.without_work_package
    if not outside.event_count:
        return []
    runs = wording.plural(outside.event_count, "run")
    return [f"Not in the table: {runs} without a work package, {cost_cell(outside, places)}."]


def _about_lanes(lanes: dict[str, LaneHistory]) -> list[tuple[str, list[str]]]:
    missing = [f"{slug}: {wording.shown(each.problem)}" for slug, each in sorted(lanes.items()) if each.problem]
    bad = [
        f"{slug}: {wording.plural(each.bad_line_count, 'line')} of its status.events.jsonl could not be read"
        for slug, each in sorted(lanes.items())
        if each.bad_line_count
    ]
    found: list[tuple[str, list[str]]] = []
    if missing:
        found.append(("Lanes are not known, so neither is what was accepted:", missing))
    if bad:
        found.append(("Lanes may be incomplete:", bad))
    return found
