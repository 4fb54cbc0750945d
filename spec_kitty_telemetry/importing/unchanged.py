"""What the last whole import of a project looked at, so that the next one need not look at it again.

A session that is what it was, in a project whose missions, notes and logs are what they were, gives the same records.
The file is a shortcut: where it is lost or broken, everything is looked at.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.project.files import new_file, read_small_file
from spec_kitty_telemetry.project.host_notes import FOLDER
from spec_kitty_telemetry.project.layout import LOG_NAME
from spec_kitty_telemetry.reports.lanes import STATUS_NAME
from spec_kitty_telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.store_reading import SessionOutline
    from spec_kitty_telemetry.project.layout import Project

_NAME = "imported-sessions.json"
_MOST_BYTES = 64 * 1024 * 1024


class _Kept(msgspec.Struct):
    fingerprint: str = ""
    sessions: dict[str, str] = {}


class Unchanged:
    """Tells which sessions of `project` are as they were."""

    def __init__(self, project: Project) -> None:
        """Read what the last import left."""
        self._path = project.runtime_dir / _NAME
        self._project = project
        self._fingerprint = _fingerprint(project)
        kept = _load(self._path)
        self._before = kept.sessions if kept.fingerprint == self._fingerprint else {}
        self._now: dict[str, str] = {}
        self.count = 0
        """How many sessions were as they were."""

    def holds(self, outline: SessionOutline) -> bool:
        """Tell whether the session of `outline` was looked at, with all that its records depend on as it is now."""
        key = f"{outline.agent} {outline.session_id}"
        state = hashlib.sha256(outline.state.encode()).hexdigest()[:24]
        self._now[key] = state
        is_same = self._before.get(key) == state
        self.count += is_same
        return is_same

    def keep(self) -> None:
        """Remember what was looked at, once its records are written; a failure is no loss."""
        with suppress(OSError, TelemetryError):
            self._project.runtime_folder()
            partial = self._path.with_name(f".{_NAME}.{os.getpid()}")
            with new_file(partial) as file:
                file.write(msgspec.json.encode(_Kept(self._fingerprint, self._now)))
            partial.replace(self._path)


def _load(path: Path) -> _Kept:
    try:
        return msgspec.json.decode(read_small_file(path, _MOST_BYTES), type=_Kept)
    except (OSError, ValueError, RecursionError, TelemetryError):
        return _Kept()


def _fingerprint(project: Project) -> str:
    digest = hashlib.sha256(__version__.encode())
    for path in _inputs(project):
        with suppress(OSError):
            status = path.stat()
            digest.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\n".encode(errors="replace"))
    return digest.hexdigest()


def _inputs(project: Project) -> Iterator[Path]:
    """Yield the files, besides the sessions themselves, that the records of an import depend on."""
    for feature in project.features():
        folder = project.specs_dir / feature
        yield from (folder / name for name in ("meta.json", "lanes.json", STATUS_NAME, LOG_NAME))
        yield project.root / ".worktrees" / f"{feature}-coord" / "kitty-specs" / feature / STATUS_NAME
    yield project.outside_log
    with suppress(OSError):
        yield from sorted(project.runtime_dir.joinpath(*FOLDER).iterdir())
