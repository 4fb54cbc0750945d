"""The rows of the lifecycle's tables: work packages under their feature, groups, pairs, attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.output import on_screen
from spec_kitty_telemetry.cli.render import wording
from spec_kitty_telemetry.cli.render.report_table import cost as cost_cell
from spec_kitty_telemetry.model.money import share
from spec_kitty_telemetry.reports.lifecycle_summary import part_usd, review_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec_kitty_telemetry.reports.lifecycle import Pair, WorkPackage
    from spec_kitty_telemetry.reports.lifecycle_groups import LifecycleGroup
    from spec_kitty_telemetry.reports.summary import CostSummary

PACKAGES = ["feature", "lane", "runs", "rejected", "implementing", "reviewing", "rework", "until accepted", "total",
            "review share"]  # fmt: skip
PACKAGES_GIVEN_UP = ("review share", "until accepted", "implementing", "runs", "reviewing", "rejected")
"""In which order a narrow terminal loses them."""
GROUPS = ["packages", "accepted", "first pass", "runs", "time", "rework", "reviewing", "total", "share"]
GROUPS_GIVEN_UP = ("time", "reviewing", "runs", "share", "packages")
PAIRS = ["implementer", "reviewer", "packages", "reviews", "accepted", "rejected", "implementing", "reviewing"]
ATTEMPTS = ["feature", "wp", "attempt", "role", "runs", "failed", "input", "output", "time", "cost"]
NOTHING = wording.NONE
"""A part without any run, which cost nothing."""


def package_cells(each: WorkPackage, places: int, currency: str) -> list[str]:
    """Return one work package, below its feature."""
    fraction, is_exact = review_share(each)
    until = _part(each.until_accepted, each.total, places, currency)
    whole = cost_cell(each.total, places, currency)
    return [
        on_screen(f"· {each.wp_id}"),
        each.lane or wording.UNKNOWN,
        f"{each.total.event_count:,}",
        f"{each.rejection_count}" if each.rejection_count else NOTHING,
        _part(each.implementation, each.total, places, currency),
        _part(each.review, each.total, places, currency),
        _part(each.rework, each.total, places, currency),
        "" if until == whole else until,
        whole,
        ("" if is_exact or fraction is None else on_screen("≈")) + wording.percent(fraction),
    ]


def feature_cells(group: LifecycleGroup, packages: Sequence[WorkPackage], places: int, currency: str) -> list[str]:
    """Return a feature with the subtotals of its work packages."""
    rejected = sum(each.rejection_count for each in packages)
    return [
        group.name or wording.UNKNOWN,
        f"{group.accepted_count} of {group.work_package_count}",
        f"{group.cost.event_count:,}",
        f"{rejected}" if rejected else NOTHING,
        "",
        "",
        "" if all(each.rework is None for each in packages) else _part(group.rework, group.cost, places, currency),
        "",
        cost_cell(group.cost, places, currency),
        "",
    ]


def group_cells(group: LifecycleGroup, total: CostSummary, places: int, currency: str) -> list[str]:
    """Return one agent, model, role or feature."""
    rate = f"{group.first_pass_count} of {group.accepted_count}" if group.accepted_count else wording.UNKNOWN
    return [
        wording.UNKNOWN if group.name is None else wording.shown(group.name),
        f"{group.work_package_count:,}",
        f"{group.accepted_count:,}",
        rate,
        f"{group.cost.event_count:,}",
        wording.duration(group.cost.duration_ms),
        _part(group.rework, group.cost, places, currency),
        _part(group.review, group.cost, places, currency),
        cost_cell(group.cost, places, currency),
        wording.percent(share(group.cost.total_cost_usd, total.total_cost_usd)),
    ]


def _part(part: CostSummary | None, whole: CostSummary, places: int, currency: str) -> str:
    if part is None:
        return wording.UNKNOWN
    if not part.event_count and part_usd(part, whole) is not None:
        return NOTHING
    return cost_cell(part, places, currency)


def pair_cells(pair: Pair, places: int, currency: str) -> list[str]:
    """Return one pair of implementer and reviewer."""
    return [
        pair.implementer or wording.UNKNOWN,
        pair.reviewer or wording.UNKNOWN,
        f"{pair.work_package_count:,}",
        f"{pair.review_count:,}",
        f"{pair.accepted_count:,}",
        f"{pair.rejected_count:,}",
        _part(pair.work, pair.review, places, currency),
        cost_cell(pair.review, places, currency),
    ]


def attempt_cells(each: WorkPackage, places: int, currency: str) -> list[list[str]]:
    """Return every attempt at one work package."""
    return [
        [
            each.feature,
            each.wp_id,
            wording.UNKNOWN if attempt.attempt is None else str(attempt.attempt),
            attempt.role or wording.UNKNOWN,
            f"{attempt.cost.event_count:,}",
            f"{attempt.cost.failed_event_count:,}" if attempt.cost.failed_event_count else NOTHING,
            wording.count(attempt.cost.total_input_tokens, compact=True),
            wording.count(attempt.cost.total_output_tokens, compact=True),
            wording.duration(attempt.cost.duration_ms),
            cost_cell(attempt.cost, places, currency),
        ]
        for attempt in each.attempts
    ]
