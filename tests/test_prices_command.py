"""`prices` as a person types it."""

from __future__ import annotations

import json
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from builders import record
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event, pricing, query_project_events
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.pricing import Price
from spec_kitty_telemetry.pricing.genai.importing import Imported
from spec_kitty_telemetry.reports.costing import UnknownModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.project.layout import Project

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


def test_explain_says_what_is_not_known_and_which_way_a_difference_goes(project: Project) -> None:
    emit_execution_event(
        project.feature_dir("043"), "043", None, "a", "planner", model="claude-sonnet-4-6", cost_usd=Decimal("0.5"),
        input_tokens=1000,
    )  # fmt: skip
    emit_execution_event(project.feature_dir("043"), "043", None, "a", "planner", model="nobody-knows", input_tokens=5)
    ids = [event.event_id for event in query_project_events(project.root)]
    priced, unknown = (run("explain", each, "--project", project.root).stdout for each in ids)
    assert ": planner of no work package in 043, by a, " in priced
    # 1,000 tokens at $3 a million, and nobody said how many came out
    assert "calculated: $0.003 (a floor)\ndifference: -$0.497 (calculated less reported)\n" in priced
    assert "calculated: unknown\n" in unknown


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
    entry = said[start:].replace("input:\n", "input: 2\n").replace("output:\n", "output: 8\n")
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
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports import prices as prices_in_use

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


def record_million(project: Project, model: str | None, provider: str | None = None) -> None:
    record(project, model=model, provider=provider, input_tokens=1_000_000, output_tokens=0)


def costs(project: Project) -> tuple[Decimal, int]:
    document = json.loads(
        CliRunner().invoke(group, ["report", "--project", str(project.root), "--json"]).stdout, parse_float=Decimal
    )
    return document["total"]["estimated_cost_usd"], len(document["unknown_models"])


def filled(said: str) -> str:
    entry = said[said.index("pricing:") :].replace("input:\n", "input: 7\n").replace("output:\n", "output: 8\n")
    return entry.replace("provider:  #", "provider: some-reseller  #")


def test_the_suggested_entry_changes_no_other_providers_price(project: Project) -> None:
    record_million(project, "claude-sonnet-4-6", "openrouter")
    record_million(project, "claude-sonnet-4-6")
    assert costs(project) == (Decimal(3), 1)
    said = run("unknown", "--project", project.root).stdout
    assert "claude-sonnet-4-6 at openrouter" in said
    project.settings_path.write_text(filled(said), encoding="utf-8")
    assert costs(project) == (Decimal(10), 0)  # 3 as before, and 7
    (unknown,) = json_of(run("unknown", "--json", "--project", project.root))["unknown_models"] or [None]
    assert unknown is None


def test_an_entry_for_a_name_that_others_price_asks_who_bills() -> None:
    from spec_kitty_telemetry.cli.render.unknown_prices import lines
    from spec_kitty_telemetry.pricing import PriceBook

    said = lines([UnknownModel("claude-sonnet-4-6", None, 1, 2, 3)], Path("telemetry.yaml"), PriceBook.shipped())
    assert "      provider:  # who bills these runs; others have a price for this name already" in said


def test_the_price_of_a_day_is_that_of_the_utc_day_wherever_the_reader_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    try:
        text = "pricing: {models: {m: {rates: [{input: 1, output: 1}, {from: 2026-08-21, input: 2, output: 2}]}}}"
        project.settings_path.write_text(text, encoding="utf-8")
        for moment, expected in (
            ("2026-08-21", "In force on 2026-08-21: input 2"),
            ("2026-08-20", "In force on 2026-08-20: input 1"),
            ("2026-08", "In force on 2026-08-31: input 2"),
            ("2026-08-20T23:59", "In force at 2026-08-20T23:59Z: input 1"),
        ):
            assert expected in run("show", "m", "--at", moment, "--project", project.root).stdout
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_provider_is_known_by_any_of_its_names_and_an_unknown_one_is_named(project: Project) -> None:
    found = json_of(run("list", "--provider", "Bedrock", "--json", "--project", project.root))["models"]
    assert {each["provider"] for each in found} == {"aws-bedrock"}
    for command in (["list"], ["show", "claude-opus-4-6"]):
        result = run(*command, "--provider", "nope", "--project", project.root)
        assert result.exit_code == 1
        assert "found no provider 'nope', expected one of " in result.stderr
        assert ", anthropic, " in result.stderr


