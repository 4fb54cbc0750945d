"""The maintainers' script and the import, on a small made-up upstream: append, never edit, ask for missing dates."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing import PriceBook, import_genai_prices
from spec_kitty_telemetry.pricing.checking import read_table
from spec_kitty_telemetry.pricing.genai.emitting import block_text, table_text
from spec_kitty_telemetry.pricing.genai.importing import overrides_from, write_overrides
from spec_kitty_telemetry.pricing.genai.upstream import entry_of, excluded, our_id
from spec_kitty_telemetry.pricing.overrides import read_overrides
from spec_kitty_telemetry.pricing.table import COMPILED_NAME, compile_tables, load_tables, tables_folder
from spec_kitty_telemetry.project.strict_yaml import read_document

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = """\
# yaml-language-server: $schema=schema.json
schema: 1
provider: mistral
unit: usd_per_million_tokens
source: https://example.com/pricing
as_of: 2026-01-01
models: []
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = tables_folder() / "refresh.py"
    spec = importlib.util.spec_from_file_location("pricing_refresh", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mistral.yaml").write_text(EMPTY, encoding="utf-8")
    return tmp_path


def price(**rates: Any) -> SimpleNamespace:
    """One price as upstream has it; a tuple is (base, threshold, above)."""
    names = {"read": "cache_read_mtok", "write": "cache_write_mtok", "hour": "cache_write_1h_mtok"}
    values = {}
    for name, rate in rates.items():
        value: Any = rate
        if isinstance(rate, tuple):
            value = SimpleNamespace(
                base=Decimal(rate[0]), tiers=[SimpleNamespace(start=rate[1], price=Decimal(rate[2]))]
            )
        elif not isinstance(rate, str):
            raise TypeError(rate)
        else:
            value = Decimal(rate)
        values[names.get(name, f"{name}_mtok")] = value
    return SimpleNamespace(**values)


def dated(start: str | None, prices: SimpleNamespace) -> SimpleNamespace:
    constraint = SimpleNamespace(start_date=date.fromisoformat(start)) if start else None
    return SimpleNamespace(constraint=constraint, prices=prices)


def model(name: str, *prices: SimpleNamespace, **more: Any) -> SimpleNamespace:
    entries = [entry if hasattr(entry, "prices") else dated(None, entry) for entry in prices]
    return SimpleNamespace(
        id=name,
        match=more.get("match", SimpleNamespace(equals=name)),
        prices=entries,
        price_variants=more.get("variants"),
        price_comments=more.get("comments"),
    )


def upstream(*models: SimpleNamespace) -> list[SimpleNamespace]:
    def find(name: str) -> SimpleNamespace | None:
        return next((each for each in models if matches(each.match, name.lower())), None)

    return [SimpleNamespace(id="mistral", models=list(models), find_model=find)]


def matches(clause: SimpleNamespace, name: str) -> bool:
    if hasattr(clause, "or_"):
        return any(matches(inner, name) for inner in clause.or_)
    if hasattr(clause, "starts_with"):
        return name.startswith(clause.starts_with)
    return bool(name == clause.equals)


def run(
    script: ModuleType, folder: Path, *models: SimpleNamespace, as_of: str = "2026-11-10", correct: str = ""
) -> Any:
    return script.refresh(folder, upstream(*models), "9.9", as_of, frozenset(filter(None, [correct])))


def text(folder: Path) -> str:
    return (folder / "mistral.yaml").read_text(encoding="utf-8")


def test_a_new_model_is_appended_with_aliases_tiers_variants_and_source(script: ModuleType, folder: Path) -> None:
    match = SimpleNamespace(or_=[SimpleNamespace(equals="m-large"), SimpleNamespace(starts_with="big-m")])
    batch = SimpleNamespace(
        when={"processing": "batch"},
        constraint=SimpleNamespace(start_date=date(2026, 10, 14)),
        prices=price(input="0.5", output="2"),
    )
    outcome = run(
        script,
        folder,
        model(
            "m-large",
            price(input=("1", 1000, "2"), output=("4", 1000, "8"), read="0.1"),
            dated("2026-06-01", price(input="0.9", output="3.60")),
            match=match,
            variants=[batch],
            comments="Checked. See https://example.com/m-large.",
        ),
    )

    assert (outcome.done, outcome.questions) == (["mistral/m-large: new"], [])
    assert text(folder) == EMPTY.replace("as_of: 2026-01-01", "as_of: 2026-11-10").replace(
        "models: []\n",
        """\
models:
  - id: m-large
    aliases: [big-m]
    dated: true
    versions: [latest]
    source: https://example.com/m-large
    rates:
      - from: always
        input: 1
        output: 4
        cache_read: 0.1
        above:
          - {input_tokens: 1000, input: 2, output: 8, cache_read: 0.1}
      - from: 2026-06-01
        input: 0.9
        output: 3.6
    variants:
      - {when: {processing: batch}, from: 2026-10-14, input: 0.5, output: 2}
verified_with: genai-prices 9.9
""",
    )
    assert read_table(folder / "mistral.yaml").models[0].dated


def test_unchanged_rates_change_only_the_date_of_the_comparison(script: ModuleType, folder: Path) -> None:
    run(script, folder, model("m", price(input="1", output="4")))
    before = text(folder).splitlines()
    outcome = run(script, folder, model("m", price(input="1", output="4")), as_of="2026-12-01")

    changed = [(old, new) for old, new in zip(before, text(folder).splitlines(), strict=True) if old != new]
    assert changed == [("as_of: 2026-11-10", "as_of: 2026-12-01")]
    assert (outcome.done, outcome.questions) == ([], [])


def test_running_twice_gives_identical_files(script: ModuleType, folder: Path) -> None:
    models = (model("b", price(input="1", output="4")), model("a", price(input="1", output="4")))
    run(script, folder, *models)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    run(script, folder, *models)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert first[COMPILED_NAME] == compile_tables(folder)


def test_a_change_with_a_date_is_appended_and_history_stays(script: ModuleType, folder: Path) -> None:
    old = price(input="1", output="4")
    run(script, folder, model("m", old))
    outcome = run(script, folder, model("m", old, dated("2026-11-20", price(input="2", output="8"))))

    segments = read_table(folder / "mistral.yaml").models[0].rates
    assert [(row.start, row.rates.input) for row in segments] == [
        (None, 1_000_000),
        ("2026-11-20T00:00:00+00:00", 2_000_000),
    ]
    assert (outcome.done, outcome.questions) == (["mistral/m: new rates from 2026-11-20"], [])


def test_a_change_without_a_date_is_appended_with_a_mark_and_needs_a_person(script: ModuleType, folder: Path) -> None:
    run(script, folder, model("m", price(input="1", output="4")))
    changed = model("m", price(input="2", output="8"))
    outcome = run(script, folder, changed, as_of="2026-12-01")
    first = text(folder)
    again = run(script, folder, changed, as_of="2026-12-01")

    assert "- from: 2026-12-01\n        from_inferred: true\n        input: 2\n" in first
    assert "input: 1\n" in first
    assert outcome.questions == again.questions
    assert outcome.questions == [
        "mistral/m: changed without a date; find it, correct 'from: 2026-12-01' and remove from_inferred"
    ]
    assert text(folder) == first


def test_a_person_who_removes_the_mark_is_not_asked_again(script: ModuleType, folder: Path) -> None:
    run(script, folder, model("m", price(input="1", output="4")))
    changed = model("m", price(input="2", output="8"))
    run(script, folder, changed, as_of="2026-12-01")
    path = folder / "mistral.yaml"
    path.write_text(text(folder).replace("2026-12-01\n        from_inferred: true", "2026-11-15"), encoding="utf-8")

    assert run(script, folder, changed, as_of="2026-12-08").questions == []


def test_a_rate_that_was_simply_wrong_is_corrected_where_it_stands(script: ModuleType, folder: Path) -> None:
    run(script, folder, model("m", price(input="1", output="4")))
    outcome = run(script, folder, model("m", price(input="2", output="4")), correct="mistral/m")

    (segment,) = read_table(folder / "mistral.yaml").models[0].rates
    assert (segment.start, segment.rates.input) == (None, 2_000_000)
    assert (outcome.done, outcome.questions) == (["mistral/m: corrected from always"], [])


def test_pinned_entries_are_never_touched(script: ModuleType, folder: Path) -> None:
    run(script, folder, model("m", price(input="1", output="4")))
    path = folder / "mistral.yaml"
    path.write_text(text(folder).replace("input: 1\n", "pinned: true\n        input: 1\n"), encoding="utf-8")
    before = text(folder)

    outcome = run(script, folder, model("m", price(input="9", output="9")))

    assert text(folder).replace("pinned: true\n        input: 1", "input: 1") == before.replace(
        "pinned: true\n        input: 1", "input: 1"
    )
    assert (outcome.done, outcome.questions) == ([], [])


def test_a_model_that_upstream_dropped_is_kept_and_marked(script: ModuleType, folder: Path) -> None:
    run(script, folder, model("m", price(input="1", output="4")))
    outcome = run(script, folder)

    assert "    upstream: removed\n" in text(folder)
    assert outcome.done == ["mistral/m: no longer listed upstream, kept"]
    assert run(script, folder).done == []


def test_a_variant_that_changed_without_a_date_needs_a_person(script: ModuleType, folder: Path) -> None:
    def with_batch(rate: str) -> SimpleNamespace:
        variant = SimpleNamespace(when={"processing": "batch"}, constraint=None, prices=price(input=rate))
        return model("m", price(input="1", output="4"), variants=[variant])

    run(script, folder, with_batch("0.5"))
    before = text(folder)

    assert run(script, folder, with_batch("0.4")).questions == [
        "mistral/m: variant processing=batch always changed without a date; edit or --correct it"
    ]
    assert text(folder) == before
    assert run(script, folder, with_batch("0.4"), correct="m").questions == []
    assert "input: 0.4" in text(folder)


def test_a_model_that_became_free_or_got_a_price_needs_a_person(script: ModuleType, folder: Path) -> None:
    (folder / "mistral.yaml").write_text(
        EMPTY.replace("models: []", "models:\n  - {id: m, free: true}"), encoding="utf-8"
    )

    assert run(script, folder, model("m", price(input="1", output="4"))).questions == [
        "mistral/m: has a price upstream; change it by hand"
    ]


def test_rates_with_too_many_decimals_are_rounded_and_reported(script: ModuleType, folder: Path) -> None:
    outcome = run(script, folder, model("m", price(input="0.18000000000000002", output="0.0000005")))

    assert "input: 0.18\n        output: 0\n" in text(folder)
    assert outcome.done[:2] == [
        "mistral: rounded m: 0.18000000000000002 became 0.180000",
        "mistral: rounded m: 5E-7 became 0.000000",
    ]


def test_hours_of_the_day_become_windows(script: ModuleType, folder: Path) -> None:
    hours = SimpleNamespace(start_time=time(1, tzinfo=UTC), end_time=time(4, tzinfo=UTC))
    peak = SimpleNamespace(constraint=hours, prices=price(input="2", output="8"))
    run(script, folder, model("m", price(input="1", output="4"), peak))

    (table,) = load_tables(folder)
    book = PriceBook([table])
    rates = [book.find("m", "mistral", datetime(2026, 1, 1, hour, tzinfo=UTC)) for hour in (0, 1, 3, 4)]
    assert [rate and rate.input for rate in rates] == [1_000_000, 2_000_000, 2_000_000, 1_000_000]


def test_a_name_that_upstream_gives_to_another_model_is_no_alias(script: ModuleType, folder: Path) -> None:
    shadow = model("m-mini", price(input="1", output="2"), match=SimpleNamespace(starts_with="m-mini"))
    greedy = model("m", price(input="1", output="4"), match=SimpleNamespace(or_=[
        SimpleNamespace(equals="m"), SimpleNamespace(equals="m-mini"),
    ]))  # fmt: skip
    run(script, folder, shadow, greedy)

    assert [entry.aliases for entry in read_table(folder / "mistral.yaml").models] == [(), ()]


@pytest.mark.parametrize(
    ("name", "prices", "reason"),
    [
        ("mistral-embed", price(input="1", output="1"), "an embedding, which answers nothing"),
        ("m", price(input="1"), "no price for text tokens"),
        ("m", price(input="1", output="1"), None),
    ],
)
def test_what_is_left_out_is_left_out_for_a_reason(name: str, prices: SimpleNamespace, reason: str | None) -> None:
    assert excluded("mistral", model(name, prices)) == reason


def test_bedrock_ids_lose_what_is_only_a_spelling() -> None:
    assert our_id("aws-bedrock", "regional.anthropic.claude-opus-4-6-v1:0") == "anthropic.claude-opus-4-6"
    assert our_id("aws-bedrock", "global.openai.gpt-6-sol") == "global.openai.gpt-6-sol"
    assert our_id("mistral", "regional.m-v1:0") == "regional.m-v1:0"


def test_the_command_ends_with_1_while_a_person_is_needed(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("genai_prices")
    outcomes = [script.Outcome(["done"], ["a question"]), script.Outcome(["done"], [])]
    monkeypatch.setattr(script, "refresh", lambda *_: outcomes.pop(0))

    assert script.main(["--as-of", "2026-11-10"]) == 1
    assert capsys.readouterr().out == "done\nneeds a person: a question\n"
    assert script.main(["--as-of", "2026-11-10"]) == 0


def test_the_shipped_tables_are_what_the_installed_upstream_gives(script: ModuleType, tmp_path: Path) -> None:
    data = pytest.importorskip("genai_prices.data")
    for path in tables_folder().glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    outcome = script.refresh(tmp_path, data.providers, "0.2.3", "2026-11-10", frozenset())

    assert (outcome.done, outcome.questions) == ([], [])
    for path in tables_folder().glob("*.yaml"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_what_is_written_is_read_back_the_same(tmp_path: Path) -> None:
    document: dict[str, Any] = {
        "plain": "a b",
        "quoted": ["1: 2", "- x", "#no", 'say "hi"', "<synthetic>", "a, b", "composer[fast=true]", "back\\slash"],
        "empty": [],
        "note": "several words, with a comma: and a colon",
        "rows": [{"when": {"processing": "batch"}, "deep": [{"x": "1"}]}, {"y": "z" * 200}],
        "long": [f"word-{number}" for number in range(40)],
    }
    path = tmp_path / "written.yaml"
    path.write_text(block_text(document), encoding="utf-8")

    assert read_document(path) == document
    assert table_text(document).startswith("# yaml-language-server: $schema=schema.json\nplain: a b\n")


def test_the_import_writes_overrides_with_what_our_tables_lack(tmp_path: Path) -> None:
    known = model("codestral-2508", price(input="0.3", output="0.9", read="0.03"), variants=[SimpleNamespace(
        when={"processing": "batch"}, constraint=SimpleNamespace(start_date=date(2026, 10, 14)),
        prices=price(input="0.15", output="0.45", read="0.015"),
    )])  # fmt: skip
    cheaper = model("devstral-2512", price(input="0.2", output="1"))
    new = model("mistral-large-9", price(input="1", output="4"))
    corrected = model("mistral-large-latest", price(input="2", output="6"))

    imported = overrides_from(upstream(known, cheaper, new, corrected), "9.9")
    path = tmp_path / "telemetry.yaml"
    path.write_text(imported.text, encoding="utf-8")
    file = read_overrides(path)

    assert imported.models == ("mistral/mistral-large-9",)
    book = PriceBook(load_tables(), [file])
    price_of_new = book.find("mistral-large-9", None, datetime(2026, 11, 22, tzinfo=UTC))
    assert price_of_new is not None
    assert price_of_new.input == 1_000_000


def test_the_import_changes_no_price_of_a_model_that_we_have_under_any_spelling() -> None:
    cheaper = model("devstral-2512", price(input="0.2", output="1"))
    respelt = model("mistral-medium-3.1", price(input="0.2", output="1"), match=SimpleNamespace(equals="mm"))
    assert {each.id for table in load_tables() for each in table.models} >= {"devstral-2512", "mistral-medium-3-1"}

    imported = overrides_from(upstream(cheaper, respelt), "9.9")

    assert imported.models == ()
    assert imported.kept == ("mistral/devstral-2512", "mistral/mistral-medium-3-1")


def test_the_import_of_the_pinned_upstream_has_nothing_to_add() -> None:
    data = pytest.importorskip("genai_prices.data")

    assert overrides_from(data.providers, "0.2.3").models == ()


def test_the_import_never_replaces_a_file_that_a_person_wrote(tmp_path: Path) -> None:
    imported = overrides_from(upstream(model("mistral-large-9", price(input="1", output="4"))), "9.9", ["mistral"])
    target = tmp_path / "new" / "telemetry.yaml"

    assert write_overrides(imported, target) == 1
    assert write_overrides(imported, target) == 1
    assert target.read_text(encoding="utf-8").startswith("# Written by `prices import-genai` from genai-prices 9.9;")
    target.write_text("fsync: off\n", encoding="utf-8")
    with pytest.raises(
        PriceTableError, match=r"found a file that people wrote, expected none; choose another with --o"
    ):
        write_overrides(imported, target)


def test_an_import_with_nothing_new_writes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("genai_prices")

    for only in ((), ["openai"]):
        imported = import_genai_prices(tmp_path / "telemetry.yaml", only)
        assert (imported.models, imported.kept) == ((), ())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(PriceTableError, match="found no provider 'acme', expected one of anthropic, aws-bedrock"):
        import_genai_prices(tmp_path / "telemetry.yaml", ["acme"])


def test_an_import_without_genai_prices_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices.data", None)

    with pytest.raises(PriceTableError, match="genai-prices is not installed here; install it with"):
        import_genai_prices(tmp_path / "telemetry.yaml")


def test_an_entry_without_variants_or_aliases_has_no_empty_keys() -> None:
    entry = entry_of("mistral", model("m", price(input="1", output="4")), lambda _: None, [])

    assert entry == {"id": "m", "rates": [{"from": "always", "input": "1", "output": "4"}]}
