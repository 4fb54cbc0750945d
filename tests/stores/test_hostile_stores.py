"""Stores that nobody vouches for: they are read as far as they make sense, and nothing outside of them is opened."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common import store_files
from spec_kitty_telemetry.agents.common.sqlite_files import open_sqlite
from spec_kitty_telemetry.agents.common.store_files import LineBlocks, opened
from tests.stores.conftest import copied, requests_of, sessions_in

if TYPE_CHECKING:
    from pathlib import Path

SESSION = "0b0f2a6e-3c1c-4b7e-9a59-2f3e6c1d7a11"
needs_links = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")


def response(name: str, **changes: Any) -> bytes:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 20, "output_tokens": 5} | changes.pop("usage", {})
    line = {
        "type": "assistant",
        "timestamp": "2026-11-28T02:00:00.000Z",
        "cwd": "/shop",
        "message": {"id": name, "model": "claude-opus-4-8", "usage": usage},
    }
    return json.dumps(line | changes, separators=(",", ":")).encode() + b"\n"


def claude(home: Path, *lines: bytes, name: str = SESSION) -> Path:
    path = home / ".claude" / "projects" / "-shop" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return path


def ids(home: Path, agent: str = "claude-code") -> list[str]:
    return [request.request_id for _, request in requests_of(sessions_in(home, agent))]


@pytest.mark.parametrize(
    "broken",
    [
        b"\xff\xfe\x00garbage\n",
        b'{"type":"assistant","message":{"usage":\n',
        b'{"type":"assistant","timestamp":"yesterday","message":{"id":"x","usage":{"input_tokens":1}}}\n',
        b'{"type":"assistant","timestamp":5,"message":{"id":"x","usage":[]}}\n',
        b'{"type":"assistant","message":"usage"}\n',
        b"[" * 100_000 + b"\n",
        b'{"type":"cost-state","modelUsage":{"m":{"inputTokens":-1}}}\n',
        b"null\n\n\n",
        b'"usage":\n',
    ],
)
def test_a_broken_line_costs_itself_alone(home: Path, broken: bytes) -> None:
    claude(home, response("m1"), broken, response("m2"))
    assert ids(home) == ["m1", "m2"]


@pytest.mark.parametrize("wrong", [-1, 1.5, "12", True, 10**20, None, [], {}])
def test_a_count_that_is_no_count_is_unknown_and_the_others_stay(home: Path, wrong: object) -> None:
    claude(home, response("m1", usage={"output_tokens": wrong}))
    ((_, request),) = requests_of(sessions_in(home, "claude-code"))
    assert (request.input_tokens, request.output_tokens) == (30, None)


def test_invalid_text_in_a_line_leaves_its_numbers(home: Path) -> None:
    claude(home, response("m1").replace(b"/shop", b"/sh\xffop"))
    ((_, request),) = requests_of(sessions_in(home, "claude-code"))
    assert request.input_tokens == 30


def test_a_line_that_is_too_long_is_passed_over_without_being_held(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_files, "BLOCK_BYTES", 1 << 10)
    monkeypatch.setattr(store_files, "MOST_LINE_BYTES", 1 << 12)
    path = claude(home, response("m1"), b"x" * 50_000 + b"\n", response("m2"), b"y" * 50_000)
    assert ids(home) == ["m1", "m2"]
    with opened(path) as descriptor:
        assert descriptor is not None
        blocks = LineBlocks(descriptor)
        assert max(map(len, blocks)) <= 1 << 12
        assert len(blocks.rest) <= 1 << 13


def test_a_time_in_the_future_is_kept_with_a_doubt(home: Path) -> None:
    claude(home, response("m1", timestamp="2999-01-01T00:00:00Z"))
    ((_, request),) = requests_of(sessions_in(home, "claude-code"))
    assert request.doubt == "its time lies in the future: a clock was wrong"


@needs_links
def test_links_below_the_store_are_not_followed(home: Path, tmp_path: Path) -> None:
    path = claude(home, response("m1"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "s2.jsonl").write_bytes(response("m2"))
    (path.parent / "s2.jsonl").symlink_to(outside / "s2.jsonl")
    (path.parent.parent / "-other").symlink_to(outside, target_is_directory=True)
    (path.parent / SESSION).mkdir()
    (path.parent / SESSION / "subagents").symlink_to(outside, target_is_directory=True)
    assert ids(home) == ["m1"]


@needs_links
def test_the_stores_own_folder_may_be_a_link(home: Path, tmp_path: Path) -> None:
    claude(tmp_path / "disk", response("m1"))
    home.mkdir()
    (home / ".claude").symlink_to(tmp_path / "disk" / ".claude", target_is_directory=True)
    assert ids(home) == ["m1"]


@needs_links
def test_pipes_folders_and_closed_files_with_a_sessions_name_are_passed_over(home: Path) -> None:
    path = claude(home, response("m1"))
    os.mkfifo(path.with_name("s2.jsonl"))
    path.with_name("s3.jsonl").mkdir()
    closed = path.with_name("s4.jsonl")
    closed.write_bytes(response("m4"))
    closed.chmod(0)
    assert "m1" in ids(home)


def test_a_path_that_a_session_names_is_not_opened(home: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.jsonl"
    trap.write_bytes(response("m9"))
    store = home / ".pi" / "agent" / "sessions" / "--shop--"
    store.mkdir(parents=True)
    header = {"type": "session", "id": "s1", "timestamp": "2026-11-28T02:00:00Z", "parentSession": str(trap)}
    (store / "2026_s1.jsonl").write_text(json.dumps(header) + "\n", encoding="utf-8")
    tree = home / ".local" / "share" / "opencode" / "storage"
    (tree / "session" / "p").mkdir(parents=True)
    (tree / "session" / "p" / "ses_1.json").write_text(json.dumps({"id": f"../../../../{trap.name}"}), encoding="utf-8")
    assert ids(home, "pi") == ids(home, "opencode") == []


def database_of(home: Path) -> Path:
    return copied("opencode-1.18", home) / ".local" / "share" / "opencode" / "opencode.db"


def test_a_database_in_use_is_read_with_its_log_and_left_as_it_was(home: Path) -> None:
    path = database_of(home)
    before = sorted(ids(home, "opencode"))
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("DELETE FROM part WHERE message_id IN (SELECT id FROM message ORDER BY time_created DESC LIMIT 1)")
        base.execute("DELETE FROM message WHERE id IN (SELECT id FROM message ORDER BY time_created DESC LIMIT 1)")
        base.commit()
        files = sorted(one.name for one in path.parent.iterdir())
        content = path.read_bytes()
        assert len(ids(home, "opencode")) == len(before) - 1
        assert sorted(one.name for one in path.parent.iterdir()) == files
        assert path.read_bytes() == content


@pytest.mark.parametrize("kept", [0, 50, 4096, 30_000])
def test_a_database_that_is_cut_off_gives_what_can_be_read(home: Path, kept: int) -> None:
    whole = set(ids(database_of(home).parents[3], "opencode"))
    path = home / ".local" / "share" / "opencode" / "opencode.db"
    path.write_bytes(path.read_bytes()[:kept])
    assert set(ids(home, "opencode")) <= whole


def test_a_log_without_its_database_and_a_database_of_other_tables_are_nothing(home: Path) -> None:
    path = database_of(home)
    path.with_name("opencode.db-wal").write_bytes(os.urandom(5000))
    assert ids(home, "opencode")
    path.unlink()
    assert ids(home, "opencode") == []
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE session (id TEXT)")
    path.with_name("opencode.db-wal").unlink(missing_ok=True)
    assert ids(home, "opencode") == []


def test_values_of_other_kinds_in_a_database_are_passed_over(home: Path) -> None:
    path = database_of(home)
    count = len(ids(home, "opencode"))
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("UPDATE message SET data = x'ff00', time_created = 'never' WHERE rowid = 2")
        base.execute("UPDATE session SET time_created = 1e300, directory = 7")
    assert 0 < len(ids(home, "opencode")) <= count + 20


def test_no_database_is_opened_for_writing(home: Path) -> None:
    path = database_of(home)
    path.chmod(0o400)
    with open_sqlite(path) as base:
        assert base is not None
        assert list(base.rows("DELETE FROM session")) == []
    assert ids(home, "opencode")


def test_every_file_of_every_store_may_be_cut_anywhere(home: Path) -> None:
    for store, agent in (("codex-0.171", "codex"), ("gemini-0.61", "gemini"), ("copilot-1.0.102", "copilot")):
        shutil.rmtree(home, ignore_errors=True)
        copied(store, home)
        whole = set(ids(home, agent))
        for path in sorted(home.rglob("*.jsonl")):
            path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        assert set(ids(home, agent)) <= whole | {one for one in ids(home, agent) if one.startswith(("row ", "leg "))}
