"""Our prices against genai-prices, model by model: equal to the picodollar, or listed in `pricing/divergences.yaml`.

The two share their figures (ours were made from theirs) but no code: this is where a slip of the converter, of the
names or of the arithmetic shows.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.pricing import PriceBook
from spec_kitty_telemetry.pricing.genai.upstream import UPSTREAM_PROVIDERS, excluded, our_id
from spec_kitty_telemetry.pricing.table import load_tables, tables_folder
from spec_kitty_telemetry.project.strict_yaml import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.pricing.rows import Model, Table

genai_prices = pytest.importorskip("genai_prices", reason="genai-prices is the oracle; the dev extra pins it")
genai_data = pytest.importorskip("genai_prices.data")

FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 21, 2, tzinfo=UTC)
HOURS = (0.25, 2, 5, 8, 12, 17)


@dataclass(frozen=True)
class Probe:
    """Token counts that need one rate, or a mixture of all; shares are eighths of the prompt."""

    output_tokens: int = 0
    cache_read_share: int = 0
    cache_write_share: int = 0
    cache_write_1h_share: int = 0

    def counts(self, size: int) -> dict[str, int]:
        """Return the counts of one request with `size` prompt tokens."""
        return {
            "input_tokens": size,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": size * self.cache_read_share // 8,
            "cache_write_tokens": size * self.cache_write_share // 8,
            "cache_write_1h_tokens": size * self.cache_write_1h_share // 8,
        }


PROBES = {
    "input": Probe(),
    "output": Probe(output_tokens=1_000_000),
    "cache_read": Probe(cache_read_share=8),
    "cache_write_5m": Probe(cache_write_share=8),
    "cache_write_1h": Probe(cache_write_share=8, cache_write_1h_share=8),
    "mixed": Probe(output_tokens=1_234, cache_read_share=3, cache_write_share=2, cache_write_1h_share=1),
}


def twins() -> Iterator[tuple[Table, Model, Any, Any]]:
    """Yield every shipped model that upstream knows, with upstream's provider and model."""
    providers = {provider.id: provider for provider in genai_data.providers}
    for table in load_tables():
        provider = providers.get(UPSTREAM_PROVIDERS.get(table.provider, ""))
        if provider is None:
            continue
        by_id = {
            our_id(table.provider, model.id): model
            for model in provider.models
            if excluded(table.provider, model) in (None, "no price for text tokens")
        }
        for model in table.models:
            theirs = by_id.get(model.id) or provider.find_model(model.id)
            if theirs is not None:
                yield table, model, provider, theirs


def moments(ours: Model, theirs: Any) -> Iterator[datetime]:
    """Yield each edge of either history and a day around it, and where hours matter several of them."""
    starts = (*(row.start for row in ours.rates), *(row.start for row in ours.variants))
    edges = {datetime.fromisoformat(start) for start in starts if start}
    conditional = theirs.prices if isinstance(theirs.prices, list) else []
    for row in (*conditional, *(theirs.price_variants or ())):
        start = getattr(row.constraint, "start_date", None)
        if start is not None:
            edges.add(datetime(start.year, start.month, start.day, tzinfo=UTC))
    yield FRIDAY
    for edge in sorted(edges):
        yield from (edge - timedelta(days=1), edge - timedelta(microseconds=1), edge, edge + timedelta(days=1))
    if any(row.windows for row in ours.rates):
        for day in (FRIDAY, SATURDAY, *edges, *(edge - timedelta(days=2) for edge in edges)):
            yield from (day.replace(hour=0, minute=0) + timedelta(hours=hour) for hour in HOURS)


def sizes(ours: Model, theirs: Any) -> list[int]:
    """Return prompt sizes on both sides of every threshold that either side knows."""
    tiers = (*(row.above for row in ours.rates), *(row.above for row in ours.variants))
    thresholds = {row.input_tokens for rows in tiers for row in rows}
    conditional = theirs.prices if isinstance(theirs.prices, list) else []
    for price in [row.prices for row in (*conditional, *(theirs.price_variants or ()))] or [theirs.prices]:
        for value in vars(price).values():
            thresholds.update(tier.start for tier in getattr(value, "tiers", ()))
    return sorted({1_000, *(size for threshold in thresholds for size in (threshold, threshold + 1))})


def contexts(ours: Model) -> list[dict[str, str]]:
    """Return every way of being called that has its own rates, and one that nobody has heard of."""
    if not ours.variants:
        return [{}]
    return [{}, {"processing": "by pigeon"}, *{str(row.when): row.when for row in ours.variants}.values()]


@dataclass(frozen=True)
class Difference:
    """One rate, or the mixture of all, in which the two sides were compared."""

    field: str
    where: str
    ours: Decimal
    theirs: Decimal


