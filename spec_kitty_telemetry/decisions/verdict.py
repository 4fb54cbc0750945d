"""Whether spending is within its limit: within, warning, over, or cannot tell.  Pure.

A cost that is only a lower bound (some run's cost is unknown) proves that a limit was passed, never that it was kept.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from spec_kitty_telemetry.reports.gaps import GAPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spec_kitty_telemetry.decisions.budgets import Budget
    from spec_kitty_telemetry.reports.summary import CostSummary

State = Literal["within", "warning", "over", "cannot tell"]
Unknown = Literal["allow", "warn", "fail"]
"""What runs of unknown cost mean below a limit: nothing, a sentence, or that the check fails."""

EXIT_WITHIN, EXIT_OVER, EXIT_CANNOT_TELL = 0, 3, 4


class Verdict(NamedTuple):
    """One budget and what was spent of it."""

    name: str
    """What was judged, in words."""
    budget: Budget
    whose: str | None
    """The feature, agent, … that has this limit for itself; `None`: the budget is one limit."""
    spent: CostSummary
    state: State

    @property
    def spent_usd(self) -> Decimal:
        """What is known to be spent."""
        return self.spent.total_cost_usd or Decimal(0)

    @property
    def unknown_run_count(self) -> int:
        """How many runs cost more than is known."""
        row = self.spent
        floors: list[int] = [getattr(row, gap.field) for gap in GAPS if gap.is_floor and gap.field != "unread_count"]
        return min(sum(floors), row.event_count)  # a run may lack several things

    @property
    def left_usd(self) -> Decimal:
        """What is left of the limit; negative where it was passed."""
        return self.budget.limit_usd - self.spent_usd

    @property
    def part(self) -> Decimal | None:
        """The part of the limit that is spent; `None`: the limit is 0."""
        return self.spent_usd / self.budget.limit_usd if self.budget.limit_usd else None


def judged(
    budget: Budget,
    whose: str | None,
    spent: CostSummary,
    unknown: Unknown = "warn",
    now: Mapping[str, str] | None = None,
) -> Verdict:
    """Judge what was `spent` by `budget`; with `unknown` = allow what is known is taken for all there is.

    `now` is the current month and week, for the name.
    """
    known = spent.total_cost_usd or Decimal(0)
    if known > budget.limit_usd:
        state: State = "over"
    elif spent.is_lower_bound and unknown != "allow":
        state = "cannot tell"
    elif known and known >= budget.limit_usd * budget.warn_at:
        state = "warning"
    else:
        state = "within"
    return Verdict(budget.name_in(now or {}, whose), budget, whose, spent, state)


def exit_code(verdicts: Iterable[Verdict], unknown: Unknown) -> int:
    """Return the exit status of a check: 3 where anything is over, 4 where that cannot be told and must be, else 0."""
    states = {each.state for each in verdicts}
    if "over" in states:
        return EXIT_OVER
    return EXIT_CANNOT_TELL if "cannot tell" in states and unknown == "fail" else EXIT_WITHIN
