"""Logs that git tracks: which they are, to stop it, and to want it all the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import ProjectError, reason_of
from spec_kitty_telemetry.project.files import open_regular
from spec_kitty_telemetry.project.git import Git
from spec_kitty_telemetry.project.ignoring import PATTERN, UNIGNORE, addition, exclude_path
from spec_kitty_telemetry.project.layout import LOG_NAME, SPECS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

ATTRIBUTES_PATTERN = "kitty-specs/**/execution.events.jsonl"
ATTRIBUTES = ("merge=union", "linguist-generated=true")
ATTRIBUTES_LINE = " ".join([ATTRIBUTES_PATTERN, *ATTRIBUTES])
_MOST_BYTES = 1024 * 1024
_IS_TRACKED = (
    ": each record makes the checkout dirty, so spec-kitty's accept, merge and move-task refuse it; "
    "'init --untrack' ends that, 'init --track' says that it is meant"
)
_IS_STASHED = ": no report has them before 'git stash pop' brings them back, or 'git stash drop' ends them"
_IS_SEEN = "git sees the logs, so spec-kitty's accept and merge refuse this checkout; 'init' lets it ignore them"


def tracked_logs(project: Project) -> list[str]:
    """Return the logs that git tracks in the project's checkout, as paths from its root; none without a repository.

    :raises ProjectError: git cannot say.
    """
    if exclude_path(project) is None:
        return []
    listed = Git(project.root).do("ls-files", "-z", "--", f":(glob){PATTERN}")
    return [os.fsdecode(path) for path in listed.split(b"\0") if path]


def problems_with_git(project: Project) -> list[str]:
    """Return what git has to do with the logs that stops spec-kitty: it tracks them, or it sees them."""
    try:
        if stashed := _stashed_logs(project):
            several = f" and {len(stashed) - 1} more" if stashed[1:] else ""
            return [f"git stash holds records of {stashed[0]}{several}{_IS_STASHED}"]
        if is_wanted_in_tree(project):
            return []
        if tracked := tracked_logs(project):
            several = f" and {len(tracked) - 1} more" if tracked[1:] else ""
            return [f"git tracks {tracked[0]}{several}{_IS_TRACKED}"]
        return [_IS_SEEN] if _sees_a_log(project) else []
    except ProjectError:  # without git nobody minds
        return []


def _stashed_logs(project: Project) -> list[str]:
    """Return the tracked logs that stashes of this clone have taken lines of, as paths from the repository's top."""
    if exclude_path(project) is None:
        return []
    shown = ("--walk-reflogs", "--first-parent", "-m", "--name-only", "--format=", "-z")
    answer = Git(project.root).ask("log", *shown, "refs/stash", "--", f":(glob){PATTERN}")
    found = answer.output.split(b"\0") if answer.code == 0 else []  # 128: there is no stash
    return sorted({os.fsdecode(path.strip(b"\n")) for path in found} - {""})


def _sees_a_log(project: Project) -> bool:
    """Tell whether git would show the logs as new files, whichever of its files could say that it ignores them."""
    logs = [f"{SPECS_FOLDER}/{feature}/{LOG_NAME}" for feature in project.features_with_logs()]
    if exclude_path(project) is None or not logs:
        return False
    return Git(project.root).ask("check-ignore", "--quiet", "--no-index", logs[0]).code == 1


def untrack(project: Project, logs: list[str]) -> None:
    """Take `logs` out of git's index; the files on disk stay as they are.

    :raises ProjectError: git cannot do it.
    """
    typed = b"".join(os.fsencode(path) + b"\0" for path in logs)
    Git(project.root).do("update-index", "-z", "--force-remove", "--stdin", typed=typed)


def is_wanted_in_tree(project: Project) -> bool:
    """Tell whether the project's `.gitignore` says that logs are to be tracked.

    :raises ProjectError: the file cannot be read.
    """
    return UNIGNORE.encode() in (line.strip() for line in _content(project.root / ".gitignore").splitlines())


def want_in_tree(project: Project) -> list[Path]:
    """Let git see the logs and merge those of two branches line by line; return the files that were changed for it.

    :raises TelemetryError: a file cannot be read or written, or is none.
    """
    changed = []
    if add_line(project.root / ".gitignore", UNIGNORE, present=lambda text: UNIGNORE.encode() in text.split()):
        changed.append(project.root / ".gitignore")
    if add_line(project.root / ".gitattributes", ATTRIBUTES_LINE, present=has_attributes):
        changed.append(project.root / ".gitattributes")
    return changed


def want_out_of_tree(project: Project) -> list[Path]:
    """Take back what `want_in_tree` wrote to `.gitignore`; return the files that were changed.

    :raises TelemetryError: the file cannot be read or written, or is none.
    """
    if not is_wanted_in_tree(project):
        return []
    path = project.root / ".gitignore"
    kept = [line for line in _content(path).splitlines(keepends=True) if line.strip() != UNIGNORE.encode()]
    try:
        with os.fdopen(open_regular(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines(kept)
    except OSError as error:
        raise _unwritable(path, error) from error
    return [path]


def has_attributes(text: bytes) -> bool:
    """Tell whether `text`, a git attributes file, has all attributes of the logs; what comes later wins."""
    found: dict[bytes, bytes] = {}
    for line in text.splitlines():
        pattern, *attributes = line.split() or [b""]
        if pattern.strip(b'"') == ATTRIBUTES_PATTERN.encode():
            found |= {each.lstrip(b"-!").partition(b"=")[0]: each for each in attributes}
    return {each.encode() for each in ATTRIBUTES} <= set(found.values())


def add_line(path: Path, line: str, *, present: Callable[[bytes], bool]) -> bool:
    """Add `line` at the end of the file at `path` unless it is `present`; tell whether it was new.

    Nothing that is in the file is changed: the line comes last, in the file's own line ends, so that it also wins.

    :raises TelemetryError: the file cannot be read or written, or is none.
    """
    try:
        descriptor = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            content = os.read(descriptor, _MOST_BYTES)
            if present(content):
                return False
            os.write(descriptor, addition(content, line))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def _content(path: Path) -> bytes:
    try:
        descriptor = open_regular(path, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {reason_of(error)}") from error


def _unwritable(path: Path, error: OSError) -> ProjectError:
    return ProjectError(f"{path} cannot be written: {reason_of(error)}; mend its permissions")
