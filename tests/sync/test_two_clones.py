"""Two clones share their records: each has the union, exactly once, and no checkout is touched."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import query_execution_events, query_project_events
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sync.conftest import Clone

FEATURE, OTHER = "user-login-01M8FXYR", "user-logout-01M8G9GK"

SYNC = [sys.executable, "-m", "spec_kitty_telemetry", "sync", "--project"]


def check_both_have(ann: Clone, bob: Clone, count: int) -> None:
    assert len(ann.ids()) == count
    assert ann.ids() == bob.ids()
    for clone in (ann, bob):
        assert clone.git("rev-parse", "kitty/telemetry") == ann.git("rev-parse", "kitty/telemetry")
        clone.git("fsck", "--strict")


@pytest.mark.parametrize("order", ["ann bob ann", "bob ann bob", "ann ann bob bob ann"])
def test_both_have_the_union_once_whoever_syncs_first(ann: Clone, bob: Clone, order: str) -> None:
    ann.record(count=3)
    bob.record(count=2)
    bob.record(OTHER)
    before = ann.seen_by_git(), bob.seen_by_git()
    for name in order.split():
        {"ann": ann, "bob": bob}[name].synced()
    check_both_have(ann, bob, 6)
    assert (ann.seen_by_git(), bob.seen_by_git()) == before
    assert ann.synced() == ("0 records came, 0 records went. The branch kitty/telemetry is fetched from origin.")


def test_what_came_and_what_went_is_said(ann: Clone, bob: Clone) -> None:
    assert ann.synced() == "Nothing to sync: nobody has recorded anything yet."
    ann.record(count=3)
    assert ann.synced() == "0 records came, 3 records went. The branch kitty/telemetry is pushed to origin."
    bob.record()
    assert bob.synced() == "3 records came, 1 record went. The branch kitty/telemetry is pushed to origin."
    assert ann.synced() == "1 record came, 0 records went. The branch kitty/telemetry is fetched from origin."


def test_records_keep_their_clocks_and_the_next_one_is_above_all(ann: Clone, bob: Clone) -> None:
    ann.record(count=7)
    bob.record(count=2)
    ann.synced()
    bob.synced()
    bob.record()
    clocks = [event.lamport_clock for event in query_execution_events(bob.root / "kitty-specs" / FEATURE)]
    assert clocks == [1, 1, 2, 2, 3, 4, 5, 6, 7, 8]


def test_both_at_the_same_time_and_again_and_again(ann: Clone, bob: Clone) -> None:
    for _ in range(3):
        ann.record(count=2)
        bob.record(OTHER, count=2)
        running = [subprocess.Popen([*SYNC, str(each.root)], stdout=subprocess.DEVNULL) for each in (ann, bob)]
        assert [process.wait() for process in running] == [0, 0]
    ann.synced()
    bob.synced()
    check_both_have(ann, bob, 12)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("count", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_again_and_again_nothing_is_lost_and_nothing_is_there_twice(ann: Clone, bob: Clone, count: int) -> None:
    chance = random.Random(12)
    before = ann.seen_by_git(), bob.seen_by_git()
    for number in range(count):
        clone = (ann, bob)[number % 2]
        clone.record((FEATURE, OTHER)[number % 3 % 2])
        process = subprocess.Popen([*SYNC, str(clone.root)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.1, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    for clone in (ann, bob, ann):
        clone.synced()
    check_both_have(ann, bob, count)
    assert (ann.seen_by_git(), bob.seen_by_git()) == before


def test_a_clean_up_a_lost_machine_and_a_new_clone_lose_nothing(ann: Clone, new_clone: Callable[..., Clone]) -> None:
    ann.record(count=3)
    ann.synced()
    ids = ann.ids()
    ann.git("clean", "-qfdx")
    assert ann.ids() == []
    ann.synced()
    assert ann.ids() == ids
    shutil.rmtree(ann.root)
    again = new_clone("again")
    again.synced()
    assert again.ids() == ids


def test_what_belongs_to_no_mission_comes_along_once_and_no_checkout_sees_it(
    ann: Clone, bob: Clone, new_clone: Callable[..., Clone]
) -> None:
    ann.record_outside(2)
    bob.record_outside()
    bob.record()
    before = ann.seen_by_git(), bob.seen_by_git()
    for clone in (ann, bob, ann, bob):
        clone.synced()
    check_both_have(ann, bob, 4)
    assert (ann.seen_by_git(), bob.seen_by_git()) == before
    assert ann.git("ls-tree", "-r", "--name-only", "kitty/telemetry").splitlines() == [
        ".kittify/runtime/telemetry/_outside/execution.events.jsonl",
        f"kitty-specs/{FEATURE}/execution.events.jsonl",
    ]
    again = new_clone("again")
    (again.root / ".gitignore").unlink()  # a project that says nothing about runtime files
    again.synced()
    assert again.ids() == ann.ids()
    assert again.git("status", "--porcelain", "--untracked-files=all") == " D .gitignore\n"


def test_a_correction_of_what_belongs_to_no_mission_travels_too(ann: Clone, bob: Clone) -> None:
    ann.record_outside(2)
    ann.synced()
    bob.synced()
    wrong = bob.ids()[0]
    done = CliRunner().invoke(group, ["events", "void", wrong, "--reason", "a test", "--project", str(bob.root)])
    assert (done.exit_code, done.output) == (0, f"Took back {wrong} of –; 'events --all' still shows it.\n")
    bob.synced()
    ann.synced()
    assert [event.event_id for event in query_project_events(ann.root)] == [
        event.event_id for event in query_project_events(bob.root)
    ]
    assert wrong not in [event.event_id for event in query_project_events(ann.root)]


def test_a_killed_runs_guess_and_its_later_result_are_both_moved(ann: Clone, bob: Clone) -> None:
    """They share an event id, and differ in their revision: which one counts is for readers to say."""
    ann.record()
    path = ann.root / "kitty-specs" / FEATURE / "execution.events.jsonl"
    result = path.read_bytes()
    guess = result.replace(b'"role":', b'"revision":0,"role":')
    path.write_bytes(guess + result)
    ann.synced()
    bob.synced()
    assert (bob.root / "kitty-specs" / FEATURE / "execution.events.jsonl").read_bytes() == guess + result


def test_lines_that_are_no_records_stay_where_they_are(ann: Clone, bob: Clone) -> None:
    ann.record()
    path = ann.root / "kitty-specs" / FEATURE / "execution.events.jsonl"
    good = path.read_bytes()
    path.write_bytes(b"half a li\n[]\n{}\n\xff\n" + good + good[:40])
    ann.synced()
    bob.synced()
    assert (bob.root / "kitty-specs" / FEATURE / "execution.events.jsonl").read_bytes() == good
    assert path.read_bytes() == b"half a li\n[]\n{}\n\xff\n" + good + good[:40]


def test_a_mission_that_this_checkout_does_not_have_comes_without_making_it_dirty(ann: Clone, bob: Clone) -> None:
    (ann.root / "kitty-specs" / "new-01M8ZZZZ").mkdir()
    ann.record("new-01M8ZZZZ")
    ann.synced()
    bob.synced()
    assert len(bob.ids()) == 1
    assert bob.git("status", "--porcelain", "--untracked-files=all") == ""


@pytest.mark.parametrize(
    "state", ["detached", "on a branch without commits", "with staged changes", "in the middle of a merge"]
)
def test_whatever_state_the_checkout_is_in_it_stays_so(ann: Clone, bob: Clone, state: str) -> None:
    (ann.root / "spec.txt").write_text("mine", encoding="utf-8")
    if state == "detached":
        ann.git("checkout", "-q", "--detach")
    elif state == "on a branch without commits":
        ann.git("checkout", "-q", "--orphan", "empty")
    elif state == "with staged changes":
        ann.git("add", "spec.txt")
    else:
        ann.git("checkout", "-q", "-b", "other")
        ann.git("commit", "-q", "--allow-empty", "-m", "two")
        ann.git("merge", "-q", "--no-commit", "--no-ff", "-s", "ours", "origin/main")
    bob.record()
    bob.synced()
    ann.record()
    before = ann.seen_by_git()
    ann.synced()
    assert ann.seen_by_git() == before
    assert len(ann.ids()) == 2


@pytest.mark.parametrize("options", [("--depth=1",), ("--single-branch",), ("--filter=blob:none",)])
def test_shallow_narrow_and_partial_clones_sync_like_any_other(
    ann: Clone, new_clone: Callable[..., Clone], remote: Path, options: tuple[str, ...]
) -> None:
    subprocess.run(["git", "-C", str(remote), "config", "uploadpack.allowFilter", "true"], check=True)
    ann.record(count=2)
    ann.synced()
    ann.record()
    ann.synced()
    other = new_clone("other", *options, "--no-local")
    other.record()
    other.synced()
    ann.synced()
    check_both_have(ann, other, 4)


def test_hooks_signing_and_an_own_index_of_the_user_are_left_alone(ann: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pre-commit", "pre-push", "post-checkout", "reference-transaction", "commit-msg", "post-merge"):
        hook = ann.root / ".git" / "hooks" / name
        hook.write_text('#!/bin/sh\ntouch "$(git rev-parse --show-toplevel)/hook-was-run"\nexit 1\n')
        hook.chmod(0o755)
    ann.git("config", "commit.gpgSign", "true")
    ann.git("config", "push.gpgSign", "true")
    ann.git("config", "gpg.program", "false")
    ann.git("config", "push.default", "matching")
    ann.record()
    before = ann.seen_by_git()
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    done = ann.sync()
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert done.exit_code == 0, done.output
    assert ann.seen_by_git() == before
    assert not list(ann.root.rglob("hook-was-run"))
