"""Where Claude Code keeps its transcripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.store_files import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.agents.common.context import AgentContext


def roots(context: AgentContext) -> list[Path]:
    """Return the folders of projects: those of `CLAUDE_CONFIG_DIR` (with commas between), else both usual ones."""
    named = [part.strip() for part in context.environment.get("CLAUDE_CONFIG_DIR", "").split(",")]
    if any(named):
        return [Path(part).expanduser() / "projects" for part in named if part]
    config = context.folder("XDG_CONFIG_HOME", ".config")
    return [context.home / ".claude" / "projects", config / "claude" / "projects"]


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the transcripts of sessions and of their sub-agents, nothing else that lies beside them."""
    for root in dict.fromkeys(roots(context)):
        for path in walk(root, r".+\.jsonl", depth=8):
            folders = path.parts[len(root.parts) : -1]
            if len(folders) == 1 or ("subagents" in folders and path.name.startswith("agent-")):
                yield path
