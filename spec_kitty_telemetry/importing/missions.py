"""The missions of one project, and what the host wrote down about each (facts of spec-kitty-cli 3.2).

A mission is the folder of a feature.  Its `meta.json` has its id, its `lanes.json` says which work packages
share a worktree, its `status.events.jsonl` when each was moved and when a phase began or ended.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import msgspec

from spec_kitty_telemetry.errors import ProjectError, TelemetryError
from spec_kitty_telemetry.importing.stays import Stay, stays
from spec_kitty_telemetry.log.lines import numbered_lines
from spec_kitty_telemetry.project.files import is_within, read_small_file
from spec_kitty_telemetry.project.missions import is_glob, mission_called
from spec_kitty_telemetry.reports.lanes import STATUS_NAME, LaneHistory, lane_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

_MAXIMUM_BYTES = 1024 * 1024
_MID_LENGTH = 8
_LANE_FOLDER = re.compile(r"(?P<mission>.+)-(?P<lane>lane-[A-Za-z0-9-]+|coord|WP\d+)", re.ASCII)
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _Meta(msgspec.Struct, gc=False):
    mission_id: str | None = None


class _Lane(msgspec.Struct, gc=False):
    lane_id: _Name
    wp_ids: list[_Name] = []


class _Lanes(msgspec.Struct, gc=False):
    lanes: list[_Lane] = []


class _Issued(msgspec.Struct, gc=False):
    canonical_action_id: str
    phase: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    mission_id: str
    wp_id: _Name | None = None


_Shape = TypeVar("_Shape")


@dataclass(eq=False)
class Mission:
    """One mission of a project."""

    project: Project
    slug: str
    mission_id: str | None = None

    @property
    def scope(self) -> str:
        """What stays the same when the folder is renamed, where the host says it."""
        return self.mission_id or self.slug

    @cached_property
    def stays(self) -> dict[str, list[Stay]]:
        """When each work package was worked on or reviewed, in the order of time."""
        return {wp_id: stays(moves) for wp_id, moves in self._history.moves.items()}

    def was_moved(self, wp_id: str, to_lane: str, began: datetime, ended: datetime) -> bool:
        """Tell whether the host moved the work package to that lane in that span; also where it knows of no moves."""
        moves = self._history.moves.get(wp_id, ())
        return not moves or any(move.to_lane == to_lane and began <= move.at <= ended for move in moves)

    @cached_property
    def lanes(self) -> dict[str, tuple[str, ...]]:
        """The work packages of each lane."""
        document = _document(self._folder / "lanes.json", _Lanes)
        return {lane.lane_id: tuple(lane.wp_ids) for lane in document.lanes}

    def is_active(self, role: str | None, wp_id: str | None, began: datetime, ended: datetime) -> bool:
        """Tell whether the host saw this role at work on it in that span."""
        if wp_id is not None:
            return any(stay.role == role and stay.overlaps(began, ended) for stay in self.stays.get(wp_id, ()))
        margin = timedelta(seconds=60)
        return any(each == role and began - margin <= at <= ended + margin for at, each in self._history.phases)

    @cached_property
    def _history(self) -> LaneHistory:
        return lane_history(self._folder / STATUS_NAME)

    @property
    def _folder(self) -> Path:
        return self.project.specs_dir / self.slug


@dataclass(frozen=True, slots=True)
class LaneFolder:
    """What the name of a worktree's folder says."""

    mission: Mission
    lane: str | None
    wp_ids: tuple[str, ...]
    """The work packages that are done there; none in the mission's own worktree."""


class Issued(NamedTuple):
    """An action that `spec-kitty next` gave out."""

    at: datetime
    mission: Mission
    verb: str
    wp_id: str | None


@dataclass
class Missions:
    """All missions of one project."""

    project: Project
    _by_name: dict[str, Mission | None] = field(default_factory=dict)
    _by_slug: dict[str, Mission] = field(default_factory=dict)
    _issued: list[Issued] | None = None

    def named(self, name: str | None) -> Mission | None:
        """Return the one mission that `name` means, in whichever way people and programs name it."""
        if not name:
            return None
        if name not in self._by_name:
            wanted = name.strip().replace("\\", "/").rstrip("/").rpartition("/")[2]
            self._by_name[name] = self._called(wanted) or self._of_branch(wanted)
        return self._by_name[name]

    def all(self) -> list[Mission]:
        """Return every mission, by slug."""
        return [self._mission(slug) for slug in self.project.features()]

    def _called(self, name: str) -> Mission | None:
        if is_glob(name):
            return None
        try:
            return self._mission(mission_called(self.project, name))
        except ProjectError:
            return None

    def _of_branch(self, name: str) -> Mission | None:
        """Return the mission of a worktree or branch, which has the beginning of its id behind its slug."""
        slug, _, short = name.rpartition("-")
        mission = self._called(slug) if len(short) == _MID_LENGTH else None
        return mission if mission and (mission.mission_id or "").upper().startswith(short.upper()) else None

    def _mission(self, slug: str) -> Mission:
        if slug not in self._by_slug:
            meta = _document(self.project.specs_dir / slug / "meta.json", _Meta)
            self._by_slug[slug] = Mission(self.project, slug, meta.mission_id)
        return self._by_slug[slug]

    def issued(self, began: datetime, ended: datetime) -> Issued | None:
        """Return the last action that `spec-kitty next` gave out in that span."""
        if self._issued is None:
            self._issued = list(self._read_issued())
        return next((each for each in reversed(self._issued) if began <= each.at <= ended), None)

    def _read_issued(self) -> Iterator[Issued]:
        path = self.project.root / "kitty-ops" / "lifecycle.jsonl"
        if not path.is_file() or not is_within(path, self.project.root):
            return
        with suppress(TelemetryError):
            for _, line in numbered_lines(path):
                with suppress(ValueError, RecursionError):
                    said = msgspec.json.decode(line or b"", type=_Issued)
                    mission = self.named(said.mission_id)
                    verb = said.canonical_action_id.rpartition("::")[2]
                    if said.phase == "started" and mission is not None:
                        yield Issued(said.at, mission, verb, said.wp_id)

    def of_worktree(self, name: str) -> LaneFolder | None:
        """Return what a folder `name` in `.worktrees` is for."""
        parts = _LANE_FOLDER.fullmatch(name)
        mission = self.named(parts["mission"]) if parts else None
        if parts is None or mission is None:
            return None
        lane = parts["lane"]
        if lane.startswith("WP"):
            return LaneFolder(mission, None, (lane,))
        return LaneFolder(mission, None if lane == "coord" else lane, mission.lanes.get(lane, ()))


def _document(path: Path, shape: type[_Shape]) -> _Shape:
    """Return a small JSON file of the host's; an empty one where there is none or it has another shape."""
    empty: Any = shape()
    try:
        text = read_small_file(path, _MAXIMUM_BYTES)
        return msgspec.json.decode(text, type=shape) if len(text) <= _MAXIMUM_BYTES else empty
    except (OSError, ValueError, RecursionError, TelemetryError):
        return empty  # type: ignore[no-any-return]
