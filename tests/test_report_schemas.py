"""The JSON of every command has the shape that its published schema promises."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.project.layout import Project

DOCS = Path(__file__).parent.parent / "docs"
FEATURE = "043-telemetry-foundation"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not part of the wheel")


def said(*arguments: str | Path) -> str:
    result = CliRunner().invoke(group, [str(argument) for argument in arguments])
    assert result.exit_code in {0, 1, 3}, result.output
    return result.stdout


def closed(schema: Any) -> Any:
    """Return the schema with no name allowed that it does not list: a program may meet new names, a test may not."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return {"additionalProperties": False, **inner} if "properties" in schema else inner


def check(name: str, text: str) -> None:
    schema = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(
        closed(schema), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(json.loads(text))


def empty(project: Project) -> Project:
    return project


def odd(project: Project) -> Project:
    """Records of every kind, a broken line, a double one, lanes, and a price of the project's own."""
    folder = project.feature_dir(FEATURE)
    project.settings_path.write_text(
        "pricing: {models: {house-1: {provider: house, input: 2, output: 10}}}\n", encoding="utf-8"
    )
    facts: list[dict[str, Any]] = [
        {"model": "house-1", "input_tokens": 1_000_000, "output_tokens": 5, "run_id": "r", "attempt": 1},
        {"model": "claude-sonnet-4-6", "input_tokens": 9, "cache_read_tokens": 4, "cost_usd": Decimal("0.1")},
        {"model": "nobody-knows-1", "input_tokens": 9, "output_tokens": 1, "outcome": "timed_out", "success": False},
        {"tags": {"team": "red"}},
    ]
    for number, each in enumerate(facts):
        role = "reviewer" if number % 2 else "implementer"
        emit_execution_event(folder, FEATURE, "WP01" if number else None, "agent", role, **each)
    with project.log_path(FEATURE).open("ab") as log:
        log.write(project.log_path(FEATURE).read_bytes().splitlines(keepends=True)[0] + b"half a li\n")
    move = {"wp_id": "WP01", "from_lane": "in_review", "to_lane": "done", "at": "2026-02-16T10:00:00+00:00"}
    (folder / "status.events.jsonl").write_text(json.dumps(move) + "\n[]\n", encoding="utf-8")
    return project


def demo(project: Project) -> Project:
    folder = project.root.parent / "demo"
    said("demo", "--folder", folder)
    return type(project)(folder)


PROJECTS = [empty, odd, demo]


@pytest.fixture(params=[*PROJECTS, None], ids=lambda make: make.__name__ if make else "legacy")
def some_project(request: pytest.FixtureRequest, project: Project) -> Project:
    make: Callable[[Project], Project] | None = request.param
    if make is None:
        legacy: Project = request.getfixturevalue("legacy_project")
        return legacy
    return make(project)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--by", "wp,role,attempt,tag:team", "--sort", "-runs", "--limit", "1"),
        ("--by", "model,provider", "--cost", "calculated", "--since", "2020-01", "--tz", "Europe/Vienna"),
        ("--by", "day", "--cost", "reported", "--until", "today"),
    ],
)
def test_a_report_has_the_published_shape(some_project: Project, arguments: tuple[str, ...]) -> None:
    check("report", said("report", "--project", some_project.root, "--json", *arguments))


def test_a_report_in_another_currency_and_one_against_another_period_have_the_published_shape(
    some_project: Project,
) -> None:
    days = "".join(f"  {year}-{month:02}-{day:02}: 0.8\n" for year in (2025, 2026, 2027) for month in range(1, 13)
                   for day in (1, 8, 15, 22, 28))  # fmt: skip
    some_project.settings_path.parent.mkdir(exist_ok=True)
    some_project.settings_path.with_name("telemetry-rates.yaml").write_text(f"EUR:\n{days}", encoding="utf-8")
    words = ("report", "--project", some_project.root, "--json", "--currency", "EUR", "--by", "wp,role")
    check("report", said(*words, "--limit", "1"))
    check("report-compare", said(*words, "--compare", "previous"))
    in_euros = ("--project", some_project.root, "--json", "--currency", "EUR")
    check("lifecycle", said("lifecycle", *in_euros, "--by", "agent"))
    check("compare", said("compare", *in_euros))


def test_a_lifecycle_has_the_published_shape(some_project: Project) -> None:
    check("lifecycle", said("lifecycle", "--project", some_project.root, "--json"))


def test_every_listed_event_and_its_explanation_have_the_published_shape(some_project: Project) -> None:
    for line in said("events", "--project", some_project.root, "--json", "--limit", "0").splitlines():
        check("events", line)
        event_id = json.loads(line)["event_id"]
        check("events", said("events", "--project", some_project.root, "--id", event_id))
        check("prices-explain", said("prices", "explain", event_id, "--project", some_project.root, "--json"))


def test_doctor_and_unknown_prices_have_the_published_shape(some_project: Project) -> None:
    check("doctor", said("doctor", "--project", some_project.root, "--json"))
    check("prices-unknown", said("prices", "unknown", "--project", some_project.root, "--json"))


def test_a_check_has_the_published_shape(some_project: Project) -> None:
    check("check", said("check", "--project", some_project.root, "--json", "--limit", "0.05"))
    some_project.settings_path.parent.mkdir(exist_ok=True)
    some_project.settings_path.write_text(
        "budgets: [{month: '*', tag: team=*, limit_usd: 1, warn_at: 50%}, {per: agent, limit_usd: 0}]\n",
        encoding="utf-8",
    )
    check("check", said("check", "--project", some_project.root, "--json", "--unknown", "allow"))


def test_a_forecast_has_the_published_shape(some_project: Project) -> None:
    check("forecast", said("forecast", "--project", some_project.root, "--json", "--backtest"))


def test_a_status_has_the_published_shape(some_project: Project) -> None:
    check("status", said("status", "--project", some_project.root, "--json"))


def test_the_answer_to_emit_has_the_published_shape(project: Project) -> None:
    words = ("emit", "--project", project.root, "--feature", "43", "--agent", "a", "--role", "r", "--json")
    check("emit", said(*words))
    project.runtime_dir.rename(project.root / "elsewhere")
    project.runtime_dir.write_text("in the way", encoding="utf-8")
    check("emit", said(*words))


def test_an_import_has_the_published_shape(some_project: Project) -> None:
    """`tests/importing` has those that find something."""
    check("import", said("import", "--project", some_project.root, "--json"))


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "gpt-5.2-codex", "gemini-2.5-pro", "claude-sonnet-4.5"])
def test_prices_have_the_published_shape(model: str) -> None:
    check("prices-show", said("prices", "show", model, "--json"))
    check("prices-list", said("prices", "list", "--json"))


def test_every_schema_is_used_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for path in DOCS.glob("*.schema.json"):
        assert f'check("{path.name.removesuffix(".schema.json")}"' in text
