"""The lifecycle of work packages as a JSON object: what `docs/lifecycle.schema.json` describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.output import json_money
from spec_kitty_telemetry.cli.render.report_json import numbers, prices_used, skipped, unknown_models
from spec_kitty_telemetry.reports.lifecycle import pairs
from spec_kitty_telemetry.reports.lifecycle_summary import part_usd, review_share, summary

if TYPE_CHECKING:
    from datetime import datetime

    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.lanes import LaneHistory
    from spec_kitty_telemetry.reports.lifecycle import Lifecycle, Pair, WorkPackage
    from spec_kitty_telemetry.reports.summary import CostSummary

JSON_VERSION = 1


def document(found: Lifecycle, lanes: dict[str, LaneHistory], context: ReportContext) -> dict[str, Any]:
    """Return the lifecycle as a JSON object."""
    search = context.search
    totals = summary(found, search.report.unread_count)
    return {
        "version": JSON_VERSION,
        "filters": {"features": list(search.filters.features), "wp_ids": list(search.filters.wp_ids)},
        "cost": context.cost,
        "work_packages": [_work_package(each) for each in found.work_packages],
        "pairs": [_pair(each) for each in pairs(found.work_packages)],
        "without_work_package": _numbers(found.without_work_package),
        "summary": {
            **totals,
            "accepted_cost_usd": json_money(totals["accepted_cost_usd"]),
            "mean_accepted_cost_usd": json_money(totals["mean_accepted_cost_usd"]),
        },
        "unknown_models": unknown_models(found.unknown_models),
        **skipped(search),
        "lanes": [
            {"feature": feature, "problem": history.problem, "bad_line_count": history.bad_line_count}
            for feature, history in sorted(lanes.items())
        ],
        "prices": prices_used(context.book),
    }


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
