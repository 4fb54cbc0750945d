"""How long an agent keeps its sessions, and which of them would be lost with them.

Claude Code deletes a session `cleanupPeriodDays` (30 by default) after it was last used (its documentation, November
2026); the others keep theirs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.importing.places import Places
from spec_kitty_telemetry.importing.recorded import recorded
from spec_kitty_telemetry.importing.sources import outlines
from spec_kitty_telemetry.project.files import read_small_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.agents.common.store_reading import SessionOutline
    from spec_kitty_telemetry.project.layout import Project

SOON = timedelta(days=7)
_CLAUDE = "claude-code"
_DEFAULT_DAYS = 30
_MOST_BYTES = 4 * 1024 * 1024
_MOST_DAYS = 36_500


class _Settings(msgspec.Struct):
    cleanup_period_days: int | None = msgspec.field(default=None, name="cleanupPeriodDays")


@dataclass(frozen=True, slots=True)
class History:
    """What one agent keeps of its sessions in a project."""

    agent: str
    session_count: int
    unrecorded_count: int
    """Sessions of which nothing is in the project's logs."""
    kept_days: int | None
    """`None`: the agent deletes none by itself."""
    next_deletion: datetime | None
    """When the first unrecorded session is deleted."""

    def is_urgent(self, now: datetime | None = None) -> bool:
        """Tell whether something that is not recorded is deleted within days."""
        return self.next_deletion is not None and self.next_deletion < (now or datetime.now(UTC)) + SOON


def histories(project: Project) -> list[History]:
    """Return what each agent keeps of its sessions in `project`; agents without any are left out."""
    found: dict[str, list[SessionOutline]] = {}
    for outline in outlines(project, Places()):
        found.setdefault(outline.agent, []).append(outline)
    known = recorded(project)
    return [
        _history(agent, every, [each for each in every if not known.has_any_of(each.session_id)], project)
        for agent, every in sorted(found.items())
    ]


def _history(agent: str, every: list[SessionOutline], unrecorded: list[SessionOutline], project: Project) -> History:
    days = _claude_days(project) if agent == _CLAUDE else None
    first = min((each.ended_at for each in unrecorded), default=None)
    next_deletion = first + timedelta(days=days) if first is not None and days is not None else None
    return History(agent, len(every), len(unrecorded), days, next_deletion)


def _claude_days(project: Project) -> int:
    """Return for how many days Claude Code keeps a session: the project's own settings win over the user's."""
    for path in _claude_settings(project):
        try:
            days = msgspec.json.decode(read_small_file(path, _MOST_BYTES), type=_Settings).cleanup_period_days
        except (OSError, ValueError, RecursionError, TelemetryError):
            continue
        if days is not None and 0 <= days <= _MOST_DAYS:
            return days
    return _DEFAULT_DAYS


def _claude_settings(project: Project) -> Iterator[Path]:
    yield project.root / ".claude" / "settings.local.json"
    yield project.root / ".claude" / "settings.json"
    folder = os.environ.get("CLAUDE_CONFIG_DIR", "").split(",")[0].strip()
    yield Path(folder or "~/.claude").expanduser() / "settings.json"
