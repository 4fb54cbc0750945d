"""From a git worktree to the primary checkout, by git's own small files; git is never started."""

from __future__ import annotations

import os
from pathlib import Path

from spec_kitty_telemetry.project.layout import is_project

_MAXIMUM_GIT_FILE_BYTES = 4096


def primary_checkout(folder: Path) -> Path:
    """Return the same folder in the primary checkout if `folder` is in a git worktree, else `folder`.

    A worktree's `.git` is a file `gitdir: <primary>/.git/worktrees/<name>`, and that folder's `commondir` names the
    primary's `.git` (gitrepository-layout(5)).
    """
    for top in (folder, *folder.parents):
        pointer = top / ".git"
        if pointer.is_dir():
            return folder
        if pointer.is_file():
            primary_top = _primary_top(top, pointer)
            mirrored = primary_top / folder.relative_to(top) if primary_top else folder
            return mirrored if is_project(mirrored) else folder
    return folder


def _primary_top(top: Path, pointer: Path) -> Path | None:
    text = _small_text(pointer)
    if text is None or not text.startswith("gitdir:"):
        return None
    git_dir = top / text.removeprefix("gitdir:").strip()
    common = _small_text(git_dir / "commondir")
    if common is None:  # a submodule: its own project
        return None
    common_dir = Path(os.path.realpath(git_dir / common.strip()))
    return common_dir.parent if common_dir.name == ".git" else None


def _small_text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_MAXIMUM_GIT_FILE_BYTES).decode("utf-8")
    except (OSError, ValueError):
        return None
