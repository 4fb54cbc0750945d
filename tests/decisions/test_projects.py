"""Several projects in one report: none is dropped, none counts twice, each has its own prices."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from pathlib import Path


def made(folder: Path, cost_usd: str | None, *, feature: str = "001-x", config: str = "", **facts: Any) -> Path:
    """A project with one run."""
    (folder / "kitty-specs" / feature).mkdir(parents=True)
    (folder / ".kittify").mkdir()
    (folder / ".kittify" / "config.yaml").write_text(config or f"project: {{slug: {folder.name}}}\n", encoding="utf-8")
    cost = None if cost_usd is None else Decimal(cost_usd)
    emit_execution_event(folder / "kitty-specs" / feature, feature, "WP01", "codex", "r", cost_usd=cost, **facts)
    return folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(group, ["report", *map(str, arguments)])


def rows(*arguments: object) -> dict[str, object]:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout, parse_float=Decimal)
    return {row["group_key"]: row["total_cost_usd"] for row in found["rows"]} | {
        "all": found["total"]["total_cost_usd"]
    }


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return made(tmp_path / "shop", "1"), made(tmp_path / "blog", "2", feature="002-y")


def test_a_second_project_is_added_and_not_dropped(two: tuple[Path, Path]) -> None:
    shop, blog = two
    both = ("--project", shop, "--project", blog)
    assert rows(*both, "--by", "project") == {"blog": 2, "shop": 1, "all": 3}
    assert rows(*both, "--by", "agent") == {"codex": 3, "all": 3}
    assert rows(*both, "--by", "project,feature") == {"blog / 002-y": 2, "shop / 001-x": 1, "all": 3}


def test_a_glob_names_several_projects(two: tuple[Path, Path]) -> None:
    assert rows("--project", two[0].parent / "*", "--by", "project") == {"blog": 2, "shop": 1, "all": 3}


def test_one_project_also_has_a_name(two: tuple[Path, Path]) -> None:
    assert rows("--project", two[0], "--by", "project") == {"shop": 1, "all": 1}


def test_the_same_project_named_twice_counts_once(two: tuple[Path, Path]) -> None:
    shop, _ = two
    assert rows("--project", shop, "--project", shop / "kitty-specs", "--by", "project") == {"shop": 1, "all": 1}


def test_projects_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    one, other = made(tmp_path / "a" / "app", "1"), made(tmp_path / "b" / "app", "2")
    found = rows("--project", one, "--project", other, "--by", "project")
    assert found == {str(other.resolve()): 2, str(one.resolve()): 1, "all": 3}


def test_each_project_has_its_own_prices(tmp_path: Path) -> None:
    usage: dict[str, Any] = {"model": "house-1", "input_tokens": 1_000_000, "output_tokens": 0}
    cheap, dear = made(tmp_path / "cheap", None, **usage), made(tmp_path / "dear", None, **usage)
    for folder, rate in ((cheap, 1), (dear, 5)):
        text = f"pricing: {{models: {{house-1: {{input: {rate}, output: 1}}}}}}\n"
        (folder / ".kittify" / "telemetry.yaml").write_text(text, encoding="utf-8")
    assert rows("--project", cheap, "--project", dear, "--by", "project") == {"dear": 5, "cheap": 1, "all": 6}


def test_a_feature_is_looked_for_in_all_projects_and_must_be_in_one(two: tuple[Path, Path]) -> None:
    both = ("--project", two[0], "--project", two[1], "--by", "project")
    assert rows(*both, "--feature", "002") == {"blog": 2, "all": 2}
    result = invoke(*both, "--feature", "777")
    assert result.exit_code == 1
    assert "777" in result.stderr


def test_what_cannot_be_read_in_any_project_is_said(two: tuple[Path, Path]) -> None:
    with (two[1] / "kitty-specs" / "002-y" / "execution.events.jsonl").open("ab") as log:
        log.write(b"half a li\n")
    result = invoke("--project", two[0], "--project", two[1], "--by", "project", "--json")
    assert json.loads(result.stdout)["skipped_line_count"] == 1


def test_two_clones_of_one_project_are_refused_because_their_runs_would_count_twice(tmp_path: Path) -> None:
    config = "project: {uuid: 2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11, slug: shop}\n"
    one, other = made(tmp_path / "one", "1", config=config), made(tmp_path / "other", "1", config=config)
    result = invoke("--project", one, "--project", other)
    assert result.exit_code == 2
    assert "are clones of one project. Name one of them, and run 'sync' there." in " ".join(result.stderr.split())


def test_a_glob_that_matches_nothing_is_said(tmp_path: Path) -> None:
    result = invoke("--project", tmp_path / "no*")
    assert result.exit_code == 2
    assert "matches no folder." in result.stderr


@pytest.mark.parametrize("command", ["lifecycle", "events", "forecast", "status", "check", "compare"])
def test_a_command_about_one_project_refuses_a_second_one(two: tuple[Path, Path], command: str) -> None:
    words = [command, "--project", str(two[0]), "--project", str(two[1])]
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 2
    assert "This command is about one project. Use --project once" in result.stderr
