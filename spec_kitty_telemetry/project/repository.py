"""Where git keeps the repository of a checkout, by git's own small files; git is never started.

The layout is gitrepository-layout(5).  An unpacked archive can bring a `.git` file that names somebody else's
repository, so a repository is believed only where it names the checkout in turn.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.project.files import open_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 64 * 1024
"""Of git's small files; a repository's `config` is the largest that is read."""
_WORKTREE = re.compile(r"^\s*worktree\s*=\s*(.+?)\s*$", re.MULTILINE | re.IGNORECASE)


class Checkout(NamedTuple):
    """One working tree and the folders in which git keeps what it knows about it."""

    top: Path
    """The folder that has `.git`."""
    git_dir: Path
    """What is this working tree's own: its `HEAD` and its index."""
    common_dir: Path
    """What all working trees of the clone share: objects, branches, `info/exclude`."""

    @property
    def is_worktree(self) -> bool:
        """Whether it was made by `git worktree add`, beside another working tree or a bare repository."""
        return self.git_dir != self.common_dir


def checkout_around(folder: Path) -> Checkout | None:
    """Return the checkout that `folder` lies in; `None`: there is none, or its repository does not know it."""
    for top in (folder, *folder.parents):
        pointer = top / ".git"
        if pointer.is_dir():
            return Checkout(top, pointer, pointer)
        if pointer.is_file():
            return _linked(top, pointer)
    return None


def _linked(top: Path, pointer: Path) -> Checkout | None:
    """Return the checkout whose `.git` is a file: a worktree or a submodule."""
    text = small_text(pointer)
    if text is None or not text.startswith("gitdir:"):
        return None
    git_dir = Path(os.path.realpath(top / text.removeprefix("gitdir:").strip()))
    common = small_text(git_dir / "commondir")
    if common is None:
        return Checkout(top, git_dir, git_dir) if _is_same(configured_top(git_dir), top) else None
    common_dir = Path(os.path.realpath(git_dir / common.strip()))
    if git_dir.parent != common_dir / "worktrees" or not _is_same(_recorded_pointer(git_dir), pointer):
        return None
    return Checkout(top, git_dir, common_dir)


def configured_top(git_dir: Path) -> Path | None:
    """Return the working tree that a repository's `core.worktree` names, as every submodule's does."""
    for name in ("config", "config.worktree"):
        text = small_text(git_dir / name)
        if text and (found := _WORKTREE.search(text)):
            return git_dir / found[1].strip('"')
    return None


def tops_with_branch_of(common_dir: Path) -> Iterator[Path]:
    """Yield the worktrees that have the branch checked out which the repository's own `HEAD` names, by name."""
    wanted = small_text(common_dir / "HEAD")
    try:
        names = sorted(os.listdir(common_dir / "worktrees"))
    except OSError:
        return
    for name in names:
        git_dir = common_dir / "worktrees" / name
        if wanted and small_text(git_dir / "HEAD") == wanted and (pointer := _recorded_pointer(git_dir)):
            yield pointer.parent


def _recorded_pointer(git_dir: Path) -> Path | None:
    text = small_text(git_dir / "gitdir")
    return git_dir / text.strip() if text and text.strip() else None


def _is_same(one: Path | None, other: Path) -> bool:
    try:
        return one is not None and one.samefile(other)
    except (OSError, ValueError):
        return False


def small_text(path: Path) -> str | None:
    """Return the text of one of git's small files; `None`: there is no such file, or it is no text."""
    try:
        with open_plain(path) as file:
            return file.read(_MOST_BYTES).decode("utf-8")
    except (OSError, ValueError):
        return None
