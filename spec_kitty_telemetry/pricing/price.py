"""What one model costs at one moment, and what a number of tokens costs at that price.

Money is an integer number of picodollars (a dollar is 1,000,000,000,000 of them) and a rate is picodollars a token:
sums are exact and do not depend on their order.  Where a price comes from is `pricing`'s business.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias, TypedDict

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

DollarsPerMillion: TypeAlias = "str | int | Decimal"
"""A published rate.  Never a float: `0.1` as a float is not a tenth."""

_DECIMALS = 6
_PLAIN_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?")


class RateFields(TypedDict):
    """The fields of `Rates`, to build one with."""

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    reasoning: int | None


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Picodollars for one token of each class."""

    input: int
    """A prompt token that was neither read from nor written to a cache."""
    output: int
    """A token of the answer, reasoning included unless `reasoning` says otherwise."""
    cache_read: int
    cache_write_5m: int
    """A token written to a cache for the vendor's usual time: 5 minutes at Anthropic, 30 at OpenAI."""
    cache_write_1h: int
    reasoning: int | None = None
    """A reasoning token where the vendor bills it apart; `None`: as output."""


class Tier(Rates, frozen=True, kw_only=True):
    """The rates of every token of a request whose whole prompt is larger than `input_tokens`."""

    input_tokens: int


class PriceLine(msgspec.Struct, frozen=True):
    """One token class of a cost, or its searches: `tokens` (or searches) times `rate` is `cost`, in picodollars."""

    token_class: str
    tokens: int
    rate: int
    cost: int


class Price(Rates, frozen=True, kw_only=True):
    """What one model costs at one moment, and where that is known from.

    A plugin that answers `find_price` builds one with `Price.per_million`.
    """

    model: str
    """The id in the table, which need not be the name that an agent reported."""
    provider: str | None = None
    above: tuple[Tier, ...] = ()
    """Rates of long requests, by growing threshold."""
    web_search: int | None = None
    """Picodollars for one search by the vendor's own tool; `None`: not known."""
    ways: tuple[str, ...] = ()
    """What was said about how the request was made and has rates of its own here: `speed`, `service_tier` …"""
    free: bool = False
    """Nobody is billed for this model: a cost of zero is true, not unknown."""
    source: str | None = None
    """Where the rates were published."""
    as_of: str | None = None
    """The day on which they were last compared with the source, ISO 8601."""
    valid_from: str | None = None
    """From when these rates count, ISO 8601 in UTC; `None`: since the model exists."""
    origin: str = "plugin"
    """The table, the override or the plugin that these rates come from."""
    matched_by: str = "the plugin's own choice"
    """How the reported name led to this model."""
    note: str | None = None

    @classmethod
    def per_million(
        cls,
        *,
        model: str,
        input: DollarsPerMillion,  # noqa: A002 - the word that every price list uses
        output: DollarsPerMillion,
        cache_read: DollarsPerMillion | None = None,
        cache_write_5m: DollarsPerMillion | None = None,
        cache_write_1h: DollarsPerMillion | None = None,
        reasoning: DollarsPerMillion | None = None,
        web_search: DollarsPerMillion | None = None,
        above: Mapping[int, Mapping[str, DollarsPerMillion]] | None = None,
        provider: str | None = None,
        source: str | None = None,
        as_of: str | None = None,
        valid_from: str | None = None,
        origin: str = "plugin",
        note: str | None = None,
    ) -> Price:
        """Build a price from dollars per million tokens, as vendors publish them.

        A missing cache rate is the input rate, a missing 1-hour write the 5-minute write.  `above` maps a number of
        prompt tokens to the rates of larger requests, with the same names.  `web_search` is dollars per thousand
        searches.  Raises `TypeError` for a float and
        `ValueError` for a rate that is negative or has more than six decimals.
        """
        base = {
            "input": input,
            "output": output,
            "cache_read": cache_read,
            "cache_write_5m": cache_write_5m,
            "cache_write_1h": cache_write_1h,
            "reasoning": reasoning,
        }
        tiers = sorted((above or {}).items())
        return cls(
            model=model,
            provider=provider,
            above=tuple(Tier(input_tokens=size, **rates_from(**_picodollars(rates))) for size, rates in tiers),
            web_search=None if web_search is None else _picodollars_per_token("web_search", web_search) * 1_000,
            source=source,
            as_of=as_of,
            valid_from=valid_from,
            origin=origin,
            note=note,
            **rates_from(**_picodollars(base)),
        )

    def rates_for(self, request_input_tokens: int | None) -> Rates:
        """Return the rates of one request with that many prompt tokens; `None`, its size is unknown: the base rates."""
        rates: Rates = self
        if request_input_tokens is not None:
            for tier in self.above:
                if request_input_tokens > tier.input_tokens:
                    rates = tier
        return rates

    def cost(
        self,
        input_tokens: int,
        output_tokens: int,
        cache_read_tokens: int = 0,
        cache_write_tokens: int = 0,
        cache_write_1h_tokens: int = 0,
        reasoning_tokens: int = 0,
        web_search_requests: int = 0,
        *,
        request_input_tokens: int | None = None,
    ) -> int:
        """Return what these tokens cost, in picodollars.

        `input_tokens` is the whole prompt, of which cache reads and writes are parts; `cache_write_tokens` contains
        the 1-hour writes and `output_tokens` the reasoning.  A long-context tier counts only where the size of the
        single request is given: a sum over many requests must never be priced at it.  Searches without a known price
        add nothing: ask `web_search`.  Raises `ValueError` where parts
        are larger than their whole or a count is negative.
        """
        rates = self if request_input_tokens is None else self.rates_for(request_input_tokens)
        uncached = input_tokens - cache_read_tokens - cache_write_tokens
        written_5m = cache_write_tokens - cache_write_1h_tokens
        answered = output_tokens - reasoning_tokens
        # Below 0 if any of them is: this runs once for each event, and six comparisons cost as much as all the rest.
        if uncached | written_5m | answered | cache_read_tokens | cache_write_1h_tokens | reasoning_tokens < 0:
            raise ValueError(_contradiction(uncached, written_5m, answered))
        total = uncached * rates.input + cache_read_tokens * rates.cache_read + answered * rates.output
        if cache_write_tokens:
            total += written_5m * rates.cache_write_5m + cache_write_1h_tokens * rates.cache_write_1h
        if reasoning_tokens:
            total += reasoning_tokens * (rates.output if rates.reasoning is None else rates.reasoning)
        if web_search_requests and self.web_search is not None:
            total += web_search_requests * self.web_search
        return total

    def lines(
        self,
        input_tokens: int,
        output_tokens: int,
        cache_read_tokens: int = 0,
        cache_write_tokens: int = 0,
        cache_write_1h_tokens: int = 0,
        reasoning_tokens: int = 0,
        web_search_requests: int = 0,
        *,
        request_input_tokens: int | None = None,
    ) -> tuple[PriceLine, ...]:
        """Return the cost by token class; the lines add up to `cost` of the same counts.  Empty classes are left out.

        Raises `ValueError` as `cost` does.
        """
        self.cost(  # checks the counts
            input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, reasoning_tokens
        )
        rates = self.rates_for(request_input_tokens)
        apart = reasoning_tokens if rates.reasoning is not None else 0
        counts = (
            ("input", input_tokens - cache_read_tokens - cache_write_tokens, rates.input),
            ("cache read", cache_read_tokens, rates.cache_read),
            ("cache write", cache_write_tokens - cache_write_1h_tokens, rates.cache_write_5m),
            ("cache write 1h", cache_write_1h_tokens, rates.cache_write_1h),
            ("output", output_tokens - apart, rates.output),
            ("reasoning", apart, rates.reasoning or 0),
            ("web search", web_search_requests if self.web_search is not None else 0, self.web_search or 0),
        )
        return tuple(PriceLine(name, tokens, rate, tokens * rate) for name, tokens, rate in counts if tokens)


