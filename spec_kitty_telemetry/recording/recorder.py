"""Our own plugin: an invocation becomes one record in its feature's log.

Registered like any other plugin, through the entry-point group `spec_kitty`.  What the host said is on the disk before
anybody is asked what the agent used: first in the run's mark, then, with what was found in time, in the log.  What is
found later becomes a record of its own that takes the first one's place.  Whatever goes wrong on the way, the record is
kept in the log, in the spool or in a warning, and the host goes on.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import ProjectError, TelemetryError
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.log.superseding import supersede
from spec_kitty_telemetry.log.writer import PATIENCE_S
from spec_kitty_telemetry.model.ids import new_id
from spec_kitty_telemetry.model.record import encode
from spec_kitty_telemetry.project.layout import is_project
from spec_kitty_telemetry.recording import in_flight
from spec_kitty_telemetry.recording.context import RecordingContext
from spec_kitty_telemetry.recording.enrichment import Enrichment

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.hooks.specs import AskableHooks
    from spec_kitty_telemetry.log.writer import FeatureLog
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.recording.in_flight import Abandoned

logger = logging.getLogger(__name__)

_NO_FOLDER = "there is no folder of that feature; 'doctor' says what to do"
_ENRICHED_REVISION = 2
_LEAST_PATIENCE_S = 0.05
"""How long writing may take where looking up what was used took nearly all of a host's quarter of a second."""


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
        if project_root is not None and (context := RecordingContext.of_root(project_root)):
            self._recover_once(context)

    @hookimpl
    def before_invocation(self, invocation: Invocation) -> None:
        """Leave a mark, so that a host that dies before `after_invocation` leaves a trace."""
        if context := RecordingContext.of_root(invocation.project_root):
            self._recover_once(context)
            in_flight.leave(context.project, invocation)

    @hookimpl
    def after_invocation(self, invocation: Invocation, result: InvocationResult) -> None:
        """Write the record, announce it, and take the mark away."""
        context = RecordingContext.of_root(invocation.project_root)
        if context is None:
            return
        event = context.compose(invocation, result, None)
        _keep_in_mark(context, invocation, event)
        if self._hooks is None:
            self._append(context, [event])
        else:
            self._append_enriched(context, event, invocation, result, self._hooks)
        in_flight.take_away(context.project, invocation.invocation_id)

    def _append_enriched(
        self,
        context: RecordingContext,
        event: ExecutionEvent,
        invocation: Invocation,
        result: InvocationResult,
        hooks: AskableHooks,
    ) -> None:
        def use_late(usage: Usage) -> None:
            enriched = context.compose(invocation, result, usage)
            later = supersede(enriched, new_id(), event.event_id, _ENRICHED_REVISION)
            context.log(later.feature).append(later)

        began = time.monotonic()
        enrichment = Enrichment(hooks, invocation, result)
        usage = None
        try:
            usage = enrichment.usage(use_late)
        except Exception as error:  # noqa: BLE001 - the run is recorded without it
            logger.warning("what run %s used is not known: %s", invocation.invocation_id, error)
        if usage is not None:
            event = context.compose(invocation, result, usage)
        self._append(context, [event], max(_LEAST_PATIENCE_S, began + PATIENCE_S - time.monotonic()))
        enrichment.leave_alone()

    def _recover_once(self, context: RecordingContext) -> None:
        """Record what dead hosts left behind; what does not fit into a moment, the next host records."""
        if context.project.root in self._recovered:
            return
        self._recovered.add(context.project.root)
        deadline = time.monotonic() + PATIENCE_S
        with in_flight.abandoned(context.project) as left:
            for runs in _by_feature(left):
                events = [_event_of(context, run) for run in runs]
                in_log = self._append(context, events, deadline - time.monotonic())
                for run in runs:
                    in_flight.take_away(context.project, run.invocation.invocation_id)
                if not in_log or time.monotonic() > deadline:
                    break

    def _append(self, context: RecordingContext, events: list[ExecutionEvent], patience_s: float = PATIENCE_S) -> bool:
        """Append `events` of one feature and announce them; tell whether they are in the log."""
        try:
            log = context.log(events[0].feature)
        except ProjectError as error:
            for event in events:
                logger.warning("%s; this record is in no file: %s", error, encode(event).decode().rstrip())
            return False
        if _has_folder(context.project, log):
            appended = log.append_all(events, patience_s)
        else:
            appended = [log.set_aside(event, _NO_FOLDER) for event in events]
        for each in appended:
            if each.place == "log" and self._hooks:
                self._hooks.event_recorded(each.event, log.path)
        return all(each.place == "log" for each in appended)


def _has_folder(project: Project, log: FeatureLog) -> bool:
    """Tell whether the feature has a folder: spec-kitty makes those, so in its projects none means a wrong name."""
    return log.path.parent.is_dir() or not is_project(project.root)


def _keep_in_mark(context: RecordingContext, invocation: Invocation, event: ExecutionEvent) -> None:
    try:
        in_flight.end(context.project, invocation, event)
    except (OSError, TelemetryError) as error:  # the log or the spool may be writable all the same
        logger.debug("the mark of run %s cannot be kept: %s", invocation.invocation_id, error)


def _by_feature(runs: list[Abandoned]) -> list[list[Abandoned]]:
    features: dict[str, list[Abandoned]] = {}
    for run in runs:
        features.setdefault(run.invocation.feature, []).append(run)
    return list(features.values())


def _event_of(context: RecordingContext, run: Abandoned) -> ExecutionEvent:
    return run.ended or context.compose_killed(run.invocation, run.found_at)
