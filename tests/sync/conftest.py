"""Two clones of one project and a bare remote."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from builders import new_record
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event, query_project_events
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.project.layout import OUTSIDE, Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FEATURE, OTHER = "user-login-01M8FXYR", "user-logout-01M8G9GK"


@dataclass(frozen=True)
class Clone:
    """One clone of the project."""

    root: Path

    @property
    def project(self) -> Project:
        return Project(self.root)

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
        done = subprocess.run(["git", *who, *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def record(self, feature: str = FEATURE, count: int = 1) -> None:
        for _ in range(count):
            appended = emit_execution_event(
                self.root / "kitty-specs" / feature, feature, "WP01", self.root.name, "implementer", output_tokens=7
            )
            assert appended is not None
            assert appended.place == "log"

    def record_outside(self, count: int = 1) -> None:
        """Record work that belongs to no mission."""
        log = FeatureLog.of_feature(self.project, OUTSIDE, fsync=False)
        for _ in range(count):
            assert log.append(new_record(feature=OUTSIDE, output_tokens=7)).place == "log"

    def sync(self, *options: str) -> Result:
        return CliRunner().invoke(group, ["sync", "--project", str(self.root), *options])

    def synced(self, *options: str) -> str:
        done = self.sync(*options)
        assert done.exit_code == 0, done.output
        return done.output.rstrip("\n")

    def ids(self) -> list[str]:
        """Return the ids of all records in the local logs, sorted, each as often as it stands there."""
        paths = [*self.root.glob("kitty-specs/*/execution.events.jsonl"), self.project.outside_log]
        lines = [line for path in paths if path.exists() for line in path.read_bytes().splitlines()]
        ids = sorted(event.event_id for event in query_project_events(self.root))
        assert len(lines) == len(ids)
        return ids

    def seen_by_git(self) -> tuple[str, bytes, str, str, str]:
        """Return what a sync must not touch: status, index, HEAD, the user's branches and the stash."""
        index = self.root / ".git" / "index"
        refs = [line for line in self.git("for-each-ref").splitlines() if "telemetry" not in line]
        return (
            self.git("status", "--porcelain", "--untracked-files=all"),
            index.read_bytes() if index.exists() else b"",
            (self.root / ".git" / "HEAD").read_text(),
            "\n".join(refs),
            self.git("stash", "list"),
        )


@pytest.fixture(autouse=True)
def _no_settings_of_this_machines_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Make a bare repository with one commit of a project with two missions."""
    source = Clone(tmp_path.resolve() / "source")
    for feature in (FEATURE, OTHER):
        (source.root / "kitty-specs" / feature).mkdir(parents=True)
        (source.root / "kitty-specs" / feature / "spec.md").write_text("x", encoding="utf-8")
    (source.root / ".gitignore").write_text(".kittify/runtime/\n", encoding="utf-8")
    source.git("init", "-q")
    source.git("add", ".")
    source.git("commit", "-qm", "one")
    bare = tmp_path.resolve() / "remote.git"
    source.git("clone", "-q", "--bare", ".", str(bare))
    return bare


@pytest.fixture
def new_clone(remote: Path, tmp_path: Path) -> Callable[..., Clone]:
    """Make a clone called `name`."""

    def make(name: str, *options: str) -> Clone:
        root = tmp_path.resolve() / name
        subprocess.run(["git", "clone", "-q", *options, str(remote), str(root)], check=True)
        return Clone(root)

    return make


@pytest.fixture
def ann(new_clone: Callable[..., Clone]) -> Clone:
    return new_clone("ann")


@pytest.fixture
def bob(new_clone: Callable[..., Clone]) -> Clone:
    return new_clone("bob")
