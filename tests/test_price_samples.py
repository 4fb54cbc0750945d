"""What agents said their runs cost, beside what our tables make of the same tokens: every difference has its reason."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest

from spec_kitty_telemetry.agents import MODULES
from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage
from spec_kitty_telemetry.pricing import PriceBook, dollars
from spec_kitty_telemetry.project.identity import Identity
from spec_kitty_telemetry.recording.compose import compose_event
from spec_kitty_telemetry.reports.costing import Costing

SAMPLES = Path(__file__).parent / "data" / "agent-samples"
IDENTITY = Identity("2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11", "shop", "node", "build")
BOOK = PriceBook.shipped()

EQUAL = "equal"
NO_MODEL = "the agent does not say its model on its output"
CASES = [
    ("claude_code", "claude.json", "0.051086", "0.051086", EQUAL),
    ("claude_code", "claude_stream.jsonl", "0.051086", "0.051086", EQUAL),
    ("claude_code", "claude_verbose_array.json", "0.051086", "0.051086", EQUAL),
    ("claude_code", "real/claude.json", "0.09881", "0.09881", EQUAL),
    ("claude_code", "real/claude-continued.json", "0.09881", "0.09881", EQUAL),
    ("claude_code", "real/claude-sonnet.json", "0.059286", "0.059286", EQUAL),
    ("claude_code", "real/claude-stream.jsonl", "0.019762", "0.019762", EQUAL),
    ("pi", "pi.jsonl", "0.0219", "0.0219", EQUAL),
    # 10 × $3 + 20,000 × $0.30 + 4,000 × $3.75 + 896 × $15 per million is $0.03447; whoever made the sample rounded it
    ("claude_code", "claude_max_turns.json", "0.0345", "0.03447", "the sample's own figure is rounded"),
    ("claude_code", "claude_api_error.json", "0", "0", EQUAL),
    ("claude_code", "real/claude-api-down.json", "0", "0", EQUAL),
    ("claude_code", "real/claude-unknown-model.json", "0.09881", None, "the agent guessed at another model's rates"),
    # 7,300 × $3 + 8,100 × $0.30 + 1,510 × $15 per million; printed counts are rounded, and cache writes are in "sent"
    ("aider", "aider.txt", "0.06", "0.04698", "the agent prints rounded counts and cents"),
    ("goose", "goose.json", "0.0349", None, NO_MODEL),
    ("goose", "goose_stream.jsonl", "0.0349", None, NO_MODEL),
    ("opencode", "opencode.jsonl", "0.01", None, NO_MODEL),
    ("opencode", "kilo.jsonl", "0.0091", None, NO_MODEL),
    ("opencode", "real/opencode.jsonl", "0.0109", None, NO_MODEL),
    ("opencode", "real/kilo.jsonl", "0.0109", None, NO_MODEL),
    ("kilocode", "kilocode_old.jsonl", "0.0125", None, NO_MODEL),
    ("pi", "real/pi.jsonl", "0.0109", None, "the provider is a made-up one, whose prices nobody can know"),
]


def read(module: str, sample: str) -> tuple[Usage, Decimal | None]:
    """Return what the agent said, and what our tables make of its tokens on a day in summer 2026."""
    reader = import_module(f"spec_kitty_telemetry.agents.{MODULES[module.replace('_', '-')]}")
    invocation = Invocation(project_root=Path("none"), feature="f", agent=module.replace("_", "-"), role="r")
    ended_at = datetime(2026, 8, 20, 10, tzinfo=UTC)
    stdout = (SAMPLES / sample).read_text(encoding="utf-8")
    result = InvocationResult(success=True, exit_code=0, stdout=stdout, ended_at=ended_at)
    usage: Usage = reader.read(invocation, result, AgentContext(Path("none"), transcripts=False))
    charge = Costing(BOOK.find, "calculated").cost_of(compose_event(IDENTITY, invocation, result, usage))
    return usage, None if charge.estimated is None else dollars(charge.estimated)


@pytest.mark.parametrize(("module", "sample", "reported", "calculated", "why"), CASES)
def test_a_reported_cost_equals_our_own_or_the_difference_has_a_reason(
    module: str, sample: str, reported: str, calculated: str | None, why: str
) -> None:
    usage, ours = read(module, sample)
    said = usage.guessed_cost_usd if usage.cost_usd is None else usage.cost_usd
    assert said is not None
    assert round(said, 12) == Decimal(reported)  # the agents' own sums have float dust behind that
    assert ours == (None if calculated is None else Decimal(calculated))
    assert (Decimal(reported) == ours) is (why == EQUAL)


def test_every_sample_with_a_reported_cost_is_among_the_cases() -> None:
    named = {sample for _, sample, *_ in CASES}
    costs = ("total_cost_usd", '"cost":', "costUSD", "Cost: $", "cost_usd")
    not_output = (
        "transcript",
        "otel",
        "analytics",
        "message.json",
        "events.jsonl",
        "rollout",
        "chat",
        "README",
        "_expected",
    )
    printed = {
        path.relative_to(SAMPLES).as_posix()
        for path in SAMPLES.rglob("*.*")
        if not any(word in path.name for word in not_output)
        and any(cost in path.read_text(encoding="utf-8") for cost in costs)
    }
    assert printed <= named
