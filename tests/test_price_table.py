"""Tables as people write them: what is refused, and with which words; the compiled form says the same."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing import PriceBook
from spec_kitty_telemetry.pricing import table as table_module
from spec_kitty_telemetry.pricing.checking import read_table
from spec_kitty_telemetry.pricing.table import COMPILED_NAME, compile_tables, load_tables, tables_folder, yaml_files

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
schema: 1
provider: example
unit: usd_per_million_tokens
source: https://example.com/pricing
as_of: 2026-11-10
models:
"""
LARGE = """\
  - id: large
    aliases: [big]
    rates:
      - {from: always, input: 3, output: 15}
"""


def table(folder: Path, text: str) -> Path:
    path = folder / "example.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("input: 3", "input: -3"), "example.yaml, model 'large', rates, from always, input: found '-3', expected dol"),
        (("input: 3", "input: 0.1234567"), "input: found '0.1234567', expected .* at most 6 decimals"),
        (("input: 3", "input: 1e-7"), "input: found '1e-7', expected dollars per million tokens"),
        (("input: 3", "input: .5"), "input: found '.5', expected dollars per million tokens"),
        (("input: 3, ", ""), "'large', rates, from always, input: found nothing, expected dollars.*never guessed"),
        ((", output: 15", ""), "model 'large', rates, from always, output: found nothing"),
        (("input: 3", "inptu: 3"), "found the unknown key 'inptu', expected one of from, source"),
        (("from: always", "from: yesterday"), "from: found 'yesterday', expected always, a date such as 2026-03-13"),
        (("from: always", "from: 2026-02-30"), "from: found '2026-02-30', expected always, a date"),
        (("aliases: [big]", "aliases: [big, Big]"), "never happens"),
        (("id: large", "id: ''"), "a model, id: found nothing, expected text"),
        (("rates:\n      - {from: always, input: 3, output: 15}", "rates: []"), "rates: found an empty list"),
        (("aliases: [big]", "free: true"), "found rates and free or unpriced, expected either rates, or free: true"),
        (("aliases: [big]", "dated: yes"), "dated: found 'yes', expected true or false"),
        (("schema: 1", "schema: 2"), "schema: found '2', expected '1'"),
        (("unit: usd_per_million_tokens", "unit: eur"), "unit: found 'eur'"),
        (("as_of: 2026-11-10", "as_of: lately"), "as_of: found 'lately', expected a date"),
        (("provider: example", "provider: {a: b}"), "provider: found a mapping, expected text"),
        (("provider: example", "provider: [a]"), "provider: found a list, expected text"),
        (("models:", "modles:"), "found the unknown key 'modles'"),
    ],
)
def test_a_mistake_is_named_with_file_model_and_field(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = (HEAD + LARGE).replace(*change)
    if message == "never happens":
        read_table(table(tmp_path, text))  # spelling an alias twice in one model claims nothing from another one
        return

    with pytest.raises(PriceTableError, match=message):
        read_table(table(tmp_path, text))


def test_a_name_that_two_models_claim_is_refused(tmp_path: Path) -> None:
    second = LARGE.replace("large", "small").replace("big", "BIG")

    with pytest.raises(PriceTableError, match=r"model 'small', aliases: found 'big', .*; model 'large' has it already"):
        read_table(table(tmp_path, HEAD + LARGE + second))


def test_entries_out_of_order_are_refused_with_what_to_do(tmp_path: Path) -> None:
    late, early = (f"      - {{from: {day}, input: 2, output: 10}}\n" for day in ("2026-03-01", "2026-02-01"))
    text = HEAD + LARGE + late + early

    with pytest.raises(PriceTableError, match=r"'large', rates, from: found '2026-02-01.*a date after 2026-03-01"):
        read_table(table(tmp_path, text))


def test_always_may_only_stand_first(tmp_path: Path) -> None:
    text = HEAD + LARGE + "      - {from: always, input: 2, output: 10}\n"

    with pytest.raises(PriceTableError, match="from: found 'always', expected a date after"):
        read_table(table(tmp_path, text))


def test_models_are_kept_in_order_of_id(tmp_path: Path) -> None:
    second = LARGE.replace("large", "a-small").replace("big", "little")

    with pytest.raises(PriceTableError, match="move 'a-small' up, before 'large'; models are kept in order of id"):
        read_table(table(tmp_path, HEAD + LARGE + second))


@pytest.mark.parametrize(
    ("above", "message"),
    [
        ("{input_tokens: 0, input: 6, output: 30}", "input_tokens: found '0', expected a number of tokens"),
        ("{input_tokens: 200k, input: 6, output: 30}", "input_tokens: found '200k'"),
        ("{input_tokens: 200000, input: 6}", "found input, expected the same rates: input, output"),
        (
            "{input_tokens: 9, input: 6, output: 30}, {input_tokens: 8, input: 6, output: 30}",
            "input_tokens: found '8', expected more than 9: thresholds go up",
        ),
    ],
)
def test_a_tier_must_grow_and_name_the_same_rates(tmp_path: Path, above: str, message: str) -> None:
    text = HEAD + LARGE.replace("output: 15}", f"output: 15, above: [{above}]}}")

    with pytest.raises(PriceTableError, match=f"model 'large', rates, from always, above.*{message}"):
        read_table(table(tmp_path, text))


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("{daily_utc: 1-4, input: 1, output: 2}", "daily_utc: found '1-4', expected hours such as 01:00-04:00"),
        ("{daily_utc: 01:00-04:00, weekdays: workdays, input: 1, output: 2}", "weekdays: found 'workdays'"),
        ("{daily_utc: 01:00-04:00, input: 1}", "output: found nothing"),
    ],
)
def test_hours_of_the_day_are_checked(tmp_path: Path, window: str, message: str) -> None:
    text = HEAD + LARGE.replace("output: 15}", f"output: 15, windows: [{window}]}}")

    with pytest.raises(PriceTableError, match=message):
        read_table(table(tmp_path, text))


