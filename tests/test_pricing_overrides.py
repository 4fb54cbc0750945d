"""Prices that a project or a person states: what they change, what is refused, and that nothing changes silently."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing import PriceBook, checked_files, dollars_per_million, lint

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    return tmp_path / "user" / "telemetry.yaml"


@pytest.fixture
def project_root(tmp_path: Path) -> Path:
    return tmp_path / "shop"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(project_root: Path, user_file: Path, text: str) -> PriceBook:
    write(project_root / ".kittify" / "telemetry.yaml", text)
    return PriceBook.load(project_root, user_file)


def input_rate(book: PriceBook, model: str, provider: str | None = None, agent: str | None = None) -> Decimal | None:
    price = book.find(model, provider, AT, agent)
    return None if price is None else dollars_per_million(price.input)


def test_no_file_and_a_file_without_prices_change_nothing(project_root: Path, user_file: Path) -> None:
    assert PriceBook.load(project_root, user_file).overrides == ()
    assert load(project_root, user_file, "fsync: off\n").overrides == ()
    assert load(project_root, user_file, "pricing:\n").overrides == ()
    assert load(project_root, user_file, "").overrides == ()


def test_a_stated_price_makes_an_unknown_model_known(project_root: Path, user_file: Path) -> None:
    book = load(project_root, user_file, "pricing: {models: {gpt-6.3-sol: {provider: openai, input: 2, output: 10}}}")

    assert input_rate(book, "gpt-6.3-sol") == 2
    assert input_rate(book, "openai/gpt-6.3-sol") == 2
    assert input_rate(book, "gpt-6.3-sol", "azure") == 2  # Azure bills OpenAI's list, and so ours of it


def test_models_may_be_a_list_of_entries_as_in_a_table_without_a_date(project_root: Path, user_file: Path) -> None:
    text = "pricing: {models: [{id: nova-9, rates: [{input: 2, output: 8}]}, {id: nova-10, input: 3, output: 9}]}"
    book = load(project_root, user_file, text)

    assert [input_rate(book, name) for name in ("nova-9", "nova-10")] == [2, 3]


def test_a_stated_price_replaces_the_shipped_one_whole_and_for_all_its_names(
    project_root: Path, user_file: Path
) -> None:
    book = load(
        project_root, user_file, "pricing: {models: {claude-opus-4-6: {provider: anthropic, input: 4, output: 20}}}"
    )
    price = book.find("claude-4-6-opus-20260205", None, AT)

    assert price is not None
    assert (price.input, price.cache_read, price.above) == (4_000_000, 4_000_000, ())
    assert price.origin == str(project_root / ".kittify" / "telemetry.yaml")
    assert price.source is None


def test_a_stated_model_takes_no_name_from_a_shipped_one(project_root: Path, user_file: Path) -> None:
    text = "pricing: {models: {gpt-5: {provider: openai, aliases: [gpt-5.4], input: 9, output: 9}}}"
    book = load(project_root, user_file, text)

    assert [input_rate(book, name) for name in ("gpt-5", "gpt-5.4")] == [9, Decimal("2.5")]


def test_a_price_without_a_provider_counts_whoever_bills(project_root: Path, user_file: Path) -> None:
    text = "pricing: {models: {grok-4.7: {input: 1, output: 2}, our/gateway-model: {input: 9, output: 9}}}"
    book = load(project_root, user_file, text)

    assert [input_rate(book, "grok-4.7", who) for who in (None, "xai", "cursor", "nobody-known")] == [1, 1, 1, 1]
    assert input_rate(book, "our/gateway-model", "our") == 9


def test_stated_rates_may_have_a_history_and_tiers(project_root: Path, user_file: Path) -> None:
    text = """
pricing:
  models:
    house-model:
      rates:
        - {from: always, input: 3, output: 15}
        - {from: 2026-10-01, input: 2, output: 10, above: [{input_tokens: 100000, input: 4, output: 20}]}
