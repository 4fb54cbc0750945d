"""The session store of Kilo 7, which is OpenCode's under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.opencode.store import FORMAT, companions, files_of, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import Fragment, StoredSession

__all__ = ["AGENT", "FORMAT", "companions", "read_file", "session_files", "sessions"]

AGENT = "kilo"


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the databases, and the session files of the older tree."""
    return files_of(context, "kilo", "KILO_DB")


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join each session with those of its sub-agents."""
    return joined(AGENT, fragments)
