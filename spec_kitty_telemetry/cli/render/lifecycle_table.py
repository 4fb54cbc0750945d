"""The lifecycle of work packages for a person: the answer first, then the work packages of each feature, then pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from spec_kitty_telemetry.cli.render import context_line, tables, terminal, wording
from spec_kitty_telemetry.cli.render import lifecycle_cells as cells
from spec_kitty_telemetry.cli.render.fitting import ScreenColumn, drawn, fit
from spec_kitty_telemetry.cli.render.report_notes import as_lines, notes, nothing
from spec_kitty_telemetry.cli.render.report_table import cost as cost_cell
from spec_kitty_telemetry.reports.lifecycle import pairs
from spec_kitty_telemetry.reports.lifecycle_groups import grouped
from spec_kitty_telemetry.reports.lifecycle_summary import summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spec_kitty_telemetry.cli.render.report_notes import Note
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.lanes import LaneHistory
    from spec_kitty_telemetry.reports.lifecycle import Lifecycle, WorkPackage


class LifecycleView(NamedTuple):
    """What of a lifecycle is shown, and how."""

    found: Lifecycle
    lanes: Mapping[str, LaneHistory]
    context: ReportContext
    by: str | None = None
    """One row for each feature, agent, model, role or pair instead of for each work package."""
    columns: tuple[str, ...] = ()
    """The columns of numbers that were asked for; empty: those that fit."""
    limit: int = 0
    """At most so many rows; 0: all."""
    attempts: bool = False
    currency: str = "USD"
    rates_note: str | None = None
    usd: Lifecycle | None = None
    """The same in dollars, where `found` is in another currency and the format says both."""

    @property
    def places(self) -> int:
        """Decimals of all amounts."""
        return wording.money_places(self.found.total.total_cost_usd)


def lines(view: LifecycleView) -> list[str]:
    """Return the lifecycle for a person."""
    found, total = view.found, view.found.total
    below = as_lines(all_notes(view))
    if not found.work_packages:
        search = view.context.search
        return [nothing(search) if not total.event_count else "No run here served a single work package.", *below]
    shown = _tables(view)
    told = as_lines((sentence, []) for sentence in answer(view))
    above = context_line.lines(view.context, terminal.width(), view.currency)
    return [*above, "", *told, "", *shown, "", *wording.legend(shown), *below]


def all_notes(view: LifecycleView) -> list[Note]:
    """Return what the numbers do not say."""
    found = view.found
    rates: list[Note] = [(view.rates_note, [])] if view.rates_note else []
    costs = notes(found.total, found.unknown_models, view.context, so="so runs may be missing")
    return [*rates, *costs, *_about_lanes(view.lanes)]


def answer(view: LifecycleView) -> list[str]:
    """Return the answer: what was accepted and for how much, what was done again, and what served no work package."""
    told = summary(view.found, view.context.search.report.unread_count)
    text = [f"{told['accepted_count']:,} of {wording.plural(told['work_package_count'], 'work package')} accepted."]
    if told["mean_accepted_cost_usd"] is not None:
        text.append(_accepted_cost(view, told))
    if told["accepted_count"]:
        rate = wording.percent(told["first_pass_rate"])
        text.append(
            f"Accepted at the first review: {told['first_pass_count']:,} of {told['accepted_count']:,} ({rate})."
        )
    text += _shares(view, told)
    others = (("Without a work package", view.found.without_work_package), ("Outside missions", view.found.outside))
    for name, row in others:
        if row is not None and row.event_count:
            amount = cost_cell(row, view.places, view.currency)
            text.append(f"{name}: {wording.plural(row.event_count, 'run')}, {amount}.")
    return text


def _accepted_cost(view: LifecycleView, told: Mapping[str, Any]) -> str:
    estimated = wording.cost_marks(is_floor=False, is_estimated=told["accepted_cost_is_estimated"])

    def money(name: str) -> str:
        amount = told[f"{name}_usd"]
        return wording.money(amount, estimated, places=view.places, currency=view.currency)

    known, count = told["accepted_with_known_cost_count"], told["accepted_count"]
    each = "" if known == count else f" for the {known:,} whose cost is known"
    least = "at least " if told["accepted_cost_is_floor"] else ""
    mean = "at least " if told["mean_accepted_cost_is_floor"] else ""
    if count == 1:
        return f"It cost {least}{money('accepted_cost')} until then."
    return f"They cost {least}{money('accepted_cost')} until then, {mean}{money('mean_accepted_cost')} each{each}."


def _shares(view: LifecycleView, told: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, word in (("rework", "Rework"), ("review", "Reviews")):
        amount, fraction = told[f"{name}_cost_usd"], told[f"{name}_share_of_total"]
        if amount is None or fraction is None:
            continue
        known = "" if name == "review" or told["rework_is_known"] else "at least "
        mark = wording.cost_marks(is_floor=False, is_estimated=told[f"{name}_cost_is_estimated"])
        cost = wording.money(amount, mark, places=view.places, currency=view.currency)
        parts.append(f"{word}: {known}{cost}, {wording.percent(fraction)} of all costs.")
    return parts


def _tables(view: LifecycleView) -> list[str]:
    if view.by == "pair":
        return _pairs(view)
    if view.by is not None:
        return _groups(view, view.by)
    text = _packages(view)
    if view.attempts:
        rows = [
            row for each in view.found.work_packages for row in cells.attempt_cells(each, view.places, view.currency)
        ]
        text += ["", *_fitting(cells.ATTEMPTS, rows, 4, ("output", "input", "time", "failed"))]
    pairs_text = _pairs(view)
    return [*text, *(["", *pairs_text] if pairs_text else [])]


def _packages(view: LifecycleView) -> list[str]:
    """Return one table in which a feature with its subtotals stands above its work packages."""
    features: dict[str, list[WorkPackage]] = {}
    for each in view.found.work_packages:
        features.setdefault(each.feature, []).append(each)
    totals = {group.name: group for group in grouped(view.found.work_packages, "feature")}
    rows: list[list[str]] = []
    packages = 0
    for feature, members in features.items():
        rows.append(cells.feature_cells(totals[feature], members, view.places, view.currency))
        for each in members:
            packages += 1
            if not view.limit or packages <= view.limit:
                rows.append(cells.package_cells(each, view.places, view.currency))
        if view.limit and packages >= view.limit:
            break
    left = len(view.found.work_packages) - min(packages, view.limit or packages)
    more = [f"{wording.plural(left, 'more work package')} (--limit 0 shows all)."] if left > 0 else []
    return [*_chosen(view, cells.PACKAGES, rows, 2, cells.PACKAGES_GIVEN_UP), *more]


def _groups(view: LifecycleView, by: str) -> list[str]:
    groups = grouped(view.found.work_packages, by)
    shown = groups[: view.limit] if view.limit else groups
    rows = [cells.group_cells(each, view.found.total, view.places, view.currency) for each in shown]
    more = [f"{len(groups) - len(shown):,} more (--limit 0 shows all)."] if len(shown) < len(groups) else []
    return [*_chosen(view, [by, *cells.GROUPS], rows, 1, cells.GROUPS_GIVEN_UP), *more]


def _pairs(view: LifecycleView) -> list[str]:
    rows = [cells.pair_cells(each, view.places, view.currency) for each in pairs(view.found.work_packages)]
    return _fitting(cells.PAIRS, rows, 2, ("packages", "reviews")) if rows else []


def _chosen(
    view: LifecycleView, titles: Sequence[str], rows: list[list[str]], left: int, given_up: Sequence[str]
) -> list[str]:
    if not view.columns:
        empty = {
            title
            for place, title in enumerate(titles)
            if place >= left and not any(row[place].strip(cells.NOTHING) for row in rows)
        }
        return _fitting(titles, rows, left, given_up, without=empty)
    kept = [*range(left), *(titles.index(name) for name in view.columns)]
    return _fitting([titles[place] for place in kept], [[row[place] for place in kept] for row in rows], left, ())


def _fitting(
    titles: Sequence[str],
    rows: list[list[str]],
    left: int,
    given_up: Sequence[str],
    *,
    without: set[str] | frozenset[str] = frozenset(),
) -> list[str]:
    """Return the fullest table that fits the terminal: names are cut, then columns are `given_up` in their order."""
    ranks = {title: rank for rank, title in enumerate(given_up, 1)}
    columns = [
        ScreenColumn(title, [row[place] for row in rows], "name" if place < left else "number", ranks.get(title, 0))
        for place, title in enumerate(titles)
        if title not in without
    ]
    return tables.coloured(drawn(fit(columns, terminal.width())))


def _about_lanes(lanes: Mapping[str, LaneHistory]) -> list[Note]:
    missing = [f"{slug}: {wording.shown(each.problem)}" for slug, each in sorted(lanes.items()) if each.problem]
    bad = [
        f"{slug}: {wording.plural(each.bad_line_count, 'line')} of its status.events.jsonl could not be read"
        for slug, each in sorted(lanes.items())
        if each.bad_line_count
    ]
    found: list[Note] = []
    if missing:
        found.append(("What was accepted is not known of:", missing))
    if bad:
        found.append(("Lanes may be incomplete:", bad))
    return found
