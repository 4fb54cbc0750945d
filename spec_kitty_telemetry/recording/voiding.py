"""Taking a record back: it is never edited, another record says that it counts no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.log.superseding import void
from spec_kitty_telemetry.model.ids import new_id
from spec_kitty_telemetry.model.redaction import safe_error
from spec_kitty_telemetry.recording.context import RecordingContext

if TYPE_CHECKING:
    from spec_kitty_telemetry.log.writer import Appended
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project


def take_back(project: Project, event: ExecutionEvent, reason: str) -> Appended | None:
    """Append the record by which `event`, and all others of the same run, count no more.

    Return where it went; `None` where telemetry is off.

    :raises ProjectError: the feature's folder is refused.
    """
    context = RecordingContext.of(project)
    if context is None:
        return None
    return context.log(event.feature).append(void(event, new_id(), safe_error(reason) or "no reason"))
