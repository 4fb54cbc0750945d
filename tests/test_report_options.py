"""How a report is sorted, cut, written and printed."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from builders import FEATURE, record
from click.testing import CliRunner, Result

from spec_kitty_telemetry.cli import group, output
from spec_kitty_telemetry.cli.render import tables, wording
from spec_kitty_telemetry.cli.render.report_csv import cell
from spec_kitty_telemetry.cli.render.report_markdown import text as markdown_text

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project


def report(project: Project, *arguments: str | Path) -> Result:
    words = ["report", "--project", project.root, "--tz", "UTC", *arguments]
    result = CliRunner().invoke(group, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result


def keys(result: Result) -> list[str]:
    return [row["group_key"] for row in json.loads(result.stdout)["rows"]]


@pytest.fixture
def packages(project: Project) -> Project:
    """Five work packages; what each cost, its tokens and its time go in different orders."""
    for wp_id, cost, tokens, seconds in (
        ("A", "3", 10, 5),
        ("B", "5", 30, None),
        ("C", "1", None, 9),
        ("D", "0", 20, 7),
    ):
        duration = None if seconds is None else seconds * 1000
        record(project, FEATURE, wp_id, cost_usd=Decimal(cost), input_tokens=tokens, duration_ms=duration)
    record(project, FEATURE, "E", input_tokens=40, model="nobody-knows-1", duration_ms=None)
    return project


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "BACDE"),  # $5, 3, 1, 0 and unknown
        (("--sort", "cost"), "BACDE"),
        (("--sort", "-cost"), "DCABE"),  # unknown is last in either direction
        (("--reverse",), "DCABE"),
        (("--sort", "-cost", "--reverse"), "BACDE"),
        (("--sort", "input"), "EBDAC"),
        (("--sort", "-input"), "ADBEC"),
        (("--sort", "time"), "CDABE"),
        (("--sort", "wp"), "ABCDE"),
        (("--sort", "-wp"), "EDCBA"),
        (("--sort", "dimensions"), "ABCDE"),
        (("--sort", "total"), "BACDE"),
    ],
)
def test_rows_are_sorted_by_any_column_or_dimension(
    packages: Project, arguments: tuple[str, ...], expected: str
) -> None:
    assert keys(report(packages, "--by", "wp", "--json", *arguments)) == list(expected)


def test_sorting_by_what_does_not_exist_names_what_does(packages: Project) -> None:
    result = CliRunner().invoke(group, ["report", "--project", str(packages.root), "--sort", "colour"])
    assert result.exit_code == 2
    assert "found the column 'colour' to sort by, expected one of cost, reported" in result.stderr
    assert result.stdout == ""


def test_what_a_limit_leaves_out_is_one_row_of_sums(packages: Project) -> None:
    document = json.loads(report(packages, "--by", "wp", "--json", "--limit", "2").stdout, parse_float=Decimal)
    assert [row["group_key"] for row in document["rows"]] == ["B", "A"]
    rest = document["rest"]
    # C cost $1 and says no tokens, D cost nothing for 20, E has 40 and no price
    assert (rest["group_count"], rest["event_count"], rest["total_cost_usd"], rest["total_input_tokens"]) == (
        3,
        3,
        1,
        60,
    )
    assert (rest["unpriced_event_count"], rest["cost_is_floor"]) == (1, True)
    assert rest["share_of_total_cost"] == Decimal("0.111111")  # 1 of 9
    lines = report(packages, "--by", "wp", "--limit", "2").stdout.splitlines()
    assert lines[6].split() == ["…", "and", "3", "more", "3", "60", "unknown", "16s", "$1.0000", "≥$1.0000", "11.1%"]


def test_a_table_has_forty_rows_and_json_all(project: Project) -> None:
    for number in range(45):
        record(project, FEATURE, f"WP{number:02}", cost_usd=Decimal(number))
    lines = report(project, "--by", "wp").stdout.splitlines()
    assert lines[44].startswith("… and 5 more")
    assert len(keys(report(project, "--by", "wp", "--json"))) == 45
    assert "… and" not in report(project, "--by", "wp", "--limit", "0").stdout
    assert len(report(project, "--by", "wp", "--format", "csv").stdout.splitlines()) == 46


@pytest.fixture
def days(project: Project) -> Project:
    """Four days whose costs go up and down."""
    for day, cost in ((3, 2), (1, 1), (4, 1), (2, 8)):
        record(project, FEATURE, "WP01", cost_usd=Decimal(cost), timestamp=f"2026-02-0{day}T12:00:00Z")
    return project


def test_days_stand_in_their_order_and_a_limit_keeps_the_newest(days: Project) -> None:
    assert keys(report(days, "--by", "day", "--json")) == ["2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04"]
    assert keys(report(days, "--by", "day", "--json", "--sort", "cost"))[0] == "2026-02-02"
    lines = report(days, "--by", "day", "--limit", "2").stdout.splitlines()
    assert lines[4].split()[:4] == ["…", "and", "2", "before"]
    assert [line.split()[0] for line in lines[5:7]] == ["2026-02-03", "2026-02-04"]


def test_bars_are_as_long_as_the_costs(days: Project) -> None:
    lines = report(days, "--by", "day").stdout.splitlines()
    # 1, 8, 2 and 1 of 8, twelve cells long: 1.5, 12, 3 and 1.5
    assert [line.split()[-1] for line in lines[4:8]] == ["█▌", "█" * 12, "███", "█▌"]
    assert wording.bar(Decimal(0), Decimal(8), 12) == ""
    assert wording.bar(Decimal("0.0001"), Decimal(8), 12) == "▏"
    assert wording.bar(None, Decimal(8), 12) == ""


def test_one_row_alone_has_neither_share_nor_bar_nor_total(project: Project) -> None:
    record(project, FEATURE, "WP01", cost_usd=Decimal(1))
    output = report(project, "--by", "wp").stdout
    assert "share" not in output
    assert "█" not in output
    assert "total\n" in output.splitlines()[2] + "\n"
    assert len(output.split("\n\n")[1].splitlines()) == 3


def test_reported_and_calculated_costs_can_be_asked_for_alone(project: Project) -> None:
    sonnet: dict[str, Any] = {"model": "claude-sonnet-4-6", "output_tokens": 0}
    record(project, cost_usd=Decimal(1), input_tokens=1_000_000, **sonnet)
    record(project, input_tokens=2_000_000, **sonnet)

    def total(cost: str) -> dict[str, Any]:
        document = json.loads(report(project, "--cost", cost, "--json").stdout)
        assert document["cost"] == cost
        total: dict[str, Any] = document["total"]
        return total

    assert total("auto")["total_cost_usd"] == 1 + 6
    assert (total("reported")["total_cost_usd"], total("reported")["cost_is_floor"]) == (1, True)
    assert total("calculated")["total_cost_usd"] == 3 + 6
    assert "--cost reported); 1 run with tokens said none." in report(project, "--cost", "reported").stdout


def test_csv_has_plain_numbers_and_says_in_columns_what_qualifies_them(packages: Project) -> None:
    result = report(packages, "--by", "wp", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    document = json.loads(report(packages, "--by", "wp", "--json").stdout)
    assert list(rows[0]) == ["wp", *(name for name in document["rows"][0] if name not in {"group", "group_key"})]
    assert [(row["wp"], row["total_cost_usd"], row["cost_is_floor"]) for row in rows] == [
        ("B", "5", "false"), ("A", "3", "false"), ("C", "1", "false"), ("D", "0", "false"), ("E", "", "true"),
    ]  # fmt: skip
    assert "No price, so not in the totals:" in result.stderr
    assert "nobody-knows-1: 1 run" in result.stderr
    left_out = report(packages, "--by", "wp", "--format", "csv", "--limit", "1").stderr
    assert "4 more rows are left out" in left_out


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "�=1"),
        ("\r\n=1", "��=1"),
        ("a=b", "a=b"),
        (None, ""),
        (-3, "-3"),
        (True, "true"),
        (Decimal("1E-9"), "0.000000001"),
        ("\x1b[2Jü", "�[2Jü"),
    ],
)
def test_a_cell_of_csv_never_begins_a_formula_or_steers_a_terminal(value: object, expected: str) -> None:
    assert cell(value) == expected


def test_a_hostile_name_stays_one_cell_in_every_format(project: Project) -> None:
    hostile = "=HYPERLINK|a`b`<img src=x>\x1b[2J\n[x](http://e.example)\u202e"
    record(project, FEATURE, "WP01", model="m" * 32, input_tokens=1, output_tokens=1)
    path = project.log_path(FEATURE)
    path.write_bytes(path.read_bytes().replace(b'"' + b"m" * 32 + b'"', json.dumps(hostile).encode()))
    record(project, FEATURE, "WP01", model="other", input_tokens=1, output_tokens=1)
    for name in ("table", "markdown", "csv", "json"):
        result = report(project, "--by", "model", "--format", name)
        for text in (result.stdout, result.stderr):
            assert all(character.isprintable() for character in text if character != "\n"), name
    rows = report(project, "--by", "model", "--format", "markdown").stdout.splitlines()[2:4]
    assert [row.replace("\\|", "").count("|") for row in rows] == [rows[1].count("|")] * 2
    (row,) = [row for row in rows if "HYPERLINK" in row]
    assert "\\<img src=x\\>" in row
    assert "http://" not in row
    document = json.loads(report(project, "--by", "model", "--json").stdout)
    assert hostile in [row["group"]["model"] for row in document["rows"]]
    cells = list(csv.reader(io.StringIO(report(project, "--by", "model", "--format", "csv").stdout)))
    assert {len(row) for row in cells} == {len(cells[0])}


def test_markdown_is_a_table_with_its_notes_as_a_list(legacy_project: Project) -> None:
    lines = report(legacy_project, "--by", "feature", "--format", "markdown").stdout.splitlines()
    assert lines[0] == "| feature | runs | input | output | time | reported | estimate | total | share |"
    assert lines[1] == "| :-- | --: | --: | --: | --: | --: | --: | --: | --: |"
    assert lines[2].startswith("| 043-telemetry-foundation | 2 | 61,064,400 | 357,120 |")
    assert lines[5].startswith("| **total** | **11** |")
    assert "- Usage is known for 6 of 11 runs; totals are a floor (≥)." in lines
    assert "  - (the agent did not say its model): 1 run, 174,000 tokens in, 21,000 out" in lines
    assert markdown_text("a|b\\c*d*") == "a\\|b\\\\c\\*d\\*"


def test_an_empty_project_has_an_answer_in_every_format(project: Project) -> None:
    assert "Nothing recorded yet" in report(project, "--format", "markdown").stdout
    assert len(report(project, "--format", "csv").stdout.splitlines()) == 1
    assert json.loads(report(project, "--format", "json").stdout)["rest"] is None


def test_json_and_format_may_not_contradict_each_other(project: Project) -> None:
    words = ["report", "--project", str(project.root), "--json", "--format", "csv"]
    result = CliRunner().invoke(group, words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Use either --json or --format csv." in result.stderr


@pytest.mark.parametrize("name", ["table", "json", "csv", "markdown"])
def test_a_file_has_what_would_have_been_printed(legacy_project: Project, tmp_path: Path, name: str) -> None:
    printed = report(legacy_project, "--format", name)
    target = tmp_path / "costs"
    result = report(legacy_project, "--format", name, "--output", target)
    assert result.stdout == ""
    assert f"Wrote {target}" in result.stderr
    assert target.read_bytes() == printed.stdout.encode()


def test_a_file_is_replaced_whole_or_not_at_all(
    legacy_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "costs.csv"
    target.write_text("before\n", encoding="utf-8")

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        words = ["report", "--project", str(legacy_project.root), "--format", "csv", "--output", str(target)]
        result = CliRunner().invoke(group, words)
    assert result.exit_code == 1
    assert "cannot be written: no space left on device; choose another place with --output" in result.stderr
    assert target.read_text(encoding="utf-8") == "before\n"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("costs")] == ["costs.csv"]
    report(legacy_project, "--format", "csv", "--output", target)
    assert target.read_text(encoding="utf-8").startswith("feature,event_count")


def test_a_folder_that_does_not_exist_is_one_clear_sentence(legacy_project: Project, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "costs.csv"
    result = CliRunner().invoke(group, ["report", "--project", str(legacy_project.root), "--output", str(target)])
    assert result.exit_code == 1
    assert "costs.csv cannot be written: no such file or directory" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks need a privilege there")
def test_a_symlink_stays_and_its_target_is_written(legacy_project: Project, tmp_path: Path) -> None:
    target, link = tmp_path / "real.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    report(legacy_project, "--format", "csv", "--output", link)
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8").startswith("feature,")


@pytest.mark.parametrize("columns", [160, 120, 100, 80, 60])
def test_a_table_fits_the_terminal(legacy_project: Project, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    table = report(legacy_project, "--by", "feature").stdout.split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= columns
    assert "≥~$39.64" in table


def test_a_long_name_loses_its_middle_before_a_number_is_lost() -> None:
    assert wording.cut("048-full-lifecycle-telemetry-events", 20) == "048-full-l…ry-events"
    assert wording.cut("short", 20) == "short"


def test_nothing_is_coloured_but_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    text = tables.table(["a", ""], [["1", "██"], ["2", ""]], 1, total=True, bar=True).splitlines()
    assert tables.coloured(text) == text
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = tables.coloured(text)
    assert coloured[0] == f"\x1b[1m{text[0]}\x1b[0m"
    assert "\x1b[36m██\x1b[0m" in coloured[2]
    assert coloured[-1].startswith("\x1b[1m2")
    monkeypatch.setenv("NO_COLOR", "1")
    assert tables.coloured(text) == text


def test_a_console_without_blocks_gets_plain_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert wording.bar(Decimal(4), Decimal(8), 12) == "######"


def test_json_for_a_terminal_escapes_what_could_steer_it() -> None:
    document = {"name": "\x7f\x9b2J\u202e\U000e0001ü\n"}
    text = output.json_text(document)
    assert json.loads(text) == document
    assert all(character.isprintable() for character in text if character != "\n")
    assert "ü" in text
    assert "\\u009b" in text


def test_a_dash_is_standard_output(legacy_project: Project) -> None:
    assert report(legacy_project, "--output", "-").stdout == report(legacy_project).stdout


def test_wide_and_accented_names_leave_the_columns_straight(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("plain", "日本語", "e\u0301te\u0301", "ｗｉｄｅ")
    for name, cost in zip(names, ("1", "2", "3", "4"), strict=True):
        record(project, FEATURE, name, cost_usd=Decimal(cost), input_tokens=5)
    monkeypatch.setenv("COLUMNS", "100")

    lines = report(project, "--by", "wp").stdout.splitlines()[2:9]

    rows = [line for line in lines if "$" in line and not line.startswith("total")]
    assert len(rows) == 4
    # Up to its total each line takes the same columns of a terminal.
    assert {wording.columns_of(line[: line.index("%")]) for line in rows} == {
        wording.columns_of(rows[0][: rows[0].index("%")])
    }
    assert max(wording.columns_of(line) for line in lines) == wording.columns_of(lines[1])


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("日本語日本語", 7, "日…語"),
        ("日本語", 6, "日本語"),
        ("abcdefgh", 5, "ab…gh"),
        ("e\u0301clair", 6, "e\u0301clair"),
    ],
)
def test_a_name_is_cut_to_columns_and_not_to_characters(name: str, columns: int, expected: str) -> None:
    assert wording.cut(name, columns) == expected
    assert wording.columns_of(wording.cut(name, columns)) <= columns


def test_a_dimension_is_sorted_by_under_any_of_its_names(packages: Project) -> None:
    assert keys(report(packages, "--by", "work-package", "--sort", "work-package", "--json")) == list("ABCDE")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (999, "999"),
        (9_999, "10k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (999_700_000_000_000, "1,000T"),
        (2**53, "9,007T"),
        (1_000_000_000, "1B"),
    ],
)
def test_a_great_number_has_a_unit_and_no_exponent(number: int, expected: str) -> None:
    assert wording.count(number, compact=True) == expected


def test_a_share_that_rounds_to_nothing_is_not_shown_as_nothing(project: Project) -> None:
    record(project, FEATURE, "great", cost_usd=Decimal(100))
    record(project, FEATURE, "tiny", cost_usd=Decimal("0.00001"))
    tiny = next(line for line in report(project, "--by", "wp").stdout.splitlines() if line.startswith("tiny"))
    assert "<0.1%" in tiny


CLOSED = "import sys; from spec_kitty_telemetry.__main__ import main; sys.argv[0] = 'x'; main()"


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors as a POSIX shell does")
@pytest.mark.parametrize("is_unbuffered", [False, True], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", ["report", "report --format json", "events", "doctor", "prices list", "lifecycle"])
@pytest.mark.parametrize(
    ("redirection", "exit_code", "said"),
    [
        ("2>&-", 0, ""),
        (">&-", 0, ""),
        (">/dev/full", 1, "Error: standard output cannot be written: no space left on device\n"),
    ],
)
def test_a_closed_or_a_full_stream_is_no_traceback(
    legacy_project: Project,
    monkeypatch: pytest.MonkeyPatch,
    redirection: str,
    exit_code: int,
    said: str,
    command: str,
    is_unbuffered: bool,
) -> None:
    if redirection == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1" if is_unbuffered else "")
    script = f'"{sys.executable}" -c "{CLOSED}" {command} --project "{legacy_project.root}" {redirection}'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (exit_code, said)
    assert bool(done.stdout) == (redirection == "2>&-")
