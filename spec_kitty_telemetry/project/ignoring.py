"""Keeping git's eyes off the logs: one line in the clone's own `info/exclude`, which no checkout shows as a change.

spec-kitty refuses `accept`, `merge` and more while a checkout has a file that git does not know, and runs
`git reset --hard` afterwards; a file that git ignores passes and survives.  The line holds for every worktree of the
clone.  A project's own `.gitignore` has the last word: `UNIGNORE` there is for teams that keep their logs in the tree.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError, ProjectError, TelemetryError
from spec_kitty_telemetry.project.files import is_within, open_regular
from spec_kitty_telemetry.project.layout import LOG_NAME, SPECS_FOLDER
from spec_kitty_telemetry.project.repository import checkout_around

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

PATTERN = f"{SPECS_FOLDER}/*/{LOG_NAME}"
UNIGNORE = f"!{PATTERN}"
PATIENCE_S = 0.05
"""How long a record may wait for others that write the same file."""
_MOST_BYTES = 1024 * 1024
_DONE = "git-ignores-logs"
_SPECIAL = re.compile(r"([\\*?\[\]])")
_tried: set[Path] = set()
"""Projects for which it was tried in this process: what fails once would fail for each record."""


def ignore_logs_once(project: Project, log_path: Path) -> None:
    """Let git ignore the project's logs, the first time that one of them is written in this clone; never raises."""
    if project.root in _tried or log_path.parent.parent != project.specs_dir:
        return
    _tried.add(project.root)
    done = project.runtime_dir / _DONE
    with suppress(TelemetryError, OSError, ValueError):
        if not os.path.lexists(done) and ignore_logs(project, PATIENCE_S) is not None:
            done.touch()


def exclude_path(project: Project) -> Path | None:
    """Return the clone's `info/exclude`, which need not exist; `None`: the project is in no repository."""
    checkout = checkout_around(project.root)
    if checkout is None or not os.path.lexists(checkout.common_dir / "HEAD"):
        return None
    return checkout.common_dir / "info" / "exclude"


def exclude_line(project: Project) -> str:
    """Return the pattern of the project's logs as it has to stand in `info/exclude`: from the top of the checkout.

    :raises ProjectError: the project's path has a line end, which no pattern can name.
    """
    checkout = checkout_around(project.root)
    prefix = project.root.relative_to(checkout.top).as_posix() if checkout else "."
    if not prefix.isprintable():
        raise ProjectError(f"{project.root}: a path with unprintable characters cannot be named to git; rename it")
    return PATTERN if prefix == "." else f"{_escaped(prefix)}/{PATTERN}"


def _escaped(prefix: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", prefix)
    return f"\\{escaped}" if escaped[0] in "#!" else escaped


def ignore_logs(project: Project, patience_s: float) -> bool | None:
    """Add the line to `info/exclude`, keeping all that is there; tell whether it was new.

    `None`: the project is in no repository, so there is nothing to do.

    :raises TelemetryError: the file is none, is huge, leads elsewhere or cannot be written; it is as it was.
    """
    path = exclude_path(project)
    if path is None:
        return None
    try:
        return _add(path, exclude_line(project), patience_s)
    except OSError as error:  # so is filelock's `Timeout`, which has no reason
        reason = (error.strerror or "another process kept its lock for too long").lower()
        raise ProjectError(f"{path} cannot be written: {reason}; add the line {exclude_line(project)!r}") from error


def _add(path: Path, line: str, patience_s: float) -> bool:
    from filelock import FileLock  # reports never write here

    if _has_line(_content(path), line):
        return False
    with FileLock(path.parent.parent / "spec-kitty-telemetry.lock").acquire(timeout=patience_s, poll_interval=0.005):
        content = _content(path)
        if _has_line(content, line):
            return False
        _replace(path, content + addition(content, line))
    return True


def _content(path: Path) -> bytes:
    if not is_within(path.parent, path.parent.parent):
        raise ProjectError(f"{path.parent} leads out of the repository; replace the link by a folder")
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise LogError(f"{path} is larger than {_MOST_BYTES // 1024} KiB; shorten it")
    return content


def _has_line(content: bytes, line: str) -> bool:
    return os.fsencode(line) in (each.rstrip() for each in content.splitlines())


def addition(content: bytes, line: str) -> bytes:
    """Return what has to follow `content` so that `line` is its last one, in its own line ends."""
    end = b"\r\n" if b"\r\n" in content else b"\n"
    missing = b"" if not content or content.endswith(b"\n") else end
    return missing + os.fsencode(line) + end


def _replace(path: Path, content: bytes) -> None:
    """Put `content` in the file's place in one step; its mode stays."""
    if path.exists() and not os.access(path, os.W_OK):  # the folder would let us: whoever closed the file meant it
        raise ProjectError(f"{path} is write-protected; make it writable")
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = open_regular(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        with suppress(FileNotFoundError):
            partial.chmod(stat.S_IMODE(path.stat().st_mode))
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