"""
    book = load(project_root, user_file, text)
    old = book.find("house-model", None, datetime(2026, 9, 1, tzinfo=UTC))
    new = book.find("house-model", None, AT)

    assert old is not None
    assert new is not None
    assert (old.input, new.input, new.rates_for(100_001).input) == (3_000_000, 2_000_000, 4_000_000)


def test_a_model_can_be_another_ones_alias_with_that_ones_price(project_root: Path, user_file: Path) -> None:
    book = load(project_root, user_file, "pricing: {models: {gateway-opus: {alias_of: anthropic/claude-opus-5-5}}}")
    price = book.find("gateway-opus", "our-gateway", AT)

    assert price is not None
    assert (price.model, price.input) == ("claude-opus-5-5", 4_000_000)
    assert price.origin.startswith("pricing/anthropic.yaml, by alias_of in ")


@pytest.mark.parametrize(
    "text",
    [
        "pricing: {models: {a: {alias_of: no-such-model-9}}}",
        "pricing: {models: {a: {alias_of: b}, b: {alias_of: a}}}",
        "pricing: {models: {a: {alias_of: a}}}",
    ],
)
def test_an_alias_that_leads_nowhere_or_in_a_circle_is_refused(project_root: Path, user_file: Path, text: str) -> None:
    with pytest.raises(PriceTableError, match=r"'a', alias_of: found '.*', expected the name of a model"):
        load(project_root, user_file, text)


def test_an_own_model_can_be_free(project_root: Path, user_file: Path) -> None:
    book = load(project_root, user_file, "pricing: {models: {llama-local: {free: true}}}")
    price = book.find("llama-local", None, AT)

    assert price is not None
    assert price.free


def test_a_discount_is_taken_off_every_published_rate_exactly(project_root: Path, user_file: Path) -> None:
    book = load(project_root, user_file, "pricing: {providers: {anthropic: {discount: 0.15}}}")
    price = book.find("claude-opus-4-6", None, datetime(2026, 3, 1, tzinfo=UTC))

    assert price is not None
    assert [dollars_per_million(rate) for rate in (price.input, price.output, price.cache_read)] == [
        Decimal("4.25"),  # 5 * 0.85
        Decimal("21.25"),
        Decimal("0.425"),
    ]
    assert price.rates_for(200_001).input == 8_500_000
    assert price.origin.startswith("pricing/anthropic.yaml, with the discount in ")
    assert input_rate(book, "gpt-5.4", "openai") == Decimal("2.5")


def test_a_discounted_rate_is_rounded_half_to_even(project_root: Path, user_file: Path) -> None:
    text = "pricing: {providers: {deepseek: {discount: 0.5}}}"
    book = load(project_root, user_file, text)
    price = book.find("deepseek-v4-pro", None, datetime(2026, 6, 1, tzinfo=UTC))

    assert price is not None
    assert price.cache_read == 1_812  # 0.003625 / 2 = 0.0018125, and 1812 is even


def test_a_discount_does_not_touch_prices_that_somebody_states(project_root: Path, user_file: Path) -> None:
    text = (
        "pricing: {providers: {openai: {discount: 0.5}}, models: {gpt-5.4: {provider: openai, input: 2, output: 10}}}"
    )

    assert input_rate(load(project_root, user_file, text), "gpt-5.4") == 2


def test_a_resellers_discount_counts_for_the_list_prices_it_passes_on(project_root: Path, user_file: Path) -> None:
    book = load(project_root, user_file, "pricing: {providers: {azure: {discount: 0.2}}}")

    assert input_rate(book, "gpt-5", "azure") == 1
    assert input_rate(book, "gpt-5", "openai") == Decimal("1.25")


def test_an_agent_that_never_says_its_model_has_the_configured_one(project_root: Path, user_file: Path) -> None:
    text = "pricing: {agents: {codex: {model: gpt-6-sol}, other: {model: glm-5.2, provider: alibaba}}}"
    book = load(project_root, user_file, text)
    price = book.find(None, None, AT, "codex")
    other = book.find(None, None, AT, "other")

    assert price is not None
    assert other is not None
    assert (price.model, other.provider) == ("gpt-6-sol", "alibaba")
    assert [book.default_for(agent) is None for agent in ("Codex", "gemini", None)] == [False, True, True]
    assert book.find(None, None, AT, "gemini") is None


def test_the_projects_price_wins_over_the_users_and_the_users_over_the_shipped(
    project_root: Path, user_file: Path
) -> None:
    write(user_file, "pricing: {models: {gpt-5.4: {input: 7, output: 7}, gpt-5.5: {input: 8, output: 8}}}")
    book = load(project_root, user_file, "pricing: {models: {gpt-5.4: {input: 1, output: 1}}}")

    assert [input_rate(book, name) for name in ("gpt-5.4", "gpt-5.5", "gpt-5")] == [1, 8, Decimal("1.25")]


def test_a_provider_of_ones_own_has_models_names_and_other_names(project_root: Path, user_file: Path) -> None:
    text = """
