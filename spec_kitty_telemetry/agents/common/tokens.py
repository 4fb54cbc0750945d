"""Token counts in the record's meaning: input is the whole prompt, output includes reasoning, parts are subsets.

Agents differ in what they call input.  `of_parts` is for those that print the uncached part alone, `of_whole` for those
that print the total.  Where a source turns out to be of the other kind, so that a part would be larger than its whole,
the whole is kept, the parts are left unknown, and a doubt carries the raw numbers: nothing is clamped to look right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from spec_kitty_telemetry.model.money import EXACT
from spec_kitty_telemetry.model.tokens import MONEY_FIELDS, NUMBER_FIELDS, TOKEN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Number = TypeVar("_Number", int, Decimal)


class Model(NamedTuple):
    """A model as the agent names it, who bills for it and at which rates, where the agent says so.

    Requests to one model at several rates are told apart by this: each gets an entry of its own.
    """

    name: str
    provider: str | None = None
    speed: str | None = None
    """`fast`; `None` is standard, as for the two below."""
    service_tier: str | None = None
    inference_geo: str | None = None


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """What was counted; `None` is unknown.  `doubt` says why a number may be off."""

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    web_search_requests: int | None = None
    guessed_cost_usd: Decimal | None = None
    """The agent's own dollars for a model whose price it does not know."""
    doubt: str | None = None

    def doubted(self, doubt: str | None) -> TokenCounts:
        """Return the same counts with one more doubt."""
        return self if doubt is None else replace(self, doubt=join_doubts(self.doubt, doubt))

    @property
    def is_known(self) -> bool:
        """Whether any number is known."""
        return any(getattr(self, name) is not None for name in NUMBER_FIELDS)

    @property
    def has_tokens(self) -> bool:
        """Whether any token count is known."""
        return any(getattr(self, name) is not None for name in TOKEN_FIELDS)

    def greatest(self, other: TokenCounts) -> TokenCounts:
        """Take the greater of each number, for messages that are printed again while they grow."""
        numbers = {name: _greater(getattr(self, name), getattr(other, name)) for name in NUMBER_FIELDS}
        return TokenCounts(**numbers, doubt=self.doubt or other.doubt)

    def checked(self) -> TokenCounts:
        """Leave out parts that are larger than their whole, and say so."""
        counts = self
        read, write = self.cache_read_tokens, self.cache_write_tokens
        if _exceeds((read or 0) + (write or 0), self.input_tokens):
            cached = f"{read or 0} read from and {write or 0} written to a cache"
            raw = f"an input of {self.input_tokens} tokens cannot hold {cached}"
            counts = replace(
                counts, cache_read_tokens=None, cache_write_tokens=None, cache_write_1h_tokens=None, doubt=raw
            )
        elif _exceeds(self.cache_write_1h_tokens or 0, write):
            raw = f"{write} tokens written to a cache cannot hold {self.cache_write_1h_tokens} written for an hour"
            counts = replace(counts, cache_write_1h_tokens=None, doubt=raw)
        if _exceeds(self.reasoning_tokens or 0, self.output_tokens):
            raw = f"an output of {self.output_tokens} tokens cannot hold {self.reasoning_tokens} of reasoning"
            counts = replace(counts, reasoning_tokens=None, doubt=join_doubts(counts.doubt, raw))
        return counts if counts is self else replace(counts, doubt=join_doubts(self.doubt, counts.doubt))


def of_parts(
    uncached: int | None,
    *,
    cache_read: int | None = None,
    cache_write: int | None = None,
    cache_write_1h: int | None = None,
    output: int | None = None,
    reasoning: int | None = None,
    cost: Decimal | None = None,
) -> TokenCounts:
    """Count for a source whose input is the uncached part; `output` includes `reasoning`."""
    whole = None if uncached is None else uncached + (cache_read or 0) + (cache_write or 0)
    return TokenCounts(whole, cache_read, cache_write, cache_write_1h, output, reasoning, cost).checked()


def of_whole(
    whole: int | None,
    *,
    cache_read: int | None = None,
    cache_write: int | None = None,
    output: int | None = None,
    reasoning: int | None = None,
    cost: Decimal | None = None,
) -> TokenCounts:
    """Count for a source whose input includes what was read from and written to a cache."""
    return TokenCounts(whole, cache_read, cache_write, None, output, reasoning, cost).checked()


def total(counts: Iterable[TokenCounts]) -> TokenCounts:
    """Add up, and check the sum: known parts of unknown wholes could exceed the known wholes."""
    every = list(counts)
    numbers: dict[str, Any] = {name: _sum_of(name, every) for name in NUMBER_FIELDS}
    return TokenCounts(**numbers, doubt=next((one.doubt for one in every if one.doubt), None)).checked()


def by_model(counted: Iterable[tuple[Model, TokenCounts]]) -> dict[Model, TokenCounts]:
    """Add up by model, in the order in which the models were first seen."""
    models: dict[Model, list[TokenCounts]] = {}
    for model, counts in counted:
        models.setdefault(model, []).append(counts)
    return {model: total(every) for model, every in models.items()}


def main_model(models: Mapping[Model, TokenCounts]) -> Model | None:
    """Choose the model with the most cost, else with the most output; the first of equals."""
    if not models:
        return None
    return max(models, key=lambda model: (models[model].cost_usd or 0, models[model].output_tokens or 0))


def join_doubts(one: str | None, other: str | None) -> str | None:
    """Join two doubts."""
    return f"{one}; {other}" if one and other and one != other else one or other


def _sum_of(name: str, every: list[TokenCounts]) -> int | Decimal | None:
    known = [value for one in every if (value := getattr(one, name)) is not None]
    if not known:
        return None
    added: int | Decimal = reduce(EXACT.add, known) if name in MONEY_FIELDS else sum(known)
    return added


def _greater(one: _Number | None, other: _Number | None) -> _Number | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _exceeds(parts: int, whole: int | None) -> bool:
    return whole is not None and parts > whole
