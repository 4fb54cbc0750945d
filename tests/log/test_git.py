"""Logs in the tree of a git repository: `init --track`, branches that both recorded, worktrees."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event, query_execution_events
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.log.reader import ScanReport
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.model.record import ExecutionEvent
from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
LINE = b"kitty-specs/**/execution.events.jsonl merge=union linguist-generated=true"
NewEvent = Callable[..., ExecutionEvent]
ReadBack = Callable[[Path], tuple[list[ExecutionEvent], ScanReport]]


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def init(project: Project, *options: str) -> str:
    done = CliRunner().invoke(group, ["init", "--project", str(project.root), *options])
    assert done.exit_code == 0, done.output
    return done.output


def committed(project: Project, message: str) -> None:
    git(project.root, "add", ".")
    git(project.root, "commit", "-qm", message)


@pytest.fixture
def repository(project: Project) -> Project:
    """The project in git, of a team that keeps its logs in the tree."""
    git(project.root, "init", "-q")
    (project.root / ".gitignore").write_text(".kittify/runtime/\n.worktrees/\n", encoding="utf-8")
    init(project, "--track")
    committed(project, "one")
    return project


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, LINE + b"\n"),
        (b"", LINE + b"\n"),
        (b"*.png binary\n", b"*.png binary\n" + LINE + b"\n"),
        (b"*.png binary", b"*.png binary\n" + LINE + b"\n"),
        (b"a text\r\nb binary\r\n", b"a text\r\nb binary\r\n" + LINE + b"\r\n"),
        (b"a text\r\nb binary", b"a text\r\nb binary\r\n" + LINE + b"\r\n"),
        (b"# \xff\xfe odd\n", b"# \xff\xfe odd\n" + LINE + b"\n"),
        (LINE[:-25] + b"\n", LINE[:-25] + b"\n" + LINE + b"\n"),
        (LINE + b"\n" + LINE[:37] + b" -merge\n", LINE + b"\n" + LINE[:37] + b" -merge\n" + LINE + b"\n"),
    ],
)
def test_init_track_adds_one_line_once_and_keeps_everything_else(
    project: Project, before: bytes | None, after: bytes
) -> None:
    git(project.root, "init", "-q")
    path = project.root / ".gitattributes"
    if before is not None:
        path.write_bytes(before)
    assert init(project, "--track").startswith(
        "The logs are kept in the tree from now on. Commit .gitignore .gitattributes, so that every clone does the "
        "same.\nspec-kitty's accept, merge, record-analysis and move-task refuse a checkout with uncommitted files"
    )
    assert path.read_bytes() == after
    assert init(project, "--track").startswith("Nothing to do: the logs are kept in the tree already.\n")
    assert path.read_bytes() == after
    assert (project.root / ".gitignore").read_bytes() == b"!kitty-specs/*/execution.events.jsonl\n"


def test_init_track_refuses_attributes_that_are_no_file(project: Project) -> None:
    git(project.root, "init", "-q")
    (project.root / ".gitattributes").mkdir()
    done = CliRunner().invoke(group, ["init", "--project", str(project.root), "--track"])
    assert done.exit_code == 1
    assert done.output == f"Error: {project.root}/.gitattributes is a folder, expected a file; move it away\n"


def test_git_understands_the_line(repository: Project) -> None:
    asked = ["check-attr", "merge", "linguist-generated", "--", f"kitty-specs/{FEATURE}/execution.events.jsonl"]
    said = git(repository.root, *asked)
    assert [line.rpartition(": ")[2] for line in said.splitlines()] == ["union", "true"]


@pytest.mark.parametrize("common", [0, 2])
@pytest.mark.parametrize("without_newline", [False, True])
def test_two_branches_that_both_recorded_merge_and_every_record_counts_once(
    repository: Project, new_event: NewEvent, read_back: ReadBack, common: int, without_newline: bool
) -> None:
    log = FeatureLog.of_feature(repository, FEATURE)
    shared = [log.append(new_event()).event.event_id for _ in range(common)]
    if common:
        committed(repository, "common")
    git(repository.root, "checkout", "-q", "-b", "theirs")
    theirs = [log.append(new_event()).event for _ in range(5)]
    committed(repository, "theirs")
    git(repository.root, "checkout", "-q", "main")
    ours = [log.append(new_event()).event for _ in range(3)]
    assert min(event.lamport_clock for event in ours) > max(event.lamport_clock for event in theirs)
    if without_newline:
        log.path.write_bytes(log.path.read_bytes().rstrip(b"\n"))
    committed(repository, "ours")
    git(repository.root, "merge", "-q", "--no-edit", "theirs")

    after = log.append(new_event()).event
    events, report = read_back(log.path)
    wanted = {*shared, *(event.event_id for event in [*theirs, *ours]), after.event_id}
    assert {event.event_id for event in events} == wanted
    assert (len(events), report.skipped_count) == (len(wanted), 0)
    assert after.lamport_clock > max(event.lamport_clock for event in events if event != after)


def test_two_clones_that_both_recorded_merge_and_the_next_clock_is_above_all(
    repository: Project, new_event: NewEvent, read_back: ReadBack, tmp_path: Path
) -> None:
    log = FeatureLog.of_feature(repository, FEATURE)
    log.append(new_event())
    committed(repository, "common")
    git(tmp_path, "clone", "-q", str(repository.root), "clone")
    clone = Project((tmp_path / "clone").resolve())
    for _ in range(7):
        FeatureLog.of_feature(clone, FEATURE).append(new_event())
    committed(clone, "theirs")
    log.append(new_event())
    committed(repository, "ours")
    git(repository.root, "pull", "-q", "--no-rebase", "--no-edit", str(clone.root), "main")
    assert log.append(new_event()).event.lamport_clock == 9
    events, report = read_back(log.path)
    assert (len(events), report.skipped_count, report.duplicate_count) == (10, 0, 0)


def test_from_worktrees_and_sub_folders_the_primary_checkouts_log_is_written_and_read(repository: Project) -> None:
    (repository.specs_dir / FEATURE / "spec.md").write_text("x", encoding="utf-8")
    committed(repository, "spec")
    inside, outside = repository.root / ".worktrees" / "lane-a", repository.root.parent / "elsewhere"
    (repository.root / "src" / "deep").mkdir(parents=True)
    for folder, branch in ((inside, "a"), (outside, "b")):
        git(repository.root, "worktree", "add", "-q", str(folder), "-b", branch)
        (folder / "src" / "deep").mkdir(parents=True)
    places = [root / sub for root in (repository.root, inside, outside) for sub in ("", "src/deep", "kitty-specs")]
    for place in places:
        hooks = Hooks.load(place)
        run = Invocation(project_root=place, feature=FEATURE, agent="a", role="r")
        hooks.before_invocation(run)
        hooks.after_invocation(run, InvocationResult(success=True))
    for root in (repository.root, inside, outside):
        assert emit_execution_event(root / "kitty-specs" / FEATURE, FEATURE, "WP01", "a", "r")
        read = query_execution_events(root / "kitty-specs" / FEATURE)
        assert [event.lamport_clock for event in read] == list(range(1, len(read) + 1))
    assert len(query_execution_events(repository.feature_dir(FEATURE))) == len(places) + 3
    for folder in (inside, outside):
        assert not (folder / "kitty-specs" / FEATURE / "execution.events.jsonl").exists()
        assert not (folder / ".kittify" / "runtime").exists()
