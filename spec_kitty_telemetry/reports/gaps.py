"""What a sum may be off by: every source of a floor or a doubt, classed once.

A gap that can only make the true sum higher is a floor (`≥`); one that may go either way is a doubt, which no mark can
say, so a line below the table does.  `docs/reports.md` has this table for readers.
"""

from __future__ import annotations

from typing import NamedTuple


class Gap(NamedTuple):
    """One thing that is not known about the cost of a run."""

    field: str
    """How many runs of a row have it: a field of `CostSummary`."""
    is_floor: bool
    """Whether the true cost can only be higher; else it may be lower as well."""
    raised_by: str
    """What a run has that raises it."""


GAPS = (
    Gap("no_usage_event_count", True, "says neither tokens nor a cost"),
    Gap("unpriced_event_count", True, "has tokens of a model without a price, or counts that cannot all be true"),
    Gap("partial_usage_event_count", True, "says only a part of its tokens, or what a part of its models cost"),
    Gap("unpriced_search_event_count", True, "searched the web, at a price per search that no table has"),
    Gap("dearer_rate_event_count", True, "was billed fast, with priority or for one region, without rates for that"),
    Gap("base_rate_event_count", True, "has a longer prompt in sum than where long-context rates begin"),
    Gap("incomplete_event_count", True, "is known to miss something it used (`uncertain` says what)"),
    Gap("unread_count", True, "may stand on a line or in a log that cannot be read (a total alone)"),
    Gap("uncertain_event_count", False, "says itself that its numbers may be off (`uncertain`)"),
    Gap("cheaper_rate_event_count", False, "was billed as flex or batch, without rates for that"),
)


def is_lower_bound(row: object) -> bool:
    """Tell whether the true cost of `row`, a `CostSummary`, can be higher than it says."""
    return any(getattr(row, gap.field) for gap in GAPS if gap.is_floor)


def is_in_doubt(row: object) -> bool:
    """Tell whether the true cost of `row` may be lower than it says, and higher."""
    return any(getattr(row, gap.field) for gap in GAPS if not gap.is_floor)
