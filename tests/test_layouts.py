"""One project has one log, however git lays its checkouts out: the project is found from every one of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.project.locate import find_project

FEATURE = "001-demo"
LOG = Path("kitty-specs") / FEATURE / "execution.events.jsonl"


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    command = ["git", *who, "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def new_repository(folder: Path, project: str = ".") -> Path:
    """Make a repository with a committed spec-kitty project, at its top or below it."""
    (folder / project / "kitty-specs" / FEATURE).mkdir(parents=True)
    (folder / project / "kitty-specs" / FEATURE / "spec.md").write_text("x", encoding="utf-8")
    (folder / ".gitignore").write_text(".worktrees/\n.kittify/runtime/\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


def record_from(folder: Path) -> None:
    appended = emit_execution_event(folder / "kitty-specs" / FEATURE, FEATURE, "WP01", "a", "implementer")
    assert appended is not None
    assert appended.place == "log"


def event_count(folder: Path) -> int:
    done = CliRunner().invoke(group, ["report", "--json", "--project", str(folder)])
    assert done.exit_code == 0, done.output
    count: int = json.loads(done.output)["total"]["event_count"]
    return count


def check_one_log(checkouts: list[Path], primary: Path) -> None:
    """Record once from each checkout, and find all of that from each, in `primary` only; git sees nothing new."""
    for checkout in checkouts:
        assert find_project(checkout).root == primary
        record_from(checkout)
    for checkout in checkouts:
        assert event_count(checkout) == len(checkouts)
        assert (checkout / LOG).exists() == (checkout == primary)
        assert git(checkout, "status", "--porcelain") == ""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def test_an_ordinary_clone_with_lanes_inside_and_worktrees_elsewhere(place: Path) -> None:
    top = new_repository(place / "shop")
    lane, elsewhere = top / ".worktrees" / "lane-a", place / "elsewhere"
    git(top, "worktree", "add", "-q", "-b", "lane-a", str(lane))
    git(top, "worktree", "add", "-q", "-b", "other", str(elsewhere))
    check_one_log([lane, elsewhere, top], top)


@pytest.mark.parametrize("bare_name", [".bare", ".git", "shop.git"])
def test_a_bare_repository_with_worktrees_beside_it(place: Path, bare_name: str) -> None:
    folder = place / "project"
    folder.mkdir()
    git(folder, "clone", "-q", "--bare", str(new_repository(place / "source")), bare_name)
    main, other = folder / "main", folder / "other"
    git(folder / bare_name, "worktree", "add", "-q", str(other), "-b", "other")
    git(folder / bare_name, "worktree", "add", "-q", str(main), "main")
    lane = main / ".worktrees" / "lane-a"
    git(main, "worktree", "add", "-q", "-b", "lane-a", str(lane))
    check_one_log([lane, other, main], main)


def test_a_bare_repository_without_its_main_branch_checked_out_keeps_lanes_in_the_checkout_around_them(
    place: Path,
) -> None:
    git(place, "clone", "-q", "--bare", str(new_repository(place / "source")), "bare")
    other = place / "other"
    git(place / "bare", "worktree", "add", "-q", str(other), "-b", "other")
    lane = other / ".worktrees" / "lane-a"
    git(other, "worktree", "add", "-q", "-b", "lane-a", str(lane))
    check_one_log([lane, other], other)


def test_a_project_below_the_top_of_its_repository(place: Path) -> None:
    top = new_repository(place / "mono", "services/shop")
    lane = top / "services" / "shop" / ".worktrees" / "lane-a"
    git(top, "worktree", "add", "-q", "-b", "lane-a", str(lane))
    check_one_log([lane / "services" / "shop", top / "services" / "shop"], top / "services" / "shop")


def test_a_submodule_is_a_project_of_its_own_with_worktrees_of_its_own(place: Path) -> None:
    outer = new_repository(place / "outer")
    git(outer, "submodule", "add", "-q", str(new_repository(place / "source")), "parts/shop")
    git(outer, "commit", "-qm", "with a submodule")
    inner = outer / "parts" / "shop"
    lane, elsewhere = inner / ".worktrees" / "lane-a", place / "elsewhere"
    git(inner, "worktree", "add", "-q", "-b", "lane-a", str(lane))
    git(inner, "worktree", "add", "-q", "-b", "other", str(elsewhere))
    check_one_log([lane, elsewhere, inner], inner)
    assert event_count(outer) == 0
    assert git(outer, "status", "--porcelain") == ""


def test_two_repositories_with_one_name_stay_apart(place: Path) -> None:
    outer = new_repository(place / "outer")
    inner = new_repository(outer / "inner")
    record_from(inner)
    assert (event_count(inner), event_count(outer)) == (1, 0)
