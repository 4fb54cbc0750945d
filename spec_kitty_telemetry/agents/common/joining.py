"""From fragments to sessions, and each request to the one session that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.store import StoredSession

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.agents.common.store import Fragment


def joined(agent: str, fragments: Iterable[Fragment]) -> list[StoredSession]:
    """Put the threads of each session together, main threads first, sub-agents by the time they began."""
    found: dict[str, StoredSession] = {}
    for fragment in sorted(fragments, key=_order):
        session = found.setdefault(fragment.session_id, StoredSession(agent=agent, session_id=fragment.session_id))
        session.version = session.version or fragment.version
        session.forked_from = session.forked_from or fragment.forked_from
        session.threads.append(fragment.thread)
    return list(found.values())


def _order(fragment: Fragment) -> tuple[bool, str, str]:
    began = next((entry.at.isoformat() for entry in fragment.thread.entries), "")
    return fragment.thread.is_subagent, began, fragment.thread.thread_id
