"""Which missions a branch touches: by their folders, and by the branches that were merged into it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.project.git import Git
from spec_kitty_telemetry.project.layout import SPECS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FOLDER = re.compile(rf"(?:^|/){SPECS_FOLDER}/([^/]+)/")


def missions_changed(folder: Path, since: str, known: Iterable[str]) -> list[str]:
    """Return which of the `known` missions the branch in `folder` touches since `since`, a branch or commit.

    A mission is touched where a file in its folder differs from the common ancestor, where the branch is named after
    it, or where a branch that is named after it was merged.

    :raises ProjectError: `folder` is in no git repository, or git does not know `since` or a common ancestor.
    """
    git = Git(folder)
    _check(git, folder, since)
    paths = git.do("diff", "--name-only", "-z", f"{since}...HEAD", "--").decode("utf-8", "replace").split("\0")
    in_folders = {found[1] for path in paths if (found := _FOLDER.search(path))}
    branches = _branches(git, since)
    return [slug for slug in known if slug in in_folders or any(_is_of(branch, slug) for branch in branches)]


def _check(git: Git, folder: Path, since: str) -> None:
    if git.ask("rev-parse", "--git-dir").code:
        raise ProjectError(f"{folder} is in no git repository, so nothing is known about changes since {since!r}.")
    if (
        since.startswith("-")
        or git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{since}^{{commit}}").code
    ):
        raise ProjectError(f"git knows no branch or commit {since[:80]!r}. Fetch it first, or name another one.")
    if git.ask("merge-base", since, "HEAD").code:
        raise ProjectError(
            f"{since!r} and this branch have no common ancestor here. Fetch the whole history (fetch-depth: 0)."
        )


def _branches(git: Git, since: str) -> list[str]:
    """Return the branch that is checked out and those that it has and `since` has not."""
    current = git.ask("symbolic-ref", "--quiet", "--short", "HEAD").output.decode("utf-8", "replace").split()
    ours = ("--merged", "HEAD", "--no-merged", since, "refs/heads", "refs/remotes")
    listed = git.do("for-each-ref", "--format=%(refname:short)", *ours)
    return [*current, *listed.decode("utf-8", "replace").split()]


def _is_of(branch: str, slug: str) -> bool:
    """Tell whether a branch is a mission's: its name ends in the slug, with or without a lane."""
    name = re.escape(slug)
    return re.search(rf"(?:^|[/-]){name}(?:-lane-[a-z0-9]+|-WP\d+)?$", branch) is not None
