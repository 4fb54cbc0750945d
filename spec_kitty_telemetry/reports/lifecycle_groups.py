"""Work packages added up by what did them: by feature, agent, model, role, or pair of implementer and reviewer.

By feature a row adds up work packages; by agent, model or role it adds up runs, and counts the work packages in which
it has one.  A run counts for its main model.  Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.reports.lifecycle import REVIEWER
from spec_kitty_telemetry.reports.summary import CostSummary, summary_of
from spec_kitty_telemetry.reports.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from spec_kitty_telemetry.reports.lifecycle import Run, WorkPackage

GROUPS = ("feature", "agent", "model", "role", "pair")


class LifecycleGroup(NamedTuple):
    """One row."""

    name: str | None
    """`None`: the records do not say."""
    work_package_count: int
    accepted_count: int
    first_pass_count: int
    """Those that were accepted and never rejected."""
    cost: CostSummary
    rework: CostSummary
    """The runs that began after the first rejection of their work package."""
    review: CostSummary


def grouped(work_packages: Iterable[WorkPackage], by: str) -> list[LifecycleGroup]:
    """Return the work packages by `feature`, `agent`, `model` or `role`, the most expensive first."""
    members: dict[str | None, list[tuple[WorkPackage, Run]]] = {}
    packages: dict[str | None, dict[tuple[str, str], WorkPackage]] = {}
    value_of = _VALUES[by]
    for package in work_packages:
        if by == "feature":
            packages.setdefault(package.feature, {})[package.feature, package.wp_id] = package
            members.setdefault(package.feature, [])
        for run in package.runs:
            name = value_of(run)
            members.setdefault(name, []).append((package, run))
            packages.setdefault(name, {})[package.feature, package.wp_id] = package
    found = [_group(name, every, list(packages[name].values())) for name, every in members.items()]
    return sorted(found, key=lambda each: (-(each.cost.total_cost_usd or 0), each.name or ""))


def _group(name: str | None, members: list[tuple[WorkPackage, Run]], packages: list[WorkPackage]) -> LifecycleGroup:
    accepted = [each for each in packages if each.accepted_at is not None]
    return LifecycleGroup(
        name=name,
        work_package_count=len(packages),
        accepted_count=len(accepted),
        first_pass_count=sum(not each.rejection_count for each in accepted),
        cost=_sum(run for _, run in members),
        rework=_sum(run for package, run in members if is_rework(package, run)),
        review=_sum(run for _, run in members if run.role == REVIEWER),
    )


def is_rework(package: WorkPackage, run: Run) -> bool:
    """Tell whether `run` began after the first rejection of its work package."""
    return package.first_rejected_at is not None and run.began >= package.first_rejected_at


def _sum(runs: Iterable[Run]) -> CostSummary:
    return summary_of(Totals.together(run.totals for run in runs))


_VALUES: dict[str, Callable[[Run], str | None]] = {
    "feature": lambda run: run.event.feature,
    "agent": lambda run: run.event.payload.agent,
    "model": lambda run: run.event.payload.model,
    "role": lambda run: run.role,
}