def rates_from(
    *,
    input: int | None,  # noqa: A002 - as in `Rates`
    output: int | None,
    cache_read: int | None = None,
    cache_write_5m: int | None = None,
    cache_write_1h: int | None = None,
    reasoning: int | None = None,
) -> RateFields:
    """Return the fields of `Rates`, with the rates that were not published filled in.

    No price for cache reads: they are billed as input.  No price for 1-hour writes: as the 5-minute ones, and those
    without a price as input.
    """
    prompt = input or 0
    short = prompt if cache_write_5m is None else cache_write_5m
    return {
        "input": prompt,
        "output": output or 0,
        "cache_read": prompt if cache_read is None else cache_read,
        "cache_write_5m": short,
        "cache_write_1h": short if cache_write_1h is None else cache_write_1h,
        "reasoning": reasoning,
    }


def _picodollars(rates: Mapping[str, DollarsPerMillion | None]) -> dict[str, int]:
    return {name: _picodollars_per_token(name, rate) for name, rate in rates.items() if rate is not None}


def _picodollars_per_token(name: str, rate: DollarsPerMillion) -> int:
    if isinstance(rate, (float, bool)):
        raise TypeError(f"{name}: found {rate!r}, expected text, int or Decimal; a float is not exact, write '{rate}'")
    match = _PLAIN_NUMBER.fullmatch(rate if isinstance(rate, str) else format(rate, "f"))
    decimals = (match.group(2) or "").rstrip("0") if match else ""
    if match is None or len(decimals) > _DECIMALS:
        raise ValueError(f"{name}: found {rate!r}, expected dollars per million tokens with at most 6 decimals")
    return int(match.group(1)) * 1_000_000 + int(decimals.ljust(_DECIMALS, "0"))


def _contradiction(uncached: int, written_5m: int, answered: int) -> str:
    for value, message in (
        (uncached, "cache reads and writes are more than the input tokens they are part of"),
        (written_5m, "1-hour cache writes are more than the cache writes they are part of"),
        (answered, "reasoning tokens are more than the output tokens they are part of"),
    ):
        if value < 0:
            return message
    return "a token count is negative"
