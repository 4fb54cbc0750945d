"""Sessions that wait to be imported, and the process in the background that does it.

A hook leaves one small file for its session and starts a worker; the agent never waits for more.  One worker is at
work in a project at a time, and it goes on until nothing waits: whoever comes meanwhile need not wait either.  A file
goes only when its session was imported, so nothing is lost when a worker is killed: the next hook, or `import`, sees
to it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.project.files import is_within, new_file, read_small_file, stamp_of

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

_FOLDER = "to-import"
_SUFFIX = ".json"
_MOST_BYTES = 4096
_MODULE = "spec_kitty_telemetry.importing.background"


class Session(msgspec.Struct, frozen=True):
    """A session of an agent, by the agent's own name and the session's id."""

    agent: str
    session_id: str


class Waiting(NamedTuple):
    """One file of the queue."""

    path: Path
    session: Session
    stamp: tuple[int, int] | None
    """Another one when the session went on and its hook left the file again."""

    def remove(self) -> None:
        """Remove the file, unless it was left again since."""
        if stamp_of(self.path) == self.stamp:
            with suppress(OSError):
                self.path.unlink()


def put(project: Project, session: Session) -> bool:
    """Let `session` wait; tell whether it does."""
    name = hashlib.sha256(f"{session.agent}\0{session.session_id}".encode(errors="replace")).hexdigest()[:32]
    with suppress(OSError, TelemetryError):
        folder = project.runtime_folder(_FOLDER)
        partial = folder / f".{name}.{os.getpid()}"
        with new_file(partial) as file:
            file.write(msgspec.json.encode(session))
        partial.replace(folder / f"{name}{_SUFFIX}")
        return True
    return False


def waiting(project: Project) -> list[Waiting]:
    """Return the sessions that wait; a file that holds none is passed over."""
    folder = project.runtime_dir / _FOLDER
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIX) and name[0] != ".")
    except OSError:
        return []
    if not names or not is_within(folder, project.root):
        return []
    found = []
    for name in names:
        with suppress(OSError, ValueError, TelemetryError):
            stamp = stamp_of(folder / name)
            session = msgspec.json.decode(read_small_file(folder / name, _MOST_BYTES), type=Session)
            found.append(Waiting(folder / name, session, stamp))
    return found


def start_worker(project: Project) -> None:
    """Start the process that imports what waits, if anything does; it lives on when this one ends."""
    if not waiting(project):
        return
    apart: dict[str, Any]
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    else:
        apart = {"start_new_session": True}
    with suppress(OSError):
        subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours
            [sys.executable, "-P", "-m", _MODULE, str(project.root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=project.root,
            **apart,
        )
