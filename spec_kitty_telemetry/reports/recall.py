"""Answering a report from what the last one read: the same question again, with what was appended since.

The answer is exactly that of reading everything, or everything is read.  It is used only where every log is what it
was, or has grown by records that have nothing to do with those before: none of their ids, and none of the records that
they take the place of, was read before.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.lines import ByteRange
from spec_kitty_telemetry.log.reader import ScanReport
from spec_kitty_telemetry.log.superseding import Superseding
from spec_kitty_telemetry.reports.answer import MOST_GROUPS, KeptLog, answer_of
from spec_kitty_telemetry.reports.answers import AnswerStore
from spec_kitty_telemetry.reports.log_stamps import LogNow, look_at

if TYPE_CHECKING:
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.answer import Answer
    from spec_kitty_telemetry.reports.parallel import ParallelScan
    from spec_kitty_telemetry.reports.question import Question
    from spec_kitty_telemetry.reports.totals import Aggregator, GroupTotals

_MOST_NEW_BYTES = 4 * 1024 * 1024
"""More than that is read with all processors, from the beginning."""
_MOST_LATER_IDS = 20_000


class _Appended(NamedTuple):
    """What was appended to the logs since an answer."""

    reports: dict[Path, ScanReport]
    blocks: list[list[ExecutionEvent]]
    ids: set[str]
    """Of the records, and of those whose place they take."""


class Recall:
    """The answer to one question, as far as it is kept."""

    def __init__(self, question: Question, digest: str, paths: list[Path]) -> None:
        """Look at the logs at `paths` for `question`, whose answer is kept by `digest`."""
        self._search = question.search
        self._book = question.book
        self._digest = digest
        self._paths = paths
        self._store = AnswerStore(question.search.project)
        self._began_ns = time.time_ns()
        self._kept = self._store.find(digest, len(question.by))
        self._before = {Path(log.path): log for log in self._kept.logs} if self._kept else {}
        self._logs = self._look_at_logs()

    @classmethod
    def of(cls, question: Question, from_bytes: int) -> Self | None:
        """Return what may be kept of the answer to `question`; `None` where that must not be, or does not pay.

        It pays for logs of `from_bytes` together.

        :raises ProjectError: a feature was asked for that does not exist, or its folder is refused.
        """
        paths = question.search.log_paths()
        if sum(map(_size, paths)) < from_bytes or question.book.overrides_used:
            return None
        digest = question.digest()
        return cls(question, digest, paths) if digest is not None else None

    @property
    def has_answer(self) -> bool:
        """Whether there is one that may still fit."""
        return self._kept is not None and self._before.keys() <= self._logs.keys()

    def answer(self, aggregator: Aggregator) -> GroupTotals | None:
        """Return the sums if they can be told from what is kept, and fill the search's report; `None`: read all.

        :raises LogError: as `ParallelScan.totals`.
        """
        if self._kept is None or not self.has_answer:
            return None
        appended = self._appended()
        if appended is None or (appended.ids and self._store.may_hold(self._kept, appended.ids)):
            return None
        return self._sums(self._kept, appended, aggregator)

    def _look_at_logs(self) -> dict[Path, LogNow]:
        """Return what all logs are now; nothing where one cannot be opened."""
        logs = {}
        for path in self._paths:
            now = look_at(path, self._before[path].stamp if path in self._before else None)
            if now is None:
                return {}
            logs[path] = now
        return logs

    def _appended(self) -> _Appended | None:
        """Read what is new; `None`: what was read before does not fit, or there is too much."""
        starts = {path: now.read_to for path, now in self._logs.items() if not now.is_unchanged}
        if None in starts.values():
            return None
        new_bytes = sum(self._logs[path].stamp.file.size - (start or 0) for path, start in starts.items())
        if new_bytes > _MOST_NEW_BYTES:
            return None
        appended, seen = _Appended({}, [], set()), dict[str, None]()
        for path, start in starts.items():
            byte_range = ByteRange(path, start or 0)
            report = appended.reports[path] = ScanReport()
            try:
                appended.blocks.extend(self._search.blocks(byte_range, report, seen, Superseding.of(byte_range)))
            except LogError:
                return None
            if report.unread or look_at(path) != LogNow(self._logs[path].stamp, 0):
                return None
            appended.ids.update(report.subjects)
        appended.ids.update(seen)
        return appended

    def _sums(self, kept: Answer, appended: _Appended, aggregator: Aggregator) -> GroupTotals:
        before = self._before
        for events in appended.blocks:
            aggregator.add(events)
        self._book.note_overrides_used({Path(name): models for name, models in kept.overrides_used.items()})
        totals = kept.totals()
        totals.merge(aggregator.totals)
        reports = {}
        for path in self._paths:
            report = reports[path] = before[path].report() if path in before else ScanReport()
            if path in appended.reports:
                report.add(appended.reports[path], report.line_count)
            self._search.report.add(report)
        self._search.check_that_something_was_read()
        if appended.reports and len(kept.later_ids) + len(appended.ids) < _MOST_LATER_IDS:
            self._keep(totals, reports, kept.id_files, [*kept.later_ids, *appended.ids])
        return totals

    def keep(self, scan: ParallelScan, totals: GroupTotals) -> None:
        """Keep what reading everything came to, if nothing was written meanwhile and all could be read."""
        if not self._logs or self._search.report.unread or len(totals.groups) > MOST_GROUPS:
            return
        for path in self._paths:
            now = look_at(path)
            if now is None or now.stamp != self._logs[path].stamp:
                return
        reports = {path: scan.log_reports.get(path, ScanReport()) for path in self._paths}
        if self._is_settled():
            names = self._store.keep_ids(self._kept_logs(reports), scan.id_lists)
            self._keep(totals, reports, names, [])

    def _keep(
        self, totals: GroupTotals, reports: dict[Path, ScanReport], id_files: list[str] | None, later_ids: list[str]
    ) -> None:
        if self._is_settled():
            used = self._book.overrides_used
            answer = answer_of(totals, self._kept_logs(reports), used, id_files, later_ids)
            self._store.keep(self._digest, answer)

    def _is_settled(self) -> bool:
        return all(now.stamp.is_settled(self._began_ns) for now in self._logs.values())

    def _kept_logs(self, reports: dict[Path, ScanReport]) -> list[KeptLog]:
        return [KeptLog.of(path, self._logs[path].stamp, reports[path]) for path in self._paths]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # whoever reads it says so
        return 0
