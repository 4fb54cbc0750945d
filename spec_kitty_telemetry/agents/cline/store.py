"""Cline's session stores: tasks of the extension in VS Code and its relatives, and sessions of the command line.

An `api_req_started` message of the extension is one request; it is written first without numbers, and again with them.
In a session of the command line each answer has `metrics`.  Totals of a task or session are not read: they include
sub-agents, which are sessions of their own.

Source: getagentseal/codeburn `docs/providers/{vscode-cline-parser,cline-cli}.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.cline.sessions import session_of_command_line, task_of_extension
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.store_files import walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import Fragment, StoredSession

AGENT = "cline"
FORMAT = 1
"""Goes up when the same file would be read as something else."""

_EDITORS = ("Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf")
_SERVERS = (".vscode-server", ".vscode-server-insiders", ".cursor-server", ".windsurf-server")
_MESSAGES = ".messages.json"


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the tasks of the extension and the sessions of the command line."""
    yield from tasks_of(context, "saoudrizwan.claude-dev")
    data = _named(context, "CLINE_DATA_DIR") or context.folder("CLINE_DIR", ".cline") / "data"
    sessions_folder = _named(context, "CLINE_SESSION_DATA_DIR") or data / "sessions"
    yield from walk(sessions_folder, r".*\.messages\.json", depth=1)
    yield from walk(data / "tasks", r"ui_messages\.json", depth=1)


def _named(context: AgentContext, variable: str) -> Path | None:
    return context.folder(variable) if context.environment.get(variable, "").strip() else None


def tasks_of(context: AgentContext, extension: str) -> Iterator[Path]:
    """Yield the tasks of an extension, in whichever editor it is installed."""
    config = context.folder("XDG_CONFIG_HOME", ".config")
    mac = context.home / "Library" / "Application Support"
    windows = context.folder("APPDATA", "AppData", "Roaming")
    users = [folder / editor / "User" for folder in (config, mac, windows) for editor in _EDITORS]
    users += [context.home / server / "data" / "User" for server in _SERVERS]
    for user in users:
        yield from walk(user / "globalStorage" / extension / "tasks", r"ui_messages\.json", depth=1)


def companions(path: Path) -> list[Path]:
    """Return what describes a session of the command line."""
    return [description_of(path)] if path.name.endswith(_MESSAGES) else []


def description_of(path: Path) -> Path:
    """Return the file that describes a session of the command line."""
    return path.with_name(path.name.removesuffix(_MESSAGES) + ".json")


def read_file(path: Path) -> list[Fragment]:
    """Read a task, or a session of the command line."""
    if path.name.endswith(_MESSAGES):
        return [session_of_command_line(path, description_of(path))]
    return [task_of_extension(path)]


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Return each task and session."""
    return joined(AGENT, fragments)
