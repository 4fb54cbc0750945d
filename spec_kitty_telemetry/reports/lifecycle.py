"""What a work package cost until it was accepted, what was done again, and who worked with whom.

Pure: it opens nothing and prints nothing.

Runs (`record`) are joined with the moves between lanes that the host wrote down (`lanes`).  A run belongs to the time
in which it *began*: an agent may move its work package itself, in the middle of its own run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from spec_kitty_telemetry.reports.costing import Costing, unknown_models
from spec_kitty_telemetry.reports.lanes import ACCEPTED, LaneHistory, accepted_at
from spec_kitty_telemetry.reports.summary import CostSummary, summary_of
from spec_kitty_telemetry.reports.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.costing import CostMode, FindPrice, UnknownModel
    from spec_kitty_telemetry.reports.lanes import Move

IMPLEMENTER, REVIEWER = "implementer", "reviewer"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The runs of one role in one attempt at a work package."""

    attempt: int | None
    """`None`: the records do not say."""
    role: str | None
    cost: CostSummary


@dataclass(frozen=True, slots=True)
class Review:
    """One review, with the work that it judged."""

    implementer: str | None
    """The agent of the last run before it; `None`: no such run is recorded."""
    reviewer: str | None
    verdict: str | None
    """accepted, rejected, or `None`: neither the record nor the lanes say."""
    work: Totals
    """The implementer runs since the review before."""
    cost: Totals


@dataclass(frozen=True, slots=True)
class Run:
    """One record, its beginning, and its tokens and cost."""

    began: datetime
    event: ExecutionEvent
    totals: Totals

    @property
    def role(self) -> str | None:
        return self.event.payload.role


@dataclass(frozen=True, slots=True)
class WorkPackage:
    """One work package from its first run to its acceptance.  `None` is unknown; a part without runs cost 0."""

    feature: str
    wp_id: str
    lane: str | None
    """Where it is now."""
    accepted_at: datetime | None
    first_rejected_at: datetime | None
    rejection_count: int
    total: CostSummary
    implementation: CostSummary
    review: CostSummary
    until_accepted: CostSummary | None
    """The runs that began before it was accepted; `None` where it is not, or nobody knows."""
    rework: CostSummary | None
    """The runs that began after its first rejection; `None` where nobody knows whether there was one."""
    attempts: list[Attempt]
    reviews: list[Review]
    runs: list[Run]
    """In the order in which they began."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One agent's work as another reviewed it, over all work packages."""

    implementer: str | None
    reviewer: str | None
    work_package_count: int
    review_count: int
    accepted_count: int
    rejected_count: int
    work: CostSummary
    review: CostSummary


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """All work packages of a search."""

    work_packages: list[WorkPackage]
    without_work_package: CostSummary
    """Runs that served no single work package, such as planning."""
    total: CostSummary
    """All runs, with a work package and without."""
    unknown_models: list[UnknownModel]
    outside: CostSummary | None = None
    """What agents did in the project for none of its missions, which is no part of `total`; `None`: nothing."""


def lifecycle(
    events: Iterable[ExecutionEvent],
    lanes: Mapping[str, LaneHistory],
    find_price: FindPrice,
    *,
    cost: CostMode = "auto",
    wanted: Iterable[tuple[str, str]] = (),
    period: tuple[datetime | None, datetime | None] = (None, None),
) -> Lifecycle:
    """Return the lifecycle of every work package in `events`, by feature and name.

    `lanes` has the moves of each feature; `wanted` names work packages that are listed even if no run is recorded.
    With a `period` (from, before) only those are listed that had a run in it, each with all of its runs; of the runs
    without a work package those in it.  All records of `events` are held in memory.
    """
    runs: dict[tuple[str, str | None], list[Run]] = {key: [] for key in wanted}
    costing = Costing(find_price, cost, in_parts=False)
    for event in events:
        totals = Totals()
        totals.add(event.payload, event.payload)
        totals.add_cost(costing.cost_of(event))
        runs.setdefault((event.feature, event.payload.wp_id), []).append(Run(began(event), event, totals))
    runs = _of_period(runs, *period)
    return Lifecycle(
        work_packages=[
            _work_package(feature, wp_id, runs[feature, wp_id], lanes.get(feature) or LaneHistory(problem="no lanes"))
            for feature, wp_id in sorted((feature, wp_id) for feature, wp_id in runs if wp_id is not None)
        ],
        without_work_package=_sum(run for key, every in runs.items() if key[1] is None for run in every),
        total=_sum(run for every in runs.values() for run in every),
        unknown_models=unknown_models(costing.unknown),
    )


def _of_period(
    runs: dict[tuple[str, str | None], list[Run]], since: datetime | None, until: datetime | None
) -> dict[tuple[str, str | None], list[Run]]:
    if since is None and until is None:
        return runs

    def within(run: Run) -> bool:
        at = run.event.timestamp
        return (since is None or at >= since) and (until is None or at < until)

    return {
        key: every if key[1] is not None else [run for run in every if within(run)]
        for key, every in runs.items()
        if any(map(within, every))
    }


