"""Finding records: of one feature, of a whole project, filtered, each once.

Records come in causal order within a feature (`lamport_clock`, then `node_id`) where a list is asked for; streams keep
the order of the file, which is the same unless git merged branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from spec_kitty_telemetry.errors import FilterError, LogError, ProjectError
from spec_kitty_telemetry.log.lines import ByteRange
from spec_kitty_telemetry.log.reader import ScanReport, SeenIds, scan_in_blocks
from spec_kitty_telemetry.log.superseding import Superseding
from spec_kitty_telemetry.log.waiting import waiting_count
from spec_kitty_telemetry.model.labels import agent_name, role_name, work_package_name
from spec_kitty_telemetry.project.files import is_within
from spec_kitty_telemetry.project.layout import LOG_NAME, OUTSIDE, OUTSIDE_FOLDER, SPECS_FOLDER, Project
from spec_kitty_telemetry.project.locate import find_project, project_of_feature_dir
from spec_kitty_telemetry.project.missions import is_called, missions_called
from spec_kitty_telemetry.reports.filters import EventFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.model.record import ExecutionEvent


OUTSIDE_FEATURE = "none"
"""What people ask for who want what is outside of all features."""


class Search(msgspec.Struct):
    """One pass over some features of a project; `report` is filled while records are read."""

    project: Project
    filters: EventFilter = EventFilter()
    report: ScanReport = msgspec.field(default_factory=ScanReport)
    goes_on: bool = False
    """Note a log that cannot be read in `report` and go on with the others; that none can be read is an error."""
    with_outside: bool = True
    """Also what agents did in the project for none of its features, unless features are asked for."""
    everything: bool = False
    """Also records that others took the place of, and those that were taken back."""
    log_count: int = 0
    """How many logs were looked for."""

    @property
    def includes_outside(self) -> bool:
        """Whether there is, and is wanted, what is outside of all features; `none` asks for that alone."""
        wanted = not self.filters.features or OUTSIDE_FEATURE in self.filters.features
        return self.with_outside and wanted and self.project.has_outside_log()

    def of_all_times(self) -> Self:
        """Return the same search without its times, that fills the same report."""
        return msgspec.structs.replace(self, filters=msgspec.structs.replace(self.filters, since=None, until=None))

    def features(self) -> list[str]:
        """Return the slugs whose logs are read.

        :raises ProjectError: a feature was asked for that does not exist.
        """
        if not self.filters.features:
            return self.project.features_with_logs()
        named = [pattern for pattern in self.filters.features if pattern != OUTSIDE_FEATURE]
        wanted = [missions_called(self.project, pattern) for pattern in named]
        return sorted({slug for slugs in wanted for slug in slugs})

    def log_paths(self) -> list[Path]:
        """Return the logs that are read, in the order of their features.

        :raises ProjectError: a feature was asked for that does not exist, or its folder is refused.
        """
        paths = []
        features = self.features()
        self.log_count = len(features)
        for slug in features:
            try:
                paths.append(self.project.log_path(slug))
            except ProjectError as error:
                if not self.goes_on:
                    raise
                self.report.leave_out(self.project.specs_dir / slug / LOG_NAME, error)
        if self.includes_outside and is_within(self.project.outside_log, self.project.root):
            paths.append(self.project.outside_log)
            self.log_count += 1
        return paths

    def events(self, *, keep_unknown: bool = False) -> Iterator[ExecutionEvent]:
        """Yield the wanted records, feature by feature, in the order of each log.

        :raises ProjectError: a feature was asked for that does not exist, or its folder is refused.
        :raises LogError: a log cannot be read at all.
        """
        seen: SeenIds = {}
        for path in self.log_paths():
            for events in self.blocks(ByteRange(path), self.report, seen, keep_unknown=keep_unknown):
                yield from events
        self.check_that_something_was_read()

    def check_that_something_was_read(self) -> None:
        """Refuse to speak of a project none of whose logs could be read.

        :raises LogError: that is so; the message is that of the first log.
        """
        self.report.waiting_count = waiting_count(self.project, self.features() if self.filters.features else None)
        unread = self.report.unread
        if unread and len(unread) >= self.log_count:
            more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
            raise LogError(f"{unread[0].reason}{more}")

    def blocks(
        self,
        byte_range: ByteRange,
        report: ScanReport,
        seen: SeenIds,
        rule: Superseding | None = None,
        *,
        keep_unknown: bool = False,
    ) -> Iterator[list[ExecutionEvent]]:
        """Yield the wanted records of one byte range of a log, some hundreds at a time; the rest as `scan_in_blocks`.

        A record belongs to the feature in whose folder it lies, also where that folder was renamed since.  `rule` is
        that of the whole log; by default it is asked for.

        :raises LogError: the file cannot be read, and the search does not go on.
        """
        conditions = self.filters.conditions()
        try:
            if rule is None and not self.everything:
                rule = Superseding.of(ByteRange(byte_range.path))
            report.subjects = rule.subjects if rule else ()
            for events in scan_in_blocks(byte_range, report, seen, rule, keep_unknown=keep_unknown):
                place(events, byte_range.path)
                yield (
                    [event for event in events if all(wanted(event) for wanted in conditions)] if conditions else events
                )
        except LogError as error:
            if not self.goes_on:
                raise
            report.leave_out(byte_range.path, error)


def place(events: Iterable[ExecutionEvent], path: Path) -> None:
    """Let `events` belong to the feature in whose folder their log is, and call things by their one name.

    A folder of no project keeps the feature that they say.
    """
    folder = path.parent
    feature = folder.name if folder.parent.name == SPECS_FOLDER else OUTSIDE if folder.name == OUTSIDE_FOLDER else None
    for event in events:
        if feature is not None and event.aggregate_id != feature:
            _set(event, "aggregate_id", feature)
        payload = event.payload
        if (role := role_name(payload.role)) != payload.role:
            _set(payload, "role", role)
        if (agent := agent_name(payload.agent)) != payload.agent:
            _set(payload, "agent", agent)
        if (wp_id := work_package_name(payload.wp_id)) != payload.wp_id:
            _set(payload, "wp_id", wp_id)


_set = msgspec.structs.force_setattr


class EventStream(Iterator["ExecutionEvent"]):
    """Records one by one, which know the folder that they were asked of: `cost_summary` takes its project's prices."""

    def __init__(self, events: Iterator[ExecutionEvent], folder: Path) -> None:
        """Give out `events` of the project around `folder`."""
        self._events = events
        self.folder = _lasting(folder)

    def __next__(self) -> ExecutionEvent:
        """Return the next record."""
        return next(self._events)


