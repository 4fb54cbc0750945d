"""The host's own history of a mission: which lane each work package was moved to, and when.

`status.events.jsonl` is written by spec-kitty (docs/reports.md shows its lines) and is believed only as far as it has
the shape it should have: what is no move is passed over, a bad line is counted.

While a mission lives, newer hosts write it on the mission's own branch, which is checked out in the coordination
worktree `.worktrees/<mission>-coord` (3.2: `meta.json` has `coordination_branch`); the merge brings it beside the log.
So both files are read, each event once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.log.lines import numbered_lines
from spec_kitty_telemetry.project.files import is_within, read_small_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

STATUS_NAME = "status.events.jsonl"
ACCEPTED = frozenset({"approved", "done"})
_JUDGED = frozenset({"in_review", "approved", "done"})
_TO_DO = frozenset({"planned", "claimed", "in_progress"})
_ALIASES = {"doing": "in_progress"}
"""spec-kitty's own."""
_CLAIMS = frozenset({"action-review-claim", "workflow-review-claim"})
"""What a move from `for_review` names where a reviewer begins; hosts of spring 2026 moved to `in_progress` for it."""
_PHASE = re.compile(r"(Specify|Plan|Tasks)(?:Started|Completed)")
_ROLE_OF_PHASE = {"Specify": "specifier", "Plan": "planner", "Tasks": "planner"}
_MOST_META_BYTES = 1024 * 1024
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
    phases: list[tuple[datetime, str]] = field(default_factory=list)
    """When a phase of the whole mission began or ended, with the role of who works in it: specifier or planner."""
    bad_line_count: int = 0
    problem: str | None = None
    """Why nothing is known: there is no file, it cannot be read, or the moves are in a branch that is not here."""


class _Line(msgspec.Struct, gc=False):
    event_id: _Name | None = None
    event_type: Any = None
    wp_id: _Name | None = None
    from_lane: _Name | None = None
    to_lane: _Name | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    timestamp: Any = None
    review_ref: str | None = None

    @property
    def is_move(self) -> bool:
        return bool(self.wp_id and self.at and self.from_lane and self.to_lane)


class _Meta(msgspec.Struct, gc=False):
    coordination_branch: _Name | None = None


_decoder = msgspec.json.Decoder(_Line)


def lane_history(path: Path) -> LaneHistory:
    """Return what the host wrote down in the file at `path`, which is beside a feature's log, and on its live branch.

    A file that cannot be read is a `problem`, not an error.
    """
    history = LaneHistory()
    live = _live_path(path)
    if not (path.is_file() or live):
        return LaneHistory(problem=_why_nothing(path))
    lines_by_package: dict[str, list[_Line]] = {}
    try:
        for line in _lines_once([path, live] if live else [path], history):
            if line.is_move:
                lines_by_package.setdefault(line.wp_id or "", []).append(line)
            elif phase := _phase(line):
                history.phases.append(phase)
    except (TelemetryError, OSError) as error:
        return LaneHistory(problem=str(error))
    history.phases.sort()
    history.moves = {wp_id: _moves(lines) for wp_id, lines in lines_by_package.items()}
    if not lines_by_package and not live and _coordination_branch(path):
        history.problem = _why_nothing(path)
    return history


def _live_path(path: Path) -> Path | None:
    """Return the same file in the mission's coordination worktree, where there is one."""
    feature_dir = path.parent
    root = feature_dir.parent.parent
    live = root / ".worktrees" / f"{feature_dir.name}-coord" / path.relative_to(root)
    try:
        return live if live.is_file() and is_within(live.parent, root) else None
    except OSError:
        return None


def _why_nothing(path: Path) -> str:
    branch = _coordination_branch(path)
    if branch is None:
        return f"there is no {path.name}"
    return f"the moves are in the branch {branch}, which is not checked out here; 'git fetch' and open the mission"


def _coordination_branch(path: Path) -> str | None:
    try:
        text = read_small_file(path.with_name("meta.json"), _MOST_META_BYTES)
        return msgspec.json.decode(text, type=_Meta).coordination_branch
    except (OSError, ValueError, RecursionError, TelemetryError):
        return None


def _lines_once(paths: Iterable[Path], history: LaneHistory) -> Iterable[_Line]:
    seen: set[str] = set()
    for path in paths:
        for _, text in numbered_lines(path):
            line = _parsed(text, history)
            if line is None or (line.event_id and line.event_id in seen):
                continue
            seen.add(line.event_id or "")
            yield line


def _phase(line: _Line) -> tuple[datetime, str] | None:
    named = _PHASE.fullmatch(line.event_type) if isinstance(line.event_type, str) else None
    try:
        at = datetime.fromisoformat(line.timestamp) if named else None
    except (TypeError, ValueError):
        return None
    return (at, _ROLE_OF_PHASE[named[1]]) if named and at and at.tzinfo else None


def _moves(lines: list[_Line]) -> list[Move]:
    """Return the moves of one work package; a reviewer's claim is a move to `in_review`, whatever it was called."""
    moves = []
    is_claimed = False
    for line in sorted(lines, key=lambda one: (one.at, one.event_id or "")):
        from_lane, to_lane = _lane(line.from_lane or ""), _lane(line.to_lane or "")
        if is_claimed and from_lane == "in_progress":
            from_lane = "in_review"
        is_claimed = (from_lane, to_lane) == ("for_review", "in_progress") and line.review_ref in _CLAIMS
        if is_claimed:
            to_lane = "in_review"
        if line.at is not None:
            moves.append(Move(line.at, from_lane, to_lane, has_review=bool(line.review_ref)))
    return moves


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
