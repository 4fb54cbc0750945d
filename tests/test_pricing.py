"""The arithmetic of a price, the price of a moment, and Claude Code's own dollars."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.pricing import PICO, Price, PriceBook, dollars, dollars_per_million

REAL = Path(__file__).parent / "data" / "agent-samples" / "real"
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SONNET = Price.per_million(
    model="sonnet",
    input="3",
    output="15",
    cache_read="0.3",
    cache_write_5m="3.75",
    cache_write_1h="6",
    above={
        200_000: {"input": "6", "output": "22.5", "cache_read": "0.6", "cache_write_5m": "7.5", "cache_write_1h": "12"}
    },
)


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook.shipped()


def test_a_dollar_has_a_million_million_picodollars() -> None:
    assert dollars(PICO) == 1
    assert dollars(3) == Decimal("0.000000000003")
    assert dollars_per_million(75_000) == Decimal("0.075")


def test_every_token_class_costs_its_own_rate() -> None:
    cost = SONNET.cost(
        input_tokens=46_012,
        output_tokens=900,
        cache_read_tokens=40_000,
        cache_write_tokens=6_000,
        cache_write_1h_tokens=5_000,
    )

    # 12*3 + 40000*0.3 + 1000*3.75 + 5000*6 + 900*15 = 59286 dollars for a million times that
    assert dollars(cost) == Decimal("0.059286")


def test_the_lines_of_a_cost_show_each_class_and_add_up_to_it() -> None:
    counts = {
        "input_tokens": 46_012,
        "output_tokens": 900,
        "cache_read_tokens": 40_000,
        "cache_write_tokens": 6_000,
        "cache_write_1h_tokens": 5_000,
    }

    lines = SONNET.lines(**counts)

    assert [(line.token_class, line.tokens, dollars_per_million(line.rate)) for line in lines] == [
        ("input", 12, Decimal(3)),
        ("cache read", 40_000, Decimal("0.3")),
        ("cache write", 1_000, Decimal("3.75")),
        ("cache write 1h", 5_000, Decimal(6)),
        ("output", 900, Decimal(15)),
    ]
    assert sum(line.cost for line in lines) == SONNET.cost(**counts)


def test_a_tier_counts_strictly_above_its_threshold_and_for_every_token() -> None:
    at_threshold = SONNET.cost(input_tokens=200_000, output_tokens=0, request_input_tokens=200_000)
    above = SONNET.cost(input_tokens=200_001, output_tokens=1_000, request_input_tokens=200_001)

    assert dollars(at_threshold) == Decimal("0.6")  # 0.2 * 3
    assert dollars(above) == Decimal("1.222506")  # 0.200001 * 6 + 0.001 * 22.5


def test_a_sum_over_many_requests_is_never_priced_at_a_tier() -> None:
    assert dollars(SONNET.cost(input_tokens=1_000_000, output_tokens=0)) == 3


def test_the_highest_tier_that_was_passed_counts() -> None:
    price = Price.per_million(
        model="m", input=1, output=5, above={32_000: {"input": 2, "output": 9}, 128_000: {"input": 3, "output": 15}}
    )

    assert [price.rates_for(size).input for size in (32_000, 32_001, 128_000, 128_001)] == [
        1_000_000,
        2_000_000,
        2_000_000,
        3_000_000,
    ]


def test_missing_cache_rates_are_the_input_rate_and_a_missing_1h_write_the_5m_write() -> None:
    plain = Price.per_million(model="m", input="2", output="8")
    writes = Price.per_million(model="m", input="2", output="8", cache_write_5m="2.5")

    assert (plain.cache_read, plain.cache_write_5m, plain.cache_write_1h) == (2_000_000, 2_000_000, 2_000_000)
    assert (writes.cache_read, writes.cache_write_1h) == (2_000_000, 2_500_000)


def test_reasoning_is_part_of_the_output_unless_it_has_its_own_rate() -> None:
    usual = Price.per_million(model="m", input="1", output="10")
    apart = Price.per_million(model="m", input="1", output="10", reasoning="40")
    counts = {"input_tokens": 0, "output_tokens": 1_000_000, "reasoning_tokens": 250_000}

    assert dollars(usual.cost(**counts)) == 10
    assert dollars(apart.cost(**counts)) == Decimal("17.5")  # 0.75 * 10 + 0.25 * 40
    assert [line.token_class for line in apart.lines(**counts)] == ["output", "reasoning"]
    assert [line.token_class for line in usual.lines(**counts)] == ["output"]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"input_tokens": 10, "cache_read_tokens": 11}, "cache reads and writes are more than the input tokens"),
        ({"input_tokens": 10, "cache_read_tokens": 6, "cache_write_tokens": 5}, "more than the input tokens"),
        ({"input_tokens": 9, "cache_write_tokens": 5, "cache_write_1h_tokens": 6}, "1-hour cache writes are more"),
        ({"input_tokens": 9, "output_tokens": 1, "reasoning_tokens": 2}, "reasoning tokens are more than the output"),
        ({"input_tokens": 9, "cache_read_tokens": -1}, "a token count is negative"),
        ({"input_tokens": -1}, "more than the input tokens"),
    ],
)
def test_counts_that_contradict_each_other_have_no_cost(counts: dict[str, int], message: str) -> None:
    counts = {"output_tokens": 0, **counts}

    with pytest.raises(ValueError, match=message):
        SONNET.cost(**counts)
    with pytest.raises(ValueError, match=message):
        SONNET.lines(**counts)


def test_a_rate_is_never_a_float() -> None:
    with pytest.raises(TypeError, match=r"input: found 0\.1, expected text, int or Decimal; .* write '0\.1'"):
        Price.per_million(model="m", input=0.1, output=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", ["-1", "0.0000001", "1e3", "", "one", Decimal(-1), Decimal("NaN"), -1])
def test_a_rate_that_cannot_be_exact_is_refused(rate: Any) -> None:
    with pytest.raises(ValueError, match=r"input: found .*, expected dollars per million tokens with at"):
        Price.per_million(model="m", input=rate, output=1)


def test_text_numbers_and_decimals_mean_the_same_rate() -> None:
    rates = {Price.per_million(model="m", input=rate, output=0).input for rate in ("3", "3.000000", 3, Decimal("3.0"))}

    assert rates == {3_000_000}


def test_a_price_is_frozen_and_names_its_origin() -> None:
    assert SONNET.origin == "plugin"
    assert {"model", "provider", "above", "free", "source", "as_of", "valid_from", "origin", "matched_by", "note"} <= {
        *SONNET.__struct_fields__
    }
    with pytest.raises(AttributeError):
        SONNET.input = 1  # type: ignore[misc]


COUNTS = st.builds(
    lambda uncached, read, short, long, output: {
        "input_tokens": uncached + read + short + long,
        "output_tokens": output,
        "cache_read_tokens": read,
        "cache_write_tokens": short + long,
        "cache_write_1h_tokens": long,
    },
    *[st.integers(0, 10**9)] * 5,
)
RATE = st.decimals(0, 1000, places=6, allow_nan=False, allow_infinity=False)


@given(st.lists(COUNTS, max_size=30), st.randoms(use_true_random=False), st.integers(1, 7))
def test_a_total_does_not_depend_on_order_or_grouping(
    events: list[dict[str, int]], random: Any, group_size: int
) -> None:
    shuffled = random.sample(events, len(events))
    grouped = [shuffled[start : start + group_size] for start in range(0, len(shuffled), group_size)]
    added = {name: sum(event[name] for event in events) for name in COUNTS_NAMES}

    total = sum(SONNET.cost(**event) for event in events)

    assert total == sum(sum(SONNET.cost(**event) for event in group) for group in grouped)
    assert total == SONNET.cost(**added)


COUNTS_NAMES = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens")


@given(COUNTS, RATE, RATE, RATE, RATE, RATE)
def test_a_cost_equals_decimal_arithmetic(
    counts: dict[str, int], given_input: Decimal, output: Decimal, read: Decimal, short: Decimal, long: Decimal
) -> None:
    price = Price.per_million(
        model="m", input=given_input, output=output, cache_read=read, cache_write_5m=short, cache_write_1h=long
    )
    uncached = counts["input_tokens"] - counts["cache_read_tokens"] - counts["cache_write_tokens"]
    written_short = counts["cache_write_tokens"] - counts["cache_write_1h_tokens"]

    exact = (
        uncached * given_input
        + counts["cache_read_tokens"] * read
        + written_short * short
        + counts["cache_write_1h_tokens"] * long
        + counts["output_tokens"] * output
    ) / 1_000_000

    assert dollars(price.cost(**counts)) == exact
    assert sum(line.cost for line in price.lines(**counts)) == price.cost(**counts)


def test_the_price_of_an_event_is_the_price_of_its_own_moment(book: PriceBook) -> None:
    change = datetime(2026, 8, 21, tzinfo=UTC)
    rates = [
        book.find("gpt-5.6-sol", "openai", at)
        for at in (datetime(2020, 1, 1, tzinfo=UTC), change - timedelta(microseconds=1), change, AT)
    ]

    assert [price and dollars_per_million(price.input) for price in rates] == [5, 5, 4, 4]
    assert [price and price.valid_from for price in rates] == [None, None, *["2026-08-21T00:00:00+00:00"] * 2]


def test_a_moment_in_another_time_zone_is_the_same_moment(book: PriceBook) -> None:
    tokyo = timezone(timedelta(hours=9))

    before = book.find("gpt-5.6-sol", "openai", datetime(2026, 8, 21, 8, 59, tzinfo=tokyo))
    after = book.find("gpt-5.6-sol", "openai", datetime(2026, 8, 21, 9, 0, tzinfo=tokyo))

    assert before is not None
    assert after is not None
    assert (before.input, after.input) == (5_000_000, 4_000_000)


def test_hours_of_the_day_count_in_utc_whatever_the_zone_of_the_event(book: PriceBook) -> None:
    beijing = timezone(timedelta(hours=8))

    peak = book.find("deepseek-v4-pro", None, datetime(2026, 11, 20, 10, 0, tzinfo=beijing))
    lunch = book.find("deepseek-v4-pro", None, datetime(2026, 11, 20, 13, 0, tzinfo=beijing))

    assert peak is not None
    assert lunch is not None
    assert (peak.input, lunch.input) == (1_320_000, 660_000)


def test_a_moment_without_a_zone_is_refused(book: PriceBook) -> None:
    with pytest.raises(ValueError, match=r"without a time zone, expected an aware moment"):
        book.find("gpt-5", None, datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_way_of_being_called_has_its_own_rates_from_its_own_day(book: PriceBook) -> None:
    batch = {"processing": "batch"}
    before = book.find("claude-opus-5", None, datetime(2026, 10, 13, tzinfo=UTC), context=batch)
    after = book.find("claude-opus-5", None, AT, context=batch)
    fast = book.find("claude-opus-5", None, AT, context={"speed": "fast"})
    unheard = book.find("claude-opus-5", None, AT, context={"speed": "ludicrous"})

    assert [price and dollars_per_million(price.input) for price in (before, after, fast, unheard)] == [
        5,
        Decimal("2.5"),
        10,
        5,
    ]


def test_a_variant_leaves_the_rates_that_it_does_not_name(book: PriceBook) -> None:
    price = book.find("o3", None, AT, context={"processing": "batch"})

    assert price is not None
    assert (price.input, price.output, price.cache_read) == (1_000_000, 4_000_000, 500_000)


def test_a_free_model_is_priced_at_zero_and_an_unknown_one_is_not_priced(book: PriceBook) -> None:
    free = book.find("<synthetic>", None, AT, "claude-code")

    assert free is not None
    assert free.free
    assert free.cost(input_tokens=10, output_tokens=10) == 0
    assert book.find("no-such-model-9", None, AT) is None
    assert book.find(None, None, AT, "codex") is None


def test_a_price_says_its_table_its_source_and_how_the_name_matched(book: PriceBook) -> None:
    price = book.find("claude-opus-4.6-20260205", None, AT)

    assert price is not None
    assert price.origin == "pricing/anthropic.yaml"
    assert price.source is not None
    assert price.source.startswith("https://platform.claude.com/")
    assert price.as_of == "2026-11-10"
    assert price.matched_by == "id, without its date, with another version spelling"


def test_a_description_has_history_variants_hours_and_aliases(book: PriceBook) -> None:
    opus = book.describe("claude-opus-4-6", at=AT)
    deepseek = book.describe("deepseek-v4-pro", at=AT)

    assert opus is not None
    assert [price.valid_from for price in opus.history] == [None, "2026-03-13T00:00:00+00:00"]
    assert [tier.input_tokens for tier in opus.history[0].above] == [200_000]
    assert [(each.when, each.price.input) for each in opus.variants] == [({"processing": "batch"}, 2_500_000)]
    assert opus.dated
    assert opus.aliases == ("claude-4-6-opus",)
    assert deepseek is not None
    assert [each.hours for each in deepseek.hours] == ["01:00-04:00 mon-fri", "06:00-10:00 mon-fri"]
    assert book.describe("no-such-model-9") is None


def test_the_list_of_models_is_complete_and_in_order(book: PriceBook) -> None:
    listed = [(each.provider, each.model) for each in book.models()]

    assert listed == sorted(listed)
    assert len(listed) > 400
    assert ("openai", "gpt-6.2-sol") in listed


def test_the_book_says_how_old_its_oldest_table_is(book: PriceBook) -> None:
    assert book.as_of == "2026-11-10"


def claude_answers() -> list[tuple[str, str, dict[str, int], Decimal]]:
    """What the real Claude Code printed: file, model, counts in our meaning, its own dollars."""
    found = []
    for path in sorted(REAL.glob("claude*.json")):
        answer = json.loads(path.read_text(encoding="utf-8"))
        written = answer["usage"]["cache_creation"]
        for model, usage in answer["modelUsage"].items():
            read, write = usage["cacheReadInputTokens"], usage["cacheCreationInputTokens"]
            counts = {
                "input_tokens": usage["inputTokens"] + read + write,
                "output_tokens": usage["outputTokens"],
                "cache_read_tokens": read,
                "cache_write_tokens": write,
                "cache_write_1h_tokens": written["ephemeral_1h_input_tokens"],
            }
            assert write == written["ephemeral_1h_input_tokens"] + written["ephemeral_5m_input_tokens"]
            # The agent added floats; twelve decimals are what it meant.
            found.append((path.name, model, counts, Decimal(repr(usage["costUSD"])).quantize(Decimal("1e-12"))))
    return found


def test_claude_codes_own_dollars_equal_ours_to_the_last_digit(book: PriceBook) -> None:
    answers = [answer for answer in claude_answers() if answer[1] != "no-such-model-9"]

    assert [name for name, *_ in answers] == ["claude-continued.json", "claude-sonnet.json", "claude.json"]
    for name, model, counts, printed in answers:
        price = book.find(model, "anthropic", AT, "claude-code")
        assert price is not None, model
        assert dollars(price.cost(**counts)) == printed, name


def test_claude_codes_dollars_for_a_model_that_nobody_knows_stay_its_own(book: PriceBook) -> None:
    (answer,) = [answer for answer in claude_answers() if answer[1] == "no-such-model-9"]

    assert answer[3] == Decimal("0.09881")
    assert book.find(answer[1], "anthropic", AT, "claude-code") is None


@pytest.mark.parametrize("offset", [-12, 0, 12])
@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_no_aware_moment_is_too_early_or_too_late_for_a_price(book: PriceBook, moment: datetime, offset: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(hours=offset)))
    batch = {"processing": "batch"}

    for model in ("deepseek-v4-pro", "claude-opus-4-6"):
        assert book.find(model, None, aware) is not None
        assert book.find(model, None, aware, context=batch) is not None
        assert book.describe(model, None, aware) is not None
