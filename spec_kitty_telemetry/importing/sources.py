"""Where sessions come from: the stores of the agents on this machine, whose unchanged files are not read again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents import stores
from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime

    from spec_kitty_telemetry.agents.common.store import StoredSession
    from spec_kitty_telemetry.agents.common.store_reading import SessionOutline
    from spec_kitty_telemetry.importing.places import Places
    from spec_kitty_telemetry.importing.unchanged import Unchanged
    from spec_kitty_telemetry.project.layout import Project


def agents_called(names: Collection[str]) -> tuple[str, ...]:
    """Return the agents whose stores are read: those named, by any of their names, or all.

    :raises FilterError: one keeps no numbers on disk, or is not known.
    """
    from spec_kitty_telemetry.agents import NAMES, normalized

    own = {alias: aliases[0] for aliases in NAMES.values() for alias in aliases}
    chosen = []
    for name in names:
        plain = normalized(name)
        agent = plain if plain in stores.STORES else own.get(plain, name)
        if agent in stores.WITHOUT_NUMBERS:
            raise FilterError(
                f"found the agent {name!r}, which keeps no usable token counts on disk; nothing is guessed"
            )
        if agent not in stores.STORES:
            raise FilterError(f"found the agent {name!r}, expected one of {', '.join(sorted(stores.STORES))}")
        chosen.append(agent)
    return tuple(dict.fromkeys(chosen)) or tuple(stores.STORES)


def sessions(
    agents: Collection[str],
    places: Places,
    *,
    only: Project | None = None,
    since: datetime | None = None,
    session_ids: Collection[str] | None = None,
    unchanged: Unchanged | None = None,
) -> Iterator[StoredSession]:
    """Yield the stored sessions of `agents`; what cannot be read is passed over.

    `only`: those that were in this project; `since`: those that went on after it; `session_ids`: those;
    `unchanged`: not those.
    """

    def is_wanted(outline: SessionOutline) -> bool:
        if session_ids is not None and outline.session_id not in session_ids:
            return False
        if since is not None and outline.ended_at < since:
            return False
        if only is not None and not _is_in(only, outline, places):
            return False
        return unchanged is None or not unchanged.holds(outline)

    yield from _read(agents, is_wanted)


def outlines(project: Project, places: Places) -> list[SessionOutline]:
    """Return what is known of every session that was in `project`, without putting any together."""
    found: list[SessionOutline] = []

    def is_wanted(outline: SessionOutline) -> bool:
        if _is_in(project, outline, places):
            found.append(outline)
        return False

    for _ in _read(stores.STORES, is_wanted):
        pass
    return found


def _is_in(project: Project, outline: SessionOutline, places: Places) -> bool:
    return any((there := places.at(folder).project) and there.root == project.root for folder in outline.folders)


def _read(agents: Iterable[str], is_wanted: Callable[[SessionOutline], bool]) -> Iterator[StoredSession]:
    from spec_kitty_telemetry.agents.common.store_index import StoreIndex

    try:
        home = Path.home()
    except RuntimeError:  # a process without a home has no stores
        return
    context = AgentContext(home, os.environ)
    with StoreIndex.of_user() as index:
        yield from stores.read_sessions(context, index, agents=agents, wanted=is_wanted)
