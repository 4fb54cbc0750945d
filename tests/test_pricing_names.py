"""Which model a reported name means: the right one or none, never one that merely looks alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from spec_kitty_telemetry.pricing import PriceBook

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)

KNOWN = {
    # Anthropic: spellings, dates, context marks
    "claude-sonnet-4.5": "anthropic/claude-sonnet-4-5",
    "claude-sonnet-4-5": "anthropic/claude-sonnet-4-5",
    "claude-sonnet-4-5-20250929": "anthropic/claude-sonnet-4-5",
    "claude-sonnet-4-5-20250929[1m]": "anthropic/claude-sonnet-4-5",
    "Claude-Sonnet-4-5": "anthropic/claude-sonnet-4-5",
    " claude-sonnet-4-5 ": "anthropic/claude-sonnet-4-5",
    "claude-4.5-sonnet": "anthropic/claude-sonnet-4-5",
    "claude-opus-4-8[1m]": "anthropic/claude-opus-4-8",
    "claude-opus-4-20250514": "anthropic/claude-opus-4-0",
    "claude-opus-4@20250514": "anthropic/claude-opus-4-0",
    "claude-opus-4-1-20250805": "anthropic/claude-opus-4-1",
    "claude-opus-4-6@20260205": "anthropic/claude-opus-4-6",
    "claude-haiku-4-5-20251001": "anthropic/claude-haiku-4-5",
    "anthropic/claude-opus-4-6": "anthropic/claude-opus-4-6",
    "claude-3-5-sonnet-20241022": "anthropic/claude-3-5-sonnet",
    "claude-sonnet-4-20250514": "anthropic/claude-sonnet-4-0",
    "claude-mythos-5-1": "anthropic/claude-mythos-5-1",
    "<synthetic>": "anthropic/<synthetic>",
    # OpenAI
    "gpt-5.3-codex": "openai/gpt-5.3-codex",
    "gpt-5.2-codex": "openai/gpt-5.2",
    "gpt-5.1-codex-max": "openai/gpt-5.1",
    "gpt-5-1-codex": "openai/gpt-5.1",
    "gpt-5-codex": "openai/gpt-5",
    "gpt-4.1": "openai/gpt-4.1",
    "openai/gpt-4.1": "openai/gpt-4.1",
    "gpt-4.1-2025-04-14": "openai/gpt-4.1",
    "o4-mini": "openai/o4-mini",
    "codex-mini-latest": "openai/codex-mini",
    "gpt-6.2-sol": "openai/gpt-6.2-sol",
    "gpt-4o-2024-05-13": "openai/gpt-4o-2024-05-13",
    # Google
    "gemini-2.5-pro": "google/gemini-2.5-pro",
    "google/gemini-2.5-pro": "google/gemini-2.5-pro",
    "models/gemini-2.5-pro": "google/gemini-2.5-pro",
    "gemini-3-pro-preview": "google/gemini-3-pro-preview",
    "vertex_ai/gemini-2.5-pro": "google/gemini-2.5-pro",
    "vertex_ai/claude-sonnet-4-5@20250929": "google-vertex/claude-sonnet-4-5",
    "publishers/anthropic/models/claude-opus-4-6": "google-vertex/claude-opus-4-6",
    # Google's versions of a model, and what Gemini CLI makes of `auto`
    "gemini-3.1-pro-preview-customtools": "google/gemini-3.1-pro-preview",
    "gemini-2.5-flash-preview-09-2025": "google/gemini-2.5-flash",
    "gemini-2.5-flash-lite-preview-06-17": "google/gemini-2.5-flash-lite",
    "gemini-2.5-pro-preview-05-06": "google/gemini-2.5-pro",
    "gemini-2.5-pro-exp-03-25": "google/gemini-2.5-pro",
    "models/gemini-2.0-flash-001": "google/gemini-2.0-flash",
    "gemini-2.0-flash-lite-preview-02-05": "google/gemini-2.0-flash-lite",
    "gemini-2.0-flash-thinking-exp-1219": "google/gemini-2.0-flash",
    "gemini-1.5-pro-exp-0827": "google/gemini-1.5-pro",
    "gemini-1.5-flash-latest": "google/gemini-1.5-flash",
    "vertex_ai/gemini-2.5-pro-preview-06-05": "google/gemini-2.5-pro",
    "claude-opus-4-8@default": "anthropic/claude-opus-4-8",
    "vertex_ai/claude-haiku-4-5@default": "google-vertex/claude-haiku-4-5",
    "claude-sonnet-4-6-latest": "anthropic/claude-sonnet-4-6",
    # names that people are shown
    "Composer 2.5": "cursor/composer-2.5",
    "Claude Opus 4.8": "anthropic/claude-opus-4-8",
    "Claude 4.5 Sonnet": "anthropic/claude-sonnet-4-5",
    "GPT-5.2 Codex": "openai/gpt-5.2",
    # Others
    "x-ai/grok-code-fast-1": "xai/grok-code-fast-1",
    "grok-code-fast-1": "xai/grok-code-fast-1",
    "grok-4": "xai/grok-4-0709",
    "grok-4.7": "xai/grok-4.7",
    "deepseek-chat": "deepseek/deepseek-chat",
    "kimi-k2": "moonshot/kimi-k2",
    "glm-4.6": "zai/GLM-4.6",
    "glm-5.2": "zai/GLM-5.2",
    "qwen3-coder-plus": "alibaba/qwen3-coder-plus",
    "qwen3-max": "alibaba/qwen3-max",
    "composer-2.5": "cursor/composer-2.5",
    "devstral-small-latest": "mistral/devstral-small",
    # Bedrock: the region decides the price
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": "aws-bedrock/anthropic.claude-sonnet-4-5-20250929",
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0": "aws-bedrock/global.anthropic.claude-sonnet-4-5-20250929",
    "anthropic.claude-opus-4-6-v1:0": "aws-bedrock/anthropic.claude-opus-4-6",
    "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-5-20251101-v1:0": (
        "aws-bedrock/anthropic.claude-opus-4-5"
    ),
}

UNKNOWN = [
    # no prefix guessing
    "claude-opus-4-6-anything",
    "gemini-2.5-pro-anything",
    "deepseek-chat-v9",
    "magistral-medium-9",
    "gemini-3.8-flash-cyber",
    "gpt-5-high",
    "gpt-5.5-xhigh",
    "gemini-2.5-flash-001-002",
    "gemini-3.1-pro-preview-othertools",
    "gpt-5.4-preview-05-20",
    "claude-opus-4-8-001",
    "gpt-6",
    "gemini-3-pro",
    "gpt-5.3-codex-spark",
    "gpt-6.3-sol",
    "claude-sonnet-9",
    "claude",
    # a reseller that has no table
    "openrouter/anthropic/claude-opus-4-6",
    "groq/llama-3.3-70b",
    "mistralai/mistral-large",
    # subscriptions that name no model
    "kimi-for-coding",
    "coder-model",
    "auto",
    # an impossible date is no date
    "claude-opus-4-6-20269999",
    "gpt-4.1-20250101",
    # hostile
    "",
    " ",
    "/",
    "anthropic/",
    "a" * 5000,
    "claude-opus-4-6\n",
    "../claude-opus-4-6",
]


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook.shipped()


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_spelling_means_its_model(book: PriceBook, name: str) -> None:
    price = book.find(name, None, AT)

    assert price is not None
    assert f"{price.provider}/{price.model}" == KNOWN[name]


@pytest.mark.parametrize("name", [name for name in UNKNOWN if name.strip() != "claude-opus-4-6"])
def test_an_unknown_name_is_never_taken_for_a_model_that_looks_like_it(book: PriceBook, name: str) -> None:
    assert book.find(name, None, AT) is None


def test_every_shipped_name_finds_its_own_model(book: PriceBook) -> None:
    for listed in book.models():
        for name in (listed.model, *listed.aliases, listed.model.upper()):
            found = book.describe(name, listed.provider)
            assert found is not None, f"{listed.provider}/{name}"
            assert (found.provider, found.model) == (listed.provider, listed.model)


def test_a_date_counts_only_for_models_that_are_marked_dated(book: PriceBook) -> None:
    assert book.find("gpt-5.6-sol-2026-09-01", "openai", AT) is not None
    assert book.find("gpt-5.5-2026-09-01", "openai", AT) is None


@pytest.mark.parametrize(
    ("model", "agent", "expected"),
    [
        ("grok-4.7", "cursor", "cursor"),
        ("grok-4.7", None, "xai"),
        ("claude-sonnet-4.6", "copilot", "github-copilot"),
        ("claude-sonnet-4.6", "opencode", "anthropic"),
        ("glm-4.6", "claude-code", "zai"),
        ("us.anthropic.claude-opus-4-6-v1:0", "claude-code", "aws-bedrock"),
        ("gpt-5.4", "codex", "openai"),
        ("qwen3-coder-plus", "qwen", "alibaba"),
    ],
)
def test_the_agent_says_who_bills_where_nothing_else_does(
    book: PriceBook, model: str, agent: str | None, expected: str
) -> None:
    price = book.find(model, None, AT, agent)

    assert price is not None
    assert price.provider == expected


def test_a_resellers_agent_is_not_priced_with_somebody_elses_list(book: PriceBook) -> None:
    assert book.find("gpt-4-turbo", None, AT, "copilot") is None
    assert book.find("gpt-5.2-codex-high", None, AT, "copilot") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("composer-2.5", "cursor/composer-2.5"),
        ("composer-2.5-fast", "cursor/composer-2.5-fast"),
        ("grok-4.7", "cursor/grok-4.7"),
        ("claude-opus-4-8-thinking-high", "anthropic/claude-opus-4-8"),
        ("claude-4.6-opus-high-thinking", "anthropic/claude-opus-4-6"),
        ("sonnet-4.5-thinking", "anthropic/claude-sonnet-4-5"),
        ("Claude 4.5 Sonnet (Thinking)", "anthropic/claude-sonnet-4-5"),
        ("gpt-5.1-codex-max-xhigh", "openai/gpt-5.1"),
        ("gpt-5.4-low", "openai/gpt-5.4"),
        ("gemini-3.1-pro-preview", "google/gemini-3.1-pro-preview"),
    ],
)
def test_cursor_bills_its_own_list_and_other_vendors_models_at_their_list_prices(
    book: PriceBook, name: str, expected: str
) -> None:
    """Source: cursor.com/docs/models-and-pricing."""
    price = book.find(name, None, AT, "cursor")

    assert price is not None
    assert f"{price.provider}/{price.model}" == expected


def test_cursors_fast_models_of_other_vendors_are_unknown_because_fast_costs_more(book: PriceBook) -> None:
    assert book.find("claude-opus-4-8-high-fast", None, AT, "cursor") is None
    assert book.find("auto", None, AT, "cursor") is None


def test_an_effort_behind_the_name_changes_no_price_where_it_is_known_who_bills(book: PriceBook) -> None:
    for model, provider, agent in (
        ("gpt-5.5-xhigh", "openai", None),
        ("gpt-5.5-xhigh", None, "codex"),
        ("openai/gpt-5.5-xhigh", None, None),
    ):
        assert book.find(model, provider, AT, agent) == book.find("gpt-5.5", "openai", AT) or (
            book.find(model, provider, AT, agent).input == 5_000_000  # type: ignore[union-attr]
        )
    assert book.find("gpt-5.5-xhigh", None, AT, "opencode") is None  # a proxy's name, and a proxy's price
    assert book.find("cx/gpt-5.5-xhigh", None, AT) is None


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("qwen/qwen3-coder:free", "openrouter"),
        ("openrouter/stepfun/step-3.5-flash:free", None),
        ("deepseek/deepseek-r1-0528:free", None),
        ("openrouter/free", None),
        ("openrouter/openrouter/free", None),
        ("ollama/qwen3-coder", None),
        ("ollama_chat/llama3.3:70b", None),
        ("gpt-oss-20b", "lmstudio"),
        ("lm_studio/gemma-3-27b", None),
        ("hosted_vllm/meta-llama/Llama-4", None),
        ("any-model", "llama.cpp"),
        ("gpt-5.4", "Ollama"),
        ("opencode/glm-4.7-free", None),
    ],
)
def test_a_model_that_nobody_bills_is_free_by_rule(book: PriceBook, model: str, provider: str | None) -> None:
    price = book.find(model, provider, AT)

    assert price is not None
    assert price.free
    assert price.cost(9_000, 90, web_search_requests=2) == 0
    assert price.note


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("ollama/gpt-oss:120b-cloud", None),
        ("glm-4.6:cloud", "ollama"),
        ("openrouter/qwen/qwen3-coder", None),
        ("qwen3-coder-free", "openrouter"),
        ("my-ollama/qwen3", None),
        ("claude-opus-4-8", "my-gateway"),
    ],
)
def test_what_only_looks_free_is_unknown(book: PriceBook, model: str, provider: str | None) -> None:
    assert book.find(model, provider, AT) is None


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("zai-coding-plan/glm-4.6", None),
        ("glm-4.6", "zai-coding-plan"),
        ("minimax-coding-plan/MiniMax-M2.1", None),
        ("kimi-for-coding/k2p5", None),
    ],
)
def test_a_subscription_plan_is_a_provider_of_its_own_without_prices(
    book: PriceBook, model: str, provider: str | None
) -> None:
    described = book.describe(model, provider)

    assert book.find(model, provider, AT) is None
    assert described is not None
    assert "paid by the month" in (described.unpriced or "")


def test_a_reported_provider_wins_over_the_agent_and_over_the_family(book: PriceBook) -> None:
    price = book.find("glm-5.2", "alibaba", AT, "claude-code")

    assert price is not None
    assert price.provider == "alibaba"


def test_a_reported_provider_without_a_table_leaves_the_model_unknown(book: PriceBook) -> None:
    assert book.find("claude-opus-4-6", "openrouter", AT) is None
    assert book.find("gpt-5.4", "anthropic", AT) is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("vertex_ai", "claude-opus-4-6"),
        ("amazon-bedrock", "global.anthropic.claude-opus-4-6-v1:0"),
        ("x_ai", "grok-4.7"),
        ("moonshotai", "kimi-k3"),
        ("azure_openai", "gpt-5"),
        ("GOOGLE", "gemini-2.5-pro"),
        ("google", "claude-opus-4-8"),
        ("aws", "openai.gpt-oss-120b-1:0"),
        ("anthropic", "us.anthropic.claude-opus-4-6-v1:0"),
    ],
)
def test_providers_are_known_by_the_names_that_agents_use(book: PriceBook, provider: str, model: str) -> None:
    assert book.find(model, provider, AT) is not None


def test_no_provider_name_family_or_agent_belongs_to_two_tables() -> None:
    from spec_kitty_telemetry.pricing.table import load_tables

    tables = load_tables()
    for names in (
        [name for table in tables for name in (table.provider, *table.also_called)],
        [word for table in tables for word in table.families],
        [agent for table in tables for agent in table.agents],
    ):
        assert len(names) == len(set(names))


def test_similar_names_are_offered_for_an_unknown_one(book: PriceBook) -> None:
    assert "claude-sonnet-4-6" in book.similar("anthropic/claude-sonet-4-6")
