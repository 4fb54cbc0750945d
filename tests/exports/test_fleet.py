"""`export parquet` and `sql`: many projects in one folder, and any question about them."""

from __future__ import annotations

import ast
import csv
import io
import json
import shutil
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from builders import FEATURE, new_project, record
from click.testing import CliRunner

import spec_kitty_telemetry
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.project.layout import Project
from spec_kitty_telemetry.reports.build import ReportContext, build_report
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from click.testing import Result

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


def invoked(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments))


def export(project: Project, folder: Path) -> str:
    done = invoked("export", "parquet", str(folder), "--project", str(project.root))
    assert done.exit_code == 0, done.output
    return done.stdout.removeprefix(f"{folder}: ").strip()


def asked(question: str, *arguments: str) -> list[dict[str, str]]:
    done = invoked("sql", question, "--format", "csv", *arguments)
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(done.stdout)))


def write_line(project: Project, number: int, month: int = 8, **payload: Any) -> None:
    envelope = {
        "aggregate_id": FEATURE,
        "event_id": f"{number:026}",
        "event_type": "ExecutionEvent",
        "lamport_clock": number,
        "node_id": "n",
        "timestamp": datetime(2026, month, 20, 10, tzinfo=UTC).isoformat(),
        "payload": {"version": 2, "agent": "codex", **payload},
    }
    with project.log_path(FEATURE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(envelope) + "\n")


def fill(project: Project) -> None:
    write_line(project, 1, model="house-1", input_tokens=10**15, output_tokens=7, duration_ms=5)
    write_line(project, 2, model="nobody-knows", input_tokens=3, output_tokens=4)
    write_line(project, 3, month=9, agent=None, cost_usd=0.123456789)
    write_line(
        project, 4, month=9, input_tokens=3, output_tokens=0,
        models=[{"model": name, "input_tokens": 1, "output_tokens": 0} for name in ("house-1", "house-2")],
    )  # fmt: skip


QUESTION = (
    "SELECT {by}, count(DISTINCT event_id) AS runs, sum(total_input_tokens) AS tokens, "
    "sum(reported_cost_usd) AS reported, sum(estimated_cost_usd) AS estimated FROM {table} GROUP BY 1"
)


@pytest.mark.parametrize(("by", "table"), [("feature", "runs"), ("agent", "runs"), ("model", "models")])
def test_sql_gives_the_numbers_of_the_report_and_unknown_stays_unknown(
    project: Project, tmp_path: Path, by: str, table: str
) -> None:
    fill(project)
    export(project, tmp_path / "fleet")

    def number(text: str) -> Decimal | None:
        return Decimal(text) if text else None

    expected = {
        row.group[by]: (row.event_count, row.total_input_tokens, row.reported_cost_usd, row.estimated_cost_usd)
        for row in build_report(ReportContext(Search(project)), by).rows
    }
    for source in (["--project", str(project.root)], ["--from", str(tmp_path / "fleet")]):
        found = {
            row[by] or None: (int(row["runs"]), *(number(row[name]) for name in ("tokens", "reported", "estimated")))
            for row in asked(QUESTION.format(by=by, table=table), *source)
        }
        assert found == expected
    if by == "feature":
        assert expected[FEATURE][3] == Decimal("2000000000.0000727")  # 10¹⁵ × $2 + 7 × $10 + $2 + $0.7, a million each


def test_only_files_that_changed_are_written_again(project: Project, tmp_path: Path) -> None:
    fill(project)
    assert export(project, tmp_path / "fleet") == "4 runs; 4 files written, 0 removed, 0 as before."
    assert export(project, tmp_path / "fleet") == "4 runs; 0 files written, 0 removed, 4 as before."
    write_line(project, 5, month=9)
    assert export(project, tmp_path / "fleet") == "5 runs; 2 files written, 0 removed, 2 as before."
    names = [path.name for path in (tmp_path / "fleet").rglob("*") if path.is_file()]
    assert all(name.endswith(".parquet") for name in names)


def test_what_was_taken_back_leaves_the_export(project: Project, tmp_path: Path) -> None:
    write_line(project, 1, month=8)
    write_line(project, 2, month=9)
    export(project, tmp_path / "fleet")
    write_line(project, 3, supersedes=f"{1:026}", voided="counted twice")
    assert export(project, tmp_path / "fleet") == "1 run; 0 files written, 2 removed, 2 as before."


def test_clones_of_one_project_count_once_and_projects_apart(project: Project, tmp_path: Path) -> None:
    fill(project)
    shutil.copytree(project.root, tmp_path / "clone")
    write_line(project, 2, supersedes=f"{2:026}", revision=2, model="house-1", input_tokens=9, output_tokens=0)
    write_line(Project(tmp_path / "clone"), 6)
    other = new_project(tmp_path / "other")
    record(other, model="house-1", input_tokens=1, output_tokens=0)
    for each in (project, Project(tmp_path / "clone"), other):
        export(each, tmp_path / "fleet")
    (row,) = asked("SELECT count(*) AS runs FROM runs", "--from", str(tmp_path / "fleet"))
    assert row["runs"] == "6"  # four of both clones, one of the second alone, one of the other project
    (row,) = asked(f"SELECT model, revision FROM runs WHERE subject = '{2:026}'", "--from", str(tmp_path / "fleet"))
    assert row == {"model": "house-1", "revision": "2"}


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("DROP TABLE runs", "found something else than one SELECT; tables cannot be changed here"),
        ("SELECT 1; SELECT 2", "found something else than one SELECT"),
        ("COPY runs TO 'x.csv'", "found something else than one SELECT"),
        ("SELECT nonsense FROM runs", "the question cannot be answered: Binder Error"),
        ("SELEC", "the question cannot be answered: Parser Error"),
    ],
)
def test_a_question_that_is_no_question_is_refused(project: Project, question: str, message: str) -> None:
    done = invoked("sql", question, "--project", str(project.root))
    assert done.exit_code != 0
    assert message in done.stderr


def test_a_folder_without_an_export_is_said(tmp_path: Path) -> None:
    done = invoked("sql", "SELECT 1", "--from", str(tmp_path))
    assert (done.exit_code, f"found no export in {tmp_path}" in done.stderr) == (2, True)


def test_without_duckdb_one_sentence_says_how_to_install_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    done = invoked("sql", "SELECT 1", "--project", str(project.root))
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: Parquet and SQL need DuckDB. Install it: pip install 'spec-kitty-telemetry[fleet]'\n",
    )


def test_one_module_alone_imports_duckdb() -> None:
    package = Path(spec_kitty_telemetry.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(alias.name == "duckdb" for alias in node.names)
    }
    assert found == {"exports/tables.py"}
