"""Starting git for what only git should do: its index, its objects, its remotes.  Never on the way of a record.

Nothing that a person set for their own shell leads it elsewhere, nothing asks a question, no hook is run.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_OF_ONE_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS",
        "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
    }
)  # fmt: skip
"""What git sets for its hooks and editors, so that they find *its* repository (`git rev-parse --local-env-vars`)."""
_QUIETLY = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "LANGUAGE": ""}
_SETTINGS = (
    f"core.hooksPath={os.devnull}", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false",
    "commit.gpgSign=false", "push.gpgSign=false", "push.followTags=false", "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=no", "fetch.writeCommitGraph=false",
)  # fmt: skip
_PATIENCE_S = 120.0


class GitAnswer(NamedTuple):
    """What one git command said."""

    code: int
    output: bytes
    complaint: str
    """One line of what it printed to stderr, the first that says what is wrong."""


class Git:
    """Runs git in one folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        """Name the folder; nothing is run yet."""
        kept = {name: value for name, value in environment.items() if name not in _OF_ONE_REPOSITORY}
        self._folder = folder
        self._environment = {**kept, **_QUIETLY}

    def ask(self, *arguments: str, typed: bytes = b"", variables: Mapping[str, str] | None = None) -> GitAnswer:
        """Run git with `arguments`, `typed` on its stdin and more environment `variables`; failing is an answer too.

        :raises ProjectError: git is not installed, or does not come back.
        """
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        try:
            done = subprocess.run(  # noqa: S603 - the arguments are ours
                ["git", *settings, *arguments],  # noqa: S607 - the user's git, as in their shell
                cwd=self._folder,
                input=typed,
                env={**self._environment, **(variables or {})},
                capture_output=True,
                timeout=_PATIENCE_S,
                check=False,
            )
        except FileNotFoundError as error:
            raise ProjectError("found no program 'git', which this needs; install it") from error
        except subprocess.TimeoutExpired as error:
            raise ProjectError(f"git {arguments[0]} did not come back within {_PATIENCE_S:g} s; try again") from error
        except OSError as error:
            raise ProjectError(f"git cannot be run in {self._folder}: {(error.strerror or '').lower()}") from error
        return GitAnswer(done.returncode, done.stdout, complaint_in(done.stderr.decode("utf-8", "replace")))

    def do(self, *arguments: str, typed: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        """Run git as `ask` does and return what it printed.

        :raises ProjectError: it failed; the message is its own.
        """
        answer = self.ask(*arguments, typed=typed, variables=variables)
        if answer.code != 0:
            raise ProjectError(f"git {arguments[0]} failed: {answer.complaint}")
        return answer.output


def complaint_in(text: str) -> str:
    """Return the line of git's stderr that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for mark in ("fatal: ", "error: ", "! [", "remote: "):
        for line in lines:
            if line.startswith(mark):
                return line.removeprefix("fatal: ").removeprefix("error: ")[:300]
    return lines[-1][:300] if lines else "it does not say why"
