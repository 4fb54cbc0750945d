"""Stores of agents that are read from what is documented of their formats."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from hashlib import md5
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.stores import STORES, WITHOUT_NUMBERS
from tests.stores.conftest import requests_of, sessions_in, signals_of

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.store import Request

MILLISECONDS = 1_787_216_400_000
"""2026-08-20T09:00:00Z."""
COMMAND = "spec-kitty agent action implement WP01 --agent it"


def numbers(request: Request) -> tuple[int | None, ...]:
    return request.input_tokens, request.cache_read_tokens, request.cache_write_tokens, request.output_tokens


def only_session(home: Path, agent: str) -> list[Request]:
    (session,) = sessions_in(home, agent)
    return [request for _, request in requests_of([session])]


def written(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def lines(*objects: Any) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)


def goose_database(home: Path, *, ledger: bool) -> None:
    path = home / ".local" / "share" / "goose" / "sessions" / "sessions.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "CREATE TABLE sessions (id TEXT, working_dir TEXT, created_at TEXT, updated_at TEXT, provider_name TEXT,"
            " model_config_json TEXT, accumulated_input_tokens INT, accumulated_output_tokens INT,"
            " accumulated_cost REAL)"
        )
        base.execute(
            "INSERT INTO sessions VALUES ('20260820_1', '/shop', '2026-08-20 09:00:00', '2026-08-20 10:00:00',"
            " 'anthropic', '{\"model_name\":\"claude-sonnet-4-6\"}', 140, 25, 0.3)"
        )
        if ledger:
            base.execute(
                "CREATE TABLE usage_ledger (id INTEGER PRIMARY KEY, session_id TEXT, created_timestamp INT, model TEXT,"
                " input_tokens INT, output_tokens INT, cache_read_tokens INT, cache_write_tokens INT, cost REAL)"
            )
            row = "INSERT INTO usage_ledger VALUES (?, '20260820_1', ?, ?, ?, ?, ?, ?, ?)"
            base.execute(row, (1, 1_787_216_401, "claude-sonnet-4-6", 100, 20, 30, 10, 0.25))
            base.execute(row, (2, 1_787_216_460, None, 40, 5, 0, 0, 0.05))


def test_goose_has_a_row_for_each_request(home: Path) -> None:
    goose_database(home, ledger=True)
    first, second = only_session(home, "goose")
    assert numbers(first) == (100, 30, 10, 20)
    assert (first.model, first.provider, first.folder) == ("claude-sonnet-4-6", "anthropic", "/shop")
    assert first.cost_usd == Decimal("0.25")
    assert (second.model, second.doubt) == ("claude-sonnet-4-6", None)


def test_an_older_goose_has_the_sessions_totals_alone_and_a_doubt(home: Path) -> None:
    goose_database(home, ledger=False)
    (request,) = only_session(home, "goose")
    assert (request.input_tokens, request.output_tokens) == (140, 25)
    assert request.doubt == "the requests of the session are added up: this version of Goose keeps only its totals"


@pytest.mark.parametrize(
    ("agent", "extension"),
    [
        ("cline", "saoudrizwan.claude-dev"),
        ("roo", "rooveterinaryinc.roo-cline"),
        ("kilocode", "kilocode.kilo-code"),
    ],
)
def test_a_task_of_the_cline_family_has_a_message_for_each_request(home: Path, agent: str, extension: str) -> None:
    used = {"request": "# Current Workspace Directory (/shop) Files", "tokensIn": 10, "tokensOut": 5, "cacheReads": 30}
    storage = home / ".config" / "Code" / "User" / "globalStorage" / extension
    begun = {"ts": MILLISECONDS, "type": "say", "say": "api_req_started", "text": json.dumps({"request": "x"})}
    written(
        storage / "tasks" / "1787216400000" / "ui_messages.json",
        [
            {"ts": MILLISECONDS - 1, "type": "say", "say": "task", "text": "/spec-kitty.implement WP01"},
            begun,
            begun | {"text": json.dumps(used), "modelInfo": {"modelId": "claude-opus-4-8"}},
            {"ts": MILLISECONDS + 1, "type": "ask", "ask": "command", "text": COMMAND},
            {"ts": MILLISECONDS + 2, "type": "say", "say": "command_output", "text": "spec-kitty merge"},
        ],
    )
    (request,) = only_session(home, agent)
    assert numbers(request) == (40, 30, None, 5)
    assert (request.model, request.folder) == ("claude-opus-4-8", "/shop")
    found = [(one.kind, one.verb, one.wp_id) for one in signals_of(sessions_in(home, agent))]
    assert found == [("slash", "implement", "WP01"), ("command", "implement", "WP01"), ("result", None, None)]


def test_clines_command_line_has_metrics_at_each_answer_and_no_totals_are_added(home: Path) -> None:
    folder = home / ".cline" / "data" / "sessions" / "s1"
    usage = {"inputTokens": 999, "outputTokens": 999}
    written(folder / "s1.json", {"session_id": "s1", "cwd": "/shop", "metadata": {"usage": usage}})
    tool = {"type": "tool_use", "id": "t1", "name": "run_commands", "input": {"commands": [COMMAND]}}
    answer = {
        "id": "m1",
        "role": "assistant",
        "ts": MILLISECONDS,
        "content": [tool],
        "modelInfo": {"id": "z-ai/glm-5.2", "provider": "cline"},
        "metrics": {"inputTokens": 60, "outputTokens": 20, "cacheReadTokens": 5, "cost": 0.0021},
    }
    result = {"role": "user", "ts": MILLISECONDS, "content": [{"type": "tool_result", "tool_use_id": "t1"}]}
    written(folder / "s1.messages.json", {"messages": [answer, result]})
    (request,) = only_session(home, "cline")
    assert numbers(request) == (65, 5, None, 20)
    assert (request.model, request.cost_usd, request.folder) == ("z-ai/glm-5.2", Decimal("0.0021"), "/shop")
    assert [one.kind for one in signals_of(sessions_in(home, "cline"))] == ["command", "result"]


def test_kimi_writes_a_response_again_as_it_grows_and_the_model_is_that_of_the_settings(home: Path) -> None:
    def status(output: int) -> dict[str, Any]:
        used = {"input_other": 10, "input_cache_read": 20, "input_cache_creation": 0, "output": output}
        return {
            "timestamp": 1_787_216_400.5,
            "message": {"type": "StatusUpdate", "payload": {"token_usage": used, "message_id": "chatcmpl-1"}},
        }

    group = md5(b"/shop", usedforsecurity=False).hexdigest()
    written(home / ".kimi" / "kimi.json", {"work_dirs": [{"path": "/shop"}]})
    written(home / ".kimi" / "config.toml", 'default_model = "k"\n[models.k]\nmodel = "kimi-k2"\n')
    call = {
        "type": "function",
        "id": "t1",
        "function": {"name": "Shell", "arguments": json.dumps({"command": COMMAND})},
    }
    written(
        home / ".kimi" / "sessions" / group / "s1" / "wire.jsonl",
        lines(
            {"type": "metadata", "protocol_version": "1.3"},
            status(2),
            status(7),
            {"timestamp": 1_787_216_401, "message": {"type": "ToolCall", "payload": call}},
        ),
    )
    (request,) = only_session(home, "kimi")
    assert numbers(request) == (30, 20, 0, 7)
    assert (request.model, request.folder) == ("kimi-k2", "/shop")
    assert request.doubt == "the session does not name its model; the one of the settings was taken"
    assert [(one.kind, one.wp_id) for one in signals_of(sessions_in(home, "kimi"))] == [("command", "WP01")]


def test_kimi_code_counts_the_records_of_turns_of_each_of_its_agents(home: Path) -> None:
    used = {"inputOther": 10, "output": 5, "inputCacheRead": 20, "inputCacheCreation": 1}
    record = {"type": "usage.record", "usageScope": "turn", "usage": used, "time": MILLISECONDS}
    agents = home / ".kimi-code" / "sessions" / "shop_1" / "s1" / "agents"
    request = {"type": "llm.request", "model": "kimi-code/kimi-for-coding", "time": MILLISECONDS}
    session = record | {"usageScope": "session"}
    written(agents / "main" / "wire.jsonl", lines(request, record, session))
    written(agents / "agent-1" / "wire.jsonl", lines(request, record))
    (found,) = sessions_in(home, "kimi")
    assert [thread.is_subagent for thread in found.threads] == [False, True]
    assert [(one.model, numbers(one)) for _, one in requests_of([found])] == [
        ("kimi-for-coding", (31, 20, 1, 5)),
        ("kimi-for-coding", (31, 20, 1, 5)),
    ]


def test_agents_without_usable_numbers_are_named_and_read_by_nobody() -> None:
    assert WITHOUT_NUMBERS == ("cursor", "augment", "letta", "amp")
    assert not set(WITHOUT_NUMBERS) & set(STORES)
