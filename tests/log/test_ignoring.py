"""Git ignores the logs: nothing that is recorded makes a checkout dirty, and nothing about git costs a record."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.record import ExecutionEvent
from spec_kitty_telemetry.project.ignoring import PATTERN, exclude_line
from spec_kitty_telemetry.project.layout import Project
from spec_kitty_telemetry.project.locate import find_project

if TYPE_CHECKING:
    from pathlib import Path

FEATURE = "043-telemetry-foundation"
NewEvent = Callable[..., ExecutionEvent]

posix = pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def init(project: Project, *options: str) -> str:
    done = CliRunner().invoke(group, ["init", "--project", str(project.root), *options])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def repository(project: Project) -> Project:
    """The project in git, all committed, nothing recorded yet."""
    git(project.root, "init", "-q")
    (project.root / ".gitignore").write_text(".kittify/runtime/\n.worktrees/\n", encoding="utf-8")
    (project.specs_dir / FEATURE / "spec.md").write_text("x", encoding="utf-8")
    git(project.root, "add", ".")
    git(project.root, "commit", "-qm", "one")
    return project


def record(project: Project, new_event: NewEvent, feature: str = FEATURE) -> str:
    return FeatureLog.of_feature(project, feature).append(new_event()).place


def status(folder: Path) -> str:
    return git(folder, "status", "--porcelain", "--untracked-files=all")


def exclude_of(project: Project) -> Path:
    return project.root / ".git" / "info" / "exclude"


def test_a_record_never_makes_the_checkout_or_a_worktree_dirty(repository: Project, new_event: NewEvent) -> None:
    lane = repository.root / ".worktrees" / "lane-a"
    git(repository.root, "worktree", "add", "-q", str(lane), "-b", "lane-a")
    before = exclude_of(repository).read_bytes()
    assert record(repository, new_event) == "log"
    (lane / "kitty-specs" / FEATURE / "execution.events.jsonl").write_text("", encoding="utf-8")
    assert (status(repository.root), status(lane)) == ("", "")
    assert exclude_of(repository).read_bytes() == before + PATTERN.encode() + b"\n"


def test_the_first_record_from_within_a_lane_writes_the_same_line(repository: Project, new_event: NewEvent) -> None:
    lane = repository.root / ".worktrees" / "lane-a"
    git(repository.root, "worktree", "add", "-q", str(lane), "-b", "lane-a")
    assert record(find_project(lane), new_event) == "log"
    assert exclude_of(repository).read_text().splitlines()[-1] == PATTERN
    assert status(repository.root) == ""


def test_an_ignored_log_survives_reset_clean_and_another_branch(repository: Project, new_event: NewEvent) -> None:
    record(repository, new_event)
    log = repository.log_path(FEATURE)
    before = log.read_bytes()
    git(repository.root, "reset", "-q", "--hard")
    git(repository.root, "clean", "-qfd")
    git(repository.root, "checkout", "-q", "-b", "other")
    assert log.read_bytes() == before


@pytest.mark.parametrize("kept", [b"", b"*.swp", b"*.swp\n", b"*.swp\r\n*.bak\r\n", b"# \xff\n"])
def test_what_was_in_the_file_stays_and_the_line_comes_once(
    repository: Project, new_event: NewEvent, kept: bytes
) -> None:
    path = exclude_of(repository)
    path.write_bytes(kept)
    path.chmod(0o640)
    record(repository, new_event)
    end = b"\r\n" if b"\r\n" in kept else b"\n"
    missing = b"" if not kept or kept.endswith(b"\n") else end
    assert path.read_bytes() == kept + missing + PATTERN.encode() + end
    assert os.name != "posix" or stat.S_IMODE(path.stat().st_mode) == 0o640
    written = path.read_bytes()
    assert init(repository) == f"Nothing to do: this is in {path}:\n  {PATTERN}\n"
    assert path.read_bytes() == written
    assert sorted(each.name for each in path.parent.iterdir()) == ["exclude"]


def test_a_line_that_a_person_took_out_is_not_put_back_by_records_but_by_init(
    repository: Project, new_event: NewEvent
) -> None:
    record(repository, new_event)
    exclude_of(repository).write_bytes(b"")
    program = (
        "import sys; from pathlib import Path; from spec_kitty_telemetry import emit_execution_event\n"
        "emit_execution_event(Path(sys.argv[1]), sys.argv[2], 'WP01', 'a', 'r')"
    )
    folder = repository.specs_dir / FEATURE
    subprocess.run([sys.executable, "-c", program, str(folder), FEATURE], check=True)
    assert exclude_of(repository).read_bytes() == b""
    assert init(repository) == f"Added to {exclude_of(repository)}:\n  {PATTERN}\n"
    assert exclude_of(repository).read_text() == f"{PATTERN}\n"


@pytest.mark.parametrize("name", ["sub/dir", "#odd [1]/!two*", "with space"])
@posix
def test_a_project_below_the_top_of_its_repository_is_named_from_there(
    tmp_path: Path, new_event: NewEvent, name: str
) -> None:
    top = tmp_path.resolve() / "top"
    folder = top / name
    (folder / "kitty-specs" / FEATURE).mkdir(parents=True)
    git(top, "init", "-q")
    assert record(Project(folder), new_event) == "log"
    (folder / ".kittify" / "runtime" / "telemetry" / ".gitignore").unlink()
    assert "execution.events.jsonl" not in status(top)
    outside = top / "kitty-specs" / "other" / "execution.events.jsonl"
    outside.parent.mkdir(parents=True)
    outside.write_text("", encoding="utf-8")
    assert "other/execution.events.jsonl" in status(top)


def test_a_missing_info_folder_is_made(repository: Project, new_event: NewEvent) -> None:
    exclude_of(repository).unlink()
    exclude_of(repository).parent.rmdir()
    assert record(repository, new_event) == "log"
    assert exclude_of(repository).read_text() == f"{PATTERN}\n"


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link_out(path: Path) -> None:
    target = path.parents[3] / "elsewhere"
    target.write_bytes(b"mine\n")
    path.symlink_to(target)


def an_info_folder_that_leads_out(path: Path) -> None:
    path.parent.rmdir()
    target = path.parents[3] / "elsewhere-folder"
    target.mkdir()
    path.parent.symlink_to(target)


def write_protected(path: Path) -> None:
    path.write_bytes(b"mine\n")
    path.chmod(0o444)


def huge(path: Path) -> None:
    path.write_bytes(b"x" * 1024 * 1024 + b"\n")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


HOSTILE: dict[Callable[[Path], None], str] = {
    a_folder: "is not a regular file; move it away",
    a_link_out: "is a symlink, which telemetry does not follow; put the file itself there",
    an_info_folder_that_leads_out: "leads out of the repository; replace the link by a folder",
    huge: "is larger than 1024 KiB; shorten it",
    a_pipe: "is not a regular file; move it away",
}


@posix
@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_a_hostile_exclude_file_costs_no_record_and_init_says_one_sentence(
    repository: Project, new_event: NewEvent, make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = exclude_of(repository)
    path.unlink()
    make(path)
    assert record(repository, new_event) == "log"
    done = CliRunner().invoke(group, ["init", "--project", str(repository.root)])
    named = path.parent if make is an_info_folder_that_leads_out else path
    assert (done.exit_code, done.output) == (1, f"Error: {named} {HOSTILE[make]}\n")
    assert all(each.read_bytes() == b"mine\n" for each in tmp_path.resolve().glob("elsewhere"))
    assert not any(list(each.iterdir()) for each in tmp_path.resolve().glob("elsewhere-folder"))


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everything")
def test_a_write_protected_exclude_file_is_left_as_it_is(repository: Project, new_event: NewEvent) -> None:
    write_protected(exclude_of(repository))
    assert record(repository, new_event) == "log"
    assert exclude_of(repository).read_bytes() == b"mine\n"


@posix
def test_a_git_file_that_came_with_an_archive_writes_into_no_other_repository(
    tmp_path: Path, new_event: NewEvent
) -> None:
    victim, archive = tmp_path.resolve() / "victim", tmp_path.resolve() / "archive"
    for folder in (victim, archive):
        (folder / "kitty-specs" / FEATURE).mkdir(parents=True)
    git(victim, "init", "-q")
    git(victim, "commit", "-q", "--allow-empty", "-m", "one")
    git(victim, "worktree", "add", "-q", "-b", "x", str(tmp_path / "x"))
    before = exclude_of(Project(victim)).read_bytes()
    common = archive / "crafted"
    common.mkdir()
    (common / "commondir").write_text(f"{victim}/.git", encoding="utf-8")
    for pointer in ("crafted", "../victim/.git", "../victim/.git/worktrees/x"):
        (archive / ".git").write_text(f"gitdir: {pointer}\n", encoding="utf-8")
        project = find_project(archive)
        assert project.root == archive
        assert record(project, new_event) == "log"
    assert exclude_of(Project(victim)).read_bytes() == before
    assert not (victim / "kitty-specs" / FEATURE / "execution.events.jsonl").exists()


def test_many_processes_that_record_first_at_once_write_one_line(repository: Project) -> None:
    program = (
        "import sys; from pathlib import Path; from spec_kitty_telemetry import emit_execution_event\n"
        "emit_execution_event(Path(sys.argv[1]), sys.argv[2], 'WP01', 'a', 'r')"
    )
    for number in range(4):
        (repository.specs_dir / f"{number:03}-x").mkdir()
    before = exclude_of(repository).read_text()
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(repository.specs_dir / f"{n % 4:03}-x"), f"{n % 4:03}-x"])
        for n in range(8)
    ]
    assert [process.wait() for process in started] == [0] * 8
    assert exclude_of(repository).read_text() == f"{before}{PATTERN}\n"
    assert status(repository.root) == ""


def test_untrack_takes_logs_out_of_the_index_only_and_says_what_to_commit(
    repository: Project, new_event: NewEvent
) -> None:
    log = repository.log_path(FEATURE)
    init(repository, "--track")
    record(repository, new_event)
    git(repository.root, "add", ".")
    git(repository.root, "commit", "-qm", "tracked")
    (repository.root / "staged.txt").write_text("x", encoding="utf-8")
    git(repository.root, "add", "staged.txt")
    content = log.read_bytes()
    where = f"kitty-specs/{FEATURE}/execution.events.jsonl"
    assert init(repository, "--untrack") == (
        f"git no longer tracks these logs; the files are as they were:\n  {where}\n"
        'Commit that:  git add .gitignore && git commit -m "Stop tracking telemetry logs"\n'
        "git deletes a tracked log wherever that commit arrives: run 'spec-kitty telemetry sync' there before, or keep "
        "a copy.\n"
    )
    assert log.read_bytes() == content
    git(repository.root, "add", ".gitignore")
    assert status(repository.root) == f"M  .gitignore\nD  {where}\nA  staged.txt\n"
    git(repository.root, "commit", "-qm", "untracked")
    record(repository, new_event)
    assert status(repository.root) == ""
    assert init(repository, "--untrack") == "Nothing to do: git tracks no log here.\n"


def test_init_names_logs_that_are_tracked(repository: Project, new_event: NewEvent) -> None:
    record(repository, new_event)
    git(repository.root, "add", "--force", f"kitty-specs/{FEATURE}/execution.events.jsonl")
    assert init(repository) == (
        f"Nothing to do: this is in {exclude_of(repository)}:\n  {PATTERN}\n"
        "These logs are tracked, so git goes on to see them; 'init --untrack' ends that:\n"
        f"  kitty-specs/{FEATURE}/execution.events.jsonl\n"
    )


def test_logs_that_a_team_keeps_in_the_tree_are_seen_by_git(repository: Project, new_event: NewEvent) -> None:
    init(repository, "--track")
    record(repository, new_event)
    assert f"?? kitty-specs/{FEATURE}/execution.events.jsonl" in status(repository.root)
    assert init(repository).endswith(
        "The project's .gitignore keeps logs in the tree all the same ('init --track' wrote that).\n"
    )


def test_without_a_repository_a_record_needs_none_and_init_says_so(project: Project, new_event: NewEvent) -> None:
    assert record(project, new_event) == "log"
    done = CliRunner().invoke(group, ["init", "--project", str(project.root)])
    reason = f"{project.root} is in no git repository, so there is nothing to do; 'git init' makes one"
    assert (done.exit_code, done.output) == (1, f"Error: {reason}\n")


def test_the_line_of_a_project_at_the_top_has_no_prefix(repository: Project) -> None:
    assert exclude_line(repository) == "kitty-specs/*/execution.events.jsonl"