def test_a_variant_needs_a_condition(tmp_path: Path) -> None:
    text = HEAD + LARGE + "    variants: [{when: {}, input: 1}]\n"

    with pytest.raises(PriceTableError, match=r"variants, when: found nothing, expected .*processing: batch"):
        read_table(table(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\nb: *x\n", "line 1: found an anchor or alias, expected plain YAML; write the value out"),
        ("a: !!python/object:os.system {}\n", "line 1: found the tag .*, expected plain YAML without tags"),
        ("a: 1\na: 2\n", "line 2: found the key 'a' a second time, expected each key once"),
        ("{a: 1}: 2\n", "a key that is text"),
        ("a: " + "[" * 50 + "]" * 50, "at most 12 levels"),
        ("a: 1\n---\nb: 2\n", "found a second document"),
        ("a: [1\n", "expected valid YAML"),
        ("a: \x01\n", "expected valid YAML"),
        ("- a\n", "found a list, expected a mapping"),
        ("x" * (1024 * 1024 + 1), "found more than 1 MiB, expected at most 1 MiB"),
        ("", "schema: found nothing"),
    ],
)
def test_yaml_that_could_harm_or_mislead_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PriceTableError, match=message):
        read_table(table(tmp_path, text))


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_bytes(b"a: \xff\n")

    with pytest.raises(PriceTableError, match="byte 3 that is not UTF-8"):
        read_table(path)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(PriceTableError, match=r"pricing/missing\.yaml: found .*, expected a file that can be read"):
        read_table(tmp_path / "missing.yaml")


def test_the_compiled_tables_are_in_step_with_the_yaml() -> None:
    folder = tables_folder()

    assert (folder / COMPILED_NAME).read_bytes() == compile_tables(folder), (
        "pricing/compiled.json is out of date; run python -m spec_kitty_telemetry.pricing"
    )


