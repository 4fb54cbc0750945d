"""From what a host announced to the line on disk."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from spec_kitty_events import Event

from spec_kitty_telemetry import emit_execution_event, query_execution_events
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, ModelUsage, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.model.payload import ExecutionPayload
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
BEGAN = datetime(2026, 8, 20, 10, 0, tzinfo=UTC)


def record(hooks: Hooks, project: Project, result: InvocationResult, **about: Any) -> ExecutionPayload:
    facts: dict[str, Any] = {"agent": "claude-code", "role": "implementer", "wp_id": "WP01"} | about
    invocation = Invocation(project_root=project.root, feature=FEATURE, started_at=BEGAN, **facts)
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, result)
    return query_execution_events(project.feature_dir(FEATURE))[-1].payload


def lines(project: Project) -> list[dict[str, Any]]:
    text = project.log_path(FEATURE).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_claude_run_becomes_one_line_with_everything_it_said(
    hooks: Hooks, project: Project, sample: Callable[[str], str]
) -> None:
    ended = BEGAN + timedelta(seconds=49)
    result = InvocationResult(
        success=True, exit_code=0, stdout=sample("claude.json"), duration_seconds=48.5, ended_at=ended
    )
    record(hooks, project, result, attempt=1, run_id="run-7", tags={"team": "blue"})
    (line,) = lines(project)
    payload = line.pop("payload")
    assert line | {"event_id": "", "correlation_id": ""} == {
        "aggregate_id": FEATURE,
        "build_id": "b524fffa-7033-5e51-b1e2-842c78420f66",
        "causation_id": None,
        "correlation_id": "",
        "data_tier": 0,
        "event_id": "",
        "event_type": "ExecutionEvent",
        "lamport_clock": 1,
        "node_id": "b805cd5cee74",
        "project_slug": "shop",
        "project_uuid": "2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11",
        "schema_version": "3.0.0",
        "timestamp": "2026-08-20T10:00:49.000000+00:00",
    }
    assert payload == {
        "agent": "claude-code",
        "agent_duration_ms": 48210,
        "attempt": 1,
        "cache_read_tokens": 43000,
        "cache_write_1h_tokens": 0,
        "cache_write_tokens": 7000,
        "cost_usd": 0.051086,
        "duration_ms": 48500,
        "error": None,
        "exit_code": 0,
        "input_tokens": 50512,  # 46012 + 4500
        "model": "claude-sonnet-4-6",
        "models": [
            {
                "model": "claude-sonnet-4-6",
                "input_tokens": 46012,  # 12 + 40000 read + 6000 written
                "cache_read_tokens": 40000,
                "cache_write_tokens": 6000,
                "cache_write_1h_tokens": 0,
                "output_tokens": 900,
                "cost_usd": 0.048036,
            },
            {
                "model": "claude-haiku-4-5-20251001",
                "input_tokens": 4500,  # 500 + 3000 read + 1000 written
                "cache_read_tokens": 3000,
                "cache_write_tokens": 1000,
                "output_tokens": 200,
                "cost_usd": 0.00305,
            },
        ],
        "outcome": "succeeded",
        "output_tokens": 1100,
        "provider": None,
        "reasoning_tokens": None,
        "role": "implementer",
        "run_id": "run-7",
        "session_id": "3f0c1c52-7f2f-4d8e-9a52-0a4f6f9b1c11",
        "started_at": "2026-08-20T10:00:00.000000+00:00",
        "success": True,
        "tags": {"team": "blue"},
        "usage_source": "agent-output",
        "version": 2,
        "wp_id": "WP01",
    }


def test_a_codex_run_keeps_its_model_unknown_unless_the_host_chose_one(
    hooks: Hooks, project: Project, sample: Callable[[str], str]
) -> None:
    result = InvocationResult(success=True, exit_code=0, stdout=sample("codex.jsonl"))
    said = record(hooks, project, result, agent="codex", role="reviewer")
    assert (said.model, said.input_tokens, said.cache_read_tokens, said.output_tokens) == (None, 26549, 22272, 1590)
    assert (said.cache_write_tokens, said.reasoning_tokens, said.cost_usd) == (1000, 1152, None)
    other = sample("codex.jsonl").replace("019c8140", "019c8141")
    chosen = InvocationResult(success=True, exit_code=0, stdout=other)
    assert record(hooks, project, chosen, agent="codex", model="gpt-5.2-codex").model == "gpt-5.2-codex"


def test_a_run_that_says_nothing_is_recorded_with_unknown_counts(hooks: Hooks, project: Project) -> None:
    said = record(hooks, project, InvocationResult(success=False, exit_code=124, duration_seconds=900))
    assert (said.outcome, said.usage_source, said.input_tokens, said.cost_usd) == ("timed_out", "none", None, None)


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (InvocationResult(success=True, exit_code=0), "succeeded"),
        (InvocationResult(success=False, exit_code=1), "failed"),
        (InvocationResult(success=False, exit_code=124), "timed_out"),
        (InvocationResult(success=False, exit_code=-9), "killed"),
        (InvocationResult(success=False, exit_code=143), "killed"),
        (InvocationResult(success=False, exit_code=1, outcome="rejected"), "rejected"),
    ],
)
def test_the_outcome_follows_from_the_exit_code_unless_the_host_says_it(
    hooks: Hooks, project: Project, result: InvocationResult, outcome: str
) -> None:
    said = record(hooks, project, result, agent="unheard-of")
    assert (said.outcome, said.success) == (outcome, outcome == "succeeded")


def test_a_run_succeeded_only_where_host_and_agent_agree(
    hooks: Hooks, project: Project, sample: Callable[[str], str]
) -> None:
    result = InvocationResult(success=True, exit_code=0, stdout=sample("claude_api_error.json"))
    assert record(hooks, project, result).outcome == "failed"


def test_numbers_from_the_host_win_over_the_agents_own(
    hooks: Hooks, project: Project, sample: Callable[[str], str]
) -> None:
    result = InvocationResult(
        success=True, exit_code=0, stdout=sample("claude.json"), input_tokens=5, cost_usd=Decimal("0.25")
    )
    said = record(hooks, project, result)
    assert (said.input_tokens, said.cost_usd, said.usage_source, said.models) == (5, Decimal("0.25"), "host", [])


def test_a_hosts_total_takes_the_agents_parts_of_another_total_away(
    hooks: Hooks, project: Project, sample: Callable[[str], str]
) -> None:
    told = InvocationResult(
        success=True, exit_code=0, stdout=sample("codex.jsonl"), input_tokens=1000, output_tokens=10
    )
    said = record(hooks, project, told, agent="codex")
    assert (said.input_tokens, said.cache_read_tokens, said.cache_write_tokens) == (1000, None, None)
    assert (said.output_tokens, said.reasoning_tokens) == (10, None)


def test_a_hosts_cost_alone_keeps_the_agents_tokens_and_models(
    hooks: Hooks, project: Project, sample: Callable[[str], str]
) -> None:
    told = InvocationResult(success=True, exit_code=0, stdout=sample("claude.json"), cost_usd=Decimal("0.04"))
    said = record(hooks, project, told)
    assert (said.cost_usd, said.input_tokens, len(said.models)) == (Decimal("0.04"), 50512, 2)


def test_totals_that_a_plugin_left_out_are_the_sums_of_its_models(hooks: Hooks, project: Project) -> None:
    class Mine:
        @hookimpl
        def extract_usage(self) -> Usage:
            one = ModelUsage(model="a", input_tokens=2000, output_tokens=200, cost_usd=Decimal("0.5"))
            other = ModelUsage(model="b", input_tokens=1000, output_tokens=100)
            return Usage(models=(one, other))

    hooks.register(Mine(), "mine")
    said = record(hooks, project, InvocationResult(success=True, exit_code=0), agent="mine")
    assert (said.input_tokens, said.output_tokens, said.cost_usd) == (3000, 300, None)
    assert said.usage_source == "agent-output"


def test_how_a_run_was_billed_is_kept_for_each_model_and_for_the_whole(hooks: Hooks, project: Project) -> None:
    fast = ModelUsage(model="a", input_tokens=20, output_tokens=2, speed="fast", web_search_requests=3)
    guessed = ModelUsage(model="b", input_tokens=10, output_tokens=1, guessed_cost_usd=Decimal("0.018"))

    class Mine:
        @hookimpl
        def extract_usage(self) -> Usage:
            return Usage(model="a", models=(fast, guessed), service_tier="priority", inference_geo="us\nx")

    hooks.register(Mine(), "mine")
    said = record(hooks, project, InvocationResult(success=True, exit_code=0), agent="mine", model="asked-for")
    assert (said.speed, said.service_tier, said.inference_geo, said.web_search_requests) == (
        None,
        "priority",
        "us x",
        3,
    )
    assert (said.cost_usd, said.guessed_cost_usd) == (None, Decimal("0.018"))
    assert (said.model, said.requested_model) == ("a", "asked-for")
    assert [(part.speed, part.web_search_requests, part.guessed_cost_usd) for part in said.models] == [
        ("fast", 3, None),
        (None, None, Decimal("0.018")),
    ]


def test_facts_that_do_not_hold_take_no_room_on_a_line(
    hooks: Hooks, project: Project, sample: Callable[[str], str]
) -> None:
    record(hooks, project, InvocationResult(success=True, exit_code=0, stdout=sample("claude.json")))
    (line,) = lines(project)
    facts = {"speed", "service_tier", "inference_geo", "web_search_requests", "guessed_cost_usd", "requested_model"}
    assert not facts & (line["payload"].keys() | line["payload"]["models"][0].keys())


def test_sums_that_no_record_can_hold_are_unknown_and_the_record_stays_readable(hooks: Hooks, project: Project) -> None:
    class Huge:
        @hookimpl
        def extract_usage(self) -> Usage:
            part: dict[str, Any] = {"input_tokens": 2**53 - 1, "output_tokens": 1, "cost_usd": Decimal(10**9)}
            return Usage(models=(ModelUsage(model="a", **part), ModelUsage(model="b", **part)))

    hooks.register(Huge(), "huge")
    payload = record(hooks, project, InvocationResult(success=True))
    assert (payload.input_tokens, payload.output_tokens, payload.cost_usd) == (None, 2, None)
    assert [part.input_tokens for part in payload.models] == [2**53 - 1] * 2


@pytest.mark.parametrize("text", ["a: " + "[" * 32000 + "]" * 32000, "[" * 200_000, "a: {" * 5000])
@pytest.mark.parametrize("name", ["telemetry.yaml", "config.yaml"])
def test_a_hostile_yaml_file_neither_stops_nor_delays_the_record(project: Project, name: str, text: str) -> None:
    (project.root / ".kittify" / name).write_text(text, encoding="utf-8")
    hooks = Hooks.load(project.root)
    assert record(hooks, project, InvocationResult(success=True, exit_code=0)).success


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
def test_a_pipe_in_place_of_the_settings_is_not_waited_for(project: Project) -> None:
    os.mkfifo(project.settings_path)
    assert record(Hooks.load(project.root), project, InvocationResult(success=True, exit_code=0)).success


def test_an_error_is_kept_as_one_safe_line_where_that_is_wanted(
    hooks: Hooks, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-ant-" + "a1b2c3d4e5f6" * 3
    result = InvocationResult(success=False, exit_code=1, errors=(f"401\x1b[31m bad key {key}\nsecond line",))
    assert record(hooks, project, result, agent="unheard-of").error == "exit code 1"
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_ERROR_TEXT", "on")
    said = record(hooks, project, result, agent="unheard-of")
    assert said.error == "401 bad key [redacted] second line"


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("max_tokens: 64000 > 32000, which is the maximum", "exit code 1: max_tokens: 64000 > 32000"),
        ('API Error: 429 {"type":"rate_limit_error"}', "exit code 1: rate_limit_error, status 429"),
        ("bash: codex: command not found", "exit code 1: command not found"),
        ("prompt is too long: 205000 tokens > 200000 maximum",
         "exit code 1: 205000 tokens > 200000 maximum, prompt is too long"),
        ("Implement WP01: our unreleased pricing engine for ACME", "exit code 1"),
        ("overloaded_error req_011CSHoEeqs5", "exit code 1: overloaded_error, request req_011CSHoEeqs5"),
    ],
)  # fmt: skip
def test_of_an_error_only_what_is_known_is_kept(hooks: Hooks, project: Project, said: str, stored: str) -> None:
    for result in ({"stderr": f"noise\n{said}\n"}, {"errors": (said,)}):
        ended = InvocationResult(success=False, exit_code=1, **result)
        assert record(hooks, project, ended, agent="unheard-of").error == stored


def test_clocks_grow_by_one_and_every_line_is_an_event_of_the_host_family(hooks: Hooks, project: Project) -> None:
    for number in range(5):
        record(hooks, project, InvocationResult(success=True, exit_code=0), attempt=number + 1)
    assert [line["lamport_clock"] for line in lines(project)] == [1, 2, 3, 4, 5]
    for line in lines(project):
        assert Event.from_dict(line).lamport_clock == line["lamport_clock"]


def test_one_call_records_a_run_from_a_script(project: Project) -> None:
    appended = emit_execution_event(
        project.feature_dir(FEATURE), FEATURE, "WP02", "my-agent", "planner",
        model="gpt-5.2", input_tokens=10, output_tokens=3, cost_usd=0.1, duration_ms=1500, tags={"team": "red"},
    )  # fmt: skip
    assert appended is not None
    assert appended.place == "log"
    payload = query_execution_events(project.feature_dir(FEATURE))[0].payload
    assert (payload.wp_id, payload.role, payload.model) == ("WP02", "planner", "gpt-5.2")
    assert (payload.cost_usd, payload.duration_ms, payload.usage_source) == (Decimal("0.1"), 1500, "manual")
    assert (payload.started_at, payload.tags) == (None, {"team": "red"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_tokens": -1},
        {"cost_usd": "a lot"},
        {"cost_usd": float("nan")},
        {"outcome": "odd"},
        {"event_id": "short"},
        {"duration_ms": "x"},
    ],
)
def test_a_call_with_wrong_values_warns_and_never_raises(
    project: Project, caplog: pytest.LogCaptureFixture, wrong: dict[str, Any]
) -> None:
    assert emit_execution_event(project.feature_dir(FEATURE), FEATURE, None, "a", "r", **wrong) is None
    assert f"an execution event of {FEATURE} was not recorded" in caplog.text


def test_a_call_that_does_not_say_how_long_or_how_it_ended_leaves_that_unknown(project: Project) -> None:
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, None, "a", "r")
    payload = query_execution_events(project.feature_dir(FEATURE))[0].payload
    assert (payload.duration_ms, payload.exit_code, payload.outcome) == (None, None, "succeeded")


def test_a_feature_without_a_project_still_gets_its_log(tmp_path: Any) -> None:
    folder = tmp_path / "loose"
    folder.mkdir()
    appended = emit_execution_event(folder, "001-loose", "WP01", "a", "r")
    assert appended is not None
    assert appended.place == "log"
    assert [event.feature for event in query_execution_events(folder)] == ["001-loose"]
