"""Counting the records of a search with all processors: each process counts a share of the logs' bytes.

A share is a run of whole lines, in the order of the logs, and what the processes count is added up exactly (`totals`):
the answer is that of one process.  A record that stands in two shares counts where it stands first: the later share is
counted again without it, which is slow and rare.

Only where a process can be forked safely (Linux, no other thread), and where there is enough to read that it pays.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from spec_kitty_telemetry.log.lines import ByteRange
from spec_kitty_telemetry.log.reader import ScanReport
from spec_kitty_telemetry.reports.agreement import agree, cut_logs, take_part
from spec_kitty_telemetry.reports.chunks import SHARE_BYTES, shares
from spec_kitty_telemetry.reports.id_lists import NO_IDS, IdList, IdsBefore
from spec_kitty_telemetry.reports.totals import GroupTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.connection import Connection
    from pathlib import Path
    from types import TracebackType

    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports.agreement import Rules
    from spec_kitty_telemetry.reports.search import Search
    from spec_kitty_telemetry.reports.totals import Aggregator

    Tell = Callable[[int], None]
    """Called with how many more records were read."""

MAXIMUM_PROCESSES = 8
"""The parent takes the answers one by one, which more would only wait for."""
_TELL_EVERY_S = 0.2


class ChunkResult(NamedTuple):
    """What was counted of one share."""

    totals: GroupTotals
    reports: list[ScanReport]
    """One for each byte range."""
    ids: IdList
    """Of the records that were counted."""
    subjects: IdList
    """Of the records whose place others take."""
    overrides_used: dict[Path, set[str]]


class ParallelScan:
    """The records of a search, being counted.  A context: what still runs is stopped at its end."""

    def __init__(
        self,
        search: Search,
        new_aggregator: Callable[[], Aggregator],
        book: PriceBook,
        *,
        processes: int | None = None,
        share_bytes: int = SHARE_BYTES,
        keeps_ids: bool = False,
    ) -> None:
        """Prepare to count, with an aggregator of its own for each process, all of which price by `book`.

        `processes` is 1 where somebody else's code is asked for prices; by default as many as there are processors.
        With `keeps_ids` there are `id_lists` at the end.
        """
        self._search = search
        self._new_aggregator = new_aggregator
        self._book = book
        self.read_count = 0
        """How many records were read so far."""
        self._processes = processes
        self._share_bytes = share_bytes
        self._shares: list[list[ByteRange]] = []
        self._workers: list[_Worker | None] = []
        self.rules: Rules = {}
        """Which records count, of the logs that are read in parts by several processes."""
        self._cut: set[Path] = set()
        self._keeps_ids = keeps_ids
        self.id_lists: list[bytes] = []
        """The ids of all records, and the subjects of those that take another's place."""
        self.log_reports: dict[Path, ScanReport] = {}
        """What reading each log came to."""

    def __enter__(self) -> Self:
        """Begin to count: start the processes, if there is enough to read.

        :raises ProjectError: a feature was asked for that does not exist, or its folder is refused.
        """
        whole = [ByteRange(path) for path in self._search.log_paths()]
        processes = _available() if self._processes is None else self._processes
        self._shares = shares(whole, processes, self._share_bytes)
        self._cut = cut_logs(self._shares)
        try:
            if len(self._shares) > 1:
                for share in self._shares:
                    self._workers.append(
                        _started(self, share, [worker.connection for worker in self._workers if worker])
                    )
            if self._cut:
                parts = zip(map(self.parts_of_cut_logs, self._shares), self._workers, strict=True)
                self.rules = agree(
                    [(ranges, worker.connection if worker else None) for ranges, worker in parts if ranges]
                )
        except BaseException:  # as Ctrl-C: nobody calls __exit__ for what was not entered
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop what still runs."""
        self._stop()

    def _stop(self) -> None:
        for worker in self._workers:
            if worker is not None:
                worker.stop()

    def totals(self) -> GroupTotals:
        """Return the sums of all records when all are counted, and fill the search's `report`.

        :raises LogError: a log cannot be read at all, and the search does not go on, or it is so with every log.
        """
        results = self._answers() if self._workers else [None]
        whole = GroupTotals()
        earlier = IdsBefore()
        for share, answer in zip(self._shares, results, strict=True):
            # A process that could not answer leaves its share to this one, where an error is raised as it is.
            counted = answer or self.count_share(share, self._tell)
            if len(self._shares) > 1:
                if repeated := earlier.repeated(counted.ids):
                    counted = self.count_share(share, self._tell_nobody, repeated)
                earlier.add(counted.ids)
            whole.merge(counted.totals)
            self._book.note_overrides_used(counted.overrides_used)
            if self._keeps_ids:
                self.id_lists += [ids.encoded for ids in (counted.ids, counted.subjects) if ids != NO_IDS]
            for byte_range, report in zip(share, counted.reports, strict=True):
                whole_log = self.log_reports.setdefault(byte_range.path, ScanReport())
                whole_log.add(report, whole_log.line_count)
        for report in self.log_reports.values():
            self._search.report.add(report)
        self._search.check_that_something_was_read()
        return whole

    def parts_of_cut_logs(self, share: Iterable[ByteRange]) -> list[ByteRange]:
        """Return the byte ranges of `share` whose logs are read by other processes, too."""
        return [byte_range for byte_range in share if byte_range.path in self._cut]

    def count_share(self, share: Iterable[ByteRange], tell: Tell, counted_before: Iterable[str] = ()) -> ChunkResult:
        """Count the records of `share` in this process, but those whose ids were `counted_before`."""
        aggregator = self._new_aggregator()
        seen = dict.fromkeys(counted_before)
        subjects: set[str] = set()
        reports = []
        for byte_range in share:
            reports.append(ScanReport())
            for events in self._search.blocks(byte_range, reports[-1], seen, self.rules.get(byte_range.path)):
                aggregator.add(events)
                tell(len(events))
            subjects.update(reports[-1].subjects)
            reports[-1].subjects = ()
        ids = IdList.of(seen) if len(self._shares) > 1 or self._keeps_ids else NO_IDS
        kept = IdList.of(subjects) if self._keeps_ids else NO_IDS
        return ChunkResult(aggregator.totals, reports, ids, kept, self._book.overrides_used)

    def _tell(self, more: int) -> None:
        self.read_count += more

    def _tell_nobody(self, more: int) -> None:
        """They were told when they were read first."""

    def _answers(self) -> list[ChunkResult | None]:
        """Wait for every process; `None` stands for one that could not be started, or ended without an answer."""
        from multiprocessing.connection import wait  # only where there is enough to read

        answers: list[ChunkResult | None] = [None] * len(self._workers)
        waiting = {number: worker for number, worker in enumerate(self._workers) if worker is not None}
        while waiting:
            ready = wait([worker.connection for worker in waiting.values()])
            for number, worker in list(waiting.items()):
                if worker.connection not in ready:
                    continue
                said = _said(worker.connection)
                if isinstance(said, int):
                    self.read_count += said
                else:
                    answers[number] = said
                    del waiting[number]
        return answers


def _available() -> int:
    """Return how many processes may count at once."""
    if sys.platform != "linux":  # elsewhere a fork can crash what the system's own libraries hold, or does not exist
        return 1
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.current_process().daemon:  # it is not allowed to have children
        return 1
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:  # a lock that another thread holds stays held
        return 1
    return min(len(os.sched_getaffinity(0)), MAXIMUM_PROCESSES)


def _said(connection: Connection) -> ChunkResult | int | None:
    try:
        said: ChunkResult | int = connection.recv()
    except (EOFError, OSError):
        return None
    return said


def _started(count: ParallelScan, share: list[ByteRange], others: list[Connection]) -> _Worker | None:
    try:
        return _Worker(count, share, others)
    except OSError:  # too many files, too many processes, too little memory: one process is enough
        return None


class _Worker:
    """A process that counts one share."""

    def __init__(self, count: ParallelScan, share: list[ByteRange], others: list[Connection]) -> None:
        from multiprocessing import get_context

        context = get_context("fork")
        self.connection, theirs = context.Pipe()
        ours = [*others, self.connection]
        self._process = context.Process(target=_work, args=(count, share, theirs, ours), daemon=True)
        try:
            self._process.start()
        except OSError:
            self.connection.close()
            raise
        finally:
            theirs.close()

    def stop(self) -> None:
        self.connection.close()
        if self._process.is_alive():
            self._process.kill()  # it may ignore anything less; what it counted is not wanted any more
        self._process.join()


def _work(count: ParallelScan, share: list[ByteRange], connection: Connection, parents: list[Connection]) -> None:
    import signal

    for parent in parents:  # as long as this process could read them, it would not notice that the parent is gone
        parent.close()

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is for what a shell runs in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends this process without a word; the parent has one
    told, unsaid = time.monotonic(), 0

    def tell(more: int) -> None:
        nonlocal told, unsaid
        unsaid += more
        if time.monotonic() - told > _TELL_EVERY_S:
            connection.send(unsaid)
            told, unsaid = time.monotonic(), 0

    with suppress(Exception):  # the parent counts this share itself and meets the same error, or is gone
        if ranges := count.parts_of_cut_logs(share):
            count.rules = take_part(ranges, connection)
        connection.send(count.count_share(share, tell))
