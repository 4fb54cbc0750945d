"""The host's own history of work packages: which lane each was moved to, and when.

`status.events.jsonl` beside a feature's log is written by spec-kitty (docs/reports.md shows its lines) and is believed
only as far as it has the shape it should have: what is no move is passed over, a bad line is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.log.reader import numbered_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STATUS_NAME = "status.events.jsonl"
ACCEPTED = frozenset({"approved", "done"})
_JUDGED = frozenset({"in_review", "approved", "done"})
_TO_DO = frozenset({"planned", "claimed", "in_progress"})
_ALIASES = {"doing": "in_progress"}
"""spec-kitty's own."""
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


@dataclass(frozen=True, slots=True)
class Move:
    """A work package went from one lane to another."""

    at: datetime
    from_lane: str
    to_lane: str
    has_review: bool
    """Whether the move names the review that it follows from."""

    @property
    def is_rejection(self) -> bool:
        """Whether reviewed work went back to be done again.

        Back from `for_review` only with a review's name, as spec-kitty has it: without one it was taken back unread.
        """
        back = self.to_lane in _TO_DO
        return back and (self.from_lane in _JUDGED or (self.from_lane == "for_review" and self.has_review))


@dataclass(slots=True)
class LaneHistory:
    """All moves of one feature's work packages, each list in the order of time."""

    moves: dict[str, list[Move]] = field(default_factory=dict)
    bad_line_count: int = 0
    problem: str | None = None
    """Why nothing is known: there is no file, or it cannot be read."""


class _Line(msgspec.Struct, gc=False):
    event_id: _Name | None = None
    wp_id: _Name | None = None
    from_lane: _Name | None = None
    to_lane: _Name | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    review_ref: str | None = None


_decoder = msgspec.json.Decoder(_Line)


def lane_history(path: Path) -> LaneHistory:
    """Return the moves in the file at `path`; a file that cannot be read is a `problem`, not an error."""
    history = LaneHistory()
    found: dict[str, list[tuple[datetime, str, Move]]] = {}
    seen: set[str] = set()
    try:
        if not path.is_file():
            return LaneHistory(problem=f"there is no {path.name}")
        for _, text in numbered_lines(path):
            line = _parsed(text, history)
            if line is None or line.wp_id is None or line.at is None or not line.from_lane or not line.to_lane:
                continue
            event_id = line.event_id or ""
            if event_id and event_id in seen:
                continue
            seen.add(event_id)
            move = Move(line.at, _lane(line.from_lane), _lane(line.to_lane), has_review=bool(line.review_ref))
            found.setdefault(line.wp_id, []).append((line.at, event_id, move))
    except (TelemetryError, OSError) as error:
        return LaneHistory(problem=str(error))
    for wp_id, moves in found.items():
        history.moves[wp_id] = [move for _, _, move in sorted(moves, key=lambda each: each[:2])]
    return history


def _parsed(text: bytes | None, history: LaneHistory) -> _Line | None:
    if text is not None and not text.strip():
        return None
    try:
        return _decoder.decode(text or b"")
    except (ValueError, RecursionError):
        history.bad_line_count += 1
        return None


def _lane(name: str) -> str:
    lane = name.strip().lower()
    return _ALIASES.get(lane, lane)


def accepted_at(moves: Sequence[Move]) -> datetime | None:
    """Return when the work package was accepted for good: when its last stay in `approved` or `done` began."""
    began = None
    for move in moves:
        if move.to_lane not in ACCEPTED:
            began = None
        elif began is None:
            began = move.at
    return began