def test_every_shipped_price_equals_genai_prices_or_is_listed_as_a_divergence(
    record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    book = PriceBook(load_tables())
    listed = divergences()
    unlisted: list[str] = []
    seen: set[tuple[str, str, str]] = set()
    compared = models = 0
    for table, model, provider, theirs in twins():
        models += 1
        known = {field for owner, name, field in listed if (owner, name) == (table.provider, model.id)}
        for difference in differences(book, table, model, provider, theirs):
            compared += 1
            if difference.ours == difference.theirs or (difference.field == "mixed" and known):
                continue
            seen.add((table.provider, model.id, difference.field))
            if difference.field not in known:
                unlisted.append(f"{difference.where}: {difference.ours}, upstream {difference.theirs}")
    record_property("comparisons", compared)
    with capsys.disabled():
        print(f"\nparity with genai-prices: {compared} comparisons of {models} models")
    assert not unlisted, "\n".join(unlisted[:20])
    assert seen == listed, f"listed, but no longer different: {sorted(listed - seen)}"


def differences(book: PriceBook, table: Table, model: Model, provider: Any, theirs: Any) -> Iterator[Difference]:
    """Compare one model at every moment, way of being called, size of request and rate."""
    for at in dict.fromkeys(moments(model, theirs)):
        for context in contexts(model):
            price = book.find(model.id, table.provider, at, context=context)
            assert price is not None, f"{table.provider}/{model.id} is not found under its own id"
            for size in sizes(model, theirs):
                where = f"{table.provider}/{model.id} {at:%Y-%m-%dT%H:%M} {context} {size} tokens"
                without_output = Decimal(0), Decimal(0)
                for field, probe in PROBES.items():
                    counts = probe.counts(size)
                    usage = genai_prices.Usage(**{name: count for name, count in counts.items() if count})
                    result = theirs.calc_price(usage, provider, genai_request_timestamp=at, price_context=context)
                    ours = Decimal(price.cost(**counts, request_input_tokens=size)).scaleb(-12)
                    if field == "input":
                        without_output = ours, result.total_price
                    base = without_output if field == "output" else (Decimal(0), Decimal(0))
                    yield Difference(field, f"{where} {field}", ours - base[0], result.total_price - base[1])


def test_every_upstream_model_of_our_providers_is_shipped_or_left_out_for_a_reason() -> None:
    providers = {provider.id: provider for provider in genai_data.providers}
    for table in load_tables():
        provider = providers.get(UPSTREAM_PROVIDERS.get(table.provider, ""))
        shipped = {model.id for model in table.models}
        missing = [
            model.id
            for model in (provider.models if provider else ())
            if our_id(table.provider, model.id) not in shipped and excluded(table.provider, model) is None
        ]
        assert missing == []


def test_every_divergence_says_both_sides_a_reason_and_a_source() -> None:
    for entry in divergence_entries():
        assert set(entry) == {"provider", "model", "fields", "ours", "theirs", "reason", "source"}
        assert all(entry.values())


def divergence_entries() -> list[dict[str, Any]]:
    document: Any = read_document(tables_folder() / "divergences.yaml")
    entries: list[dict[str, Any]] = document["divergences"]
    return entries


def divergences() -> set[tuple[str, str, str]]:
    return {(entry["provider"], entry["model"], field) for entry in divergence_entries() for field in entry["fields"]}


EVERY_ID_OF = (
    *("anthropic", "openai", "google", "x-ai", "deepseek", "mistral", "moonshotai", "zai", "minimax"),
    *("aws", "azure", "cursor", "github-copilot"),
)
"""Upstream's first parties, clouds and agents; Google's list has the Claude models of Vertex."""
DRAWS = 12


def test_every_id_of_genai_prices_has_its_price_or_is_left_out_for_a_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    book, chance = PriceBook.shipped(), random.Random(20261128)
    tables = {theirs: ours for ours, theirs in UPSTREAM_PROVIDERS.items() if ours != "google-vertex"}
    on_purpose = {(provider, model) for provider, model, _ in divergences()}
    left_out: Counter[str] = Counter()
    priced = differing = 0
    wrong: list[str] = []
    for provider in genai_data.providers:
        for model in provider.models if provider.id in EVERY_ID_OF else ():
            ours = "google-vertex" if provider.id == "google" and "claude" in model.id else tables[provider.id]
            reason = excluded(ours, model)
            if reason is not None and book.find(model.id, provider.id, FRIDAY) is None:
                left_out[reason] += 1
                continue
            different = [line for _ in range(DRAWS) if (line := drawn(book, provider, model, chance))]
            priced += not different
            if (ours, our_id(ours, model.id)) in on_purpose:
                differing += bool(different)
            else:
                wrong += different
    with capsys.disabled():
        print(f"\nids of genai-prices: {priced} equal, {differing} on purpose, {left_out.total()} left out: {left_out}")
    assert not wrong, "\n".join(wrong[:20])
    readme = " ".join((tables_folder() / "README.md").read_text(encoding="utf-8").split())
    total = priced + differing + left_out.total()
    assert f"Of its {total} ids {priced} have the same price here, {differing} differ on purpose" in readme
    assert all(f"{count} {reason}" in readme for reason, count in left_out.items()), left_out


def drawn(book: PriceBook, provider: Any, model: Any, chance: random.Random) -> str | None:
    """Price one request at a random time, size, split and way of being called; say how ours differs from theirs."""
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(3 * 366 * 24 * 60))
    size = chance.choice([chance.randrange(1, 100_000), chance.randrange(1, 1_000_000)])
    read, written = sorted(chance.randrange(size + 1) for _ in range(2))
    written = written - read
    counts = {
        "input_tokens": size,
        "output_tokens": chance.randrange(100_000),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "cache_write_1h_tokens": chance.randrange(written + 1),
    }
    ways = [{}, *(dict(variant.when) for variant in model.price_variants or ())]
    context = chance.choice(ways)
    price = book.find(model.id, provider.id, at, context=context)
    where = f"{provider.id}/{model.id} {at:%Y-%m-%dT%H:%M} {context} {counts}"
    if price is None:
        return f"{where}: no price"
    usage = genai_prices.Usage(**{name: count for name, count in counts.items() if count})
    theirs = model.calc_price(usage, provider, genai_request_timestamp=at, price_context=context).total_price
    ours = Decimal(price.cost(**counts, request_input_tokens=size)).scaleb(-12)
    return None if ours == theirs else f"{where}: {ours}, upstream {theirs}"
