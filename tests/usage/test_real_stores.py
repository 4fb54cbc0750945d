"""Runs in real session stores: by session and time, each has what the API served for it, to the last token.

The stores were written by the agents' own programs.  `runs-in-stores.json` has when each run took place and what a
stand-in for the API noted down of it, requests of its sub-agents included, and those left out that no line of the store
has.
"""

from __future__ import annotations

import importlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from spec_kitty_telemetry.agents import MODULES
from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult

STORES = Path(__file__).parent.parent / "data" / "session-stores"
RUNS = [
    pytest.param(run, id=f"{run['store']}-{run['run']}-{run['session'][-4:]}")
    for run in json.loads((STORES.parent / "runs-in-stores.json").read_text(encoding="utf-8"))
    if (STORES / run["store"]).is_dir()
]
COUNTS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens",
)  # fmt: skip


@pytest.mark.parametrize("run", RUNS)
def test_a_killed_run_has_the_tokens_of_its_own_requests(run: dict[str, Any]) -> None:
    program = run["store"].partition("-")[0]
    agent = {"claude": "claude-code"}.get(program, program)
    invocation = Invocation(
        project_root=Path("no-project"),
        feature="f",
        agent=agent,
        role="r",
        session_id=run["session"],
        started_at=datetime.fromisoformat(run["started_at"]),
    )
    result = InvocationResult(success=False, exit_code=-9, ended_at=datetime.fromisoformat(run["ended_at"]))
    reader = importlib.import_module(f"spec_kitty_telemetry.agents.{MODULES[agent]}")
    found = reader.read(invocation, result, AgentContext(STORES / run["store"] / "home"))
    assert {name: getattr(found, name) or 0 for name in COUNTS} == {name: run[name] for name in COUNTS}
    assert found.session_id == run["session"]


def test_runs_of_several_agents_are_among_them() -> None:
    assert len(RUNS) >= 40
