"""Adding up rows: several `CostSummary`s become one, and what is unknown in all of them stays unknown."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.reports.costing import EXACT
from spec_kitty_telemetry.reports.summary import CostSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NUMBERS = tuple(name for name in CostSummary.__struct_fields__ if not name.startswith("group"))
_COUNTED = ("event_count", "unread_count")
"""How the names of those end that are never unknown: they count records."""


def added(rows: Iterable[CostSummary]) -> CostSummary:
    """Return the sum of `rows`, without a group of its own.

    A number that no row knows is `None`; one that some rows do not know is the sum of the others.  Counts add up as
    they stand: a run that used two models is counted in both rows of a report by model, and so twice here.
    """
    every = list(rows)
    sums = {name: _sum(name, [getattr(row, name) for row in every]) for name in _NUMBERS}
    return CostSummary(group_key="", group_by=(), group={}, **sums)


def is_floor(row: CostSummary) -> bool:
    """Tell whether the cost of some run in `row` is unknown or only partly known, so that the true sum is higher."""
    return bool(
        row.unpriced_event_count or row.no_usage_event_count or row.partial_usage_event_count or row.unread_count
    )


def share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """Return `part` of `whole` as a number from 0 to 1 with at most six decimals; `None` where either is unknown."""
    if part is None or not whole:
        return None
    return round(EXACT.divide(part, whole), 6)


def _sum(name: str, numbers: Sequence[Any]) -> Any:
    known = [number for number in numbers if number is not None]
    if name.endswith(_COUNTED):
        return sum(known)
    return sum(known[1:], known[0]) if known and isinstance(known[0], int) else _money(known)


def _money(amounts: Sequence[Decimal]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total if amounts else None
