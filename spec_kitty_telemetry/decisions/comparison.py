"""One period against another, row by row.  Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from spec_kitty_telemetry.model.money import EXACT, share

if TYPE_CHECKING:
    from spec_kitty_telemetry.reports.dimensions import Value
    from spec_kitty_telemetry.reports.summary import CostReport, CostSummary

Kind = Literal["changed", "new", "gone"]


class Change(NamedTuple):
    """What one group cost in two periods.  `None` for a row: it had no run then."""

    group: dict[str, Value]
    before: CostSummary | None
    now: CostSummary | None

    @property
    def kind(self) -> Kind:
        """Whether the group had runs in both periods, or in one alone."""
        if self.before is None:
            return "new"
        return "gone" if self.now is None else "changed"

    @property
    def change_usd(self) -> Decimal | None:
        """How much more it costs now; a period without a run cost nothing.  `None`: a cost is not known at all."""
        before, now = _cost(self.before), _cost(self.now)
        return None if before is None or now is None else EXACT.subtract(now, before)

    @property
    def change_share(self) -> Decimal | None:
        """The change as a part of what it cost before; `None`: it cost nothing before, or nobody knows."""
        return share(self.change_usd, _cost(self.before))

    @property
    def is_uncertain(self) -> bool:
        """Whether the cost in either period is a minimum, so that the change may be greater or smaller."""
        return any(row is not None and row.is_lower_bound for row in (self.before, self.now))


class ComparedReport(NamedTuple):
    """The rows of two reports by the same dimensions, the greatest change first."""

    by: tuple[str, ...]
    rows: tuple[Change, ...]
    total: Change


def compared_rows(before: CostReport, now: CostReport) -> ComparedReport:
    """Set the rows of `now` against those of `before`."""
    rows_before = {tuple(row.group.values()): row for row in before.rows}
    rows_now = {tuple(row.group.values()): row for row in now.rows}
    keys = dict.fromkeys([*rows_now, *rows_before])
    rows = [Change(dict(zip(now.by, key, strict=True)), rows_before.get(key), rows_now.get(key)) for key in keys]
    rows.sort(key=_order)
    return ComparedReport(now.by, tuple(rows), Change({}, before.total, now.total))


def _order(row: Change) -> tuple[bool, Decimal, list[str]]:
    change = row.change_usd
    return change is None, -abs(change or Decimal(0)), [str(value) for value in row.group.values()]


def _cost(row: CostSummary | None) -> Decimal | None:
    if row is None or not row.event_count:
        return Decimal(0)
    return row.total_cost_usd
