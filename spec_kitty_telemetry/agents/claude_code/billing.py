"""How Claude Code's requests were billed: speed, tier, place, searches, the advisor, and whose prices were used.

A response's `usage` says `speed`, `service_tier` and `inference_geo` for itself, and how often the provider's own tool
searched.  Its `iterations` have what stands outside of its totals: the advisor, a second model with rates of its own,
and what a compaction used.  Claude Code prices a model that it does not know at another one's rates: newer versions
say so (`costBasis`), in older ones the name says whose model it is.

Sources: docs.claude.com "Fast mode", "Service tiers", "Data residency", "Advisor tool" and "Compaction"; output of
Claude Code 2.1.197 and 2.1.330; musistudio/claude-code-router issue 825.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import get_int, inner, listed, word
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, of_parts
from spec_kitty_telemetry.model.tokens import RATE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.agents.common.stdout import Json

STANDARD_RATES = {"standard", "global", "not_available", "default", "auto"}
"""What the API says where nothing but the ordinary rates applies."""
BESIDE_THE_TOTALS = {"advisor_message", "compaction"}
_PROVIDERS = {"firstParty": "anthropic", "bedrock": "aws-bedrock", "vertex": "google-vertex", "foundry": "azure"}
"""Who bills, as Claude Code says it and as price tables do; for all others it is not known."""
_SHORT_NAMES = {"opus", "sonnet", "haiku", "opusplan", "default"}
MAYBE_NOT_ALL = "the main agent's last turn was not billed at standard rates; earlier ones may have been"


def requests_of(message: Json, model: str) -> list[tuple[Model, TokenCounts]]:
    """Return what one response was billed for: itself, then what its `iterations` have beside its totals."""
    used = inner(message, "usage")
    beside = [part for part in listed(used, "iterations") if part.get("type") in BESIDE_THE_TOTALS]
    own = (rated(Model(model), used), message_counts(used))
    return [own, *((rated(Model(word(part, "model") or model), part), message_counts(part)) for part in beside)]


def message_counts(found: Json) -> TokenCounts:
    """Count one response; the flat number of cache writes was 0 in some versions beside a filled split."""
    split = inner(found, "cache_creation")
    hour = get_int(split, "ephemeral_1h_input_tokens")
    halves = [part for part in (get_int(split, "ephemeral_5m_input_tokens"), hour) if part is not None]
    flat = get_int(found, "cache_creation_input_tokens")
    counts = of_parts(
        get_int(found, "input_tokens"),
        cache_read=get_int(found, "cache_read_input_tokens"),
        cache_write=max(flat or 0, sum(halves)) if halves else flat,
        cache_write_1h=hour,
        output=get_int(found, "output_tokens"),
        reasoning=get_int(inner(found, "output_tokens_details"), "thinking_tokens"),
    )
    searches = get_int(inner(found, "server_tool_use"), "web_search_requests")
    return replace(counts, web_search_requests=searches or None)


def rated(model: Model, used: Json) -> Model:
    """Return `model` with the rates that a `usage` names."""
    said = {name: word(used, name) for name in RATE_FIELDS}
    return model._replace(**{name: rate for name, rate in said.items() if rate and rate not in STANDARD_RATES})


def biller(model: str, found: Json) -> str | None:
    """Return who bills for one of `modelUsage`; `firstParty` is whoever answers under Anthropic's address."""
    provider = word(found, "provider")
    return None if provider == "firstParty" and not _is_anthropics(model) else _PROVIDERS.get(provider or "")


def is_guess(model: str, found: Json) -> bool:
    """Whether Claude Code's dollars for a model are a guess at another model's rates."""
    basis = word(found, "costBasis")
    return basis == "unknown" if basis else not _is_anthropics(model)


def without_guesses(models: Mapping[Model, TokenCounts], found: Json) -> dict[Model, TokenCounts]:
    """Keep dollars that are a guess apart from those that are a report."""
    guessed = {model: is_guess(model.name, inner(found, model.name)) for model in models}
    return {
        model: replace(counts, cost_usd=None, guessed_cost_usd=counts.cost_usd) if guessed[model] else counts
        for model, counts in models.items()
    }


def _is_anthropics(model: str) -> bool:
    name = model.lower()
    return "claude" in name or name.partition("[")[0] in _SHORT_NAMES