pricing:
  providers:
    gateway:
      also_called: [our-proxy]
      models:
        - id: large
          aliases: [big]
          dated: true
          rates: [{from: always, input: 3, output: 15}]
"""
    book = load(project_root, user_file, text)

    assert [input_rate(book, name, "our-proxy") for name in ("large", "BIG", "big-20260101")] == [3, 3, 3]
    assert input_rate(book, "large") is None


def test_overrides_are_listed_and_those_in_use_are_known(project_root: Path, user_file: Path) -> None:
    write(user_file, "pricing: {providers: {openai: {discount: 0.1}}}")
    book = load(project_root, user_file, "pricing: {models: {gpt-5.4: {input: 1, output: 1}, other: {free: true}}}")
    project_file = project_root / ".kittify" / "telemetry.yaml"

    assert book.overrides == ((user_file, ("openai/*",)), (project_file, ("gpt-5.4", "other")))
    assert book.overrides_in_use == ()
    for model in ("gpt-5.4", "gpt-5.5", "claude-opus-5"):
        book.find(model, None, AT)
    assert dict(book.overrides_in_use) == {project_file: ("gpt-5.4",), user_file: ("openai/gpt-5.5",)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pricing: {modls: {}}", r"telemetry\.yaml, pricing: found the unknown key 'modls', expected one of models"),
        ("pricing: [a]", "pricing: found a list, expected a mapping"),
        ("- a", "found a list, expected a mapping"),
        ("pricing: {models: {m: {input: 3}}}", "'m', model 'm', rates, from always, output: found nothing"),
        ("pricing: {models: {m: {input: cheap, output: 1}}}", "input: found 'cheap', expected dollars"),
        ("pricing: {models: {m: {input: 1, output: 1, free: true}}}", "expected either rates, or free: true"),
        ("pricing: {models: {m: {input: 1, output: 1, rates: []}}}", "expected either the rates themselves or"),
        ("pricing: {models: {m: {alias_of: x, input: 1}}}", "expected alias_of alone"),
        ("pricing: {models: [{input: 1, output: 1}]}", "models, a model, id: found nothing, expected text"),
        ("pricing: {models: {m: {}}}", "found no rates, expected either rates"),
        ("pricing: {models: {m: 3}}", "found '3', expected a mapping"),
        ("pricing: {providers: {openai: {discount: 15}}}", "discount: found '15', expected a share from 0 to 1"),
        ("pricing: {providers: {openai: {discount: -0.1}}}", "discount: found '-0.1'"),
        ("pricing: {providers: {openai: {discont: 0.1}}}", "found the unknown key 'discont'"),
        ("pricing: {agents: {codex: {}}}", "'codex', model: found nothing, expected the name of a model"),
        ("pricing: {agents: {codex: gpt-6}}", "'codex': found 'gpt-6', expected a mapping"),
        ("pricing: &a {models: *a}", "an anchor or alias"),
        ("pricing: {models: {m: {free: true}, m: {free: true}}}", "the key 'm' a second time"),
    ],
)
def test_a_mistake_in_the_settings_is_named_with_file_and_field(
    project_root: Path, user_file: Path, text: str, message: str
) -> None:
    with pytest.raises(PriceTableError, match=message):
        load(project_root, user_file, text)


def test_lint_says_what_is_wrong_with_a_table_or_with_settings(tmp_path: Path) -> None:
    assert lint(write(tmp_path / "a.yaml", "pricing: {models: {m: {free: true}}}")).problem is None
    assert "expected a mapping" in (lint(write(tmp_path / "b.yaml", "pricing: {models: {m: 3}}")).problem or "")
    assert "models: found" in (
        lint(write(tmp_path / "c.yaml", "schema: 1\nunit: usd_per_million_tokens\n")).problem or ""
    )
    assert "a file that can be read" in (lint(tmp_path / "missing.yaml").problem or "")


def test_the_files_that_prices_come_from_are_the_tables_and_the_settings_that_exist(
    project_root: Path, user_file: Path
) -> None:
    shipped = checked_files(None, user_file)
    settings = write(project_root / ".kittify" / "telemetry.yaml", "pricing: {models: {m: {free: true}}}")

    assert "anthropic.yaml" in [path.name for path in shipped]
    assert checked_files(project_root, user_file) == (*shipped, settings)
    assert [lint(path).problem for path in checked_files(project_root, user_file)] == [None] * (len(shipped) + 1)


def test_described_models_show_what_was_stated(project_root: Path, user_file: Path) -> None:
    text = "pricing: {models: {house: {input: 1, output: 2, note: agreed in May}, gone: {unpriced: nobody knows}}}"
    book = load(project_root, user_file, text)
    house, gone = book.describe("house"), book.describe("gone")

    assert house is not None
    assert house.now is not None
    assert house.now.note == "agreed in May"
    assert gone is not None
    assert (gone.now, gone.unpriced, gone.history) == (None, "nobody knows", ())
    assert book.find("gone", None, AT) is None
    assert {"house", "gone"} <= {each.model for each in book.models()}
    assert book.overrides_in_use != ()


def used(book: PriceBook) -> dict[Path, tuple[str, ...]]:
    return dict(book.overrides_in_use)


def test_an_agents_configured_model_names_the_file_that_chose_it(project_root: Path, user_file: Path) -> None:
    book = load(project_root, user_file, "pricing: {agents: {Codex: {model: gpt-5.2-pro}, gemini: {model: nova-9}}}")
    project_file = project_root / ".kittify" / "telemetry.yaml"

    assert book.overrides == ((project_file, ("gpt-5.2-pro", "nova-9")),)
    price = book.find(None, None, AT, "CODEX")
    assert price is not None
    assert price.origin == f"pricing/openai.yaml, by agents in {project_file}"
    assert book.find(None, None, AT, "gemini") is None
    assert used(book) == {project_file: ("gpt-5.2-pro",)}


def test_a_price_found_through_another_name_of_a_provider_names_the_file_that_gave_it(
    project_root: Path, user_file: Path
) -> None:
    book = load(project_root, user_file, "pricing: {providers: {anthropic: {also_called: [openrouter]}}}")
    project_file = project_root / ".kittify" / "telemetry.yaml"

    assert book.overrides == ((project_file, ("anthropic/*",)),)
    assert book.find("claude-opus-4-6", "anthropic", AT) is not None
    assert used(book) == {}
    price = book.find("claude-opus-4-6", "openrouter", AT)
    assert price is not None
    assert price.origin == f"pricing/anthropic.yaml, by also_called in {project_file}"
    assert used(book) == {project_file: ("anthropic/claude-opus-4-6",)}


def test_an_alias_names_the_files_of_its_target_and_of_the_targets_discount(
    project_root: Path, user_file: Path
) -> None:
    write(user_file, "pricing: {providers: {anthropic: {discount: 0.5}}, models: {nova: {input: 1, output: 1}}}")
    text = "pricing: {models: {a: {alias_of: anthropic/claude-opus-4-6}, b: {alias_of: nova}}}"
    project_file = project_root / ".kittify" / "telemetry.yaml"
    book = load(project_root, user_file, text)

    assert [input_rate(book, name) for name in ("a", "b")] == [Decimal("2.5"), 1]
    assert used(book) == {project_file: ("a", "b"), user_file: ("anthropic/claude-opus-4-6", "nova")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "pricing: {providers: {antropic: {discount: 0.15}}}",
            r"telemetry\.yaml, pricing, providers, 'antropic': found a provider without models, .*; did you mean 'anth",
        ),
        ("pricing: {providers: {qqqqq: {also_called: [x]}}}", "without models, .*; or one with models of its own"),
        ("pricing: {models: {'': {alias_of: gpt-5}}}", "found nothing, expected the name of a model"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(
    project_root: Path, user_file: Path, text: str, message: str
) -> None:
    with pytest.raises(PriceTableError, match=message):
        load(project_root, user_file, text)


def test_settings_know_a_provider_by_any_of_its_names(project_root: Path, user_file: Path) -> None:
    text = (
        "pricing: {providers: {Bedrock: {discount: 0.5}, copilot: {also_called: [seat]}}, "
        "models: {nova-9: {provider: vertex, input: 1, output: 1}}}"
    )
    book = load(project_root, user_file, text)

    assert input_rate(book, "anthropic.claude-opus-4-6", "aws-bedrock") == Decimal("2.75")  # half of 5.5
    assert input_rate(book, "nova-9", "google-vertex") == 1
    assert input_rate(book, "claude-opus-4-6", "vertex_ai") is not None
    assert input_rate(book, "claude-sonnet-4.6", "seat") is not None


@pytest.mark.parametrize(
    "text",
    [
        "pricing: {models: {claude-sonnet-4.5: {input: 1, output: 1}}}",
        "pricing: {models: {claude-sonnet-4.5: {provider: anthropic, input: 1, output: 1}}}",
        """
        pricing:
          providers:
            anthropic: {models: [{id: claude-sonnet-4.5, rates: [{from: always, input: 1, output: 1}]}]}
        """,
        "pricing: {models: {nova: {input: 1, output: 1}, claude-sonnet-4.5: {alias_of: nova}}}",
    ],
)
def test_a_price_stated_under_one_spelling_counts_for_all_of_them(
    project_root: Path, user_file: Path, text: str
) -> None:
    book = load(project_root, user_file, text)

    for name in ("claude-sonnet-4.5", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4.5@20250929"):
        assert input_rate(book, name) == 1, name


def test_a_price_stated_without_a_provider_counts_with_a_date_whoever_bills(
    project_root: Path, user_file: Path
) -> None:
    book = load(project_root, user_file, "pricing: {models: {claude-sonnet-4.5: {input: 1, output: 1}}}")

    assert input_rate(book, "claude-sonnet-4-5-20250929", "openrouter") == 1


def test_an_alias_has_the_dated_names_of_the_model_it_replaces(project_root: Path, user_file: Path) -> None:
    book = load(project_root, user_file, "pricing: {models: {claude-opus-4-6: {alias_of: openai/gpt-5}}}")

    for name in ("claude-opus-4-6", "claude-opus-4.6", "claude-opus-4-6-20260205", "claude-4-6-opus"):
        assert input_rate(book, name) == Decimal("1.25"), name


def test_a_price_stated_for_a_date_is_for_that_date_alone(project_root: Path, user_file: Path) -> None:
    book = load(project_root, user_file, "pricing: {models: {claude-opus-4.6-20260205: {input: 1, output: 1}}}")

    assert [input_rate(book, name) for name in ("claude-opus-4-6-20260205", "claude-opus-4-6")] == [1, 5]


def test_a_price_for_a_wrapped_name_counts_at_the_provider_it_is_stated_for(
    project_root: Path, user_file: Path
) -> None:
    book = load(
        project_root, user_file,
        "pricing: {models: [{id: us.anthropic.nova-9, provider: openrouter, input: 1, output: 1}]}",
    )  # fmt: skip

    assert input_rate(book, "us.anthropic.nova-9", "openrouter") == 1
    assert input_rate(book, "us.anthropic.nova-9") is None


def test_a_provider_in_an_entry_keeps_the_price_from_everybody_else(project_root: Path, user_file: Path) -> None:
    text = "pricing: {models: [{id: claude-sonnet-4-6, provider: openrouter, input: 9, output: 9}]}"
    book = load(project_root, user_file, text)

    assert [input_rate(book, "claude-sonnet-4-6", who) for who in ("OpenRouter", "anthropic", None)] == [9, 3, 3]


def stated(folder: Path, pricing: str) -> PriceBook:
    """Return a book over a user's settings alone, with `pricing` under that key."""
    indented = pricing if pricing.startswith("{") else "{" + pricing + "}"
    return PriceBook.load(None, write(folder / "telemetry.yaml", f"pricing: {indented}\n"))


