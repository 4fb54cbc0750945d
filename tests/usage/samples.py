"""The samples, and one way to have them read: from a fixed moment, with no files but those a test made."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from spec_kitty_telemetry.invocation import Invocation, InvocationResult, ModelUsage, Usage
from spec_kitty_telemetry.usage.surroundings import Surroundings

SAMPLES = Path(__file__).parent.parent / "data" / "agent-samples"
START = datetime(2026, 8, 20, 9, 59, 59, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
NOWHERE = Surroundings(Path("no-home"), transcripts=False)


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


def run(agent: str = "claude-code", **facts: Any) -> Invocation:
    known = {"project_root": Path("no-project"), "feature": "f", "agent": agent, "role": "implementer", "started_at": START}
    return Invocation(**(known | facts))


def ended(stdout: str = "", stderr: str = "", **facts: Any) -> InvocationResult:
    return InvocationResult(**({"success": True, "stdout": stdout, "stderr": stderr, "ended_at": END} | facts))


def read(
    module: str,
    stdout: str = "",
    stderr: str = "",
    around: Surroundings = NOWHERE,
    invocation: Invocation | None = None,
    **facts: Any,
) -> Usage:
    reader = importlib.import_module(f"spec_kitty_telemetry.usage.{module}")
    found = reader.read(invocation or run(), ended(stdout, stderr, **facts), around)
    assert isinstance(found, Usage)
    return found


def usage(cost: str | None = None, models: tuple[ModelUsage, ...] = (), **facts: Any) -> Usage:
    return Usage(cost_usd=None if cost is None else Decimal(cost), models=models, **facts)


def model(name: str, cost: str | None = None, **facts: Any) -> ModelUsage:
    return ModelUsage(model=name, cost_usd=None if cost is None else Decimal(cost), **facts)
