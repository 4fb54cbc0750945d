"""The branch that has all logs of the clone's projects: read and written with git's plumbing alone.

It holds the logs at the paths that they have in a checkout, and nothing else.  Neither a checkout, nor its index, nor a
hook has anything to do with it.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.project.layout import LOG_NAME, OUTSIDE_PATH, SPECS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spec_kitty_telemetry.project.git import Git

_FOLDER = rf"(?:{SPECS_FOLDER}/[A-Za-z0-9][A-Za-z0-9._-]{{0,127}}|{re.escape(OUTSIDE_PATH)})"
_LOG_PATH = re.compile(rf"(?:.+/)?{_FOLDER}/{re.escape(LOG_NAME)}".encode())
_FILE_MODE = "100644"
_NOBODY = ""
"""In place of a commit: the branch must not exist yet."""
_OLD_LOCK_S = 10.0
"""A ref is locked for a moment; a lock this old was left by a git that was killed."""
_INDEX_SETTINGS = ("-c", "core.splitIndex=false", "-c", "index.sparse=false", "-c", "core.untrackedCache=false")
_WRITER = "spec-kitty-telemetry"


class Branch:
    """One branch of the clone, by its short name."""

    def __init__(self, git: Git, common_dir: Path, name: str) -> None:
        """Name the branch, which need not exist.

        :raises ProjectError: it cannot be a branch's name.
        """
        if git.ask("check-ref-format", f"refs/heads/{name}").code != 0 or name.startswith("-"):
            raise ProjectError(f"sync_branch: found {name!r}, which cannot be a branch's name; set another")
        self.name = name
        self.ref = f"refs/heads/{name}"
        self._git = git
        self._common_dir = common_dir

    def tip(self, ref: str | None = None) -> str | None:
        """Return the commit that the branch, or another `ref`, is at."""
        answer = self._git.ask("rev-parse", "--verify", "--quiet", f"{ref or self.ref}^{{commit}}")
        return answer.output.decode().strip() or None if answer.code == 0 else None

    def check_out_of_use(self) -> None:
        """Refuse a branch that is checked out: its working tree would not follow.

        :raises ProjectError: it is; the message says where.
        """
        place = ""
        for line in self._git.do("worktree", "list", "--porcelain").decode("utf-8", "replace").splitlines():
            place = line.removeprefix("worktree ") if line.startswith("worktree ") else place
            if line == f"branch {self.ref}":
                raise ProjectError(f"the branch {self.name} is checked out in {place}; switch to another one there")

    def logs(self, commit: str | None) -> dict[str, str]:
        """Return the logs in `commit`: the path of each and the name of its blob.

        :raises ProjectError: there is something else in it, so the branch is somebody else's.
        """
        if commit is None:
            return {}
        found = {}
        for entry in self._git.do("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            if not entry:
                continue
            facts, _, path = entry.partition(b"\t")
            mode, _, blob = facts.split(b" ")
            if mode.decode() != _FILE_MODE or not _LOG_PATH.fullmatch(path):
                raise ProjectError(
                    f"the branch {self.name} holds {os.fsdecode(path)[:140]!r}, which is no log, so it is not "
                    "telemetry's; set another name as sync_branch in .kittify/telemetry.yaml"
                )
            found[os.fsdecode(path)] = blob.decode()
        return found

    def contents(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """Return the content of each blob."""
        wanted = sorted(set(blobs))
        if not wanted:
            return {}
        output = self._git.do("cat-file", "--batch", typed="".join(f"{blob}\n" for blob in wanted).encode())
        found = {}
        place = 0
        for blob in wanted:
            end = output.index(b"\n", place)
            size = int(output[place:end].rsplit(b" ", 1)[1])
            found[blob] = output[end + 1 : end + 1 + size]
            place = end + 1 + size + 1
        return found

    def commit(self, parents: list[str], logs: Mapping[str, str], changed: Mapping[str, bytes], note: str) -> str:
        """Make a commit of the blobs `logs`, with the contents `changed` in place of theirs; no ref is moved."""
        entries = dict(logs)
        for path, content in changed.items():
            entries[path] = self._git.do("hash-object", "-w", "--stdin", typed=content).decode().strip()
        listed = os.fsencode("".join(f"{_FILE_MODE} {blob}\t{path}\0" for path, blob in entries.items()))
        with tempfile.TemporaryDirectory(prefix="spec-kitty-telemetry-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git.do(*_INDEX_SETTINGS, "update-index", "-z", "--index-info", typed=listed, variables=index)
            tree = self._git.do(*_INDEX_SETTINGS, "write-tree", variables=index).decode().strip()
        named = [part for parent in parents for part in ("-p", parent)]
        return self._git.do("commit-tree", tree, *named, "-m", note, variables=self._identity()).decode().strip()

    def _identity(self) -> dict[str, str]:
        if self._git.ask("var", "GIT_COMMITTER_IDENT").code == 0:
            return {}
        names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), _WRITER)
        return {**names, **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), f"{_WRITER}@localhost")}

    def is_ancestor(self, one: str | None, other: str | None) -> bool:
        """Tell whether `other` has all of the history of `one`; nothing is an ancestor of all."""
        if one is None or one == other:
            return True
        return other is not None and self._git.ask("merge-base", "--is-ancestor", one, other).code == 0

    def move(self, new: str, old: str | None) -> bool:
        """Move the branch from `old` to `new`; `False`: somebody else moved it meanwhile.

        :raises ProjectError: it cannot be moved.
        """
        if new == old:
            return True
        answer = self._git.ask("update-ref", "-m", "telemetry sync", self.ref, new, old or _NOBODY)
        if answer.code == 0:
            return True
        if "File exists" in answer.complaint:
            self._remove_old_lock()
            return False
        if "but expected" in answer.complaint or "reference already exists" in answer.complaint:
            return False
        raise ProjectError(f"the branch {self.name} cannot be written: {answer.complaint}")

    def _remove_old_lock(self) -> None:
        lock = self._common_dir / f"{self.ref}.lock"
        try:
            if time.time() - lock.stat().st_mtime > _OLD_LOCK_S:
                lock.unlink()
        except OSError:  # it is gone, which is as good
            return
