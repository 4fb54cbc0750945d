"""Projects of any size for the benchmarks, made up from a fixed seed, in two shapes.

`full`: as this version records real runs, about 1,180 bytes a line.  Of 100 runs 55 are Claude Code's (a reported cost,
two models, cache reads and writes), 25 Codex's and 10 Gemini's (tokens, no cost: estimated), 5 those of a model that
nobody has a price for, 5 were killed and say nothing.

`short`: as the first version wrote its records (`tests/data/legacy-logs`), about 470 bytes a line: one model, tokens in
and out, a reported cost in every second run.

In both, one line in 100 is a record that stands twice, as after a git merge, and one in 1,000 was cut off by a crash.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from ulid import ULID

from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
from spec_kitty_telemetry.model.record import ExecutionEvent, encode
from spec_kitty_telemetry.project.layout import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    NewLine = Callable[[random.Random, str, int], bytes]

FIRST = datetime(2026, 6, 1, tzinfo=UTC)
DUPLICATE_EVERY = 100
CUT_OFF_EVERY = 1000


class Corpus(NamedTuple):
    """A project on disk, and what a reader of it has to find."""

    project: Project
    event_count: int
    """Different records."""
    line_count: int
    cut_off_count: int
    size_bytes: int


def write_corpus(root: Path, event_count: int, feature_count: int, shape: str = "full") -> Corpus:
    """Write a project of `event_count` records in `feature_count` features to the folder `root`."""
    new_line = {"full": full_line, "short": short_line}[shape]
    chance = random.Random(event_count)
    (root / ".kittify").mkdir(parents=True)
    (root / ".kittify" / "config.yaml").write_text("project:\n  slug: shop\n  node_id: b805cd5cee74\n")
    project = Project(root.resolve())
    lines = cut_off = size = written = 0
    for number in range(feature_count):
        slug = f"{number + 1:03}-feature-{chance.choice(['login', 'search', 'export', 'billing', 'import'])}"
        path = project.log_path(slug)
        path.parent.mkdir(parents=True)
        share = event_count * (number + 1) // feature_count - written
        with path.open("wb") as file:
            for line in log_lines(chance, slug, written, share, new_line):
                lines += 1
                cut_off += not line.endswith(b"}\n")
                size += file.write(line)
        written += share
    return Corpus(project, written, lines, cut_off, size)


def log_lines(chance: random.Random, slug: str, first: int, count: int, new_line: NewLine) -> Iterator[bytes]:
    """Yield `count` records of one feature, with the duplicates and the torn lines that come on top."""
    for number in range(first + 1, first + count + 1):
        line = new_line(chance, slug, number)
        yield line
        if number % DUPLICATE_EVERY == 0:
            yield line
        if number % CUT_OFF_EVERY == 0:
            yield line[: len(line) // 2] + b"\n"


def moment_of(chance: random.Random, number: int) -> datetime:
    return FIRST + timedelta(minutes=number % 250_000, milliseconds=chance.randrange(60_000))


def new_id(chance: random.Random, number: int) -> str:
    return str(ULID.from_bytes(number.to_bytes(6, "big") + chance.randbytes(10)))


def short_line(chance: random.Random, slug: str, number: int) -> bytes:
    """Return the line of the run `number` of a project as the first version wrote it."""
    cost_usd = round(chance.random() * 20, 6) if chance.random() < 0.5 else None
    succeeded = chance.random() < 0.85
    record = {
        "aggregate_id": slug, "causation_id": None, "event_id": new_id(chance, number),
        "event_type": "ExecutionEvent", "lamport_clock": number, "node_id": "cli:WP04",
        "payload": {
            "agent": chance.choice(("copilot", "claude-code", "codex")), "cost_usd": cost_usd,
            "duration_ms": chance.randrange(1, 10**6), "error": None, "exit_code": 0 if succeeded else 1,
            "input_tokens": chance.randrange(10**6),
            "model": chance.choice(("claude-sonnet-4.5", "claude-opus-4.6", "gpt-5.5", "house-model-7")),
            "output_tokens": chance.randrange(10**5), "role": "implementer", "success": succeeded,
            "wp_id": f"WP{chance.randrange(1, 13):02}",
        },
        "timestamp": moment_of(chance, number).isoformat(),
    }  # fmt: skip
    return json.dumps(record).encode() + b"\n"


def full_line(chance: random.Random, slug: str, number: int) -> bytes:
    """Return the line of the run `number` of a project as this version writes it."""
    return encode(new_event(chance, slug, number))


def new_event(chance: random.Random, slug: str, number: int) -> ExecutionEvent:
    """Return the record of the run `number` of a project."""
    moment = moment_of(chance, number)
    return ExecutionEvent(
        event_id=new_id(chance, number), aggregate_id=slug,
        timestamp=moment, node_id="b805cd5cee74", payload=payload(chance, moment), lamport_clock=number,
        build_id="b524fffa-7033-5e51-b1e2-842c78420f66", correlation_id=f"{chance.getrandbits(130):026X}"[:26],
        project_slug="shop", project_uuid="2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11",
    )  # fmt: skip


def payload(chance: random.Random, moment: datetime) -> ExecutionPayload:
    """Return what one run was and used."""
    kind = chance.choices(("claude", "codex", "gemini", "unpriced", "killed"), (55, 25, 10, 5, 5))[0]
    role = chance.choice(("implementer", "implementer", "reviewer", "planner"))
    succeeded = kind != "killed" and chance.random() < 0.85
    duration_ms = chance.randrange(20_000, 900_000)
    run: dict[str, Any] = {
        "wp_id": f"WP{chance.randrange(1, 13):02}", "role": role, "attempt": chance.choice((1, 1, 1, 2, 3)),
        "duration_ms": duration_ms, "started_at": moment - timedelta(milliseconds=duration_ms),
        "run_id": f"{chance.getrandbits(130):026X}"[:26], "session_id": f"{chance.getrandbits(128):032x}",
        "success": succeeded, "outcome": "killed" if kind == "killed" else "succeeded" if succeeded else "failed",
        "exit_code": 0 if succeeded else 1, "version": 2,
        "error": None if succeeded else "the agent said: tests failed in tests/test_export.py",
    }  # fmt: skip
    if kind == "killed":
        return ExecutionPayload(agent="claude-code", usage_source="none", **run)
    if kind == "claude":
        return claude_payload(chance, run)
    agent, provider, model = {
        "codex": ("codex", "openai", "gpt-5.5"),
        "gemini": ("gemini", "google", "gemini-3.1-pro-preview"),
        "unpriced": ("opencode", None, "house-model-7"),
    }[kind]
    read, fresh, output = chance.randrange(400_000), chance.randrange(1_000, 90_000), chance.randrange(200, 20_000)
    return ExecutionPayload(
        agent=agent, provider=provider, model=model, input_tokens=read + fresh, cache_read_tokens=read,
        output_tokens=output, reasoning_tokens=output // 3, usage_source="agent-output", **run,
    )  # fmt: skip


def claude_payload(chance: random.Random, run: dict[str, Any]) -> ExecutionPayload:
    """Return a run of Claude Code, which says its cost for each of its models."""
    parts = [part(chance, "claude-sonnet-4-6", 1), part(chance, "claude-haiku-4-5-20251001", 20)]
    return ExecutionPayload(
        agent="claude-code", provider="anthropic", model="claude-sonnet-4-6", models=parts,
        cost_usd=sum((each.cost_usd or Decimal(0) for each in parts), Decimal(0)), usage_source="agent-output",
        input_tokens=sum(each.input_tokens or 0 for each in parts),
        cache_read_tokens=sum(each.cache_read_tokens or 0 for each in parts),
        cache_write_tokens=sum(each.cache_write_tokens or 0 for each in parts), cache_write_1h_tokens=0,
        output_tokens=sum(each.output_tokens or 0 for each in parts), **run,
    )  # fmt: skip


def part(chance: random.Random, model: str, smaller: int) -> ModelPart:
    """Return what one of Claude Code's models did."""
    read, written = chance.randrange(900_000) // smaller, chance.randrange(60_000) // smaller
    fresh, output = chance.randrange(2_000) // smaller, chance.randrange(300, 20_000) // smaller
    cost_usd = Decimal(fresh * 30 + read * 3 + written * 375 // 10 + output * 150).scaleb(-7)
    return ModelPart(
        model=model, input_tokens=read + written + fresh, cache_read_tokens=read, cache_write_tokens=written,
        output_tokens=output, cost_usd=cost_usd,
    )  # fmt: skip
