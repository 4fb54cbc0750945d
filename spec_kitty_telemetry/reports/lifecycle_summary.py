"""What the tables and the JSON of `lifecycle` both say that no work package says by itself.

Pure: it opens nothing and prints nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.model.money import share

if TYPE_CHECKING:
    from decimal import Decimal

    from spec_kitty_telemetry.reports.lifecycle import Lifecycle, WorkPackage
    from spec_kitty_telemetry.reports.summary import CostSummary


def summary(found: Lifecycle, unread_count: int) -> dict[str, Any]:
    """Return the cost of an accepted work package: how many there are, their cost until then, and its mean.

    The mean is that of the work packages whose cost is known, and no floor for those that it leaves out.  Where lines
    or logs could not be read, runs may be missing, so both are floors.
    """
    from decimal import Decimal

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
        "mean_accepted_cost_is_floor": any(part.is_lower_bound for part, _ in known) or unread_count > 0,
    }


def review_share(each: WorkPackage) -> tuple[Decimal | None, bool]:
    """Return which part of a work package's cost its reviews are, and whether all costs that takes are known.

    `None`: it is not known, because of all runs of one kind nothing is known that they cost.
    """
    known = all(part_usd(part, each.total) or not part.is_lower_bound for part in (each.review, each.implementation))
    reviewed = part_usd(each.review, each.total) if known else None
    return share(reviewed, each.total.total_cost_usd), not each.total.is_lower_bound


def part_usd(part: CostSummary, whole: CostSummary) -> Decimal | None:
    """Return what a part of a work package cost; without a run it cost nothing, unless there are no records at all."""
    from decimal import Decimal

    if part.event_count or not whole.event_count:
        return part.total_cost_usd
    return Decimal(0)