def test_a_provider_that_bills_nobody_makes_all_its_models_free(tmp_path: Path) -> None:
    book = stated(tmp_path, "providers: {rack-7: {free: true}, zai-coding-plan: {free: true}, minimax: {free: true}}")

    for model, provider in (
        ("anything", "rack-7"), ("rack-7/llama", None), ("zai-coding-plan/glm-4.6", None), ("MiniMax-M2.5", "minimax"),
    ):  # fmt: skip
        price = book.find(model, provider, AT)
        assert price is not None
        assert price.free
    assert [use.models for use in book.overrides_in_use] == [
        ("minimax/minimax-m2.5", "rack-7/anything", "rack-7/llama", "zai-coding-plan/glm-4.6")
    ]


def test_a_stated_price_counts_at_a_free_provider(tmp_path: Path) -> None:
    book = stated(
        tmp_path, "{providers: {rack-7: {free: true}}, models: {big: {provider: rack-7, input: 1, output: 2}}}"
    )

    assert input_rate(book, "big", "rack-7") == 1
    assert input_rate(book, "small", "rack-7") == 0


def test_a_provider_cannot_be_free_and_have_a_discount(tmp_path: Path) -> None:
    with pytest.raises(PriceTableError, match="found free and discount, expected one of the two"):
        stated(tmp_path, "providers: {rack-7: {free: true, discount: 0.1}}")


