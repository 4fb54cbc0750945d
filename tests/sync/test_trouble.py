"""What can stand in a sync's way: one sentence, exit 1, and every record where it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from spec_kitty_telemetry.project import diagnostics
from spec_kitty_telemetry.sync.auto import is_auto, sync_in_background

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sync.conftest import Clone

FEATURE, OTHER = "user-login-01M8FXYR", "user-logout-01M8G9GK"


def refused(clone: Clone, *options: str) -> str:
    """Sync in vain: the records are as they were, and so is all that git sees."""
    before = clone.ids(), clone.seen_by_git()
    done = clone.sync(*options)
    assert done.exit_code == 1, done.output
    assert (clone.ids(), clone.seen_by_git()) == before
    return done.output.removeprefix("Error: ").rstrip("\n")


def commit_to_branch(clone: Clone, path: str, content: str) -> None:
    """Put something of a person's into the branch kitty/telemetry."""
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        cwd=clone.root,
        input=content,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    tree = subprocess.run(
        ["git", "mktree"],
        cwd=clone.root,
        input=f"100644 blob {blob}\t{path}\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    clone.git("update-ref", "refs/heads/kitty/telemetry", clone.git("commit-tree", tree, "-m", "mine").strip())


def test_without_a_remote_the_branch_is_the_clones_own(ann: Clone) -> None:
    ann.git("remote", "remove", "origin")
    ann.record(count=2)
    said = "0 records came, {} went. There is no remote, so the branch kitty/telemetry is only in this clone."
    assert ann.synced() == said.format("2 records")
    ann.git("clean", "-qfdx")
    assert ann.synced() == said.format("0 records").replace("0 records came", "2 records came")
    assert len(ann.ids()) == 2


def test_no_push_takes_what_others_recorded_and_pushes_nothing(ann: Clone, bob: Clone) -> None:
    ann.record()
    ann.synced()
    bob.record()
    assert bob.synced("--no-push") == "1 record came, 1 record went. The branch kitty/telemetry is fetched from origin."
    assert ann.synced() == "0 records came, 0 records went. The branch kitty/telemetry is fetched from origin."
    bob.synced()
    ann.synced()
    assert (len(ann.ids()), ann.ids()) == (2, bob.ids())


def test_offline(ann: Clone, remote: Path) -> None:
    ann.record()
    shutil.move(remote, remote.with_name("gone"))
    assert "origin cannot be read: " in refused(ann)
    shutil.move(remote.with_name("gone"), remote)
    assert ann.synced().startswith("0 records came, 1 record went.")


def test_a_protected_branch(ann: Clone, remote: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    ann.record()
    assert refused(ann) == "origin does not take it: [remote rejected] (pre-receive hook declined)"
    hook.unlink()
    assert ann.synced() == "0 records came, 0 records went. The branch kitty/telemetry is pushed to origin."


@pytest.mark.parametrize("path", ["README.md", "execution.events.jsonl"])
def test_a_branch_of_that_name_that_holds_other_things_is_left_alone(ann: Clone, bob: Clone, path: str) -> None:
    commit_to_branch(ann, path, "mine")
    tip = ann.git("rev-parse", "kitty/telemetry")
    ann.record()
    bob.record()
    said = (
        f"the branch kitty/telemetry holds {path!r}, which is no log, so it is not telemetry's; "
        "set another name as sync_branch in .kittify/telemetry.yaml"
    )
    assert refused(ann) == said
    assert ann.git("rev-parse", "kitty/telemetry") == tip
    ann.git("push", "-q", "origin", "kitty/telemetry")
    assert refused(bob) == said
    (bob.root / ".kittify").mkdir(exist_ok=True)
    (bob.root / ".kittify" / "telemetry.yaml").write_text("sync_branch: telemetry/logs\n", encoding="utf-8")
    assert bob.synced().startswith("0 records came, 1 record went. The branch telemetry/logs is pushed")


@pytest.mark.parametrize("name", ["-x", "a..b", "a b", "/", "x.lock", "a~1"])
def test_a_setting_that_can_be_no_branch(ann: Clone, name: str) -> None:
    ann.record()
    (ann.root / ".kittify" / "telemetry.yaml").write_text(f"sync_branch: '{name}'\n", encoding="utf-8")
    assert refused(ann) == f"sync_branch: found {name!r}, which cannot be a branch's name; set another"


def test_a_branch_that_is_checked_out_is_not_moved_under_its_working_tree(ann: Clone) -> None:
    ann.record()
    ann.synced()
    ann.git("checkout", "-q", "kitty/telemetry")
    ann.record()
    said = refused(ann)
    assert said == f"the branch kitty/telemetry is checked out in {ann.root}; switch to another one there"


def test_a_branch_whose_name_is_in_the_way(ann: Clone) -> None:
    ann.git("branch", "kitty")
    ann.record()
    assert refused(ann).startswith("the branch kitty/telemetry cannot be written: ")


def test_remotes_that_are_not_there_or_not_clear(ann: Clone) -> None:
    ann.record()
    said = "found no remote 'upstream'; there are: origin; 'git remote add' makes one"
    assert refused(ann, "--remote", "upstream") == said
    ann.git("remote", "rename", "origin", "one")
    assert ann.synced().endswith("is pushed to one.")
    ann.git("remote", "add", "two", "/nowhere")
    assert refused(ann) == "found the remotes one, two and none called origin; say which one with --remote"
    assert ann.synced("--remote", "one").endswith("is fetched from one.")


def test_no_repository_and_no_git(ann: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.record()
    monkeypatch.setenv("PATH", str(tmp_path))
    done = ann.sync()
    assert (done.exit_code, done.output) == (1, "Error: found no program 'git', which this needs; install it\n")
    monkeypatch.undo()
    shutil.rmtree(ann.root / ".git")
    done = ann.sync()
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {ann.root} is in no git repository, so there is nothing to sync with")


def test_one_log_that_cannot_be_read_does_not_stop_the_others(ann: Clone, bob: Clone, tmp_path: Path) -> None:
    ann.record()
    ann.record(OTHER)
    log = ann.root / "kitty-specs" / OTHER / "execution.events.jsonl"
    log.rename(tmp_path / "elsewhere")
    log.symlink_to(tmp_path / "elsewhere")
    done = ann.sync()
    assert done.exit_code == 1
    assert "0 records came, 1 record went. The branch kitty/telemetry is pushed to origin." in done.output
    assert f"Error: {log} is a symlink" in done.output
    bob.synced()
    assert len(bob.ids()) == 1


def test_the_log_outside_missions_is_not_read_through_a_link_that_leaves_the_project(
    ann: Clone, bob: Clone, tmp_path: Path
) -> None:
    ann.record_outside()
    folder = ann.project.outside_log.parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    ann.record()
    done = ann.sync()
    assert done.exit_code == 1
    assert f"Error: {folder} leads out of the project {ann.root}" in done.output
    bob.synced()
    assert len(bob.ids()) == 1


def test_another_sync_of_the_same_clone_is_waited_for_and_named(ann: Clone) -> None:
    with FileLock(ann.root / ".git" / "spec-kitty-telemetry-sync.lock"):
        program = (
            "import sys; from pathlib import Path; from spec_kitty_telemetry.project.layout import Project\n"
            "from spec_kitty_telemetry.sync.rounds import sync\n"
            "sync(Project(Path(sys.argv[1])), patience_s=0.1)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(ann.root)], capture_output=True, text=True, check=False
        )
    assert "ProjectError: another sync of this clone is running; try again when it is done" in done.stderr
    assert ann.synced().startswith("Nothing to sync")


def test_what_a_killed_git_left_of_a_lock_is_taken_away_when_it_is_old(ann: Clone) -> None:
    ann.record()
    lock = ann.root / ".git" / "refs" / "heads" / "kitty" / "telemetry.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    long_ago = time.time() - 60
    os.utime(lock, (long_ago, long_ago))
    ann.synced()
    assert not lock.exists()


def test_projects_below_the_top_of_one_repository_share_the_branch(ann: Clone, bob: Clone) -> None:
    for clone in (ann, bob):
        for name in ("services/shop", "services/bank"):
            (clone.root / name / "kitty-specs" / FEATURE).mkdir(parents=True)
            (clone.root / name / "kitty-specs" / FEATURE / "spec.md").write_text("x", encoding="utf-8")
    shop, bank = (type(ann)(ann.root / "services" / name) for name in ("shop", "bank"))
    shop.record(count=2)
    bank.record()
    for clone in (shop, bank, ann):
        clone.synced()
    listed = ann.git("ls-tree", "-r", "--name-only", "kitty/telemetry").splitlines()
    assert listed == [f"services/{name}/kitty-specs/{FEATURE}/execution.events.jsonl" for name in ("bank", "shop")]
    theirs = type(ann)(bob.root / "services" / "shop")
    theirs.synced()
    assert theirs.ids() == shop.ids()
    assert not (bob.root / "services" / "bank" / "kitty-specs" / FEATURE / "execution.events.jsonl").exists()


def test_a_writer_without_a_name_in_git_is_named_after_this_program(
    ann: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    ann.git("config", "user.useConfigOnly", "true")
    ann.record()
    ann.synced()
    author = ann.git("log", "-1", "--format=%an <%ae> %s", "kitty/telemetry")
    assert author == "spec-kitty-telemetry <spec-kitty-telemetry@localhost> Record 1 telemetry event\n"


def test_auto_is_the_clones_own_and_syncs_in_the_background(ann: Clone, bob: Clone) -> None:
    ann.record()
    assert not is_auto(ann.root)
    assert sync_in_background(ann.root) is None
    assert ann.synced("--auto", "on") == "This clone syncs by itself after each merge."
    assert is_auto(ann.root / "kitty-specs")
    assert not is_auto(bob.root)
    process = sync_in_background(ann.root / "kitty-specs")
    assert process is not None
    assert process.wait() == 0
    bob.synced()
    assert bob.ids() == ann.ids()
    assert ann.synced("--auto", "off") == "This clone syncs only when you say so."
    assert not is_auto(ann.root)


def test_a_sync_in_the_background_that_failed_is_left_for_doctor(ann: Clone, remote: Path) -> None:
    (ann.root / ".kittify").mkdir(exist_ok=True)
    ann.record()
    shutil.move(remote, remote.with_name("gone"))
    assert ann.synced("--quiet") == ""
    (note,) = diagnostics.read(ann.root, diagnostics.SYNC)
    assert "the last sync in the background failed: origin cannot be read: " in note
    shutil.move(remote.with_name("gone"), remote)
    assert ann.synced("--quiet") == ""
    assert diagnostics.read(ann.root, diagnostics.SYNC) == []
