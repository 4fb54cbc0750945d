"""The session store of Kilo Code before version 7, which is Cline's under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.cline.store import FORMAT, read_file, tasks_of
from spec_kitty_telemetry.agents.common.joining import joined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import Fragment, StoredSession

__all__ = ["AGENT", "FORMAT", "read_file", "session_files", "sessions"]

AGENT = "kilocode"


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the tasks of the extension."""
    return tasks_of(context, "kilocode.kilo-code")


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Return each task."""
    return joined(AGENT, fragments)
