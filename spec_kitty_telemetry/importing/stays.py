"""The stays of a work package in the lanes in which somebody works on it: who did what, which attempt, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec_kitty_telemetry.model.payload import Outcome
    from spec_kitty_telemetry.reports.lanes import Move

IMPLEMENTER, REVIEWER = "implementer", "reviewer"
MARGIN = timedelta(seconds=2)
"""How far a clock in a transcript and the host's may be apart."""

_WORKING = {"in_progress": IMPLEMENTER, "in_review": REVIEWER}
_FORWARD = frozenset({"for_review", "in_review", "approved", "done"})
_BACK = frozenset({"planned", "claimed", "in_progress"})


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay of a work package in a lane in which a role is at work."""

    role: str
    attempt: int
    """The ordinal of this role's entry."""
    began: datetime
    ended: datetime | None
    """`None`: it is still there."""
    left_for: str | None

    def overlaps(self, began: datetime, ended: datetime) -> bool:
        """Tell whether some of this stay lies in the span."""
        return self.began <= ended + MARGIN and (self.ended is None or self.ended >= began - MARGIN)

    @property
    def outcome(self) -> Outcome | None:
        """How the work of this stay ended, by the lane it went to; `None`: it was left off, or goes on."""
        return outcome_of(self.role, self.left_for)


def outcome_of(role: str, left_for: str | None) -> Outcome | None:
    """Return how the work of `role` ended that was moved to the lane `left_for`."""
    if role == IMPLEMENTER:
        return "succeeded" if left_for in _FORWARD else "failed" if left_for in {"blocked", "canceled"} else None
    if left_for in {"approved", "done"}:
        return "succeeded"
    return "rejected" if left_for in _BACK else None


def role_of_lane(lane: str | None) -> str | None:
    """Return who works on a work package in `lane`."""
    return _WORKING.get(lane or "")


def role_that_ends_in(lane: str | None) -> str | None:
    """Return whose work a move to `lane` ends."""
    return IMPLEMENTER if lane == "for_review" else REVIEWER if lane in {"approved", "done", "planned"} else None


def stays(moves: Sequence[Move]) -> list[Stay]:
    """Return the stays in lanes of work, in the order of time."""
    found: list[Stay] = []
    counts: dict[str, int] = {}
    began: tuple[str, datetime] | None = None
    for move in moves:
        role = role_of_lane(move.to_lane)
        if began and began[0] == role == REVIEWER:
            continue  # from the claim into the review
        if began:
            found.append(Stay(began[0], counts[began[0]], began[1], move.at, move.to_lane))
        began = (role, move.at) if role else None
        if role:
            counts[role] = counts.get(role, 0) + 1
    if began:
        found.append(Stay(began[0], counts[began[0]], began[1], None, None))
    return found
