"""What a table is about, in the line above it: project, period, filters, currency and the day of the prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render import wording
from spec_kitty_telemetry.reports.filters import ALTERNATIVES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec_kitty_telemetry.reports.build import ReportContext

_BETWEEN = " · "
_FILTERS = {"features": "mission", "wp_ids": "wp"}
"""Filters that are not called what their option is; all others lose their `s`."""


def parts(context: ReportContext, currency: str = "USD", projects: Sequence[str] = ()) -> list[str]:
    """Return what a report is about, piece by piece; `projects`: their names, where there are several."""
    filters = context.search.filters
    said = [", ".join(projects) or context.search.project.root.name, _period(context)]
    said += [
        f"{_FILTERS.get(name, name.removesuffix('s'))} {', '.join(values)}"
        for name in ALTERNATIVES
        if (values := getattr(filters, name))
    ]
    said.append(currency)
    if context.cost == "reported":
        said.append("reported costs only")
    else:
        said.append(f"prices of {context.book.as_of}")
    return [wording.shown(each) for each in said if each]


def lines(context: ReportContext, width: int, currency: str = "USD", projects: Sequence[str] = ()) -> list[str]:
    """Return the same in one line, or in as many as `width` columns need; an endless name is cut."""
    text: list[str] = []
    for part in (wording.cut(each, width) for each in parts(context, currency, projects)):
        longer = f"{text[-1]}{_BETWEEN}{part}" if text else part
        if text and wording.columns_of(longer) <= width:
            text[-1] = longer
        else:
            text.append(part)
    return text


def _period(context: ReportContext) -> str:
    filters, zone = context.search.filters, context.zone
    if filters.since is None and filters.until is None:
        return "all time"
    from spec_kitty_telemetry.decisions.periods import Period  # few reports are of a period
    from spec_kitty_telemetry.model.timespans import in_zone

    if filters.since is not None and filters.until is not None:
        return Period(filters.since, filters.until).words(zone)
    said = [
        f"{word} {in_zone(moment, zone):%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        for word, moment in (("since", filters.since), ("before", filters.until))
        if moment is not None
    ]
    return said[0]