def began(event: ExecutionEvent) -> datetime:
    """Return when the run began: as it says, else its end less its length, else its end."""
    if event.payload.started_at is not None:
        return event.payload.started_at
    try:
        return event.timestamp - timedelta(milliseconds=event.payload.duration_ms or 0)
    except OverflowError:  # a length of more than all time
        return event.timestamp


def pairs(work_packages: Iterable[WorkPackage]) -> list[Pair]:
    """Return what each pair of implementer and reviewer did, the one with the most reviews first."""
    reviews: dict[tuple[str | None, str | None], list[tuple[str, str, Review]]] = {}
    for each in work_packages:
        for review in each.reviews:
            key = (review.implementer, review.reviewer)
            reviews.setdefault(key, []).append((each.feature, each.wp_id, review))
    found = [
        Pair(
            implementer=implementer,
            reviewer=reviewer,
            work_package_count=len({(feature, wp_id) for feature, wp_id, _ in every}),
            review_count=len(every),
            accepted_count=sum(review.verdict == "accepted" for *_, review in every),
            rejected_count=sum(review.verdict == "rejected" for *_, review in every),
            work=summary_of(Totals.together(review.work for *_, review in every)),
            review=summary_of(Totals.together(review.cost for *_, review in every)),
        )
        for (implementer, reviewer), every in reviews.items()
    ]
    return sorted(found, key=lambda pair: (-pair.review_count, pair.implementer or "", pair.reviewer or ""))


def _work_package(feature: str, wp_id: str, runs: list[Run], history: LaneHistory) -> WorkPackage:
    runs.sort(key=lambda run: (run.began, run.event.timestamp, run.event.lamport_clock, run.event.event_id))
    moves = history.moves.get(wp_id, [])
    accepted, rejections = accepted_at(moves), _rejections(runs, moves)
    first = min(rejections, default=None)
    reviews = _reviews(runs, moves)
    return WorkPackage(
        feature=feature,
        wp_id=wp_id,
        lane=moves[-1].to_lane if moves else None,
        accepted_at=accepted,
        first_rejected_at=first,
        rejection_count=len(rejections),
        total=_sum(runs),
        implementation=_sum(run for run in runs if run.role == IMPLEMENTER),
        review=_sum(run for run in runs if run.role == REVIEWER),
        until_accepted=_sum(run for run in runs if run.began < accepted) if accepted else None,
        rework=_sum(run for run in runs if first and run.began >= first) if first or moves else None,
        attempts=_attempts(runs),
        reviews=reviews,
        runs=runs,
    )


def _rejections(runs: Sequence[Run], moves: Sequence[Move]) -> list[datetime]:
    """Return the moments of all rejections: reviews that said so, and the moves of those that did not.

    A review that says it rejects did so when it ended; the first move back before the next review is the same
    rejection, not another, whichever of the two is earlier.
    """
    found = []
    moved = [move.at for move in moves if move.is_rejection]
    reviews = [run for run in runs if run.role == REVIEWER]
    for index, review in enumerate(reviews):
        if review.event.payload.outcome == "rejected":
            until = reviews[index + 1].began if index + 1 < len(reviews) else None
            same = [at for at in moved if review.began <= at and (until is None or at < until)][:1]
            moved = [at for at in moved if at not in same]
            found.append(min([review.event.timestamp, *same]))
    return sorted([*found, *moved])


def _attempts(runs: Sequence[Run]) -> list[Attempt]:
    cells: dict[tuple[int | None, str | None], list[Run]] = {}
    for run in runs:
        cells.setdefault((run.event.payload.attempt, run.role), []).append(run)
    found = [Attempt(attempt, role, _sum(every)) for (attempt, role), every in cells.items()]
    return sorted(found, key=lambda each: (each.attempt is None, each.attempt or 0))


def _reviews(runs: Sequence[Run], moves: Sequence[Move]) -> list[Review]:
    found = []
    work: list[Run] = []
    implementer = None
    for index, run in enumerate(runs):
        if run.role == IMPLEMENTER:
            work.append(run)
            implementer = run.event.payload.agent
        elif run.role == REVIEWER:
            until = runs[index + 1].began if index + 1 < len(runs) else None
            verdict = _verdict(run, until, moves)
            found.append(Review(implementer, run.event.payload.agent, verdict, _together(work), run.totals))
            work = []
    return found


def _verdict(review: Run, until: datetime | None, moves: Sequence[Move]) -> str | None:
    """Return what a review decided: as its record says, else by the moves before the next run."""
    if review.event.payload.outcome == "rejected":
        return "rejected"
    for move in moves:
        if move.at < review.began or (until is not None and move.at > until):
            continue
        if move.is_rejection:
            return "rejected"
        if move.to_lane in ACCEPTED:
            return "accepted"
    return None


def _sum(runs: Iterable[Run]) -> CostSummary:
    return summary_of(_together(runs))


def _together(runs: Iterable[Run]) -> Totals:
    return Totals.together(run.totals for run in runs)