class EventList(list["ExecutionEvent"]):
    """Records in a list, which know the folder that they were asked of, as `EventStream` has it."""

    def __init__(self, events: Iterable[ExecutionEvent], folder: Path) -> None:
        """Hold `events` of the project around `folder`."""
        super().__init__(events)
        self.folder = _lasting(folder)


def _lasting(folder: Path) -> Path:
    """Return a path that means the same after somebody changes into another folder."""
    try:
        return folder.absolute()
    except OSError:  # the current folder was deleted; whoever reads there says so
        return folder


def stream_execution_events(feature_dir: Path | str, filters: EventFilter | None = None) -> Iterator[ExecutionEvent]:
    """Yield what `query_execution_events` returns, one by one in the order of the log, in flat memory.

    :raises LogError: the log cannot be read at all.
    """
    return EventStream(_events_of_feature(Path(feature_dir), filters or EventFilter()), Path(feature_dir))


def _events_of_feature(feature_dir: Path, wanted: EventFilter) -> Iterator[ExecutionEvent]:
    project, folder = project_of_feature_dir(feature_dir)
    if wanted.features and not any(is_called(folder.name, pattern) for pattern in wanted.features):
        return
    search = Search(project, wanted)
    for events in search.blocks(ByteRange(folder / LOG_NAME), search.report, {}, keep_unknown=True):
        yield from events


def stream_project_events(repo_root: Path | str, filters: EventFilter | None = None) -> Iterator[ExecutionEvent]:
    """Yield what `query_project_events` returns, one by one: feature by feature, each in the order of its log.

    Memory is flat but for the records' ids, by which each counts once.

    :raises ProjectError: there is no project, or no feature that was asked for.
    :raises LogError: a log cannot be read at all.
    """
    return EventStream(_events_of_project(Path(repo_root), filters or EventFilter()), Path(repo_root))


def _events_of_project(folder: Path, wanted: EventFilter) -> Iterator[ExecutionEvent]:
    yield from Search(find_project(folder), wanted).events(keep_unknown=True)


def query_execution_events(feature_dir: Path | str, filters: EventFilter | None = None) -> list[ExecutionEvent]:
    """Return the records of the feature whose folder is `feature_dir`, in causal order; none if it has no log.

    From within a worktree the primary checkout's log is read.

    :raises LogError: the log cannot be read at all.
    """
    return EventList(sorted(stream_execution_events(feature_dir, filters), key=_causally), Path(feature_dir))


def query_project_events(repo_root: Path | str, filters: EventFilter | None = None) -> list[ExecutionEvent]:
    """Return the records of all features of the project around `repo_root`, by time.

    :raises ProjectError: there is no project, or no feature that was asked for.
    :raises LogError: a log cannot be read at all.
    """
    events = sorted(stream_project_events(repo_root, filters), key=_causally)
    return EventList(sorted(events, key=lambda event: event.timestamp), Path(repo_root))


def record_called(search: Search, event_id: str) -> ExecutionEvent:
    """Return the one record whose id begins with `event_id`, in capitals or not.

    The id of a record that another one took the place of finds that one.

    :raises FilterError: `event_id` is empty.
    :raises ProjectError: there is none, or there are several.
    """
    begun = event_id.strip().upper()
    if not begun:
        raise FilterError("found an empty id, expected how a record's id begins; 'events' lists them")
    matching = [
        event
        for event in search.events(keep_unknown=True)
        if event.event_id.upper().startswith(begun) or (event.payload.supersedes or "").upper().startswith(begun)
    ]
    if len(matching) != 1:
        raise ProjectError(
            f"found {len(matching)} records whose id begins with {event_id!r} in {search.project.root}, expected one; "
            "'spec-kitty telemetry events' lists them with their ids"
        )
    return matching[0]


def _causally(event: ExecutionEvent) -> tuple[str, int, str]:
    return event.aggregate_id, event.lamport_clock, event.node_id
