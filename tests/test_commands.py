"""The commands as a person types them: what they print, and what they say when something is wrong."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def json_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout, parse_float=Decimal)
    return document


def test_the_legacy_logs_by_model_have_the_sums_worked_out_by_hand(legacy_project: Project) -> None:
    report = json_of(run("report", "--project", legacy_project.root, "--by", "model", "--json"))
    rows = {row["group"]["model"]: row for row in report["rows"]}
    # 043: the same copilot run stands there twice with two ids, so it counts twice: 2 × 30,532,200 in, 2 × 178,560 out
    assert rows["claude-sonnet-4.5"]["total_input_tokens"] == 61_064_400
    assert rows["claude-sonnet-4.5"]["total_output_tokens"] == 357_120
    assert rows["claude-sonnet-4.5"]["reported_cost_usd"] == Decimal("31.2")  # 2 × 15.6
    assert rows["claude-opus-4.6"]["total_cost_usd"] == Decimal("7.8")
    # 048: four runs, two of which said 64,163 tokens in and nothing else: 2 × 64,163 × $5 per million
    opus = rows["claude-opus-4-6"]
    assert (opus["event_count"], opus["total_input_tokens"], opus["total_output_tokens"]) == (4, 128_326, None)
    assert (opus["reported_cost_usd"], opus["estimated_cost_usd"]) == (None, Decimal("0.64163"))
    assert (opus["no_usage_event_count"], opus["partial_usage_event_count"]) == (2, 2)
    nobody = rows[None]
    assert (nobody["event_count"], nobody["total_input_tokens"], nobody["total_cost_usd"]) == (4, 174_000, None)
    total = report["total"]
    assert total["event_count"] == 11
    assert total["total_input_tokens"] == 76_632_826  # 61,064,400 + 15,266,100 + 128,326 + 174,000
    assert total["total_cost_usd"] == Decimal("39.64163")  # 31.2 + 7.8 + 0.64163
    assert report["unknown_models"] == [
        {"model": None, "provider": None, "event_count": 1, "input_tokens": 174_000, "output_tokens": 21_000}
    ]
    assert report["skipped_lines"] == []


def test_a_report_for_a_person_says_at_its_end_what_it_does_not_know(legacy_project: Project) -> None:
    with legacy_project.log_path(FEATURE).open("ab") as log:
        log.write(b"half a li")
    output = run("report", "--project", legacy_project.root).stdout
    assert "≥~$39.64" in output
    assert "Usage is known for 6 of 11 runs; totals are a floor (≥)." in output
    assert "2 runs said only a part of the tokens used." in output
    assert "(the agent did not say its model): 1 run, 174,000 tokens in, 21,000 out" in output
    assert "043-telemetry-foundation/execution.events.jsonl line 3: not JSON" in output.replace(os.sep, "/")
    assert "~ estimated from list prices of each run's own day (price table of 20" in output


@pytest.mark.parametrize("option", ["--feature", "--mission"])
def test_feature_and_mission_are_the_same_option(legacy_project: Project, option: str) -> None:
    report = json_of(run("cost", "--project", legacy_project.root, option, "45", "--json"))
    assert [row["group_key"] for row in report["rows"]] == ["045-constitution-doctrine-config-sync"]


def test_since_and_until_cut_at_days(legacy_project: Project) -> None:
    everything = ("report", "--project", legacy_project.root, "--json", "--tz", "UTC")
    one_day = json_of(run(*everything, "--since", "2026-02-17", "--until", "2026-02-17"))
    assert one_day["total"]["event_count"] == 2
    assert one_day["filters"]["until"] == "2026-02-18T00:00:00+00:00"
    assert json_of(run(*everything, "--until", "2026-02-15"))["total"]["event_count"] == 0


def test_a_project_without_records_says_what_to_do(project: Project) -> None:
    result = run("report", "--project", project.root)
    assert result.exit_code == 0
    assert "Nothing recorded yet in" in result.stdout
    assert "'spec-kitty telemetry demo'" in result.stdout
    assert json_of(run("report", "--project", project.root, "--json"))["rows"] == []


def test_filters_that_match_nothing_say_how_much_there_is(legacy_project: Project) -> None:
    result = run("report", "--project", legacy_project.root, "--since", "1d")
    assert "None of 11 recorded runs matches these filters." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--by", "colour"], 2, "found the dimension 'colour', expected one of feature, wp, role"),
        (["--since", "soon"], 2, "found 'soon'; expected a date (2026-02-16)"),
        (["--tz", "Mars"], 2, "found the time zone 'Mars', expected an IANA name"),
        (["--feature", "099"], 1, "found no feature '099' in"),
        (["--feature", "../x"], 1, "'../x' cannot be a feature's name"),
        (["--colour"], 2, "No such option"),
    ],
)
def test_wrong_input_is_one_clear_sentence_and_no_traceback(
    legacy_project: Project, arguments: list[str], exit_code: int, message: str
) -> None:
    result = run("report", "--project", legacy_project.root, *arguments)
    assert result.exit_code == exit_code
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_outside_a_project_the_error_says_what_to_do(tmp_path: Path) -> None:
    result = run("report", "--project", tmp_path)
    assert result.exit_code == 1
    assert "Error: no spec-kitty project around" in result.stderr
    assert "make one with 'spec-kitty init'" in result.stderr


def test_a_log_that_cannot_be_read_is_an_error(project: Project) -> None:
    project.log_path(FEATURE).mkdir()
    result = run("report", "--project", project.root)
    assert result.exit_code == 1
    assert "execution.events.jsonl is" in result.stderr


def test_settings_that_cannot_be_used_are_an_error(legacy_project: Project) -> None:
    legacy_project.settings_path.write_text("pricing: 7\n", encoding="utf-8")
    result = run("report", "--project", legacy_project.root)
    assert result.exit_code == 1
    assert "telemetry.yaml" in result.stderr


def test_control_characters_of_a_log_never_reach_the_terminal(project: Project) -> None:
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", "a", "r", model="m", input_tokens=1)
    path = project.log_path(FEATURE)
    path.write_bytes(path.read_bytes().replace(b'"model":"m"', b'"model":"\\u001b[2J\\u202eevil"'))
    output = run("report", "--project", project.root, "--by", "model").stdout
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert "evil" in output


def test_the_demo_plays_a_feature_through_the_hooks_and_reports_on_it(tmp_path: Path) -> None:
    result = run("demo", "--folder", tmp_path / "shop")
    assert result.exit_code == 0, result.output
    report = json_of(run("report", "--project", tmp_path / "shop", "--json", "--by", "wp,role"))
    rows = {row["group_key"]: row for row in report["rows"]}
    # $0.43143 for the stopped run and 2 × $0.322142 for the two that were done
    assert rows["WP01 / implementer"]["reported_cost_usd"] == Decimal("1.075714")
    assert rows["WP01 / implementer"]["failed_event_count"] == 1
    assert rows["WP01 / reviewer"]["rejected_event_count"] == 1
    # gpt-5.2-codex at $1.75, $0.175, $14: 16,500 + 71,900 cached + 3,250 out, and 13,900 + 50,200 cached + 1,480 out
    assert rows["WP01 / reviewer"]["estimated_cost_usd"] == Decimal("0.1407875")
    assert rows["WP02 / implementer"]["total_cost_usd"] is None
    assert [each["model"] for each in report["unknown_models"]] == ["claude-example-next"]
    assert str(tmp_path / "shop") in result.stdout


def test_the_demo_never_writes_into_a_folder_that_has_files(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    result = run("demo", "--folder", tmp_path)
    assert result.exit_code == 2
    assert "expected an empty folder" in result.stderr


def test_doctor_shows_plugins_hosts_logs_and_settings(legacy_project: Project) -> None:
    result = run("doctor", "--project", legacy_project.root)
    assert result.exit_code == 0, result.output
    for expected in ("spec-kitty-cli 3.", "understands the output of: aider, amp, ", "implements after_invocation",
                     "048-full-lifecycle-telemetry-events: 8 runs", "fsync: off"):  # fmt: skip
        assert expected in result.stdout


def test_doctor_exits_1_for_a_bad_line_and_repairs_it_keeping_a_copy(legacy_project: Project) -> None:
    path = legacy_project.log_path(FEATURE)
    whole = path.read_bytes()
    first, second = whole.splitlines(keepends=True)
    path.write_bytes(first + first[:80] + second)  # a torn line that swallowed the record after it
    found = run("doctor", "--project", legacy_project.root)
    assert found.exit_code == 1
    assert "1 line cannot be read (the first: line 2, not JSON" in found.stdout
    repaired = run("doctor", "--project", legacy_project.root, "--repair")
    assert repaired.exit_code == 0, repaired.output
    assert "1 bad line(s) removed, 1 record(s) saved from them" in repaired.stdout
    assert path.read_bytes() == whole
    (kept,) = (legacy_project.runtime_dir / "before-repair").iterdir()
    assert kept.read_bytes() == first + first[:80] + second


def test_doctor_outside_a_project_still_looks_at_hosts_and_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    document = json_of(run("doctor", "--json"))
    assert document["project"] is None
    assert {bridge["host"] for bridge in document["bridges"]} == {"spec-kitty-cli", "spec-kitty-orchestrator"}


def test_every_command_has_help(project: Project) -> None:
    listed = run("--help").stdout
    for name in group.list_commands(None):  # type: ignore[arg-type]
        assert f"\n  {name} " in listed
        assert run(name, "--help").exit_code == 0


def test_control_characters_of_a_settings_file_never_reach_the_terminal(legacy_project: Project) -> None:
    legacy_project.settings_path.write_text('pricing: {models: {"\\e[31mred\\a": {inptu: 1}}}\n', encoding="utf-8")
    result = run("report", "--project", legacy_project.root)
    assert result.exit_code == 1
    assert "red" in result.stderr
    assert not {"\x1b", "\x07"} & set(result.stderr)


def test_a_misspelt_command_names_the_one_that_is_like_it() -> None:
    for misspelt, meant in (("reprot", "report"), ("lifecyle", "lifecycle"), ("costs", "cost")):
        result = run(misspelt)
        assert result.exit_code == 2
        assert f"No such command '{misspelt}'; did you mean '{meant}'?" in result.stderr
    assert "did you mean" not in run("zzz").stderr


def test_wrong_usage_points_to_the_help_of_the_command_that_was_used(legacy_project: Project) -> None:
    result = run("events", "--project", legacy_project.root, "--outcome", "sucess")
    assert result.exit_code == 2
    assert "events [OPTIONS]" in result.stderr.splitlines()[0]
    assert re.search(r"events (-h|--help)' for help\.", result.stderr)  # which of the two depends on click's version


def test_an_unknown_feature_names_those_that_are_there(project: Project, tmp_path: Path) -> None:
    missing = run("report", "--project", project.root, "--feature", "99")
    assert f"no feature has telemetry yet; there are {FEATURE}" in missing.stderr
    (tmp_path / "new" / "kitty-specs").mkdir(parents=True)
    empty = run("report", "--project", tmp_path / "new", "--feature", "99")
    assert "there is none yet: spec-kitty makes them, a folder there is one" in empty.stderr


def test_an_explanation_speaks_of_long_context_only_where_it_may_count(project: Project) -> None:
    folder = project.feature_dir(FEATURE)
    for name, size in (("short", 1_000), ("long", 400_000)):
        emit_execution_event(
            folder, FEATURE, name, "codex", "implementer", model="gpt-5.5", input_tokens=size, output_tokens=1
        )
    ids = [json.loads(line)["event_id"] for line in project.log_path(FEATURE).read_text().splitlines()]
    short, long = (run("prices", "explain", "--project", project.root, each).stdout for each in ids)
    assert "long-context rates are not applied" not in short
    assert "long-context rates are not applied" in long


@pytest.mark.skipif(os.name == "nt", reason="needs a file where a folder is wanted")
def test_a_demo_that_finds_no_room_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    folder = tmp_path / "file" / "shop"
    result = run("demo", "--folder", folder)
    assert result.exit_code == 1
    said = f"Error: no project can be made in {folder}: not a directory; choose another with --folder\n"
    assert result.stderr == said
