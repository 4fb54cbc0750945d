"""What agents keep of their sessions, for `doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.render import wording
from spec_kitty_telemetry.model.timespans import in_zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.importing.history import History


def lines(found: Iterable[History]) -> list[str]:
    """Return a line for each agent, and what to do where something is about to be lost."""
    said = []
    for each in found:
        facts = [f"{wording.plural(each.session_count, 'session')} in this project"]
        if each.kept_days is not None:
            facts.append(f"deleted by the agent {each.kept_days} days after their last use")
        if each.unrecorded_count:
            facts.append(f"{each.unrecorded_count:,} not recorded")
        said.append(f"  {each.agent}: {', '.join(facts)}")
        if each.next_deletion is not None and each.is_urgent():
            day = f"{in_zone(each.next_deletion, None):%Y-%m-%d}"
            said.append(f"    The first of these is deleted on {day}: 'spec-kitty telemetry import' records them.")
    return said or ["  none in this project"]


def document(found: Iterable[History]) -> list[dict[str, Any]]:
    """Return the same for a program."""
    return [
        {
            "agent": each.agent,
            "session_count": each.session_count,
            "unrecorded_count": each.unrecorded_count,
            "kept_days": each.kept_days,
            "next_deletion": each.next_deletion,
        }
        for each in found
    ]
