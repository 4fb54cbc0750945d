"""`prices` as a person types it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.hookspecs import hookimpl
from spec_kitty_telemetry.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.pricing import Price

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.host import Hooks
    from spec_kitty_telemetry.project import Project

FEATURE = "043-telemetry-foundation"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["prices", *(str(argument) for argument in arguments)])


def json_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout, parse_float=Decimal)
    return document


def test_list_finds_models_by_provider_and_name(project: Project) -> None:
    result = run("list", "sonnet-4-6", "--provider", "anthropic", "--project", project.root)
    assert "anthropic  claude-sonnet-4-6      3      15         0.3      3.75         6" in result.stdout
    assert "1 model." in result.stdout
    models = json_of(run("list", "sonnet-4-6", "--provider", "anthropic", "--json", "--project", project.root))[
        "models"
    ]
    assert models[0]["usd_per_million_tokens"]["cache_read"] == Decimal("0.3")


def test_show_knows_every_name_and_the_price_of_a_day(project: Project) -> None:
    shown = run("show", "claude-opus-4.6", "--at", "2026-02-20", "--project", project.root).stdout
    assert "anthropic / claude-opus-4-6" in shown
    assert "above 200,000 tokens" in shown
    assert "2026-03-13" in shown
    assert "In force on 2026-02-20: input 5, output 25." in shown
    assert "Source: http" in shown


def test_show_of_an_unknown_model_names_similar_ones(project: Project) -> None:
    result = run("show", "claude-sonet-4-6", "--project", project.root)
    assert result.exit_code == 1
    assert "no price for the model 'claude-sonet-4-6'; did you mean claude-sonnet-4-6" in result.stderr


def test_explain_multiplies_every_token_class_with_its_rate(
    hooks: Hooks, project: Project, sample: Callable[[str], str]
) -> None:
    run_ = Invocation(project_root=project.root, feature=FEATURE, agent="claude-code", role="implementer")
    hooks.after_invocation(run_, InvocationResult(success=True, exit_code=0, stdout=sample("claude.json")))
    explanation = json_of(run("explain", run_.invocation_id, "--json", "--project", project.root))
    sonnet, haiku = explanation["parts"]
    # claude-sonnet-4-6: 12 × $3, 40,000 × $0.30, 6,000 × $3.75, 900 × $15, all per million
    assert [line["cost_usd"] for line in sonnet["lines"]] == [
        Decimal("0.000036"), Decimal("0.012"), Decimal("0.0225"), Decimal("0.0135"),
    ]  # fmt: skip
    assert sonnet["calculated_cost_usd"] == Decimal("0.048036")
    assert haiku["calculated_cost_usd"] == Decimal("0.00305")
    assert explanation["reported_cost_usd"] == explanation["calculated_cost_usd"] == Decimal("0.051086")
    text = run("explain", run_.invocation_id[:20], "--project", project.root).stdout
    assert "cache read   40,000  x   $0.3/M  =     $0.012" in text
    assert "In reports counts: reported" in text


def test_explain_of_an_id_that_nobody_has_says_so(project: Project) -> None:
    result = run("explain", "01ABC", "--project", project.root)
    assert result.exit_code == 1
    assert "found 0 records whose id begins with '01ABC'" in result.stderr


def test_unknown_lists_models_with_an_entry_that_gives_them_a_price(project: Project) -> None:
    folder = project.feature_dir(FEATURE)
    emit_execution_event(folder, FEATURE, "WP01", "a", "r", model="nova-9", input_tokens=1_000_000, output_tokens=5)
    said = run("unknown", "--project", project.root).stdout
    assert "nova-9     1  1,000,000       5" in said
    start = said.index("pricing:")
    entry = said[start:].replace("input: ,", "input: 2,").replace("output: ,", "output: 8,")
    entry = entry.replace("cache_read: ,", "cache_read: 0.2,").replace("cache_write_5m: }", "cache_write_5m: 2.5}")
    project.settings_path.write_text(entry, encoding="utf-8")
    assert "Every model in these records has a price." in run("unknown", "--project", project.root).stdout
    report = CliRunner().invoke(group, ["report", "--project", str(project.root), "--json"])
    document = json.loads(report.stdout, parse_float=Decimal)
    assert document["total"]["estimated_cost_usd"] == Decimal("2.00004")  # 1 M × $2 + 5 × $8 per million
    (used,) = document["prices"]["overrides"]
    assert used["file"] == str(project.settings_path)
    assert "nova-9" in used["models"][0]


def test_lint_says_which_file_is_wrong_and_exits_1(project: Project, tmp_path: Path) -> None:
    assert run("lint").exit_code == 0
    wrong = tmp_path / "acme.yaml"
    wrong.write_text("schema: 1\nprovider: acme\ncolour: red\n", encoding="utf-8")
    result = run("lint", wrong)
    assert result.exit_code == 1
    assert "acme.yaml" in result.stderr
    assert "colour" in result.stderr


def test_a_plugin_that_knows_a_price_wins_and_is_named(
    project: Project,
) -> None:
    from spec_kitty_telemetry.cli import prices_in_use
    from spec_kitty_telemetry.host import Hooks
    from spec_kitty_telemetry.pricing import PriceBook

    class Ours:
        @hookimpl
        def find_price(self, model: str) -> Price | None:
            return (
                Price.per_million(model=model, input="7", output="7", origin="ours 1.0") if model == "gpt-5.2" else None
            )

    hooks = Hooks.load(project.root)
    hooks.register(Ours(), "ours")
    find = prices_in_use.asking(hooks, PriceBook.load(project.root))
    moment = datetime.fromisoformat("2026-08-20T10:00:00+00:00")
    price = find("gpt-5.2", None, moment, None)
    assert price is not None
    assert price.origin == "ours 1.0"
    other = find("claude-sonnet-4-6", None, moment, None)
    assert other is not None
    assert other.origin != "ours 1.0"
