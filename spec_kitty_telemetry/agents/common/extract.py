"""From an agent's facts to the `Usage` that is handed to the host, and the one place where a reader may fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from spec_kitty_telemetry.agents.common.context import Surroundings
from spec_kitty_telemetry.agents.common.json_spans import TooMessyError
from spec_kitty_telemetry.agents.common.tokens import NUMBER_FIELDS, Counts, Model, both, main_model, total
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, ModelUsage, Usage, UsageSource

Reader = Callable[[Invocation, InvocationResult, Surroundings], Usage]

_MOST_MODELS = 64
_DOUBT_CHARACTERS = 500

log = logging.getLogger(__name__)


def answer(invocation: Invocation, result: InvocationResult, agents: AbstractSet[str], read: Reader) -> Usage | None:
    """Ask `read` when the run's agent is one of `agents`; never raise.

    A reader that fails is a bug of ours; it is logged and the run counts as one that said nothing.
    """
    if invocation.agent.strip().lower().replace("_", "-").replace(" ", "-") not in agents:
        return None
    try:
        return read(invocation, result, Surroundings.of(invocation))
    except TooMessyError:
        return Usage(source="none")
    except Exception:  # whatever an agent printed, its host's run must go on
        log.warning("the output of agent %r could not be read", invocation.agent, exc_info=True)
        return Usage(source="none")


def usage(
    counts: Counts | None = None,
    models: Mapping[Model, Counts] | None = None,
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
    doubts = both(doubt, whole.doubt) if whole.is_known else None
    return Usage(
        **_numbers(whole),
        model=chosen.name if chosen else None,
        provider=chosen.provider if chosen else None,
        models=tuple(_model_usage(*item) for item in list(named.items())[:_MOST_MODELS] if item[1].is_known),
        session_id=session_id,
        success=success,
        duration_ms=duration_ms,
        error=error,
        source=source if whole.is_known else "none",
        uncertain=doubts[:_DOUBT_CHARACTERS] if doubts else None,
    )


def _model_usage(model: Model, counts: Counts) -> ModelUsage:
    return ModelUsage(model=model.name, provider=model.provider, **_numbers(counts.checked()))


def _numbers(counts: Counts) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in NUMBER_FIELDS}
