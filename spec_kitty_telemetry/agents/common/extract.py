"""From an agent's facts to the `Usage` that is handed to the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.agents.common.json_spans import TooMessyError
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, join_doubts, main_model, total
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, ModelUsage, Usage, UsageSource
from spec_kitty_telemetry.model.tokens import NUMBER_FIELDS, RATE_FIELDS

Reader = Callable[[Invocation, InvocationResult, AgentContext], Usage]

_MOST_MODELS = 64
_DOUBT_CHARACTERS = 500


def read_usage(read: Reader, invocation: Invocation, result: InvocationResult) -> Usage:
    """Return what `read` finds; output with millions of broken values says nothing.

    :raises Exception: whatever else a reader that fails raises; `Hooks` counts it and asks the next plugin.
    """
    try:
        return read(invocation, result, AgentContext.of(invocation))
    except TooMessyError:
        return Usage(source="none")


def build_usage(
    counts: TokenCounts | None = None,
    models: Mapping[Model, TokenCounts] | None = None,
    *,
    model: Model | str | None = None,
    session_id: str | None = None,
    success: bool | None = None,
    duration_ms: int | None = None,
    error: str | None = None,
    source: UsageSource = "agent-output",
    doubt: str | None = None,
) -> Usage:
    """Build a `Usage`; without `counts` it is the sum of `models`, without `model` the main one of them.

    A model without a name is counted and not listed.  Where nothing was counted, the source is `none` and nothing is in
    doubt, whatever else is known.
    """
    models = models or {}
    named = {name: counts for name, counts in models.items() if name.name}
    whole = (total(models.values()) if counts is None else counts).checked()
    chosen = Model(model) if isinstance(model, str) else model or main_model(named)
    doubts = join_doubts(doubt, whole.doubt) if whole.is_known else None
    return Usage(
        **_numbers(whole),
        **_rates(chosen, list(named)),
        model=(chosen.name or None) if chosen else None,
        provider=chosen.provider if chosen else None,
        models=tuple(_model_usage(*item) for item in list(named.items())[:_MOST_MODELS] if item[1].is_known),
        session_id=session_id,
        success=success,
        duration_ms=duration_ms,
        error=error,
        source=source if whole.is_known else "none",
        uncertain=doubts[:_DOUBT_CHARACTERS] if doubts else None,
    )


def _model_usage(model: Model, counts: TokenCounts) -> ModelUsage:
    rates = _rates(model, [])
    return ModelUsage(model=model.name, provider=model.provider, **rates, **_numbers(counts.checked()))


def _numbers(counts: TokenCounts) -> dict[str, Any]:
    numbers = {name: getattr(counts, name) for name in NUMBER_FIELDS}
    # No search is billed as none, so only searches are worth a word on every line of a log.
    return numbers | {"web_search_requests": counts.web_search_requests or None}


def _rates(chosen: Model | None, models: list[Model]) -> dict[str, Any]:
    """Return what `chosen` was billed by; nothing where other models of the run were billed by something else."""
    rates = {name: getattr(chosen, name, None) for name in RATE_FIELDS}
    agreed = {name for name, rate in rates.items() if all(getattr(one, name) == rate for one in models)}
    return {name: rate if name in agreed else None for name, rate in rates.items()}
