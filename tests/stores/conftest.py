from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.agents.common.store import Request, Signal, StoredSession
from spec_kitty_telemetry.agents.common.store_index import StoreIndex
from spec_kitty_telemetry.agents.stores import read_sessions

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parents[1] / "data" / "session-stores"
"""Stores that the agents' own programs wrote, and what was really served to them."""


def truth_of(store: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / store / "truth.json").read_text(encoding="utf-8"))
    return found


def sessions_in(
    home: Path, agent: str, index: Path | None = None, environment: dict[str, str] | None = None
) -> list[StoredSession]:
    with StoreIndex(index) as kept:
        return list(read_sessions(AgentContext(home, environment or {}), kept, agents=[agent]))


def requests_of(sessions: list[StoredSession]) -> Iterator[tuple[str, Request]]:
    """Every request, with the id under which the agent lists its thread."""
    for session in sessions:
        for thread in session.threads:
            for entry in thread.entries:
                if isinstance(entry, Request):
                    yield thread.session_id or session.session_id, entry


def signals_of(sessions: list[StoredSession]) -> list[Signal]:
    entries = (entry for session in sessions for thread in session.threads for entry in thread.entries)
    return [entry for entry in entries if isinstance(entry, Signal)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def copied(store: str, home: Path) -> Path:
    shutil.copytree(DATA / store / "home", home)
    return home