def test_a_gateway_passes_on_the_list_prices_of_several_vendors(tmp_path: Path) -> None:
    both = "providers: {openai: {also_called: [our-gateway]}, anthropic: {also_called: [our-gateway]}}"
    book = stated(tmp_path, both)

    assert input_rate(book, "our-gateway/gpt-5.5", None) == 5
    assert input_rate(book, "our-gateway/claude-sonnet-4-5", None) == 3
    assert input_rate(book, "our-gateway/gpt-5.5-xhigh", None) == 5
    assert input_rate(book, "claude-haiku-4-5", "Our-Gateway") == 1
    assert book.find("our-gateway/grok-4.7", None, AT) is None


def test_a_gateway_may_have_models_of_its_own_beside_the_vendors(tmp_path: Path) -> None:
    book = stated(
        tmp_path,
        "{providers: {openai: {also_called: [gate]}, anthropic: {also_called: [gate]}},"
        " models: {gpt-5.5: {provider: gate, input: 4, output: 20}}}",
    )

    assert input_rate(book, "gpt-5.5", "gate") == 4
    assert input_rate(book, "claude-sonnet-4-5", "gate") == 3
    assert input_rate(book, "gpt-5.5", "openai") == 5


def test_two_prices_for_one_name_at_one_provider_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(PriceTableError, match="found a second price, expected one price for each name"):
        stated(tmp_path, "models: [{id: m, input: 1, output: 2}, {id: M, input: 3, output: 4}]")


