"""`events` and `emit` as a person or a script types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import EventFilter, query_execution_events, query_project_events
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.reports.follow import LogFollower
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

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
    assert (payload.outcome, payload.usage_source) == (None, "none")


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
        (("--cache-read-tokens", "9"), "found --cache-read-tokens without --input-tokens, which it is a part of"),
        (("--input-tokens", "9", "--cache-write-tokens", "1", "--cache-write-1h-tokens", "2"), "expected at least 2"),
        (("--cost-usd", "1e500"), "expected dollars such as 0.051086, at most 1,000,000,000"),
        (("--cost-usd", "2000000000"), "found '2000000000', expected dollars such as"),
        (("--input-tokens", str(2**53)), "found 9007199254740992, expected 0 to 9007199254740991"),
        (("--duration-ms", str(10**15 + 1)), "found 1000000000000001, expected 0 to 1000000000000000"),
        (("--exit-code", str(2**70)), "expected -2147483648 to 4294967295"),
        (("--outcome", "succeeded", "--failure"), "found --outcome succeeded together with --failure"),
        (("--outcome", "failed", "--success"), "found --success together with --outcome failed"),
        (("--outcome", "succeeded", "--exit-code", "3"), "found --outcome succeeded together with --exit-code 3"),
        (("--success", "--error", "x"), "found --success together with --error"),
    ],
)
def test_wrong_arguments_exit_2_and_write_nothing(project: Project, wrong: tuple[str, ...], message: str) -> None:
    said = emit(project, *wrong)
    assert said.exit_code == 2
    assert message in said.stderr
    assert query_execution_events(project.feature_dir(FEATURE)) == []


def test_a_record_that_cannot_be_written_warns_and_exits_0(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_STATE_DIR", f"{os.devnull}/none")
    project.runtime_dir.parent.mkdir(parents=True)
    project.runtime_dir.write_text("in the way", encoding="utf-8")
    said = emit(project, "--json")
    assert said.exit_code == 0
    assert json.loads(said.stdout)["recorded"] is False


def test_the_greatest_values_of_emit_can_be_read_again(project: Project) -> None:
    most = ("--cost-usd", "1e9", "--input-tokens", str(2**53 - 1), "--duration-ms", str(10**15))
    assert emit(project, *most, "--exit-code", str(2**32 - 1)).exit_code == 0
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    assert (event.payload.cost_usd, event.payload.input_tokens) == (Decimal(10**9), 2**53 - 1)
    assert (event.payload.duration_ms, event.payload.outcome) == (10**15, "failed")


def test_an_error_that_is_told_makes_a_run_fail(project: Project) -> None:
    assert emit(project, "--error", "no network").exit_code == 0
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    assert (event.payload.outcome, event.payload.error) == ("failed", "no network")


def test_emit_takes_a_time_in_the_projects_zone(project: Project) -> None:
    project.settings_path.write_text("time_zone: Asia/Tokyo\n", encoding="utf-8")
    assert emit(project, "--timestamp", "2026-08-20T10:00").exit_code == 0
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    assert event.timestamp.isoformat() == "2026-08-20T01:00:00+00:00"


def test_while_telemetry_is_off_emit_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY", "off")
    said = emit(project, "--json")
    assert (said.exit_code, json.loads(said.stdout)["recorded"]) == (0, False)
    assert said.stderr == "Warning: telemetry is off (SPEC_KITTY_TELEMETRY); nothing was recorded.\n"
    assert not project.log_path(FEATURE).exists()


def test_while_telemetry_is_off_the_demo_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY", "off")
    said = run("demo", "--folder", tmp_path / "new")
    assert said.exit_code == 1
    assert "telemetry is off (SPEC_KITTY_TELEMETRY), so a demo would record nothing" in said.stderr
    assert not (tmp_path / "new").exists()


def test_doctor_does_not_call_it_well_where_nothing_is_recorded(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    no_project = "Nothing will be recorded, because there is no spec-kitty project here"
    assert run("doctor").stdout.startswith(no_project)
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY", "off")
    said = run("doctor", "--project", project.root).stdout
    assert said.startswith("Nothing will be recorded, because telemetry is off (SPEC_KITTY_TELEMETRY).\n")


def test_records_at_the_ends_of_the_calendar_are_shown(project: Project) -> None:
    emit(project, "--timestamp", "0001-01-01T00:00Z")
    emit(project, "--timestamp", "9999-12-31T23:59Z")
    for zone in ("Asia/Tokyo", "America/New_York"):
        for command in (("events",), ("report", "--by", "day")):
            said = run(*command, "--project", project.root, "--tz", zone)
            assert (said.exit_code, said.exception) == (0, None)


def test_a_limited_list_says_how_many_there_are(project: Project) -> None:
    for hour in (12, 10, 11):
        emit(project, "--timestamp", f"2026-08-20T{hour}:00Z", "--wp", f"WP{hour}")
    listed = run("events", "--project", project.root, "--limit", "2").stdout
    assert listed.endswith("The newest 2 of 3 records; --limit 0 lists all.\n")
    assert listed.index("WP11") < listed.index("WP12")
    assert "WP10" not in listed
    assert "cost" in listed.splitlines()[2]
    as_json = run("events", "--project", project.root, "--limit", "2", "--json")
    assert [json.loads(line)["payload"]["wp_id"] for line in as_json.stdout.splitlines()] == ["WP11", "WP12"]
    assert "The newest 2 of 3 records" in as_json.stderr
    assert "newest" not in run("events", "--project", project.root, "--limit", "3").stdout


def test_an_id_of_a_record_may_be_typed_in_small_letters_but_not_left_out(project: Project) -> None:
    emit(project, "--event-id", "01K3ZZZZZZZZZZZZZZZZZZZZZZ")
    for words in (("events", "--id", "01k3z"), ("prices", "explain", "01k3z")):
        assert run(*words, "--project", project.root).exit_code == 0
    for words in (("events", "--id", ""), ("prices", "explain", "")):
        said = run(*words, "--project", project.root)
        assert said.exit_code == 2
        assert "found an empty id" in said.stderr


def test_following_reads_only_what_was_added(project: Project) -> None:
    emit(project, "--wp", "WP01")
    log = project.log_path(FEATURE)
    followed = LogFollower(Search(project, EventFilter(wp_ids=("WP0*",))))
    log.write_bytes(b"x" * log.stat().st_size)  # what was there before is not looked at again
    assert list(followed.new()) == []
    with log.open("ab") as file:
        file.write(b"\n")
    emit(project, "--wp", "WP02")
    emit(project, "--wp", "other")
    line = log.read_bytes().splitlines(keepends=True)[-2].replace(b"WP02", b"WP03")
    with log.open("ab") as file:
        file.write(line[:50])
        file.flush()
        assert [event.payload.wp_id for event in followed.new()] == ["WP02"]
        file.write(line[50:])
    assert [event.payload.wp_id for event in followed.new()] == ["WP03"]


def test_following_sees_new_logs_and_starts_again_where_one_was_replaced(project: Project) -> None:
    followed = LogFollower(Search(project))
    emit(project, "--wp", "WP01")
    assert [event.payload.wp_id for event in followed.new()] == ["WP01"]
    log = project.log_path(FEATURE)
    other = log.with_name("other")
    other.write_bytes(log.read_bytes().replace(b"WP01", b"WP02") * 2)
    other.replace(log)
    assert [event.payload.wp_id for event in followed.new()] == ["WP02", "WP02"]
    log.unlink()
    assert list(followed.new()) == []


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_following_without_a_word(project: Project) -> None:
    emit(project)
    # A shell lets what it runs in the background ignore Ctrl-C; these tests may be run there.
    program = (
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from spec_kitty_telemetry.__main__ import main\nmain()"
    )
    words = [sys.executable, "-c", program, "events", "--project", str(project.root), "--follow"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*words, "--json"], text=True, env=environment, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 130


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


@pytest.mark.parametrize("columns", [120, 80])
def test_the_list_of_events_fits_the_terminal(
    legacy_project: Project, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("events", "--project", legacy_project.root).stdout.splitlines()
    assert max(map(len, lines)) <= columns


def test_followed_records_belong_to_the_folder_they_lie_in_and_refused_logs_are_left_out(
    project: Project, tmp_path: Path
) -> None:
    emit(project)
    (project.specs_dir / "044-link").mkdir()
    target = tmp_path / "elsewhere.jsonl"
    target.write_bytes(b"")
    project.log_path("044-link").symlink_to(target)
    renamed = project.specs_dir / "045-new-name"
    project.feature_dir(FEATURE).rename(renamed)
    followed = LogFollower(Search(project, goes_on=True))
    line = (renamed / "execution.events.jsonl").read_bytes()
    for path in (renamed / "execution.events.jsonl", target):
        with path.open("ab") as log:
            log.write(line)
    assert [event.feature for event in followed.new()] == ["045-new-name"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_run_whose_record_nobody_hears_of_is_recorded_once(project: Project, more: tuple[str, ...]) -> None:
    words = ("emit", "--project", str(project.root), "--feature", "043", "--wp", "WP01", "--agent", "a", "--role", "r")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "spec_kitty_telemetry", *words, *more],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == "Warning: standard output cannot be written: no space left on device\n"
    assert len(query_project_events(project.root)) == 1
