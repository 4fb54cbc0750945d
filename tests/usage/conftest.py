"""Samples of what agents print, and one way to have them read: no files but those that a test made."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents import MODULES
from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = Path(__file__).parent.parent / "data" / "agent-samples"
START = datetime(2026, 8, 20, 8, 59, 59, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def sample() -> Callable[[str], str]:
    """What an agent printed or wrote, by the sample's name."""
    return lambda name: (SAMPLES / name).read_text(encoding="utf-8")


@pytest.fixture
def read() -> Callable[..., Usage]:
    """Have output read by one agent's module; `around` says which files may be looked at."""

    def reader(
        module: str, stdout: str = "", stderr: str = "", context: AgentContext | None = None, **facts: Any
    ) -> Usage:
        about = {name: facts.pop(name) for name in set(facts) & set(Invocation.model_fields)}
        known: dict[str, Any] = {
            "project_root": Path("no-project"),
            "feature": "f",
            "agent": "x",
            "role": "r",
            "started_at": START,
        }
        ending: dict[str, Any] = {"success": True, "stdout": stdout, "stderr": stderr, "ended_at": END} | facts
        found = importlib.import_module(f"spec_kitty_telemetry.agents.{MODULES[module.replace('_', '-')]}").read(
            Invocation(**(known | about)),
            InvocationResult(**ending),
            context or AgentContext(Path("no-home"), transcripts=False),
        )
        assert isinstance(found, Usage)
        return found

    return reader
