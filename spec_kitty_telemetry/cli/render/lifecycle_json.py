"""The lifecycle of work packages as a JSON object: what `docs/lifecycle.schema.json` describes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.output import json_money
from spec_kitty_telemetry.cli.render.lifecycle_export import group_document
from spec_kitty_telemetry.cli.render.report_json import numbers, prices_used, skipped, unknown_models
from spec_kitty_telemetry.reports.lifecycle import pairs
from spec_kitty_telemetry.reports.lifecycle_groups import grouped
from spec_kitty_telemetry.reports.lifecycle_summary import part_usd, review_share, summary

if TYPE_CHECKING:
    from datetime import datetime

    from spec_kitty_telemetry.cli.render.lifecycle_table import LifecycleView
    from spec_kitty_telemetry.reports.lifecycle import Lifecycle, Pair, WorkPackage
    from spec_kitty_telemetry.reports.summary import CostSummary

JSON_VERSION = 1


def document(view: LifecycleView) -> dict[str, Any]:
    """Return the lifecycle as a JSON object: in dollars, with the amounts in another currency below `converted`."""
    found, context, lanes = view.usd or view.found, view.context, view.lanes
    search = context.search
    limited = found.work_packages[: view.limit] if view.limit else found.work_packages
    return {
        "version": JSON_VERSION,
        "filters": {
            "features": list(search.filters.features),
            "wp_ids": list(search.filters.wp_ids),
            "since": _iso(search.filters.since),
            "until": _iso(search.filters.until),
        },
        "cost": context.cost,
        "work_packages": [_work_package(each) for each in limited],
        "by": view.by,
        "groups": _groups(found, view.by),
        "pairs": [_pair(each) for each in pairs(found.work_packages)],
        "without_work_package": _numbers(found.without_work_package),
        "outside": None if found.outside is None else _numbers(found.outside),
        "summary": _summary(found, search.report.unread_count),
        "converted": _converted(view) if view.usd else None,
        "unknown_models": unknown_models(found.unknown_models),
        **skipped(search),
        "lanes": [
            {"feature": feature, "problem": history.problem, "bad_line_count": history.bad_line_count}
            for feature, history in sorted(lanes.items())
        ],
        "prices": prices_used(context.book),
    }


def _groups(found: Lifecycle, by: str | None) -> list[dict[str, Any]]:
    if by is None or by == "pair":
        return []
    return [group_document(by, each) for each in grouped(found.work_packages, by)]


def _summary(found: Lifecycle, unread_count: int) -> dict[str, Any]:
    told = summary(found, unread_count)
    return {name: json_money(value) if isinstance(value, Decimal) else value for name, value in told.items()}


def _converted(view: LifecycleView) -> dict[str, Any]:
    """Return what each work package and all of them cost in the view's currency."""
    told = summary(view.found, view.context.search.report.unread_count)
    return {
        "currency": view.currency,
        "work_packages": [
            {
                "feature": each.feature,
                "wp_id": each.wp_id,
                "total_cost": json_money(each.total.total_cost_usd),
                "until_accepted_cost": _amount(each.until_accepted, each.total),
                "rework_cost": _amount(each.rework, each.total),
            }
            for each in view.found.work_packages
        ],
        "total_cost": json_money(told["total_cost_usd"]),
        "accepted_cost": json_money(told["accepted_cost_usd"]),
        "mean_accepted_cost": json_money(told["mean_accepted_cost_usd"]),
        "rework_cost": json_money(told["rework_cost_usd"]),
    }


def _amount(part: CostSummary | None, whole: CostSummary) -> Decimal | None:
    return None if part is None else json_money(part_usd(part, whole))


def _work_package(each: WorkPackage) -> dict[str, Any]:
    fraction, is_exact = review_share(each)
    return {
        "feature": each.feature,
        "wp_id": each.wp_id,
        "lane": each.lane,
        "accepted_at": _iso(each.accepted_at),
        "first_rejected_at": _iso(each.first_rejected_at),
        "rejection_count": each.rejection_count,
        "total": _numbers(each.total),
        "implementation": _part(each.implementation, each.total),
        "review": _part(each.review, each.total),
        "until_accepted": _part(each.until_accepted, each.total) if each.until_accepted else None,
        "rework": _part(each.rework, each.total) if each.rework else None,
        "review_share_of_cost": json_money(fraction),
        "review_share_is_exact": is_exact,
        "attempts": [
            {"attempt": attempt.attempt, "role": attempt.role, **_numbers(attempt.cost)} for attempt in each.attempts
        ],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "implementer": pair.implementer,
        "reviewer": pair.reviewer,
        "work_package_count": pair.work_package_count,
        "review_count": pair.review_count,
        "accepted_count": pair.accepted_count,
        "rejected_count": pair.rejected_count,
        "undecided_count": pair.review_count - pair.accepted_count - pair.rejected_count,
        "implementation": _part(pair.work, pair.review),
        "review": _numbers(pair.review),
    }


def _part(part: CostSummary, whole: CostSummary) -> dict[str, Any]:
    return {**_numbers(part), "total_cost_usd": json_money(part_usd(part, whole))}


def _numbers(row: CostSummary) -> dict[str, Any]:
    found = numbers(row, None)
    del found["share_of_total_cost"]
    return found


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
