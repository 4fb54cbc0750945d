"""What an import found or did, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render import tables, wording
from spec_kitty_telemetry.model.timespans import in_zone
from spec_kitty_telemetry.project.layout import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.importing.importer import Change, Found

_HEADINGS = ("Feature", "WP", "Role", "Try", "Agent", "Model", "Began", "By", "Requests", "Input", "Output")
_LEFT = 8


def lines(found: Iterable[Found], *, dry_run: bool, unchanged_count: int = 0) -> list[str]:
    """Return what to print: with `dry_run` the table of what would be recorded, else what was done.

    `unchanged_count` is how many sessions were not looked at, because they are as they were.
    """
    said: list[str] = []
    for one in found:
        if one.project is None:
            continue
        if dry_run:
            said += [*_table(one), ""]
        said.append(_summary(one, dry_run=dry_run))
    if unchanged_count:
        said.append(f"{wording.plural(unchanged_count, 'session')} did not change since the last import.")
    return said or ["Found no session of an agent in this project."]


def _table(found: Found) -> list[str]:
    new = [change for change in found.changes if change.kind != "moved"]
    if not new:
        return [str(found.project.root) if found.project else ""]
    ordered = sorted(new, key=lambda change: change.event.payload.started_at or change.event.timestamp)
    text = tables.table(_HEADINGS, [_row(change) for change in ordered], _LEFT)
    doubts = dict.fromkeys(doubt for change in ordered if (doubt := change.event.payload.uncertain))
    return [
        str(found.project.root) if found.project else "",
        "",
        text,
        *(f"  ? {wording.shown(doubt)}" for doubt in doubts),
    ]


def _row(change: Change) -> list[str]:
    event, payload = change.event, change.event.payload
    models = sorted({part.model for part in payload.models})
    is_outside = event.feature == OUTSIDE
    by = wording.NONE if is_outside else ", ".join(payload.attributed_by or [])
    return [
        "outside missions" if is_outside else event.feature,
        payload.wp_id or wording.NONE,
        payload.role or wording.NONE,
        wording.NONE if payload.attempt is None else str(payload.attempt),
        payload.agent or wording.NONE,
        ", ".join(models),
        f"{in_zone(payload.started_at or event.timestamp, None):%Y-%m-%d %H:%M}",
        by + ("?" if payload.uncertain else ""),
        wording.count(change.request_count),
        wording.count(payload.input_tokens, compact=True),
        wording.count(payload.output_tokens, compact=True),
    ]


def _summary(found: Found, *, dry_run: bool) -> str:
    kinds = [change.kind for change in found.changes]
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
    root = found.project.root if found.project else wording.NONE
    said = ", ".join(each for each in what if each)
    return f"{begun} {said} of {wording.plural(len(found.sessions), 'session')} in {root}."
