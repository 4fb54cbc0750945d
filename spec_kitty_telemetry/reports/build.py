"""Reports are put together here, for the command line and for Python alike: records, prices and options in, rows out.

Whoever wants a figure makes a `ReportContext` and hands it to one of the functions below, so that the same records cost
the same wherever somebody asks: a project's price overrides, plugins that give prices and the project's time zone count
for all of them.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.pricing import PriceBook
from spec_kitty_telemetry.project.locate import find_project, project_of_feature_dir
from spec_kitty_telemetry.reports import dimensions
from spec_kitty_telemetry.reports.filters import matches
from spec_kitty_telemetry.reports.prices import find_price_for
from spec_kitty_telemetry.reports.summary import CostReport, CostSummary, cost_report, report_of
from spec_kitty_telemetry.reports.totals import GroupTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.costing import CostMode, FindPrice, UnknownModel
    from spec_kitty_telemetry.reports.lanes import LaneHistory
    from spec_kitty_telemetry.reports.lifecycle import Lifecycle
    from spec_kitty_telemetry.reports.parallel import ParallelScan
    from spec_kitty_telemetry.reports.recall import Recall
    from spec_kitty_telemetry.reports.search import Search
    from spec_kitty_telemetry.reports.totals import Aggregator

    Watch = Callable[[Callable[[], int]], AbstractContextManager[None]]
    """Given how many records were read so far, whenever it asks: a context that shows it while a report is made."""


KEEPS_FROM_BYTES = 1024 * 1024
"""Less is read as fast as what is kept of it."""


class ReportContext:
    """What a report is made from: the records that are searched, their prices, and how costs and days are taken."""

    def __init__(self, search: Search, *, cost: CostMode = "auto", zone: ZoneInfo | None = None) -> None:
        """Price the records of `search` as its project does, and cut days in `zone` (`None`: the machine's own).

        :raises PriceTableError: a price override cannot be trusted.
        """
        self.search = search
        self.cost: CostMode = cost
        self.zone = zone
        self.book = PriceBook.load(search.project.root)
        self.keeps_from_bytes = KEEPS_FROM_BYTES
        """How large logs must be together for an answer to be kept for the next time."""

    @cached_property
    def find_price(self) -> FindPrice:
        """The prices of plugins, if any are installed that have some, then those of `book`."""
        return find_price_for(self.book, self.search.project.root)


def build_report(
    context: ReportContext,
    group_by: str | Iterable[str],
    *,
    watch: Watch = lambda _: nullcontext(),
    meanwhile: Callable[[], object] = lambda: None,
) -> CostReport:
    """Return the costs of all records of a search by group, counted with all processors.

    `meanwhile` is called once, while other processes count.

    :raises FilterError: a dimension is unknown.
    :raises ProjectError: a feature was asked for that does not exist, or its folder is refused.
    :raises LogError: no log can be read, or one cannot and the search does not go on without it.
    """
    by = dimensions.checked(group_by)
    return _report(context, _counted(context, by, watch, meanwhile), by)


def build_joint_report(
    contexts: Mapping[str, ReportContext],
    group_by: str | Iterable[str],
    *,
    watch: Watch = lambda _: nullcontext(),
    meanwhile: Callable[[], object] = lambda: None,
) -> CostReport:
    """Return the costs of several projects in one report; in the dimension `project` each has its name in `contexts`.

    Each project has its own prices.  What could not be read is noted in the report of the first search.

    :raises TelemetryError: as `build_report`, for any of them.
    """
    by = dimensions.checked(group_by)
    whole = GroupTotals()
    first = next(iter(contexts.values()))
    for name, context in contexts.items():
        _merge_named(whole, _counted(context, by, watch, meanwhile), dimensions.kept_apart(by), name)
        if context is not first:
            first.search.report.add(context.search.report)
    return _report(first, whole, by)


def _merge_named(whole: GroupTotals, counted: GroupTotals, by: tuple[str, ...], project: str) -> None:
    """Add what was `counted` to the `whole`, with `project` as the value in that dimension, if it is one of `by`."""
    groups, counted.groups = counted.groups, {}
    whole.merge(counted)
    for key, group in groups.items():
        values = key if isinstance(key, tuple) else (key,)
        named = tuple(project if name == "project" else value for name, value in zip(by, values, strict=True))
        one = GroupTotals()
        one.groups = {named if isinstance(key, tuple) else named[0]: group}
        whole.merge(one)


def _counted(context: ReportContext, by: tuple[str, ...], watch: Watch, meanwhile: Callable[[], object]) -> GroupTotals:
    apart = dimensions.kept_apart(by)
    book = context.book
    recall = _recall(context, apart)
    if recall is not None and recall.has_answer and context.find_price == book.find:
        kept = recall.answer(_aggregators(context, apart, book.find)())
        if kept is not None:
            meanwhile()
            return kept
    with _scan(context, apart, book.find, keeps_ids=recall is not None) as scan:
        # What takes its time and can be done while other processes count: that they may have begun in vain is rare.
        meanwhile()
        if context.find_price == book.find:
            with watch(lambda: scan.read_count):
                counted = scan.totals()
            if recall is not None:
                recall.keep(scan, counted)
            return counted
    # A plugin that is asked for prices may hold what copies of this process cannot share.
    with _scan(context, apart, context.find_price, processes=1) as scan, watch(lambda: scan.read_count):
        return scan.totals()


def _recall(context: ReportContext, by: tuple[str, ...]) -> Recall | None:
    from spec_kitty_telemetry.reports.question import Question
    from spec_kitty_telemetry.reports.recall import Recall

    return Recall.of(Question(context.search, context.book, by, context.cost, context.zone), context.keeps_from_bytes)


def _report(context: ReportContext, counted: GroupTotals, by: tuple[str, ...]) -> CostReport:
    search = context.search
    wanted, unread = search.filters.wanted_model(), search.report.unread_count
    return report_of(counted, by, wanted, unread_count=unread, zone=context.zone)


def _scan(
    context: ReportContext,
    by: tuple[str, ...],
    find_price: FindPrice,
    processes: int | None = None,
    *,
    keeps_ids: bool = False,
) -> ParallelScan:
    from spec_kitty_telemetry.reports.parallel import ParallelScan

    new_aggregator = _aggregators(context, by, find_price)
    return ParallelScan(context.search, new_aggregator, context.book, processes=processes, keeps_ids=keeps_ids)


def _aggregators(context: ReportContext, by: tuple[str, ...], find_price: FindPrice) -> Callable[[], Aggregator]:
    from spec_kitty_telemetry.reports.totals import Aggregator

    wanted_model, naming = context.search.filters.wanted_model(), context.book.naming

    def new_aggregator() -> Aggregator:
        return Aggregator(
            by, find_price, cost=context.cost, zone=context.zone, wanted_model=wanted_model, naming=naming
        )

    return new_aggregator


def cost_of(context: ReportContext, event: ExecutionEvent) -> CostSummary:
    """Return what one record cost: the total of a report of it alone."""
    return cost_report([event], "feature", context.find_price, cost=context.cost, zone=context.zone).total


def build_lifecycle(
    context: ReportContext, *, watch: Watch = lambda _: nullcontext()
) -> tuple[Lifecycle, dict[str, LaneHistory]]:
    """Return what the work packages of a search cost, and the lanes of each feature.

    A search from or up to some time takes the work packages that had a run in it, each with all of its runs.

    :raises ProjectError: a feature was asked for that does not exist, or its folder is refused.
    :raises LogError: no log can be read, or one cannot and the search does not go on without it.
    """
    from spec_kitty_telemetry.reports.lanes import STATUS_NAME, lane_history
    from spec_kitty_telemetry.reports.lifecycle import lifecycle

    period = (context.search.filters.since, context.search.filters.until)
    search = context.search.of_all_times()
    search.with_outside = False  # it has no work packages
    lanes = {path.parent.name: lane_history(path.with_name(STATUS_NAME)) for path in search.log_paths()}
    wanted = [
        (feature, wp_id)
        for feature, history in lanes.items()
        for wp_id in history.moves
        if not search.filters.wp_ids or matches(wp_id, search.filters.wp_ids)
    ]
    with watch(lambda: search.report.event_count):
        found = lifecycle(search.events(), lanes, context.find_price, cost=context.cost, wanted=wanted, period=period)
    return found, lanes


def build_unknown_models(context: ReportContext) -> list[UnknownModel]:
    """Return the models of a search that have no price, also where a cost was reported, the most input first.

    :raises TelemetryError: as `build_lifecycle`.
    """
    events, find_price = context.search.events(), context.find_price
    return cost_report(events, "model", find_price, cost="calculated", zone=context.zone).unknown_models


def cost_summary(
    events: Iterable[ExecutionEvent],
    group_by: str | Iterable[str] = "agent",
    *,
    cost: CostMode = "auto",
    project: Path | str | None = None,
) -> list[CostSummary]:
    """Return one `CostSummary` for each group of `events`, the dearest first: the rows of `report`.

    Prices, overrides, plugins and the time zone are those of `project`, any path inside it.  By default it is the one
    that the events were asked of (what `query_…` and `stream_…` return knows that), for any other events the one around
    the current folder; outside of any project the user's own settings and the shipped prices count.

    :raises FilterError: a dimension is unknown.
    :raises ProjectError: there is no project around `project`.
    :raises TelemetryError: the project's settings or price overrides cannot be trusted.
    """
    from spec_kitty_telemetry.reports.search import EventList, EventStream, Search

    if project is not None:
        home = find_project(Path(project))
    elif isinstance(events, (EventList, EventStream)):
        home, _ = project_of_feature_dir(events.folder)
    else:
        try:
            home = find_project()
        except ProjectError:
            book = PriceBook.load()
            return cost_report(events, group_by, book.find, cost=cost, naming=book.naming).rows
    context = ReportContext(Search(home), cost=cost, zone=home.zone())
    naming = context.book.naming
    return cost_report(events, group_by, context.find_price, cost=cost, zone=context.zone, naming=naming).rows
