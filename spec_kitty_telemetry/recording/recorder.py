"""Our own plugin: an invocation becomes one record in its feature's log.

Registered like any other plugin, through the entry-point group `spec_kitty`.  Whatever goes wrong on the way, the
record is kept in the log, in the spool or in a warning, and the host goes on.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.record import encode
from spec_kitty_telemetry.project.identity import identity_of
from spec_kitty_telemetry.project.layout import Project, is_project, settings_or_defaults
from spec_kitty_telemetry.project.locate import project_of_root
from spec_kitty_telemetry.recording import in_flight as marks
from spec_kitty_telemetry.recording.compose import compose_event, compose_killed, labelled

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.hooks.specs import AskableHooks
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.settings import Settings

logger = logging.getLogger(__name__)

_NO_FOLDER = "there is no folder of that feature; 'doctor' says what to do"


class Recorder:
    """Writes what was announced."""

    def __init__(self) -> None:
        """Make a recorder that has not been told its hooks yet."""
        self._hooks: AskableHooks | None = None
        self._recovered: set[Path] = set()

    @hookimpl
    def hooks_loaded(self, hooks: AskableHooks, project_root: Path | None) -> None:
        """Keep `hooks`, and record the runs that a killed host left behind in this project."""
        self._hooks = hooks
        if project_root is not None:
            self._recover_once(project_of_root(project_root))

    @hookimpl
    def before_invocation(self, invocation: Invocation) -> None:
        """Leave a mark, so that a host that dies before `after_invocation` leaves a trace."""
        project = project_of_root(invocation.project_root)
        if not settings_or_defaults(project).enabled:
            return
        self._recover_once(project)
        marks.leave(project, invocation)

    @hookimpl
    def after_invocation(self, invocation: Invocation, result: InvocationResult) -> None:
        """Write the record, announce it, and take the mark away."""
        project = project_of_root(invocation.project_root)
        settings = settings_or_defaults(project)
        if not settings.enabled:
            return
        usage = self._hooks.extract_usage(invocation, result) if self._hooks else None
        event = compose_event(identity_of(project.root), labelled(invocation, settings.tags), result, usage)
        self._append(project, event, settings)
        marks.take_away(project, invocation.invocation_id)

    def _recover_once(self, project: Project) -> None:
        if project.root in self._recovered:
            return
        self._recovered.add(project.root)
        settings = settings_or_defaults(project)
        if not settings.enabled:
            return
        with marks.abandoned(project) as left:
            for mark in left:
                event = compose_killed(
                    identity_of(project.root), labelled(mark.invocation, settings.tags), mark.found_at
                )
                in_log = self._append(project, event, settings)
                marks.take_away(project, mark.invocation.invocation_id)
                if not in_log:
                    break  # the host that starts must not wait once for each; the next load goes on

    def _append(self, project: Project, event: ExecutionEvent, settings: Settings) -> bool:
        """Append `event` and announce it; tell whether it is in the log."""
        try:
            log = FeatureLog.of_feature(project, event.feature, fsync=settings.fsync)
        except ProjectError as error:
            logger.warning("%s; this record is in no file: %s", error, encode(event).decode().rstrip())
            return False
        appended = log.append(event) if _has_folder(project, log) else log.set_aside(event, _NO_FOLDER)
        if appended.place == "log" and self._hooks:
            self._hooks.event_recorded(appended.event, log.path)
        return appended.place == "log"


def _has_folder(project: Project, log: FeatureLog) -> bool:
    """Tell whether the feature has a folder: spec-kitty makes those, so in its projects none means a wrong name."""
    return log.path.parent.is_dir() or not is_project(project.root)
