"""What an import found or did, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render import tables, wording
from spec_kitty_telemetry.importing.compose import doubt_of, feature_of
from spec_kitty_telemetry.model.timespans import in_zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.importing.attribute import Segment
    from spec_kitty_telemetry.importing.importer import Found

_HEADINGS = ("Feature", "WP", "Role", "Try", "Agent", "Model", "Began", "By", "Requests", "Input", "Output")
_LEFT = 8


def lines(found: Iterable[Found], *, dry_run: bool) -> list[str]:
    """Return what to print: with `dry_run` the table of what would be recorded, else what was done."""
    said: list[str] = []
    for one in found:
        if one.project is None:
            continue
        if dry_run:
            said += [*_table(one), ""]
        said.append(_summary(one, dry_run=dry_run))
    return said or ["Found no session of an agent in this project."]


def _table(found: Found) -> list[str]:
    new = [change.segment for change in found.changes if change.segment is not None]
    if not new:
        return [str(found.project.root) if found.project else ""]
    ordered = sorted(new, key=lambda segment: segment.first.at)
    text = tables.table(_HEADINGS, [_row(segment) for segment in ordered], _LEFT)
    doubts = dict.fromkeys(doubt for segment in ordered if (doubt := doubt_of(segment)))
    return [
        str(found.project.root) if found.project else "",
        "",
        text,
        *(f"  ? {wording.shown(doubt)}" for doubt in doubts),
    ]


def _row(segment: Segment) -> list[str]:
    task = segment.task
    requests = [request for _, request in segment.requests]
    models = sorted({request.model or wording.UNKNOWN for request in requests})
    sign = "?" if doubt_of(segment) else ""
    return [
        feature_of(segment) or "outside missions",
        segment.wp_id or wording.UNKNOWN,
        segment.role or wording.UNKNOWN,
        str(task.attempt) if task and task.attempt and segment.wp_id else wording.UNKNOWN,
        segment.session.agent,
        ", ".join(models),
        f"{in_zone(segment.first.at, None):%Y-%m-%d %H:%M}",
        (", ".join(task.attributed_by) if task else wording.UNKNOWN) + sign,
        wording.UNKNOWN if segment.is_hidden else wording.count(len(requests)),
        wording.count(_known_sum(request.input_tokens for request in requests), compact=True),
        wording.count(_known_sum(request.output_tokens for request in requests), compact=True),
    ]


def _known_sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _summary(found: Found, *, dry_run: bool) -> str:
    kinds = [change.kind for change in found.changes]
    sessions = {segment.session.session_id for segment in found.segments}
    what = [
        f"{wording.plural(kinds.count('new'), 'new record')}",
        f"{kinds.count('grown')} brought up to date" if "grown" in kinds else "",
        f"{kinds.count('moved')} taken back, because other records count their requests now"
        if "moved" in kinds
        else "",
        f"{wording.plural(found.recorded_count, 'request')} left out, recorded by a host already"
        if found.recorded_count
        else "",
    ]
    begun = "Would write" if dry_run else "Wrote"
    root = found.project.root if found.project else wording.UNKNOWN
    said = ", ".join(each for each in what if each)
    return f"{begun} {said} of {wording.plural(len(sessions), 'session')} in {root}."
