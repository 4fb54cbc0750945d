"""What may be read besides an agent's output: its own files, and our memory of sessions.

Gathered in one value, so that readers take paths and settings as arguments and never look them up.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.session_totals import FOLDER
from spec_kitty_telemetry.project.files import is_within
from spec_kitty_telemetry.project.layout import settings_or_defaults
from spec_kitty_telemetry.project.locate import project_of_root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AgentContext:
    """Where an agent keeps its files, whether they may be read, and where we keep ours."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    transcripts: bool = True
    """Whether the agent's own files may be read at all."""
    state_folder: Path | None = None
    """Where session totals are remembered; `None`: nowhere."""

    @classmethod
    def of(cls, invocation: Invocation) -> AgentContext:
        """Look around from this process, for one invocation, with the settings of its project."""
        project = project_of_root(invocation.project_root)
        allowed = settings_or_defaults(project).transcripts
        try:
            home = Path.home()
        except RuntimeError:  # a process without a home has no agent files either
            home, allowed = Path(), False
        is_ours = (project.root / ".kittify").is_dir() and is_within(project.runtime_dir / FOLDER, project.root)
        state_folder = project.runtime_dir if is_ours else None
        return cls(home, os.environ, allowed, state_folder)

    def folder(self, variable: str, *default: str) -> Path:
        """Return the folder that an environment variable names, else one under the home folder."""
        named = self.environment.get(variable, "").strip()
        return Path(named).expanduser() if named else self.home.joinpath(*default)


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which one run happened; what lies outside belongs to other runs of the same session or folder."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, invocation: Invocation, result: InvocationResult) -> Window:
        """Take the host's times: the earlier of the announced start and the end less the duration."""
        end = result.ended_at
        measured = end - timedelta(seconds=min(result.duration_seconds or 0, 10**7))
        return cls(min(invocation.started_at or measured, measured), end)

    @property
    def before(self) -> Window:
        """The time before the run, for agents that write whole milliseconds."""
        return Window(_LONG_AGO, self.start - timedelta(seconds=1, milliseconds=1))

    def holds(self, moment: datetime | None) -> bool:
        """Whether `moment` lies in the window; agents write whole milliseconds or seconds, so the start is widened."""
        if moment is None:
            return False
        blur = timedelta(milliseconds=1) if moment.microsecond else timedelta(seconds=1)
        return self.start - blur < moment <= self.end + timedelta(seconds=1)