def test_an_empty_model_name_is_refused(project: Project) -> None:
    result = run("show", " ", "--project", project.root)
    assert result.exit_code == 2
    assert "found nothing, expected the name of a model" in result.stderr


def test_a_plugin_with_rates_by_the_hour_is_asked_for_every_moment(project: Project) -> None:
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports import prices as prices_in_use

    class Hourly:
        @hookimpl
        def find_price(self, model: str, at: datetime) -> Price | None:
            return Price.per_million(model=model, input=at.hour, output=1)

    hooks = Hooks.load(project.root)
    hooks.register(Hourly(), "hourly")
    find = prices_in_use.asking(hooks, PriceBook.shipped())
    moments = [datetime.fromisoformat(f"2026-08-20T{hour}:00:00+00:00") for hour in (10, 23, 10)]
    prices = [find("nova-9", None, moment, None) for moment in moments]
    assert [price and price.input for price in prices] == [10_000_000, 23_000_000, 10_000_000]


def test_a_plugins_price_for_an_agents_configured_model_names_the_file_that_chose_the_model(project: Project) -> None:
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports import prices as prices_in_use

    class Ours:
        @hookimpl
        def find_price(self, model: str) -> Price | None:
            return Price.per_million(model=model, input=1, output=1) if model == "house" else None

    hooks = Hooks.load(project.root)
    hooks.register(Ours(), "ours")
    project.settings_path.write_text("pricing: {agents: {codex: {model: house, provider: us}}}", encoding="utf-8")
    book = PriceBook.load(project.root)
    find = prices_in_use.asking(hooks, book)
    moment = datetime.fromisoformat("2026-08-20T10:00:00+00:00")
    assert find(None, None, moment, "codex") is not None
    assert find(None, None, moment, "gemini") is None
    assert book.overrides_in_use == ((project.settings_path, ("us/house",)),)


@pytest.mark.parametrize(
    ("models", "kept", "expected"),
    [
        ((), (), ["Nothing to add: our tables have every model of genai-prices 9.9; no file was written."]),
        (("o/gpt-9",), (), ["Wrote 1 price to {target}; reports name the file where they use it."]),
        ((), ("o/gpt-5",), ["Nothing to add: ", "Left out 1 model that our tables have with other rates; ours count."]),
    ],
)
def test_an_import_says_what_was_written_and_what_was_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: tuple[str, ...], kept: tuple[str, ...], expected: list[str]
) -> None:
    monkeypatch.setattr(pricing, "import_genai_prices", lambda *_: Imported("", models, "9.9", kept))
    target = tmp_path / "new.yaml"
    said = run("import-genai", "--output", target).stdout.splitlines()
    assert len(said) == len(expected)
    assert all(line.startswith(start.format(target=target)) for line, start in zip(said, expected, strict=True))


def test_a_price_for_one_biller_alone_is_not_said_to_be_missing_but_where_it_is(project: Project) -> None:
    text = "pricing: {models: [{id: big-1, provider: openrouter, input: 2, output: 8}]}"
    project.settings_path.write_text(text, encoding="utf-8")
    result = run("show", "big-1", "--project", project.root)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the model 'big-1' has a price only where it is said who bills: add --provider openrouter; "
        "a run that does not say it has none (docs/prices.md)\n"
    )
    assert run("show", "big-1", "--provider", "openrouter", "--project", project.root).exit_code == 0
