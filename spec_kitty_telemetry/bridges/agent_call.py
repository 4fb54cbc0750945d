"""What spec-kitty-orchestrator's call of an agent says about itself (facts of 0.1.2).

The mission and the work package are only in the name of the log file that the host names for the run:
`<repository>/.kittify/logs/<mission>_<work package>_<step>.log`, where the step is `implementation`, `review-N` or
`reimpl-N`.  A mission's slug may have underscores; a work package is `WP` and digits, and a step has none.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.project.files import open_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG_NAME = re.compile(r"(?P<mission>.+)_(?P<wp_id>WP\d+)_[^_]+\.log")
_ROLES = {"implementation": "implementer", "review": "reviewer"}
_STATE_FILE = "orchestrator-run-state.json"
_MAXIMUM_STATE_BYTES = 4 * 1024 * 1024


class UnclearCallError(Exception):
    """The host's call does not say which run this is, so it is better not recorded than recorded wrongly."""


@dataclass(frozen=True, slots=True)
class AgentCall:
    """One call of an agent, in the words of the hooks."""

    project_root: Path
    feature: str
    wp_id: str
    role: str
    agent: str
    run_id: str | None
    working_dir: Path | None


def read_call(arguments: Mapping[str, Any]) -> AgentCall:
    """Return what the arguments of `execute_agent` say.

    :raises UnclearCallError: a fact without which a record would be wrong is missing; the message names it.
    """
    log_file = _path(arguments.get("log_file"))
    named = _LOG_NAME.fullmatch(log_file.name) if log_file else None
    if log_file is None or named is None:
        found = "none" if log_file is None else repr(log_file.name)
        raise UnclearCallError(f"log file: found {found}, expected <mission>_<work package>_<step>.log")
    return AgentCall(
        project_root=_project_root(arguments.get("repo_root"), log_file),
        feature=named["mission"],
        wp_id=named["wp_id"],
        role=_role(arguments.get("role")),
        agent=_text(getattr(arguments.get("invoker"), "agent_id", None), "the invoker's agent_id"),
        run_id=_run_id(log_file.parent.parent / _STATE_FILE, named["mission"]),
        working_dir=_path(arguments.get("working_dir")),
    )


def project_root_of(arguments: Mapping[str, Any]) -> Path | None:
    """Return the project of a call that may be unclear in every other way."""
    log_file = _path(arguments.get("log_file"))
    return _path(arguments.get("repo_root")) or (_repository_of(log_file) if log_file else None)


def _project_root(repo_root: object, log_file: Path) -> Path:
    root = _path(repo_root) or _repository_of(log_file)
    if root is None:
        raise UnclearCallError(
            f"project: found no repo_root and the log folder {log_file.parent}, expected one of both"
        )
    return root


def _repository_of(log_file: Path) -> Path | None:
    logs = log_file.parent
    return logs.parent.parent if (logs.parent.name, logs.name) == (".kittify", "logs") else None


def _role(said: object) -> str:
    role = _text(said, "role")
    return _ROLES.get(role, role)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UnclearCallError(f"{what}: found {type(value).__name__}, expected a word")
    return value


def _path(value: object) -> Path | None:
    return Path(value).absolute() if isinstance(value, str | os.PathLike) and str(value) else None


def _run_id(state_file: Path, mission: str) -> str | None:
    """Return the id of the host's run from its state file, which it writes before it runs any agent."""
    try:
        with open_plain(state_file) as file:
            state = json.loads(file.read(_MAXIMUM_STATE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(state, dict) or state.get("mission_slug") != mission:
        return None
    run_id = state.get("run_id")
    return run_id if isinstance(run_id, str) and run_id else None
