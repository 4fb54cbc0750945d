"""A whole mission in which four agents take turns, and most of them fail: the report's every number is right.

The orchestrator (0.1.2) takes its agents, its number of retries and its time limit from `.kittify/orchestrator.toml`.
Each implementing agent is tried `1 + max_retries` times, then the next one is asked; a review that does not succeed is
a rejection, after which the agent that implemented last implements again.  So this happens, with these numbers:

    implementer  1  claude-code  killed      its transcript: 10 uncached, 3,000 read, 500 written, 70 out
    implementer  2  claude-code  failed      20 uncached, 4,000 read, 600 written, 80 out; guesses 0.25 dollars
    implementer  3  gemini       timed_out   nothing
    implementer  4  gemini       failed      nothing: it could not log in, which is never tried again
    implementer  5  opencode     succeeded   900 uncached, 100 read, 30 written, 50 out and 10 reasoning; 0.125 dollars
    reviewer     1  codex        rejected    7,000 in, of which 2,000 read; 300 out
    implementer  6  opencode     succeeded   1,000 and 1 uncached, 200 and 0 read, 40 and 2 out; 0.0625 dollars
    reviewer     2  codex        succeeded   8,000 in, of which 3,000 read; 400 out
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_mission import SLUG, Mission, environment_of, make_project

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("four agents"),
    pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins for the agents are POSIX scripts"),
]

STAND_IN = Path(__file__).with_name("stand_in_by_turns.py")
TIME_LIMIT_S = 25
"""Long enough for the stand-ins that call spec-kitty on a busy machine; the one that hangs costs as much."""
SETTINGS = f"""\
[agents]
implementation = ["claude-code", "gemini", "opencode"]
review = ["codex"]
max_retries = 1
timeout_seconds = {TIME_LIMIT_S}
"""
PRICES = "pricing: {models: {house-sonnet: {input: 3, output: 15, cache_read: 0.3, cache_write_5m: 3.75}}}\n"
SESSION = "5b0c7a52-7f2f-4d8e-9a52-0a4f6f9b1c22"


def claude_transcript() -> str:
    used = {
        "input_tokens": 10,
        "cache_read_input_tokens": 3000,
        "cache_creation_input_tokens": 500,
        "output_tokens": 70,
    }
    message = {"id": "msg_1", "role": "assistant", "model": "house-sonnet", "content": [], "usage": used}
    line = {"type": "assistant", "sessionId": SESSION, "cwd": "{folder}", "timestamp": "{now}", "message": message}
    return json.dumps(line)


def claude_result() -> str:
    used = {"inputTokens": 20, "cacheReadInputTokens": 4000, "cacheCreationInputTokens": 600, "outputTokens": 80}
    return json.dumps(
        {
            "type": "result",
            "subtype": "error_max_turns",
            "is_error": True,
            "duration_ms": 1500,
            "session_id": "6c1d8b63-7f2f-4d8e-9a52-0a4f6f9b1c33",
            "total_cost_usd": 0.25,
            "usage": {},
            "modelUsage": {"house-sonnet": {**used, "costUSD": 0.25}},
        }
    )


def opencode_step(number: int, session: str, cost: float, *counts: int) -> str:
    uncached, read, write, output, reasoning = counts
    tokens = {"total": sum(counts), "input": uncached, "output": output, "reasoning": reasoning}
    part = {"id": f"prt_{session}_{number}", "type": "step-finish", "reason": "stop", "cost": cost}
    part["tokens"] = {**tokens, "cache": {"read": read, "write": write}}
    event = {"type": "step_finish", "timestamp": 1_787_216_400_000 + number, "sessionID": session, "part": part}
    return json.dumps(event) + "\n"


def codex_turn(thread: str, whole: int, read: int, output: int) -> str:
    used = {"input_tokens": whole, "cached_input_tokens": read, "output_tokens": output}
    lines = ({"type": "thread.started", "thread_id": thread}, {"type": "turn.completed", "usage": used})
    return "".join(json.dumps(line) + "\n" for line in lines)


GEMINI_REFUSED = json.dumps({"error": {"type": "FatalAuthenticationError", "message": "no login", "code": 41}})
OPENCODE_TWO_STEPS = opencode_step(1, "ses_2", 0.0375, 1000, 200, 0, 40, 0) + opencode_step(
    2, "ses_2", 0.025, 1, 0, 0, 2, 0
)
TURNS: Mapping[str, list[dict[str, Any]]] = {
    "claude": [
        {
            "transcript": [".claude/projects/{folder}/" + SESSION + ".jsonl", [claude_transcript()]],
            "ends": "is killed",
        },
        {"stdout": claude_result(), "ends": 1},
    ],
    "gemini": [{"ends": "hangs"}, {"stderr": GEMINI_REFUSED, "ends": 41}],
    "opencode": [
        {"stdout": opencode_step(1, "ses_1", 0.125, 900, 100, 30, 50, 10), "implements": True, "ends": 0},
        {"stdout": OPENCODE_TWO_STEPS, "implements": True, "ends": 0},
    ],
    "codex": [
        {"stdout": codex_turn("019c8140-6f07-7fb1-86f8-4813739c3201", 7000, 2000, 300), "ends": 1},
        {"stdout": codex_turn("019c8140-6f07-7fb1-86f8-4813739c3202", 8000, 3000, 400), "ends": 0},
    ],
}


def install(folder: Path) -> None:
    folder.mkdir()
    for name, turns in TURNS.items():
        program = folder / name
        program.write_text(f"#!{sys.executable}\n{STAND_IN.read_text(encoding='utf-8')}", encoding="utf-8")
        program.chmod(0o755)
        (folder / f"{name}.json").write_text(json.dumps({"mission": SLUG, "turns": turns}), encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Mission:
    """Return the mission after all turns were taken."""
    folder = tmp_path_factory.mktemp("four")
    install(folder / "programs")
    environment = {
        name: value
        for name, value in environment_of(folder, folder / "programs").items()
        if name not in {"CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"}
    }
    mission = Mission(folder / "shop", environment)
    make_project(mission)
    settings = mission.root / ".kittify"
    (settings / "orchestrator.toml").write_text(SETTINGS, encoding="utf-8")
    (settings / "telemetry.yaml").write_text(PRICES, encoding="utf-8")
    for command in ("git add --all", "git commit --quiet --message settings"):
        assert mission.run(*shlex.split(command)).returncode == 0
    done = mission.run(
        "spec-kitty-orchestrator", "orchestrate", "--mission", SLUG, "--max-concurrent", "1", "--repo-root", "."
    )
    assert done.returncode == 0, done.stderr
    assert mission.lane() == "done", done.stderr
    return mission


def test_every_turn_is_one_record_with_its_own_ending(finished: Mission) -> None:
    names = ("role", "attempt", "agent", "outcome", "exit_code", "usage_source")
    assert [tuple(record[name] for name in names) for record in finished.records()] == [
        ("implementer", 1, "claude-code", "killed", -9, "transcript"),
        ("implementer", 2, "claude-code", "failed", 1, "agent-output"),
        ("implementer", 3, "gemini", "timed_out", 124, "none"),
        ("implementer", 4, "gemini", "failed", 41, "none"),
        ("implementer", 5, "opencode", "succeeded", 0, "agent-output"),
        ("reviewer", 1, "codex", "rejected", 1, "agent-output"),
        ("implementer", 6, "opencode", "succeeded", 0, "agent-output"),
        ("reviewer", 2, "codex", "succeeded", 0, "agent-output"),
    ]


def test_the_time_limit_is_in_the_duration_of_the_one_that_hung(finished: Mission) -> None:
    (hung,) = (record for record in finished.records() if record["outcome"] == "timed_out")
    assert TIME_LIMIT_S * 1000 <= hung["duration_ms"] < (TIME_LIMIT_S + 60) * 1000


def numbers(row: Mapping[str, Any]) -> tuple[Any, ...]:
    names = (
        "event_count",
        "failed_event_count",
        "total_input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "total_output_tokens",
        "reported_cost_usd",
        "estimated_cost_usd",
        "total_cost_usd",
        "no_usage_event_count",
        "unpriced_event_count",
    )
    return tuple(row[name] for name in names)


# The killed run at 3, 0.30, 3.75 and 15 dollars a million: 10 × 3 + 3,000 × 0.3 + 500 × 3.75 + 70 × 15 = 3,855.
# The failed one: 20 × 3 + 4,000 × 0.3 + 600 × 3.75 + 80 × 15 = 4,710; its own 0.25 dollars are a guess, because the
# model is none of Anthropic's.
PRICED = 0.008565
CLAUDE = (2, 2, 3510 + 4620, 3000 + 4000, 500 + 600, 70 + 80, None, PRICED, PRICED, 0, 0)
GEMINI = (2, 2, None, None, None, None, None, None, None, 2, 0)
OPENCODE = (2, 0, 1030 + 1201, 100 + 200, 30, 60 + 42, 0.1875, None, 0.1875, 0, 0)
CODEX = (2, 0, 15000, 5000, None, 700, None, None, None, 0, 2)
ALL = (8, 4, 25361, 12300, 1130, 952, 0.1875, PRICED, 0.196065, 2, 2)


def test_report_by_agent_has_the_numbers_that_the_agents_printed(finished: Mission) -> None:
    document = finished.report("--by", "agent")
    rows = {row["group_key"]: numbers(row) for row in document["rows"]}
    assert rows == {"claude-code": CLAUDE, "gemini": GEMINI, "opencode": OPENCODE, "codex": CODEX}
    assert numbers(document["total"]) == ALL
    assert document["skipped_lines"] == []


def test_report_by_role_and_outcome_adds_up_to_the_same_total(finished: Mission) -> None:
    document = finished.report("--by", "role,outcome")
    counts = {row["group_key"]: (row["event_count"], row["total_input_tokens"]) for row in document["rows"]}
    assert counts == {
        "implementer / killed": (1, 3510),
        "implementer / failed": (2, 4620),
        "implementer / timed_out": (1, None),
        "implementer / succeeded": (2, 2231),
        "reviewer / rejected": (1, 7000),
        "reviewer / succeeded": (1, 8000),
    }
    assert numbers(document["total"]) == ALL


def test_report_names_what_it_does_not_know(finished: Mission) -> None:
    document = finished.report()
    assert document["unknown_models"] == [
        {"model": None, "provider": None, "event_count": 2, "input_tokens": 15000, "output_tokens": 700}
    ]
