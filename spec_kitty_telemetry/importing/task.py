"""What a stretch of a session is for: one role at work on one work package, or on the mission as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spec_kitty_telemetry.importing.stays import IMPLEMENTER, REVIEWER

if TYPE_CHECKING:
    from datetime import datetime

    from spec_kitty_telemetry.importing.missions import Mission
    from spec_kitty_telemetry.importing.stays import Stay
    from spec_kitty_telemetry.model.payload import Outcome

COORDINATOR, MERGER, PLANNER, SPECIFIER = "coordinator", "merger", "planner", "specifier"
_VERBS = {
    COORDINATOR: "next implement-review orchestrate",
    IMPLEMENTER: "implement",
    MERGER: "accept merge mission-review",
    PLANNER: (
        "plan setup-plan research tasks tasks-outline tasks-packages tasks-finalize finalize-tasks map-requirements "
        "analyze record-analysis checklist"
    ),
    REVIEWER: "review",
    SPECIFIER: "specify create clarify spec-commit",
}
ROLE_OF_VERB = {verb: role for role, verbs in _VERBS.items() for verb in verbs.split()}
"""The role of whoever runs one of the host's commands; a verb that is not here says nothing about it."""

SIGNALS = ("command", "lane-move", "note", "worktree", "prompt-file", "slash", "lifecycle", "phase", "sub-agent")
"""What can tie requests to their work, the surest first."""


@dataclass(eq=False, slots=True)
class Task:
    """One piece of work that a session began; filled in while more of it becomes known."""

    role: str | None
    mission: Mission | None = None
    wp_id: str | None = None
    signals: set[str] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)
    """When each command ran that says so: from its call to its result."""
    is_over: bool = False
    """Whether the host was told that the work is handed on; what follows in the same turn still belongs to it."""
    left_for: str | None = None
    """The lane that this session moved the work package to at its end."""
    is_steering: bool = False
    """Whether the same thread began other work packages before this one was handed on."""
    stay: Stay | None = None
    """The stay in a lane of the host's that this is."""
    attempt: int | None = None
    outcome: Outcome | None = None

    def doubt(self, sentence: str) -> None:
        """Note why this may be wrong, each sentence once."""
        if sentence not in self.doubts:
            self.doubts.append(sentence)

    @property
    def attributed_by(self) -> tuple[str, ...]:
        """The signals, the surest first."""
        return tuple(name for name in SIGNALS if name in self.signals)

    @property
    def needs_work_package(self) -> bool:
        """Whether the role is one that works on a single work package, and it is not known which."""
        return self.wp_id is None and self.role in {IMPLEMENTER, REVIEWER}
