"""What was read of a store is kept: unchanged files are not read again, grown ones only from where they ended."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from spec_kitty_telemetry.agents.claude_code import store as claude_store
from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.agents.common.store import Request
from spec_kitty_telemetry.agents.common.store_index import StoreIndex
from spec_kitty_telemetry.agents.stores import read_sessions
from tests.stores.conftest import DATA, copied, requests_of, sessions_in, truth_of

if TYPE_CHECKING:
    from pathlib import Path

STORES = sorted(path.parent.name for path in DATA.glob("*/truth.json"))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "sessions.db"


def test_an_unchanged_file_is_not_read_again(home: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied("claude-2.1.332", home)
    first = sessions_in(home, "claude-code", index)

    def fail(*_: object) -> None:
        raise AssertionError("a file was read again")

    monkeypatch.setattr(claude_store, "reader", fail)
    assert sessions_in(home, "claude-code", index) == first


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_store_that_grew_is_the_same_as_one_that_was_read_at_once(
    store: str, part: float, home: Path, index: Path
) -> None:
    agent = truth_of(store)["agent"]
    copied(store, home)
    whole = {path: path.read_bytes() for path in home.rglob("*.jsonl")}
    for path, content in whole.items():
        path.write_bytes(content[: int(len(content) * part)])
    sessions_in(home, agent, index)
    for path, content in whole.items():
        with path.open("ab") as file:
            file.write(content[int(len(content) * part) :])
    assert sessions_in(home, agent, index) == sessions_in(home, agent)


def test_a_file_that_was_written_again_is_read_from_its_beginning(home: Path, index: Path) -> None:
    copied("pi-1.6", home)
    sessions_in(home, "pi", index)
    for path in home.rglob("*.jsonl"):
        times = path.stat().st_mtime_ns
        path.write_bytes(path.read_bytes().replace(b'"output":', b'"outputx":'))
        os.utime(path, ns=(times, times))
    assert {request.output_tokens for _, request in requests_of(sessions_in(home, "pi", index))} == {None}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(b""),
        lambda path: make_foreign(path, "CREATE TABLE other (x)"),
        lambda path: make_foreign(path, "PRAGMA user_version = 999"),
        lambda path: make_foreign(path, "UPDATE outlines SET outline = x'00'; UPDATE contents SET content = x'00'"),
        lambda path: make_foreign(path, "DELETE FROM contents"),
        lambda path: make_foreign(path, "DROP TABLE contents"),
    ],
)
def test_a_broken_older_or_foreign_index_is_made_again(home: Path, index: Path, damage: object) -> None:
    copied("claude-2.1.332", home)
    expected = sessions_in(home, "claude-code", index)
    assert callable(damage)
    damage(index)
    assert sessions_in(home, "claude-code", index) == expected
    assert sessions_in(home, "claude-code", index) == expected


def make_foreign(path: Path, script: str) -> None:
    if "other" in script:
        path.unlink()
    with closing(sqlite3.connect(path)) as base, base:
        base.executescript(script)


def test_where_no_index_can_be_kept_everything_is_read(home: Path, tmp_path: Path) -> None:
    copied("pi-1.6", home)
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert sessions_in(home, "pi", tmp_path / "file" / "sessions.db") == sessions_in(home, "pi")


def test_an_index_that_another_process_holds_is_no_reason_to_wait_or_fail(home: Path, index: Path) -> None:
    copied("pi-1.6", home)
    expected = sessions_in(home, "pi", index)
    with closing(sqlite3.connect(index)) as base:
        base.execute("BEGIN EXCLUSIVE")
        assert sessions_in(home, "pi", index) == expected


def test_several_processes_read_one_store_at_once(home: Path, index: Path) -> None:
    copied("claude-2.1.332", home)
    program = (
        "import sys; from pathlib import Path; from tests.stores.conftest import requests_of, sessions_in;"
        "found = list(requests_of(sessions_in(Path(sys.argv[1]), 'claude-code', Path(sys.argv[2]))));"
        "print(len(found), sum(one.input_tokens for _, one in found))"
    )
    root = DATA.parents[2]
    command = [sys.executable, "-c", program, str(home), str(index)]
    running = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate()[0] for process in running}
    found = list(requests_of(sessions_in(home, "claude-code")))
    assert answers == {f"{len(found)} {sum(one.input_tokens or 0 for _, one in found)}\n"}


def test_what_a_deleted_session_had_does_not_become_its_forks(home: Path, index: Path) -> None:
    copied("claude-2.1.332", home)
    before = sessions_in(home, "claude-code", index)
    next(home.rglob("a852b942-*.jsonl")).unlink()
    after = sessions_in(home, "claude-code", index)
    kept = {request.request_id for _, request in requests_of(after)}
    theirs = {request.request_id for session, request in requests_of(before) if session.startswith("a852b942")}
    assert len(theirs) == 5
    assert kept.isdisjoint(theirs)
    assert len(kept) == len(list(requests_of(before))) - 5


def test_a_session_that_moved_is_still_its_own(home: Path, index: Path) -> None:
    copied("codex-0.171", home)
    before = {request.request_id for _, request in requests_of(sessions_in(home, "codex", index))}
    archive = home / ".codex" / "archived_sessions"
    for path in (home / ".codex" / "sessions").rglob("*.jsonl"):
        path.rename(archive / path.name)
    assert {request.request_id for _, request in requests_of(sessions_in(home, "codex", index))} == before


def test_only_wanted_sessions_are_put_together(home: Path, index: Path) -> None:
    copied("claude-2.1.332", home)
    with StoreIndex(index) as kept:
        found = list(
            read_sessions(
                AgentContext(home, {}),
                kept,
                agents=["claude-code"],
                wanted=lambda one: "/home/dev/shop" in one.folders,
            )
        )
    assert [session.session_id for session in found] == ["ca22ae7f-585b-49e7-9abd-38197a85e039"]
    assert any(isinstance(entry, Request) for entry in found[0].threads[0].entries)


def test_the_index_is_for_its_user_alone(home: Path, index: Path) -> None:
    copied("pi-1.6", home)
    sessions_in(home, "pi", index)
    assert os.name == "nt" or index.stat().st_mode & 0o077 == 0
