"""The other side of a sync: fetching its branch to a private ref, and pushing to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from spec_kitty_telemetry.errors import ProjectError

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.git import Git
    from spec_kitty_telemetry.sync.branch import Branch

Pushed = Literal["pushed", "somebody was faster"]
_FASTER = ("fetch first", "non-fast-forward", "failed to update ref", "cannot lock ref", "incorrect old value",
           "reference already exists", "stale info")  # fmt: skip
_NO_SUCH_BRANCH = "couldn't find remote ref"


def chosen_remote(git: Git, name: str | None) -> str | None:
    """Return the remote `name`, else `origin`, else the only one; `None`: there is none.

    :raises ProjectError: there is no such remote, or there are several and none is `origin`.
    """
    known = git.do("remote").decode("utf-8", "replace").split()
    if name is not None:
        if name not in known:
            there = ", ".join(known) or "none"
            raise ProjectError(f"found no remote {name!r}; there are: {there}; 'git remote add' makes one")
        return name
    if "origin" in known:
        return "origin"
    if known[1:]:
        raise ProjectError(f"found the remotes {', '.join(known)} and none called origin; say which one with --remote")
    return next(iter(known), None)


class Remote:
    """One remote of the clone."""

    def __init__(self, git: Git, name: str, branch: Branch) -> None:
        """Name the remote and the branch that is exchanged with it."""
        self.name = name
        self._git = git
        self._branch = branch
        self._private_ref = f"refs/spec-kitty-telemetry/{name}"
        self._variables = _never_asking(git)

    def fetch(self) -> str | None:
        """Fetch the branch and return the commit that it is at there; `None`: the remote has no such branch.

        :raises ProjectError: the remote cannot be read.
        """
        answer = self._git.ask(
            "fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--no-auto-gc",
            self.name, f"+{self._branch.ref}:{self._private_ref}", variables=self._variables,
        )  # fmt: skip
        if answer.code == 0:
            return self._branch.tip(self._private_ref)
        if _NO_SUCH_BRANCH in answer.complaint:
            return None
        raise ProjectError(f"{self.name} cannot be read: {answer.complaint}")

    def push(self, commit: str) -> Pushed:
        """Push `commit`, never over what somebody else pushed.

        :raises ProjectError: the remote does not take it.
        """
        answer = self._git.ask(
            "push", "--porcelain", "--no-verify", self.name, f"{commit}:{self._branch.ref}", variables=self._variables
        )
        if answer.code == 0:
            return "pushed"
        said = _refusal(answer.output.decode("utf-8", "replace")) or answer.complaint
        if any(words in said for words in _FASTER):
            return "somebody was faster"
        raise ProjectError(f"{self.name} does not take it: {said}")


def _refusal(porcelain: str) -> str | None:
    for line in porcelain.splitlines():
        if line.startswith("!\t"):
            return line.split("\t")[-1]
    return None


def _never_asking(git: Git) -> dict[str, str]:
    """Return variables by which ssh fails where it would ask for a password, unless the user says how it is run."""
    if {"GIT_SSH", "GIT_SSH_COMMAND"} & set(os.environ) or git.ask("config", "core.sshCommand").code == 0:
        return {}
    return {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
