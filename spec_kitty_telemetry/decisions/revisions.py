"""When the current branch left another one: the moment from which on it is compared with the time before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.project.git import Git

if TYPE_CHECKING:
    from pathlib import Path


def left_at(folder: Path, revision: str) -> datetime | None:
    """Return when the branch that is checked out in `folder` left `revision`, a branch, a tag or a commit.

    `None`: git knows no such revision, or `folder` is in no repository.

    :raises FilterError: the two have no common ancestor here.
    """
    git = Git(folder)
    if revision.startswith("-"):
        return None
    if git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").code:
        return None
    base = git.ask("merge-base", revision, "HEAD")
    if base.code:
        raise FilterError(f"{revision!r} and this branch have no common ancestor here. Fetch the whole history.")
    seconds = git.do("show", "--no-patch", "--format=%ct", base.output.decode().strip())
    return datetime.fromtimestamp(int(seconds.split()[-1]), UTC)
