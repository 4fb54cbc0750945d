"""`export csv` and `export jsonl`: single runs with their costs, for other programs."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from builders import new_project, record
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

RATES = """\
pricing:
  models:
    house-1: {input: "2", output: "10"}
    house-2: {input: "0.7", output: "3.3"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = new_project(tmp_path / "shop")
    project.settings_path.write_text(RATES, encoding="utf-8")
    return project


def exported(project: Project, *arguments: str) -> str:
    done = CliRunner().invoke(group, ["export", *arguments, "--project", str(project.root)])
    assert done.exit_code == 0, done.output
    return done.stdout


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_run_has_its_reported_cost_and_its_list_price_apart(project: Project) -> None:
    record(project, model="house-1", input_tokens=1_000_000, output_tokens=100_000, cost_usd=Decimal("2.5"))
    (row,) = csv_rows(exported(project, "csv"))
    assert row["reported_cost_usd"] == "2.5"
    assert row["estimated_cost_usd"] == ""
    assert row["total_cost_usd"] == "2.5"
    assert row["list_cost_usd"] == "3"  # 1 M × $2 + 0.1 M × $10


def test_an_unknown_cost_is_an_empty_cell_and_null_and_never_0(project: Project) -> None:
    record(project, model="nobody-knows", input_tokens=5, output_tokens=7)
    (row,) = csv_rows(exported(project, "csv"))
    assert (row["total_cost_usd"], row["list_cost_usd"], row["reasoning_tokens"]) == ("", "", "")
    assert (row["is_lower_bound"], row["gaps"]) == ("true", '["unpriced_event_count"]')
    one = json.loads(exported(project, "jsonl"))
    assert (one["total_cost_usd"], one["list_cost_usd"], one["gaps"]) == (None, None, ["unpriced_event_count"])


def several_models() -> dict[str, Any]:
    return {
        "model": "house-1",
        "input_tokens": 3_000_000,
        "output_tokens": 0,
        "models": [
            {"model": "house-1", "input_tokens": 1_000_000, "output_tokens": 0},
            {"model": "house-2", "input_tokens": 2_000_000, "output_tokens": 0},
        ],
    }


def write_line(project: Project, number: int = 0, **payload: Any) -> None:
    path = project.log_path("043-telemetry-foundation")
    envelope = {
        "aggregate_id": "043-telemetry-foundation",
        "event_id": f"{number:026}",
        "event_type": "ExecutionEvent",
        "lamport_clock": number,
        "node_id": "n",
        "timestamp": "2026-08-20T10:00:00+00:00",
        "payload": {"version": 2, **payload},
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(envelope) + "\n")


def test_a_run_of_several_models_has_each_of_them_with_its_cost(project: Project) -> None:
    write_line(project, **several_models())
    one = json.loads(exported(project, "jsonl"), parse_float=Decimal)
    assert one["total_cost_usd"] == Decimal("3.4")  # 1 M × $2 + 2 M × $0.7
    assert [(each["model"], each["list_cost_usd"]) for each in one["models"]] == [
        ("house-1", 2),
        ("house-2", Decimal("1.4")),
    ]


def test_of_a_run_of_several_models_only_the_wanted_ones_count(project: Project) -> None:
    write_line(project, **several_models())
    (row,) = csv_rows(exported(project, "csv", "--model", "house-2"))
    assert (row["model"], row["total_input_tokens"], row["total_cost_usd"]) == ("house-2", "2000000", "1.4")


def test_what_was_voided_is_not_exported_and_what_was_superseded_once(project: Project) -> None:
    write_line(project, 1, input_tokens=1, model="house-1", output_tokens=0)
    write_line(project, 2, input_tokens=2, model="house-1", output_tokens=0)
    write_line(project, 3, input_tokens=9, model="house-1", output_tokens=0, supersedes=f"{1:026}", revision=2)
    write_line(project, 4, supersedes=f"{2:026}", voided="counted twice")
    assert [row["total_input_tokens"] for row in csv_rows(exported(project, "csv"))] == ["9"]


def test_names_that_a_spreadsheet_would_take_for_formulas_are_quoted(project: Project) -> None:
    record(project, model="house-1", agent="=cmd|' /C calc'!A0", input_tokens=1, output_tokens=1)
    (row,) = csv_rows(exported(project, "csv"))
    assert row["agent"].startswith("'=")


def test_a_file_that_exists_is_replaced_whole(project: Project, tmp_path: Path) -> None:
    record(project, model="house-1", input_tokens=1, output_tokens=1)
    target = tmp_path / "runs.csv"
    target.write_text("old", encoding="utf-8")
    exported(project, "csv", "--output", str(target))
    assert len(csv_rows(target.read_text(encoding="utf-8"))) == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("runs")] == ["runs.csv"]


def test_lines_that_cannot_be_read_are_said_on_standard_error(project: Project) -> None:
    record(project, model="house-1", input_tokens=1, output_tokens=1)
    with project.log_path("043-telemetry-foundation").open("ab") as file:
        file.write(b'{"event_id": \n')
    done = CliRunner().invoke(group, ["export", "jsonl", "--project", str(project.root)])
    assert done.stderr == "1 line could not be read; 'doctor' names them.\n"
    assert len(done.stdout.splitlines()) == 1
