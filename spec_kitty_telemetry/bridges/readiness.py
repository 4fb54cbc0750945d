"""Whether runs will be recorded here: by whom without anybody's doing, and what stands against it.

What is promised is tried: a line is written where records would have to wait, and every log is opened for writing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError, ProjectError, TelemetryError
from spec_kitty_telemetry.project import diagnostics
from spec_kitty_telemetry.project.files import open_regular, read_small_file
from spec_kitty_telemetry.project.killswitch import IS_OFF, is_off
from spec_kitty_telemetry.project.layout import LOG_NAME
from spec_kitty_telemetry.project.tracking import problems_with_git

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.bridges.check import BridgeStatus
    from spec_kitty_telemetry.project.layout import Project

_MOST_BYTES = 1024 * 1024
_WORKING = frozenset({"active", "host does it itself"})
_BY_HAND = (
    "no orchestrator and no agent hands its runs over here; 'spec-kitty telemetry init --hooks claude' (or another "
    "agent) registers one, 'import' takes what agents kept, 'run' records one command"
)


@dataclass(frozen=True, slots=True)
class Readiness:
    """The verdict on a project."""

    sources: list[str]
    """Who is recorded without anybody's doing."""
    obstacle: str | None
    """Why nothing is recorded at all."""

    @property
    def verdict(self) -> str:
        """One sentence, the first thing that a person should read."""
        if self.obstacle:
            return f"Nothing will be recorded, because {self.obstacle}."
        if not self.sources:
            return f"Nothing will be recorded by itself, because {_BY_HAND}."
        return f"Runs will be recorded from {_listed(self.sources)}."


def readiness(
    project: Project | None, bridges: list[BridgeStatus], environment: Mapping[str, str] = os.environ
) -> Readiness:
    """Return who will be recorded in `project`, given the state of the `bridges`."""
    if is_off(environment):
        return Readiness([], IS_OFF)
    if project is None:
        return Readiness([], "there is no spec-kitty project here: change into one, or name it with --project")
    working = {each.host for each in bridges if each.state in _WORKING}
    sources = ["spec-kitty-orchestrator"] if "spec-kitty-orchestrator" in working else []
    agents = _agents_with_our_hook(project)
    if "claude" not in agents and "spec-kitty-cli" in working and _host_hands_over_claude(project):
        agents.insert(0, "claude")
    return Readiness([*sources, *agents], probe(project))


def probe(project: Project) -> str | None:
    """Write a line where a record that cannot be written elsewhere has to go; return why that is not possible."""
    try:
        path = project.runtime_folder() / f"probe-{os.getpid()}"
        descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, b"{}\n")
        finally:
            os.close(descriptor)
            path.unlink()
    except TelemetryError as error:
        return str(error)
    except OSError as error:
        where = error.filename or project.runtime_dir
        return f"{where} cannot be written: {(error.strerror or str(error)).lower()}"
    return None


def problems_of_place(project: Project | None) -> list[str]:
    """Return what is wrong with a project's place: its runtime folder, its logs, its repository and its last sync."""
    if project is None or is_off(os.environ):
        return []
    unwritable = [f"{why}; mend its permissions" for why in [probe(project)] if why]
    synced = diagnostics.read(project.root, diagnostics.SYNC)
    return [*unwritable, *closed_logs(project), *problems_with_git(project), *synced]


def closed_logs(project: Project) -> list[str]:
    """Return why each log that cannot be written is so; records of its mission wait in the spool."""
    found = []
    for feature in project.having_logs():
        with suppress(LogError, ProjectError):  # what is no file, its health says
            path = project.log_folder(feature) / LOG_NAME
            try:
                os.close(open_regular(path, os.O_WRONLY | os.O_APPEND))
            except FileNotFoundError:
                continue
            except OSError as error:  # closed, or on a file system that is read-only
                found.append(f"{path} cannot be written: {(error.strerror or '').lower()}; mend its permissions")
    return found


def _agents_with_our_hook(project: Project) -> list[str]:
    from spec_kitty_telemetry.importing.registration import AGENTS, edit

    found = []
    for name, agent in AGENTS.items():
        for place in (project.root, None):
            with suppress(TelemetryError):
                if edit(agent, place, remove=True).changes:
                    found.append(name)
                    break
    return found


def _host_hands_over_claude(project: Project) -> bool:
    """Tell whether Claude has the hook that `spec-kitty init` registers: `spec-kitty session-stop` (3.2)."""
    home = Path(os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude"))  # noqa: PTH111
    for path in (project.root / ".claude" / "settings.json", home / "settings.json"):
        with suppress(OSError, LogError):
            if b"session-stop" in read_small_file(path, _MOST_BYTES):
                return True
    return False


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
