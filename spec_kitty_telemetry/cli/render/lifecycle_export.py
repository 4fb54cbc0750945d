"""The lifecycle as CSV and as Markdown: one row a work package, or one a group."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.output import json_money
from spec_kitty_telemetry.cli.render import lifecycle_cells as cells
from spec_kitty_telemetry.cli.render import report_markdown
from spec_kitty_telemetry.cli.render.lifecycle_table import LifecycleView, all_notes, answer
from spec_kitty_telemetry.cli.render.report_csv import cell
from spec_kitty_telemetry.reports.lifecycle import pairs
from spec_kitty_telemetry.reports.lifecycle_groups import grouped
from spec_kitty_telemetry.reports.lifecycle_summary import part_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spec_kitty_telemetry.reports.lifecycle import Lifecycle, Pair, WorkPackage
    from spec_kitty_telemetry.reports.lifecycle_groups import LifecycleGroup


def csv_text(view: LifecycleView) -> str:
    """Return plain numbers in dollars, in another currency with its amounts beside them; an empty cell is unknown."""
    rows = list(_rows(view, view.found) if view.usd is None else _in_both(view, view.usd))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    shown = rows[: view.limit] if view.limit else rows
    writer.writerow(shown[0] if shown else ["work_package"])
    writer.writerows([map(cell, row.values()) for row in shown])
    return out.getvalue().removesuffix("\n")


def markdown(view: LifecycleView) -> str:
    """Return the answer, a table and the notes for a pull request or a wiki."""
    head = [report_markdown.text(line) for line in answer(view)] if view.found.work_packages else []
    titles, rows, left = _table(view)
    shown = rows[: view.limit] if view.limit else rows
    escaped = [[*map(report_markdown.text, row[:left]), *row[left:]] for row in shown]
    lines = report_markdown.table(titles, escaped, left)
    return "\n".join(["  \n".join(head), "", *lines, "", *report_markdown.notes(all_notes(view))]).strip()


def _table(view: LifecycleView) -> tuple[Sequence[str], list[list[str]], int]:
    packages = view.found.work_packages
    if view.by == "pair":
        return cells.PAIRS, [cells.pair_cells(each, view.places, view.currency) for each in pairs(packages)], 2
    if view.by is not None:
        groups = grouped(packages, view.by)
        total = view.found.total
        rows = [cells.group_cells(each, total, view.places, view.currency) for each in groups]
        return [view.by, *cells.GROUPS], rows, 1
    rows = [[each.feature, *cells.package_cells(each, view.places, view.currency)] for each in packages]
    named = [[feature, name.removeprefix("· "), *rest] for feature, name, *rest in rows]
    return ["feature", "wp", *cells.PACKAGES[1:]], named, 3


def _in_both(view: LifecycleView, usd: Lifecycle) -> Iterable[dict[str, Any]]:
    """Yield the rows in dollars, each with the amounts in the view's currency at its end."""
    names = (view.by,) if view.by not in {None, "pair"} else ("feature", "wp_id", "implementer", "reviewer")

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(str(name)) for name in names)

    in_dollars = {key(row): row for row in _rows(view, usd)}
    for row in _rows(view, view.found):
        amounts = {name.removesuffix("_usd"): value for name, value in row.items() if name.endswith("_usd")}
        yield {**in_dollars[key(row)], **amounts, "currency": view.currency}


def _rows(view: LifecycleView, found: Lifecycle) -> Iterable[dict[str, Any]]:
    packages = found.work_packages
    if view.by == "pair":
        return [_pair(each) for each in pairs(packages)]
    if view.by is not None:
        return [_group(view.by, each) for each in grouped(packages, view.by)]
    return [_package(each) for each in packages]


def _package(each: WorkPackage) -> dict[str, Any]:
    def usd(name: str) -> Any:
        part = getattr(each, name)
        return None if part is None else json_money(part_usd(part, each.total))

    return {
        "feature": each.feature,
        "wp_id": each.wp_id,
        "lane": each.lane,
        "accepted_at": each.accepted_at.isoformat() if each.accepted_at else None,
        "rejection_count": each.rejection_count,
        "event_count": each.total.event_count,
        "total_cost_usd": json_money(each.total.total_cost_usd),
        "cost_is_estimated": each.total.estimated_cost_usd is not None,
        "cost_is_floor": each.total.is_lower_bound,
        "implementation_cost_usd": usd("implementation"),
        "review_cost_usd": usd("review"),
        "until_accepted_cost_usd": usd("until_accepted"),
        "rework_cost_usd": usd("rework"),
    }


def _group(by: str, each: LifecycleGroup) -> dict[str, Any]:
    return {
        by: each.name,
        "work_package_count": each.work_package_count,
        "accepted_count": each.accepted_count,
        "first_pass_count": each.first_pass_count,
        "event_count": each.cost.event_count,
        "duration_ms": each.cost.duration_ms,
        "total_cost_usd": json_money(each.cost.total_cost_usd),
        "cost_is_estimated": each.cost.estimated_cost_usd is not None,
        "cost_is_floor": each.cost.is_lower_bound,
        "rework_cost_usd": json_money(part_usd(each.rework, each.cost)),
        "review_cost_usd": json_money(part_usd(each.review, each.cost)),
    }


def group_document(by: str, each: LifecycleGroup) -> dict[str, Any]:
    """Return one group as a JSON object: the columns of CSV, its name under `name`."""
    named = _group(by, each)
    return {"name": named.pop(by), **named}


def _pair(each: Pair) -> dict[str, Any]:
    return {
        "implementer": each.implementer,
        "reviewer": each.reviewer,
        "work_package_count": each.work_package_count,
        "review_count": each.review_count,
        "accepted_count": each.accepted_count,
        "rejected_count": each.rejected_count,
        "implementation_cost_usd": json_money(part_usd(each.work, each.review)),
        "review_cost_usd": json_money(each.review.total_cost_usd),
    }
