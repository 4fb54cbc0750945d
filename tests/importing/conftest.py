"""A mission as spec-kitty leaves it on disk, and sessions as agents tell them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common.store import Request, Signal, StoredSession, Thread
from spec_kitty_telemetry.model.record import ExecutionEvent, decode

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

MISSION_ID = "01M8FXYR4T7C9N3ZP0Q5D2K6VB"
SLUG = "user-login-01M8FXYR"
NINE = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""When every story begins."""


@dataclass
class Mission:
    """One mission of a project, with what the host writes about it."""

    project: Project
    slug: str = SLUG
    mission_id: str = MISSION_ID
    lanes: dict[str, list[str]] = field(default_factory=lambda: {"lane-a": ["WP01"], "lane-b": ["WP02"]})

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        meta = {"mission_slug": self.slug, "mission_id": self.mission_id, "mission_number": None, "topology": "lanes"}
        (self.folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        lanes = [{"lane_id": lane, "wp_ids": wp_ids, "write_scope": []} for lane, wp_ids in self.lanes.items()]
        (self.folder / "lanes.json").write_text(json.dumps({"version": 1, "lanes": lanes}), encoding="utf-8")

    @property
    def folder(self) -> Any:
        """The mission's folder."""
        return self.project.specs_dir / self.slug

    def worktree(self, lane: str) -> str:
        """The worktree of a lane; it need not be there any more."""
        return str(self.project.root / ".worktrees" / f"{self.slug}-{lane}")

    def moves(self, at: datetime, wp_id: str, to_lane: str, from_lane: str, review_ref: str | None = None) -> None:
        """Write one move between lanes, as spec-kitty-cli 3.2.7 does."""
        move = {
            "actor": "claude",
            "at": at.isoformat(),
            "event_id": f"01M8FXYR{at.strftime('%H%M%S%f')}{wp_id[-2:]}XXXX",
            "execution_mode": "worktree",
            "feature_slug": self.slug,
            "force": False,
            "from_lane": from_lane,
            "reason": None,
            "review_ref": review_ref,
            "to_lane": to_lane,
            "wp_id": wp_id,
        }
        with (self.folder / "status.events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(move) + "\n")

    def phase(self, at: datetime, name: str) -> None:
        """Write one phase event."""
        event = {"event_id": at.isoformat(), "event_type": name, "timestamp": at.isoformat(), "payload": {}}
        with (self.folder / "status.events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


@dataclass
class Telling:
    """One thread of a session, told step by step; every step takes ten seconds.

    The n-th request of a story uses 1000 + n tokens of input and n of output, so a sum tells which ones are in it.
    """

    folder: str
    now: datetime = NINE
    thread_id: str = "main"
    is_subagent: bool = False
    model: str = "claude-sonnet-4-6"
    first_number: int = 1
    entries: list[Request | Signal] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many requests were made."""
        return sum(isinstance(entry, Request) for entry in self.entries)

    def says(self) -> None:
        """Let the user say something that is no command of the host."""
        self._signal("prompt")

    def types(self, verb: str, wp_id: str | None = None, mission: str | None = None) -> None:
        """Let the user type a slash command."""
        self._signal("slash", verb=verb, wp_id=wp_id, mission=mission)

    def works(self, count: int = 1) -> None:
        """Make requests that leave no marker."""
        for _ in range(count):
            number = self.first_number + self.count
            self.entries.append(
                Request(
                    request_id=f"{self.thread_id}-{number}",
                    at=self._moment(),
                    model=self.model,
                    folder=self.folder,
                    input_tokens=1000 + number,
                    output_tokens=number,
                )
            )

    def runs(
        self, verb: str, wp_id: str | None = None, *, mission: str | None = SLUG, lane: str | None = None
    ) -> datetime:
        """Make a request whose answer runs one of the host's commands; return when the command was at work."""
        self.works()
        call_id = f"call-{self.thread_id}-{len(self.entries)}"
        self._signal("command", call_id=call_id, verb=verb, wp_id=wp_id, mission=mission, lane=lane)
        at_work = self.now - timedelta(seconds=5)
        self._signal("result", call_id=call_id)
        return at_work

    def reads_prompt(self, verb: str, wp_id: str, mission: str = SLUG) -> None:
        """Let the agent read one of the host's prompt files."""
        self._signal("prompt_file", verb=verb, wp_id=wp_id, mission=mission)

    def thread(self) -> Thread:
        """Return the thread that was told."""
        return Thread(thread_id=self.thread_id, is_subagent=self.is_subagent, entries=self.entries)

    def _signal(self, kind: str, **said: Any) -> None:
        self.entries.append(Signal(kind=kind, at=self._moment(), folder=self.folder, **said))

    def _moment(self) -> datetime:
        moment = self.now
        self.now += timedelta(seconds=10)
        return moment


def session(*tellings: Telling, session_id: str = "s1", agent: str = "claude-code", **more: Any) -> StoredSession:
    """Return the session of these threads."""
    threads = [telling.thread() for telling in tellings]
    return StoredSession(agent=agent, session_id=session_id, threads=threads, **more)


def lines(path: Path) -> list[ExecutionEvent]:
    return [decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def counted(project: Project) -> list[ExecutionEvent]:
    """Read all logs as docs/records.md says: of one subject what is voided not at all, else the greatest revision."""
    found = []
    for path in [*project.specs_dir.glob("*/execution.events.jsonl"), project.outside_log]:
        best: dict[str, ExecutionEvent] = {}
        voided = set()
        for event in lines(path):
            subject = event.payload.supersedes or event.event_id
            if event.payload.voided is not None:
                voided.add(subject)
            elif subject not in best or (event.payload.revision or 1) > (best[subject].payload.revision or 1):
                best[subject] = event
        found += [event for subject, event in best.items() if subject not in voided]
    assert len({event.event_id for event in found}) == len(found)
    return found


@pytest.fixture
def mission(project: Project) -> Mission:
    """A mission with two work packages in two lanes."""
    return Mission(project)


@pytest.fixture
def other_mission(project: Project) -> Mission:
    """A second mission of the same project."""
    return Mission(project, "031-export-csv", "01M9ABCD4T7C9N3ZP0Q5D2K6VB")