def test_a_stated_model_may_say_what_a_search_and_a_region_cost(tmp_path: Path) -> None:
    book = stated(
        tmp_path,
        "models: {m: {input: 1, output: 2, web_search: 5, multipliers: [{when: {inference_geo: eu}, times: 1.5}]}}",
    )
    price, abroad = book.find("m", None, AT), book.find("m", None, AT, context={"inference_geo": "eu"})

    assert price is not None
    assert abroad is not None
    assert price.cost(1000, 0, web_search_requests=2) == 1000 * 1_000_000 + 2 * 5 * 10**9
    assert (abroad.input, abroad.output, abroad.ways) == (1_500_000, 3_000_000, ("inference_geo",))


@pytest.mark.parametrize(
    ("pricing", "key"),
    [
        ("{currency: EUR}", "'currency'"),
        ("{models: {m: {input: 1, output: 2, image_input: 3}}}", "'image_input'"),
        ("{models: {m: {input: 1, output: 2, cache_write_2h: 3}}}", "'cache_write_2h'"),
        ("{providers: {openai: {discount: 0.1, seats: 4}}}", "'seats'"),
    ],
)
def test_a_key_of_a_newer_version_is_passed_over_and_named(tmp_path: Path, pricing: str, key: str) -> None:
    book = stated(tmp_path, pricing)

    (sentence,) = book.passed_over
    assert f"passed over the unknown key {key}, which a newer version may know" in sentence
    assert lint(tmp_path / "telemetry.yaml") == (None, (sentence,))


@pytest.mark.parametrize("slip", ["modles: {}", "models: {m: {inptu: 1}}", "providers: {openai: {discont: 0.1}}"])
def test_a_slip_of_a_known_key_is_an_error(tmp_path: Path, slip: str) -> None:
    with pytest.raises(PriceTableError, match="found the unknown key"):
        stated(tmp_path, slip)
    assert "found the unknown key" in (lint(tmp_path / "telemetry.yaml").problem or "")


def test_a_settings_file_in_force_is_checked_together_with_the_users(project_root: Path, user_file: Path) -> None:
    write(user_file, "pricing: {models: {house-1: {input: 1, output: 2}}}")
    path = write(project_root / ".kittify" / "telemetry.yaml", "pricing: {models: {ours: {alias_of: house-1}}}")

    assert PriceBook.load(project_root, user_file).find("ours", None, AT) is not None
    assert lint(path, project_root, user_file).problem is None
    assert "alias_of: found 'house-1'" in (lint(path).problem or "")
