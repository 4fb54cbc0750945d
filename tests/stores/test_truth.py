"""Every request that an agent's own program made is counted once, with the numbers that it was served."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.stores.conftest import DATA, copied, requests_of, sessions_in, truth_of

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
STORES = sorted(path.parent.name for path in DATA.glob("*/truth.json"))


@pytest.mark.parametrize("store", STORES)
def test_each_request_in_the_store_is_there_once(store: str) -> None:
    truth = truth_of(store)
    served = Counter(
        (one["session"], one["model"], *(one[name] for name in COUNTS)) for one in truth["requests"] if one["in_store"]
    )
    read = Counter(
        (session, one.model, *(getattr(one, name) or 0 for name in COUNTS))
        for session, one in requests_of(sessions_in(DATA / store / "home", truth["agent"]))
        if not one.is_hidden
    )
    assert read == served


@pytest.mark.parametrize("store", STORES)
def test_reading_again_from_the_index_gives_the_same(store: str, tmp_path: Path) -> None:
    home, agent = DATA / store / "home", truth_of(store)["agent"]
    index = tmp_path / "cache" / "sessions.db"
    assert sessions_in(home, agent, index) == sessions_in(home, agent, index) == sessions_in(home, agent)


@pytest.mark.parametrize("store", STORES)
def test_it_does_not_matter_how_the_json_is_spaced(store: str, home: Path) -> None:
    agent = truth_of(store)["agent"]
    copied(store, home)
    expected = sessions_in(home, agent)
    for path in home.rglob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert sessions_in(home, agent) == expected


def test_requests_of_claude_that_no_line_has_are_known_from_the_totals() -> None:
    truth = truth_of("claude-2.1.332")
    served: Counter[tuple[str, str]] = Counter()
    for one in truth["requests"]:
        if not one["in_store"]:
            served.update({(one["session"], name): one[name] for name in (*COUNTS, "cache_write_1h_tokens")})
    hidden = [
        (session, one)
        for session, one in requests_of(sessions_in(DATA / "claude-2.1.332" / "home", "claude-code"))
        if one.is_hidden
    ]
    read = Counter(
        {(session, name): getattr(one, name) for session, one in hidden for name in (*COUNTS, "cache_write_1h_tokens")}
    )
    assert read == served
    assert {one.doubt for _, one in hidden} == {
        "no line of the transcript has these requests; they are what the session's own totals hold beyond its messages"
    }
