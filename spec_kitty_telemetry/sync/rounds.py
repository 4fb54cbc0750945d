"""The whole of a sync: what others recorded comes into the local logs, the union into the branch, the branch to them.

Nothing is ever taken away: the local logs only grow, and the branch only moves to commits that have all of its history.
So a sync may be killed anywhere, and whoever was slower begins again with what the other one pushed.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from spec_kitty_telemetry.errors import ProjectError, TelemetryError
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.project.git import Git
from spec_kitty_telemetry.project.layout import LOG_NAME, OUTSIDE, OUTSIDE_PATH, SPECS_FOLDER
from spec_kitty_telemetry.project.repository import checkout_around
from spec_kitty_telemetry.sync.branch import Branch
from spec_kitty_telemetry.sync.remote import Remote, chosen_remote
from spec_kitty_telemetry.sync.union import Union, unite

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.project.repository import Checkout

_ROUNDS = 20
_LONGEST_REST_S = 0.5


@dataclass(slots=True)
class Synced:
    """What a sync did."""

    branch: str
    remote: str | None
    came: int = 0
    """Records that were appended to the local logs."""
    went: int = 0
    """Records that the branch did not have, here or there."""
    is_pushed: bool = False
    is_empty: bool = False
    """Whether nobody has recorded anything yet."""
    problems: list[str] = field(default_factory=list)
    """Local logs that could not be read or written, one sentence each; all others are synced."""


def sync(project: Project, *, remote: str | None = None, push: bool = True, patience_s: float = 60.0) -> Synced:
    """Bring the local logs, the local branch and the branch of the remote to one state.

    Another sync of this clone is waited for, at most `patience_s`.

    :raises TelemetryError: there is no repository, or the branch or the remote cannot be used; nothing is lost.
    """
    checkout = checkout_around(project.root)
    if checkout is None:
        raise ProjectError(
            f"{project.root} is in no git repository, so there is nothing to sync with; 'git init' first"
        )
    lock = FileLock(checkout.common_dir / "spec-kitty-telemetry-sync.lock", thread_local=False)
    try:
        with lock.acquire(timeout=patience_s):
            return _Sync(project, checkout, remote).run(push=push)
    except Timeout as error:
        raise ProjectError("another sync of this clone is running; try again when it is done") from error
    except OSError as error:
        raise ProjectError(f"{error.filename or checkout.common_dir} cannot be used: {error.strerror}") from error


class _Sync:
    """One sync; its rounds begin again where somebody else was faster."""

    def __init__(self, project: Project, checkout: Checkout, remote: str | None) -> None:
        git = Git(project.root)
        settings = project.settings()
        self._project = project
        self._branch = Branch(git, checkout.common_dir, settings.sync_branch)
        name = chosen_remote(git, remote)
        self._remote = Remote(git, name, self._branch) if name else None
        inside = project.root.relative_to(checkout.top).as_posix()
        self._prefix = "" if inside == "." else f"{inside}/"
        self._done = Synced(self._branch.name, name)

    def run(self, *, push: bool) -> Synced:
        self._branch.check_out_of_use()
        for number in range(_ROUNDS):
            if number:
                time.sleep(random.uniform(0, _LONGEST_REST_S))  # noqa: S311 - so that two do not meet again and again
            theirs = self._remote.fetch() if self._remote else None
            if self._unite(theirs) and (not push or self._push(theirs)):
                return self._done
        where = self._remote.name if self._remote else "this clone"
        raise ProjectError(f"others wrote to {self._branch.name} in {where} again and again; run sync once more")

    def _push(self, theirs: str | None) -> bool:
        """Bring the branch to the remote; `False`: somebody was faster."""
        tip = self._branch.tip()
        if self._remote is None or tip is None or tip == theirs:
            return True
        self._done.is_pushed = self._remote.push(tip) == "pushed"
        return self._done.is_pushed

    def _unite(self, theirs: str | None) -> bool:
        """Bring the local logs and the local branch to the union; `False`: somebody else moved the branch meanwhile."""
        ours = self._branch.tip()
        sides = [self._branch.logs(commit) for commit in (theirs, ours)]
        merged = {**sides[1], **sides[0]}
        paths = sorted({*merged, *map(self._path_of, self._project.having_logs())})
        self._done.problems.clear()
        self._done.is_empty = not paths
        changed = {}
        went = 0
        for path in paths:
            union = self._unite_log(path, [side[path] for side in sides if path in side])
            if union.content is not None:
                changed[path] = union.content
            self._done.came += union.came
            went += union.went
        commit = self._commit(ours, theirs, merged, changed, went)
        if commit is not None and not self._branch.move(commit, ours):
            return False
        self._done.went += went
        return True

    def _unite_log(self, path: str, blobs: list[str]) -> Union:
        contents = self._branch.contents(blobs)
        sides = [contents[blob] for blob in blobs]
        try:
            return unite(sides, self._log_at(path))
        except TelemetryError as error:
            self._done.problems.append(str(error))
            return unite(sides, None)

    def _path_of(self, feature: str) -> str:
        folder = OUTSIDE_PATH if feature == OUTSIDE else f"{SPECS_FOLDER}/{feature}"
        return f"{self._prefix}{folder}/{LOG_NAME}"

    def _log_at(self, path: str) -> FeatureLog | None:
        """Return the local log that is at `path` of the branch; `None`: it is another project's in this repository."""
        named = path.removeprefix(f"{self._prefix}{SPECS_FOLDER}/").partition("/")[0]
        feature = next((each for each in (OUTSIDE, named) if path == self._path_of(each)), None)
        if feature is None:
            return None
        # What comes is in the branch too, so no record has to wait for the disk.
        return FeatureLog.of_feature(self._project, feature, fsync=False)

    def _commit(
        self, ours: str | None, theirs: str | None, logs: dict[str, str], changed: dict[str, bytes], went: int
    ) -> str | None:
        """Return the commit that has both histories and all records; `None`: there is nothing to commit."""
        branch = self._branch
        if branch.is_ancestor(ours, theirs):
            parents = [theirs]
        elif branch.is_ancestor(theirs, ours):
            parents = [ours]
        else:
            parents = [theirs, ours]
        tips = [tip for tip in parents if tip is not None]
        if not changed and len(tips) < 2:  # noqa: PLR2004 - one side has everything
            return tips[0] if tips else None
        note = f"Record {went} telemetry event{'' if went == 1 else 's'}" if went else "Join two histories of telemetry"
        return branch.commit(tips, logs, changed, note)
