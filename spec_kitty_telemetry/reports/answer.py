"""What a report adds up, in a form that can be kept in a file: the sums of one question, log by log what was read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from spec_kitty_telemetry.log.reader import ScanReport, SkippedLine
from spec_kitty_telemetry.reports.dimensions import Value
from spec_kitty_telemetry.reports.log_stamps import LogStamp
from spec_kitty_telemetry.reports.totals import GroupTotals, Totals

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_GROUPS = 20_000
"""A report with more rows than that is read again rather than kept."""


class KeptLog(msgspec.Struct, frozen=True, array_like=True):
    """What reading one log found besides its sums."""

    path: str
    stamp: LogStamp
    skipped: list[tuple[int, str]]
    skipped_count: int
    duplicate_count: int
    superseded_count: int
    event_count: int
    line_count: int

    @classmethod
    def of(cls, path: Path, stamp: LogStamp, report: ScanReport) -> Self:
        """Keep what `report` says of the log at `path`."""
        skipped = [(line.line, line.reason) for line in report.skipped]
        return cls(str(path), stamp, skipped, report.skipped_count, report.duplicate_count, report.superseded_count,
                   report.event_count, report.line_count)  # fmt: skip

    def report(self) -> ScanReport:
        """Return what was kept as reading says it."""
        path = Path(self.path)
        return ScanReport(
            skipped=[SkippedLine(path, line, reason) for line, reason in self.skipped],
            skipped_count=self.skipped_count,
            duplicate_count=self.duplicate_count,
            superseded_count=self.superseded_count,
            event_count=self.event_count,
            line_count=self.line_count,
        )


class KeptGroup(msgspec.Struct, frozen=True, array_like=True):
    """The sums of one row."""

    key: list[Value]
    runs: list[int]
    parts: list[int]
    recorded_models: list[str]


class Answer(msgspec.Struct, kw_only=True):
    """What one question about some logs added up to, and which records are in it."""

    logs: list[KeptLog]
    groups: list[KeptGroup]
    split_runs: list[int]
    unknown: list[tuple[str | None, str | None, list[int]]]
    overrides_used: dict[str, list[str]]
    id_files: list[str] | None
    """The files with the ids and the subjects of all records up to the first answer; `None`: they were too many."""
    later_ids: list[str]
    """Those of the records that were appended since."""

    def is_whole(self, dimension_count: int) -> bool:
        """Tell whether there are as many numbers as there have to be, for a report by so many dimensions."""
        sums = [self.split_runs, *(numbers for group in self.groups for numbers in (group.runs, group.parts))]
        return (
            {len(numbers) for numbers in sums} <= {0, len(Totals.__slots__)}
            and {len(group.key) for group in self.groups} <= {dimension_count}
            and {len(numbers) for _, _, numbers in self.unknown} <= {3}
        )

    def totals(self) -> GroupTotals:
        """Return the sums."""
        totals = GroupTotals()
        for kept in self.groups:
            group = totals.group(kept.key[0] if len(kept.key) == 1 else tuple(kept.key))
            group.runs, group.parts = _totals(kept.runs), _totals(kept.parts)
            group.recorded_models.update(kept.recorded_models)
        totals.split_runs = _totals(self.split_runs)
        totals.unknown = {(model, provider): numbers for model, provider, numbers in self.unknown}
        return totals


def answer_of(
    totals: GroupTotals,
    logs: list[KeptLog],
    overrides_used: Mapping[Path, set[str]],
    id_files: list[str] | None,
    later_ids: list[str],
) -> Answer:
    """Return `totals` as they are kept."""
    return Answer(
        logs=logs,
        groups=[
            KeptGroup(
                list(key) if isinstance(key, tuple) else [key],
                _numbers(group.runs),
                _numbers(group.parts),
                sorted(group.recorded_models),
            )
            for key, group in totals.groups.items()
        ],
        split_runs=_numbers(totals.split_runs),
        unknown=[(model, provider, numbers) for (model, provider), numbers in totals.unknown.items()],
        overrides_used={str(path): sorted(models) for path, models in overrides_used.items()},
        id_files=id_files,
        later_ids=later_ids,
    )


def _numbers(totals: Totals) -> list[int]:
    return [getattr(totals, name) for name in Totals.__slots__] if totals.events else []


def _totals(numbers: list[int]) -> Totals:
    sums = Totals()
    for name, number in zip(Totals.__slots__, numbers, strict=False):
        if number:
            setattr(sums, name, number)
    return sums
