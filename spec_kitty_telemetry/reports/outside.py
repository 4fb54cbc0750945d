"""What agents did in the project for none of its missions: shown as a line of its own, never spread over missions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.log.lines import ByteRange
from spec_kitty_telemetry.log.reader import ScanReport
from spec_kitty_telemetry.reports.summary import CostSummary, cost_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.build import ReportContext


class OutsideSpend(msgspec.Struct, frozen=True):
    """The spend of a search that is outside of all missions."""

    cost: CostSummary
    session_count: int
    """How many of the agents' sessions it is from."""


def outside_spend(context: ReportContext) -> OutsideSpend | None:
    """Return what a search found outside of all missions; `None` where there is none, or it was left out.

    :raises LogError: the log cannot be read, and the search does not go on without it.
    """
    search = context.search
    if not search.includes_outside:
        return None
    sessions: set[tuple[str | None, str | None]] = set()

    def events() -> Iterator[ExecutionEvent]:
        for block in search.blocks(ByteRange(search.project.outside_log), ScanReport(), {}):
            for event in block:
                sessions.add((event.payload.agent, event.payload.session_id))
                yield event

    report = cost_report(events(), "feature", context.find_price, cost=context.cost, zone=context.zone)
    return OutsideSpend(report.total, len(sessions)) if report.total.event_count else None
