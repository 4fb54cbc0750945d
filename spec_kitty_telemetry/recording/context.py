"""Where and how the runs of one project are recorded: looked up once for each run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.project.identity import identity_of
from spec_kitty_telemetry.project.layout import settings_or_defaults
from spec_kitty_telemetry.project.locate import project_of_root
from spec_kitty_telemetry.recording.compose import compose_event, compose_killed, labelled

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.identity import Identity
    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.project.settings import Settings


@dataclass(frozen=True, slots=True)
class RecordingContext:
    """One project with its settings in force and the names that it writes under."""

    project: Project
    settings: Settings
    identity: Identity

    @classmethod
    def of_root(cls, root: Path) -> RecordingContext | None:
        """Return the context of the project that a host named; `None`: nothing is to be recorded there."""
        return cls.of(project_of_root(root))

    @classmethod
    def of(cls, project: Project) -> RecordingContext | None:
        """Return the context of `project`; `None`: nothing is to be recorded there."""
        settings = settings_or_defaults(project)
        return cls(project, settings, identity_of(project.root)) if settings.enabled else None

    def compose(self, invocation: Invocation, result: InvocationResult, usage: Usage | None) -> ExecutionEvent:
        """Return the record of one ended run."""
        return compose_event(
            self.identity, self._labelled(invocation), result, usage, error_text=self.settings.error_text
        )

    def compose_killed(self, invocation: Invocation, found_at: datetime) -> ExecutionEvent:
        """Return the record of a run whose host died."""
        return compose_killed(self.identity, self._labelled(invocation), found_at)

    def _labelled(self, invocation: Invocation) -> Invocation:
        return labelled(invocation, self.settings.tags)

    def log(self, feature: str) -> FeatureLog:
        """Return the log of `feature`.

        :raises ProjectError: the slug or its folder is refused.
        """
        return FeatureLog.of_feature(self.project, feature, fsync=self.settings.fsync)
