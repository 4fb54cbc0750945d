"""The process that imports the sessions which hooks left waiting: `python -m …importing.background PROJECT`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from spec_kitty_telemetry.agents import stores
from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.importing.importer import Importer, write
from spec_kitty_telemetry.importing.places import Places
from spec_kitty_telemetry.importing.sources import sessions
from spec_kitty_telemetry.importing.waiting import waiting
from spec_kitty_telemetry.project import diagnostics
from spec_kitty_telemetry.project.killswitch import is_off
from spec_kitty_telemetry.project.locate import find_project

if TYPE_CHECKING:
    from spec_kitty_telemetry.importing.waiting import Waiting
    from spec_kitty_telemetry.project.layout import Project

_LOCK = "import.lock"
_LESS_URGENT = 10


def work(project: Project) -> int:
    """Import what waits in `project` until nothing does, and return how many sessions that were.

    Nothing is done while another worker is at it: it sees what was left before.
    """
    done: set[tuple[Path, tuple[int, int] | None]] = set()
    while left := [each for each in waiting(project) if (each.path, each.stamp) not in done]:
        lock = FileLock(project.runtime_folder() / _LOCK, is_singleton=False)
        try:
            with lock.acquire(timeout=0):
                if not _import(project, left):
                    break
        except Timeout:
            break
        done |= {(each.path, each.stamp) for each in left}
    return len(done)


def _import(project: Project, left: list[Waiting]) -> bool:
    """Import these sessions and tell whether all is written; what is not waits on."""
    ids = {each.session.session_id for each in left}
    agents = sorted({each.session.agent for each in left} & set(stores.STORES))
    places = Places()
    importer = Importer(places, only=project, session_ids=ids)
    for session in sessions(agents, places, only=project, session_ids=ids):
        importer.look_at(session)
    problems = write(project, [change for found in importer.found() for change in found.changes])
    if problems:
        diagnostics.leave(project.root, diagnostics.BRIDGE, f"a session was not imported: {problems[0]}")
        return False
    for each in left:
        each.remove()
    return True


def main() -> None:
    """Import what waits in the project that the command line names; what goes wrong is kept for `doctor`."""
    if is_off(os.environ) or len(sys.argv) < 2:  # noqa: PLR2004
        return
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(_LESS_URGENT)
    root = Path(sys.argv[1])
    try:
        work(find_project(root))
    except (TelemetryError, OSError) as error:
        diagnostics.leave(root, diagnostics.BRIDGE, f"a session was not imported: {error}")


if __name__ == "__main__":
    main()
