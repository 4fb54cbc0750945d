"""What the tables and the JSON of `lifecycle` both say that no work package says by itself.

Pure: it opens nothing and prints nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.model.money import share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.reports.lifecycle import Lifecycle, WorkPackage
    from spec_kitty_telemetry.reports.summary import CostSummary


def summary(found: Lifecycle, unread_count: int) -> dict[str, Any]:
    """Return what all work packages say together: what accepted ones cost, and what was done again or reviewed.

    The mean is that of the work packages whose cost is known, and no floor for those that it leaves out.  Where lines
    or logs could not be read, runs may be missing, so both are floors.
    """
    accepted = [(each.until_accepted, each.total) for each in found.work_packages if each.until_accepted is not None]
    known = [(part, cost) for part, whole in accepted if (cost := part_usd(part, whole)) is not None]
    cost_usd = sum((cost for _, cost in known), Decimal(0)) if known else None
    return {
        "work_package_count": len(found.work_packages),
        "accepted_count": len(accepted),
        "accepted_with_known_cost_count": len(known),
        "accepted_cost_usd": cost_usd,
        "accepted_cost_is_estimated": any(part.estimated_cost_usd is not None for part, _ in accepted),
        "accepted_cost_is_floor": any(part.is_lower_bound for part, _ in accepted)
        or len(known) < len(accepted)
        or unread_count > 0,
        "mean_accepted_cost_usd": None if cost_usd is None else cost_usd / Decimal(len(known)),
        **_parts(found),
        "mean_accepted_cost_is_floor": any(part.is_lower_bound for part, _ in known) or unread_count > 0,
    }


def _parts(found: Lifecycle) -> dict[str, Any]:
    """Return how many were accepted at the first attempt, and what rework and reviews cost of all that was spent."""
    every = found.work_packages
    accepted = [each for each in every if each.until_accepted is not None]
    first_pass = sum(not each.rejection_count for each in accepted)
    rework = [part_usd(each.rework, each.total) for each in every if each.rework is not None]
    review = [part_usd(each.review, each.total) for each in every]
    total_usd = found.total.total_cost_usd
    return {
        "first_pass_count": first_pass,
        "first_pass_rate": share(Decimal(first_pass), Decimal(len(accepted))),
        "rejection_count": sum(each.rejection_count for each in every),
        "total_cost_usd": total_usd,
        "rework_cost_usd": _sum_of_known(rework),
        "rework_share_of_total": share(_sum_of_known(rework), total_usd),
        "rework_cost_is_estimated": any(each.rework and each.rework.estimated_cost_usd for each in every),
        "review_cost_is_estimated": any(each.review.estimated_cost_usd for each in every),
        "rework_is_known": all(each.rework is not None and not each.rework.is_lower_bound for each in every),
        "review_cost_usd": _sum_of_known(review),
        "review_share_of_total": share(_sum_of_known(review), total_usd),
    }


def _sum_of_known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def review_share(each: WorkPackage) -> tuple[Decimal | None, bool]:
    """Return which part of a work package's cost its reviews are, and whether all costs that takes are known.

    `None`: it is not known, because of all runs of one kind nothing is known that they cost.
    """
    known = all(part_usd(part, each.total) or not part.is_lower_bound for part in (each.review, each.implementation))
    reviewed = part_usd(each.review, each.total) if known else None
    return share(reviewed, each.total.total_cost_usd), not each.total.is_lower_bound


def part_usd(part: CostSummary, whole: CostSummary) -> Decimal | None:
    """Return what a part of a work package cost; without a run it cost nothing, unless there are no records at all."""
    if part.event_count or not whole.event_count:
        return part.total_cost_usd
    return Decimal(0)
