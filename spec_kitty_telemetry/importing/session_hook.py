"""What an agent hands to its hooks, and what we do then: the session waits to be imported, and the agent goes on.

Agents give JSON on stdin (Claude Code, Codex, Gemini, Qwen Code: `session_id`, `cwd`; Copilot: `sessionId`), Codex's
`notify` gives it as the last argument (`thread-id`).  Nothing is printed: an agent may read it.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.project.host_notes import RUN_VARIABLE, leave, session_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES = 1024 * 1024
_BLOCK_BYTES = 64 * 1024
_PATIENCE_S = 0.3
_BEGINNINGS = frozenset({"sessionstart", "session-start"})
_SESSION_NAMES = ("session_id", "sessionId", "thread-id", "thread_id")
_LONGEST_NAME = 200
_STRINGS = re.compile(rb'"(session_id|sessionId|thread-id|hook_event_name|cwd)"\s{0,9}:\s{0,9}"([ -!#-\[\]-~]{1,999})"')


def take(agent: str, text: bytes, environment: Mapping[str, str]) -> None:
    """Let the session that a hook of `agent` speaks of wait to be imported; never raises."""
    try:
        _take(agent, _document(text), environment)
    except Exception:  # noqa: BLE001 - an agent must not be stopped, whatever is wrong
        return


def _take(agent: str, said: dict[str, Any], environment: Mapping[str, str]) -> None:
    from spec_kitty_telemetry.importing.waiting import Session, put, start_worker
    from spec_kitty_telemetry.project.killswitch import is_off
    from spec_kitty_telemetry.project.layout import settings_or_defaults

    if is_off(environment) or str(said.get("hook_event_name", "")).lower() in _BEGINNINGS:
        return
    session_id = next((value for name in _SESSION_NAMES if _is_name(value := said.get(name))), None)
    if session_id is None:
        known = session_of(environment)
        if known is None or known[0] != agent:
            return
        session_id = known[1]
    project = _project(said.get("cwd"))
    if project is None or not settings_or_defaults(project).transcripts:
        return
    is_waiting = put(project, Session(agent, session_id))
    if environment.get(RUN_VARIABLE):
        # A run of ours records its own session when it ends, and then has those imported that began within it.
        leave(["session-stop"], environment, (agent, session_id), str(project.root))
    elif is_waiting:
        start_worker(project)


def _project(folder: object) -> Any:
    from pathlib import Path

    from spec_kitty_telemetry.project.locate import find_project

    try:
        return find_project(Path(folder) if isinstance(folder, str) and folder else None)
    except (TelemetryError, OSError, ValueError):
        return None


def _document(text: bytes) -> dict[str, Any]:
    import msgspec

    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (ValueError, RecursionError):  # cut off in the agent's last words, perhaps
        return {name.decode(): value.decode() for name, value in _STRINGS.findall(text[:_BLOCK_BYTES])}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()


def from_stdin(stream: IO[bytes] | None = None) -> bytes:
    """Return what a hook is given on stdin; nothing where that is a terminal, or nothing comes soon."""
    try:
        source = stream or sys.stdin.buffer
        if source.isatty():
            return b""
    except (AttributeError, OSError, ValueError):
        return b""
    found: list[bytes] = []
    reader = threading.Thread(target=_read, args=(source, found), daemon=True)
    reader.start()
    reader.join(_PATIENCE_S)
    return b"".join(found)


def _read(source: IO[bytes], found: list[bytes]) -> None:
    try:
        while sum(map(len, found)) < _MOST_BYTES and (block := os.read(source.fileno(), _BLOCK_BYTES)):
            found.append(block)
    except (OSError, ValueError):
        return