def test_an_edited_table_counts_at_once_and_only_it_is_parsed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        text = (HEAD + LARGE).replace("provider: example", f"provider: {name}")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / COMPILED_NAME).write_bytes(compile_tables(tmp_path))
    edited = tmp_path / "b.yaml"
    edited.write_text(edited.read_text(encoding="utf-8").replace("input: 3", "input: 4"), encoding="utf-8")
    (tmp_path / "a.yaml").touch()

    first, second = load_tables(tmp_path)

    assert first.models[0].rates[0].rates.input == 3_000_000
    assert second.models[0].rates[0].rates.input == 4_000_000


def test_rebuilding_writes_the_compiled_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path, HEAD + LARGE)
    monkeypatch.setattr(table_module, "tables_folder", lambda: tmp_path)

    runpy.run_module("spec_kitty_telemetry.pricing", run_name="__main__", alter_sys=True)

    assert (tmp_path / COMPILED_NAME).read_bytes() == compile_tables(tmp_path)


def test_hours_over_midnight_are_open_on_both_sides_of_it(tmp_path: Path) -> None:
    window = "windows: [{daily_utc: 16:30-00:30, input: 1, output: 2}]"
    path = table(tmp_path, HEAD + LARGE.replace("output: 15}", f"output: 15, {window}}}"))
    book = PriceBook([read_table(path)])
    moments = [
        datetime(2026, 1, 1, hour, minute, tzinfo=UTC) for hour, minute in ((16, 29), (16, 30), (0, 29), (0, 30))
    ]

    prices = [book.find("large", "example", moment) for moment in moments]

    assert [price and price.input for price in prices] == [3_000_000, 1_000_000, 1_000_000, 3_000_000]


def test_windows_line_ends_are_no_edit(tmp_path: Path) -> None:
    path = table(tmp_path, HEAD + LARGE)
    compiled = compile_tables(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert compile_tables(tmp_path) == compiled


@pytest.mark.parametrize("damage", ["", "{", '{"version":99,"digests":{},"tables":[]}', '{"version":1}'])
def test_a_damaged_compiled_file_is_made_good_from_the_yaml(tmp_path: Path, damage: str) -> None:
    table(tmp_path, HEAD + LARGE)
    (tmp_path / COMPILED_NAME).write_text(damage, encoding="utf-8")

    assert [model.id for model in load_tables(tmp_path)[0].models] == ["large"]


def test_a_folder_without_tables_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(PriceTableError, match=r"found no price tables.*install the package again"):
        load_tables(tmp_path)


def test_every_shipped_rate_has_a_source_and_a_date() -> None:
    for path in yaml_files(tables_folder()):
        shipped = read_table(path)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", shipped.as_of)
        assert shipped.source.startswith("https://")


def test_a_report_parses_no_yaml_and_loads_neither_pydantic_nor_click() -> None:
    script = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path\n"
        "from spec_kitty_telemetry.pricing import PriceBook\n"
        "book = PriceBook.load(Path('nowhere'), Path('nowhere') / 'telemetry.yaml')\n"
        "assert book.find('claude-opus-4-6', None, datetime.now(UTC))\n"
        "print(sorted({'yaml', 'pydantic', 'click', 'pluggy', 'platformdirs', 'genai_prices'} & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (result.stdout.strip(), result.returncode) == ("[]", 0), result.stderr


def test_the_schema_for_editors_accepts_every_shipped_table_and_refuses_a_typing_error() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    import json

    folder = tables_folder()
    validator = jsonschema.Draft202012Validator(json.loads((folder / "schema.json").read_text(encoding="utf-8")))
    document: Any = None
    for path in yaml_files(folder):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        assert [error.message for error in validator.iter_errors(json.loads(json.dumps(document, default=str)))] == []
    document["models"][0]["inptu"] = 3
    assert not validator.is_valid(json.loads(json.dumps(document, default=str)))
