"""What a terminal of any width from 60 columns on shows: every line fits, and no number that matters is missing."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from builders import record
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.cli.render import wording
from spec_kitty_telemetry.cli.render.fitting import ScreenColumn, drawn, fit

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

WIDTHS = [60, 80, 120, 160]
LONG = "048-full-lifecycle-telemetry-events-of-every-agent-that-ever-ran-here-1"
FEATURES = ("043-shop", "044-rocket-launch-of-the-shop", LONG)
MODELS = ("claude-example-with-a-long-name", "日本語の長い名前がここにあります", "🚀 rocket 🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀")


@pytest.fixture
def crowded(project: Project) -> Project:
    """Sixty runs in three missions with long and wide names; one in six has no price."""
    for feature in FEATURES:
        for number in range(20):
            record(
                project, feature, f"WP{number % 5:02}", role="implementer" if number % 2 else "reviewer",
                agent="claude-code", model=MODELS[number % 3], success=number % 4 != 0,
                input_tokens=670_147_468, output_tokens=1_000_000_000, duration_ms=61_000,
                cost_usd=Decimal(f"{number}.5") if number % 6 else None,
                timestamp=f"2026-02-{number % 27 + 1:02}T12:00:00Z",
            )  # fmt: skip
    return project


def shown(project: Project, *words: str) -> str:
    result = CliRunner().invoke(group, [words[0], "--project", str(project.root), *words[1:]])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "words",
    [
        ("report",),
        ("report", "--by", "feature,wp,role"),
        ("report", "--by", "feature,wp,role,model,outcome"),
        ("report", "--by", "model", "--limit", "1"),
        ("report", "--by", "day", "--limit", "3"),
        ("report", "--by", "feature,model", "--columns", "input,output,cached,time,runs,failed,cost,share,reported"),
        ("lifecycle", "--attempts"),
        ("events",),
        ("report", "--by", "feature,model", "--compare", "2026-01", "--since", "2026-02", "--until", "2026-02"),
    ],
    ids=" ".join,
)
def test_no_line_is_wider_than_the_terminal(
    crowded: Project, monkeypatch: pytest.MonkeyPatch, columns: int, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    wide = [line for line in shown(crowded, *words).splitlines() if wording.columns_of(line) > columns]
    assert [line for line in wide if " " in line.strip()] == []  # one long name below a table stays whole


@pytest.mark.parametrize("columns", WIDTHS)
def test_what_is_left_out_and_its_number_are_always_there(
    crowded: Project, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = shown(crowded, "report", "--by", "feature,wp,role,model,outcome", "--limit", "2")
    assert re.search(r"^… and \d\d more +.*\$[\d,]+\.\d\d", text, re.MULTILINE)


@pytest.mark.parametrize("columns", WIDTHS)
def test_money_share_and_failures_stay_before_tokens(
    crowded: Project, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    titles = shown(crowded, "report", "--by", "feature,model").splitlines()[2].split()
    assert {"failed", "total", "share"}.issubset(titles)
    assert "input" not in titles or "reported" in titles


def test_a_mission_is_a_heading_with_its_subtotal_and_its_name_is_not_repeated(
    crowded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = shown(crowded, "report", "--by", "feature,role").splitlines()
    (place,) = [place for place, line in enumerate(lines) if line.startswith(LONG)]
    # 20 runs; those numbered 1 to 19 but not 6, 12 and 18 have a cost: 190 - 36 + 16 halves = 162
    assert re.search(r" 20 .*≥\$162\.00 ", lines[place])
    assert [line.split()[0] for line in lines[place + 1 : place + 3]] == ["implementer", "reviewer"]
    assert lines[place + 1].startswith("  ")


def test_one_table_has_one_style_of_numbers(crowded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    text = shown(crowded, "report", "--by", "wp,role,day")
    assert "670M" in text
    assert " 1B " in text
    assert "670,147,468" not in text


def test_a_list_of_records_shows_what_each_was_for_and_what_it_cost(
    crowded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    titles = shown(crowded, "events").splitlines()[2].split()
    assert titles == ["when", "mission", "wp", "role", "agent", "model", "outcome", "cost"]


def test_the_line_above_says_what_the_table_is_about(crowded: Project) -> None:
    words = ("--since", "2026-02-01", "--until", "2026-02-10", "--role", "reviewer", "--cost", "reported")
    above = shown(crowded, "report", "--by", "wp", *words).splitlines()[0]
    assert above == f"{crowded.root.name} · 2026-02-01 to 2026-02-10 · role reviewer · USD · reported costs only"


def test_columns_are_chosen_and_stand_in_their_order_in_every_format(crowded: Project) -> None:
    words = ("report", "--by", "role", "--columns", "cost,failed")
    assert shown(crowded, *words).splitlines()[2].split() == ["role", "total", "failed"]
    assert shown(crowded, *words, "--format", "markdown").splitlines()[0] == "| role | total | failed |"
    head = shown(crowded, *words, "--format", "csv").splitlines()[0]
    assert head == "role,total_cost_usd,cost_is_estimated,cost_is_floor,cost_is_in_doubt,failed_event_count"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--columns", "price"), "unknown column 'price' in --columns; choose from runs, succeeded"),
        (("--columns", "cost", "--json"), "json always has all"),
        (("--columns", "cost", "--compare", "previous"), "--compare has its own"),
    ],
)
def test_columns_that_cannot_be_chosen_are_refused(project: Project, words: tuple[str, ...], reason: str) -> None:
    result = CliRunner().invoke(group, ["report", "--project", str(project.root), *words])
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("name", "beginning"), [("costs.csv", "feature,event_count"), ("costs.json", "{"), ("costs.MD", "| feature |")]
)
def test_the_ending_of_a_file_chooses_the_format(crowded: Project, name: str, beginning: str) -> None:
    shown(crowded, "report", "--output", str(crowded.root / name))
    assert (crowded.root / name).read_text(encoding="utf-8").startswith(beginning)


def test_names_are_shortened_to_24_and_then_16_before_a_column_goes() -> None:
    columns = [
        ScreenColumn("name", ["n" * 40], "name"),
        ScreenColumn("a", ["1" * 10], given_up=1),
        ScreenColumn("b", ["2"]),
    ]
    assert [fit(columns, width)[0].width for width in (60, 55, 54, 39, 38, 31)] == [40, 40, 24, 24, 16, 16]
    assert [each.title for each in fit(columns, 30)] == ["name", "b"]


def test_names_alone_give_way_where_nothing_else_is_left() -> None:
    columns = [ScreenColumn(f"d{place}", ["n" * 30], "name") for place in range(9)]
    (line,) = drawn(fit([*columns, ScreenColumn("cost", ["$1,234.56"])], 60))[2:]
    assert len(line) <= 60
    assert line.endswith("$1,234.56")


@pytest.mark.skipif(sys.platform == "win32", reason="closes a pipe as a POSIX shell does")
@pytest.mark.parametrize("words", [("prices", "list"), ("report",), ("events", "--json"), ("lifecycle",)], ids=" ".join)
def test_a_reader_that_has_enough_ends_the_command_quietly_with_status_0(
    crowded: Project, words: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "spec_kitty_telemetry", *words, "--project", str(crowded.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
    assert (process.returncode, complaint) == (0, b"")
