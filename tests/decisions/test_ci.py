"""The workflows of `docs/ci.md` as they stand, in a clean clone of a repository whose records come through git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from spec_kitty_telemetry import emit_execution_event

PAGE = Path(__file__).parents[2] / "docs" / "ci.md"
FEATURE = "044-login"
INSTALL = "pip install spec-kitty-telemetry"

pytestmark = [
    pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not part of the wheel"),
    pytest.mark.skipif(sys.platform == "win32" or not shutil.which("bash"), reason="the steps are for a POSIX shell"),
]


def workflow(heading: str) -> Any:
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("```yaml\n")[1].split("```")[0]
    return yaml.safe_load(text)


def github_steps() -> list[str]:
    return [step["run"] for step in workflow("GitHub")["jobs"]["budget"]["steps"] if "run" in step]


def gitlab_steps() -> list[str]:
    return cast("list[str]", workflow("GitLab")["budget"]["script"])


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """`spec-kitty-telemetry` as it would be installed, and a `gh` that keeps what it was asked."""
    folder = tmp_path / "programs"
    folder.mkdir()
    script = f'#!/bin/sh\nexec "{sys.executable}" -m spec_kitty_telemetry "$@"\n'
    gh = '#!/bin/sh\necho "$@" >> "$GH_LOG"\ncase "$*" in *--paginate*) cat "$GH_FOUND";; esac\n'
    for name, text in (("spec-kitty-telemetry", script), ("gh", gh)):
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def clone(tmp_path: Path, programs: Path) -> Path:
    """A clean clone of a branch whose mission cost $30; its record came with `sync` from somebody else's clone."""
    origin, work = tmp_path / "origin.git", tmp_path / "work"
    git(tmp_path, "init", "-q", "--bare", str(origin))
    git(tmp_path, "clone", "-q", str(origin), str(work))
    mission = work / "kitty-specs" / FEATURE
    mission.mkdir(parents=True)
    (work / ".kittify").mkdir()
    (work / ".kittify" / "config.yaml").write_text("project: {slug: shop}\n", encoding="utf-8")
    git(work, "add", "-A")
    git(work, "commit", "-qm", "one", "--allow-empty")
    git(work, "push", "-q", "origin", "HEAD:main")
    git(work, "switch", "-qc", "topic")
    (mission / "spec.md").write_text("# Login\n", encoding="utf-8")
    git(work, "add", "-A")
    git(work, "commit", "-qm", "two")
    git(work, "push", "-q", "origin", "topic")
    emit_execution_event(mission, FEATURE, "WP01", "claude-code", "implementer", cost_usd=Decimal(30))
    subprocess.run([programs / "spec-kitty-telemetry", "sync"], cwd=work, check=True, capture_output=True)
    clean = tmp_path / "clean"
    git(tmp_path, "clone", "-q", "--branch", "topic", str(origin), str(clean))
    assert not list(clean.rglob("execution.events.jsonl"))
    return clean


def run(step: str, folder: Path, programs: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step], cwd=folder, capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONUTF8": "1", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", **environment},
    )  # fmt: skip


@pytest.fixture
def github(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "found").write_text("", encoding="utf-8")
    return {
        "GITHUB_BASE_REF": "main", "GITHUB_REPOSITORY": "shop/shop", "NUMBER": "7",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "GH_LOG": str(tmp_path / "gh.log"),
        "GH_FOUND": str(tmp_path / "found"),
    }  # fmt: skip


def test_the_steps_for_github_comment_first_and_then_fail(
    clone: Path, programs: Path, github: dict[str, str], tmp_path: Path
) -> None:
    install, sync, comment, check = github_steps()
    assert install == INSTALL
    for step in (sync, comment):
        done = run(step, clone, programs, **github)
        assert done.returncode == 0, done.stderr
    assert (clone / "comment.md").read_text(encoding="utf-8").startswith("<!-- spec-kitty-telemetry check -->\n")
    asked = (tmp_path / "gh.log").read_text(encoding="utf-8").splitlines()
    assert asked[-1] == "api --method POST repos/shop/shop/issues/7/comments --field body=@comment.md"
    done = run(check, clone, programs, **github)
    assert done.returncode == 3
    assert "Over budget for 044-login." in done.stdout
    assert "::error title=AI agent budget::--limit: $30.00 spent, over the limit of $25.00." in done.stdout
    assert "$30.00" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_the_comment_that_is_there_is_updated(
    clone: Path, programs: Path, github: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "found").write_text("4711\n", encoding="utf-8")
    _, sync, comment, _ = github_steps()
    run(sync, clone, programs, **github)
    assert run(comment, clone, programs, **github).returncode == 0
    asked = (tmp_path / "gh.log").read_text(encoding="utf-8").splitlines()
    assert asked[-1] == "api --method PATCH repos/shop/shop/issues/comments/4711 --field body=@comment.md"


def test_the_steps_for_gitlab_leave_a_test_report_and_fail(clone: Path, programs: Path) -> None:
    install, *steps = gitlab_steps()
    assert install == INSTALL
    *before, check = steps
    target = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    for step in before:
        done = run(step, clone, programs, **target)
        assert done.returncode == 0, done.stderr
    assert run(check, clone, programs, **target).returncode == 3
    assert 'failures="1"' in (clone / "budget.xml").read_text(encoding="utf-8")


def test_a_branch_that_touches_no_mission_passes(clone: Path, programs: Path, github: dict[str, str]) -> None:
    git(clone, "switch", "-q", "--detach", "origin/main")
    _, sync, comment, check = github_steps()
    assert [run(step, clone, programs, **github).returncode for step in (sync, comment)] == [0, 0]
    done = run(check, clone, programs, **github)
    assert done.returncode == 0, done.stderr
    assert "No mission changed since origin/main, so nothing was spent." in done.stdout
