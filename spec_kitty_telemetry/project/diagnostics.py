"""What went wrong in a host's process, kept in the project for `doctor`: nobody prints into a host's output."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError, ProjectError
from spec_kitty_telemetry.model.redaction import safe_error
from spec_kitty_telemetry.project.files import open_regular
from spec_kitty_telemetry.project.locate import project_of_root

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

BRIDGE, PLUGINS, SYNC = "bridge", "plugin", "sync"
"""What notes can be about: runs that a bridge could not record, hooks that a plugin raised in, syncs that failed."""
_MAXIMUM_BYTES = 64 * 1024
"""The first notes say all; a mission of thousands of runs must not fill a disk with the same sentence."""


def leave(project_root: Path, about: str, sentence: str) -> None:
    """Keep `sentence` with the time; silently nothing where that is not possible."""
    project = project_of_root(project_root)
    if not (project.root / ".kittify").is_dir():
        return
    note = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "note": safe_error(sentence)}
    with suppress(OSError, LogError, ProjectError):
        project.runtime_folder()
        descriptor = open_regular(_path(project, about), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            if os.fstat(descriptor).st_size < _MAXIMUM_BYTES:
                os.write(descriptor, json.dumps(note).encode() + b"\n")
        finally:
            os.close(descriptor)


def read(project_root: Path, about: str) -> list[str]:
    """Return the notes of a project, oldest first, each with its time."""
    try:
        descriptor = open_regular(_path(project_of_root(project_root), about), os.O_RDONLY)
    except (OSError, LogError):
        return []
    with os.fdopen(descriptor, "rb") as file:
        lines = file.read(2 * _MAXIMUM_BYTES).splitlines()
    return [sentence for line in lines if (sentence := _sentence(line))]


def forget(project_root: Path, about: str) -> bool:
    """Remove the notes of a project; tell whether there were any."""
    try:
        _path(project_of_root(project_root), about).unlink()
    except OSError:
        return False
    return True


def _path(project: Project, about: str) -> Path:
    return project.runtime_dir / f"{about}-notes.jsonl"


def _sentence(line: bytes) -> str | None:
    try:
        note = json.loads(line)
        return f"{note['at']} {note['note']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
