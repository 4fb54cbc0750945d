"""`events` and `emit` as a person or a script types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import query_execution_events
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project import Project

FEATURE = "043-telemetry-foundation"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def emit(project: Project, *more: str) -> Result:
    return run("emit", "--project", project.root, "--feature", "43", "--agent", "a", "--role", "planner", *more)


def test_emit_records_every_field_that_is_given(project: Project) -> None:
    said = emit(
        project, "--wp", "WP07", "--model", "m", "--provider", "p", "--input-tokens", "10", "--cache-read-tokens", "4",
        "--cache-write-tokens", "3", "--cache-write-1h-tokens", "2", "--output-tokens", "6", "--reasoning-tokens", "5",
        "--cost-usd", "0.051086", "--duration-ms", "1500", "--exit-code", "0", "--attempt", "2", "--run-id", "r",
        "--session-id", "s", "--timestamp", "2026-08-20T10:00:00Z", "--event-id", "01K3ZZZZZZZZZZZZZZZZZZZZZZ",
        "--tag", "team=blue", "--json",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout) == {
        "version": 1,
        "recorded": True,
        "place": "log",
        "event_id": "01K3ZZZZZZZZZZZZZZZZZZZZZZ",
        "lamport_clock": 1,
        "log": str(project.log_path(FEATURE)),
    }
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    payload = event.payload
    assert (payload.wp_id, payload.model, payload.provider, payload.attempt) == ("WP07", "m", "p", 2)
    assert (payload.input_tokens, payload.cache_read_tokens, payload.cache_write_tokens) == (10, 4, 3)
    assert (payload.cache_write_1h_tokens, payload.output_tokens, payload.reasoning_tokens) == (2, 6, 5)
    assert (payload.cost_usd, payload.duration_ms, payload.exit_code) == (Decimal("0.051086"), 1500, 0)
    assert (payload.run_id, payload.session_id, payload.tags) == ("r", "s", {"team": "blue"})
    assert event.timestamp.isoformat() == "2026-08-20T10:00:00+00:00"


def test_emit_again_with_the_same_id_counts_once(project: Project) -> None:
    for _ in range(2):
        assert emit(project, "--event-id", "01K3ZZZZZZZZZZZZZZZZZZZZZZ").exit_code == 0
    assert len(query_execution_events(project.feature_dir(FEATURE))) == 1


def test_emit_leaves_unknown_what_is_not_said(project: Project) -> None:
    assert "Recorded 01" in emit(project).stdout
    payload = query_execution_events(project.feature_dir(FEATURE))[0].payload
    assert (payload.input_tokens, payload.cost_usd, payload.duration_ms, payload.exit_code) == (None, None, None, None)
    assert (payload.outcome, payload.usage_source) == ("succeeded", "none")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--input-tokens", "-1"), "-1 is not in the range x>=0"),
        (("--input-tokens", "1.5"), "'1.5' is not a valid int"),
        (("--cost-usd", "much"), "found 'much', expected dollars such as 0.051086"),
        (("--cost-usd", "NaN"), "found 'NaN', expected dollars"),
        (("--event-id", "1"), "found '1', expected a ULID of 26 characters"),
        (("--outcome", "odd"), "'odd' is not one of"),
        (("--tag", "blue"), "found 'blue', expected NAME=VALUE"),
        (("--timestamp", "soon"), "found 'soon'; expected a date"),
        (("--input-tokens", "5", "--cache-read-tokens", "9"), "expected at least 9: its parts are inside it"),
    ],
)
def test_wrong_arguments_exit_2_and_write_nothing(project: Project, wrong: tuple[str, ...], message: str) -> None:
    said = emit(project, *wrong)
    assert said.exit_code == 2
    assert message in said.stderr
    assert query_execution_events(project.feature_dir(FEATURE)) == []


def test_a_record_that_cannot_be_written_warns_and_exits_0(project: Project) -> None:
    project.runtime_dir.parent.mkdir(parents=True)
    project.runtime_dir.write_text("in the way", encoding="utf-8")
    said = emit(project, "--json")
    assert said.exit_code == 0
    assert json.loads(said.stdout)["recorded"] is False


def test_events_lists_filters_and_shows_one(legacy_project: Project) -> None:
    everything = run("events", "--project", legacy_project.root, "--json", "--limit", "0").stdout.splitlines()
    assert len(everything) == 11
    moments = [json.loads(line)["timestamp"] for line in everything]
    assert moments == sorted(moments)
    planned = run("events", "--project", legacy_project.root, "--role", "planner", "--model", "none").stdout
    assert planned.count("codex_nonKitty") == 2
    one = run("events", "--project", legacy_project.root, "--id", "01KHJVJWDK").stdout
    assert json.loads(one)["payload"]["cost_usd"] == 7.8
    none = run("events", "--project", legacy_project.root, "--agent", "nobody")
    assert (none.exit_code, none.stdout) == (0, "No record matches.\n")


def test_events_as_json_are_the_lines_on_disk(project: Project) -> None:
    emit(project, "--model", "m")
    assert run("events", "--project", project.root, "--json").stdout.encode() == project.log_path(FEATURE).read_bytes()


def test_follow_shows_records_as_they_come(project: Project) -> None:
    emit(project, "--wp", "WP01")
    words = [
        sys.executable,
        "-m",
        "spec_kitty_telemetry",
        "events",
        "--project",
        str(project.root),
        "--json",
        "--follow",
    ]
    environment: dict[str, Any] = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["payload"]["wp_id"] == "WP01"
        emit(project, "--wp", "WP02")
        assert json.loads(process.stdout.readline())["payload"]["wp_id"] == "WP02"
        process.kill()
