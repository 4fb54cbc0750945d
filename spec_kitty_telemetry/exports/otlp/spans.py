"""What a run looks like as spans, so that backends count its tokens and its dollars once.

One span for the run, `invoke_agent`, and below it one for each model, `chat`.  Tokens, model and cost are on the lower
ones alone, because backends add up whatever has them.  Only where a cost cannot be divided among models is the rest of
it on the upper one.  What is unknown is no attribute: a 0 would be believed.

Names of https://opentelemetry.io/docs/specs/semconv/gen-ai/ as of 1.41, which are in development; ours begin with
`spec_kitty.`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.log.superseding import subject_of
from spec_kitty_telemetry.model.money import PICO
from spec_kitty_telemetry.reports.billing import says_anything
from spec_kitty_telemetry.reports.costing import Cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.identity import Identity

Value = str | int | float
Attributes = dict[str, Value]

SCOPE = "spec_kitty_telemetry"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"
_INTERNAL, _CLIENT = 1, 3
_FAILED = frozenset({"failed", "killed", "timed_out"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROVIDERS = {
    "aws-bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
"""Our name of who bills → the conventions' well-known value; others are the same."""


class Span(NamedTuple):
    """One span; times are nanoseconds since 1970."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: Attributes
    error: str | None
    """Why the run failed; `None`: it did not."""


def resource_of(identity: Identity) -> Attributes:
    """Return the attributes that all spans of a project share."""
    return {
        "service.name": "spec-kitty",
        "spec_kitty.project": identity.project_slug,
        "spec_kitty.project_uuid": identity.project_uuid,
    }


def spans_of(event: ExecutionEvent, cost: Cost, identity: Identity) -> list[Span]:
    """Return the spans of a run that cost `cost`: the same ids whenever and wherever it is asked.

    Runs that an orchestrator started as one, or that belong together otherwise, are one trace.
    """
    payload = event.payload
    trace_id = _digest("trace", identity.project_uuid, payload.run_id or event.correlation_id or event.event_id)[:16]
    span_id = _digest("span", subject_of(event))[:8]
    start_ns, end_ns = _window(event)
    error = (payload.error or payload.outcome) if payload.outcome in _FAILED else None
    models = [
        Span(
            trace_id,
            _digest("span", subject_of(event), str(number))[:8],
            span_id,
            f"chat {counts.model}" if counts.model else "chat",
            _CLIENT,
            start_ns,
            end_ns,
            _model_attributes(payload, counts, own),
            None,
        )
        for number, (counts, own) in enumerate(_members(payload, cost))
    ]
    run = Span(
        trace_id,
        span_id,
        None,
        f"invoke_agent {payload.agent}" if payload.agent else "invoke_agent",
        _INTERNAL,
        start_ns,
        end_ns,
        _run_attributes(event) | _cost_attributes(_undivided(payload, cost)),
        error,
    )
    return [run, *models]


def _members(payload: ExecutionPayload, cost: Cost) -> list[tuple[ExecutionPayload | ModelPart, Cost]]:
    """Return what has a span of its own: the models with what each used, or the run where only that was counted."""
    if any(says_anything(part) for part in payload.models):
        return list(zip(payload.models, cost.parts, strict=True))
    says_something = says_anything(payload) or payload.model is not None or cost.known is not None
    return [(payload, cost)] if says_something else []


def _undivided(payload: ExecutionPayload, cost: Cost) -> Cost:
    """Return what of the cost is on no model's span."""
    divided = [own.known for _, own in _members(payload, cost)]
    rest = None if cost.known is None else cost.known - sum(known for known in divided if known is not None)
    if not rest:
        return Cost()
    return Cost(rest) if cost.reported is not None else Cost(None, rest)


def _run_attributes(event: ExecutionEvent) -> Attributes:
    payload = event.payload
    return _known(
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": payload.agent,
            "gen_ai.conversation.id": payload.session_id,
            "error.type": payload.outcome if payload.outcome in _FAILED else None,
            "spec_kitty.event_id": event.event_id,
            "spec_kitty.feature": event.feature,
            "spec_kitty.wp": payload.wp_id,
            "spec_kitty.role": payload.role,
            "spec_kitty.attempt": payload.attempt,
            "spec_kitty.outcome": payload.outcome,
            "spec_kitty.run": payload.run_id,
            "spec_kitty.uncertain": payload.uncertain,
            **{f"spec_kitty.tag.{name}": value for name, value in payload.tags.items()},
        }
    )


def _model_attributes(payload: ExecutionPayload, counts: ExecutionPayload | ModelPart, cost: Cost) -> Attributes:
    provider = counts.provider or payload.provider
    written = counts.cache_write_tokens
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider) if provider else None,
        "gen_ai.request.model": counts.requested_model or counts.model,
        "gen_ai.response.model": counts.model,
        "gen_ai.agent.name": payload.agent,
        "gen_ai.conversation.id": payload.session_id,
        "gen_ai.usage.input_tokens": counts.input_tokens,
        "gen_ai.usage.output_tokens": counts.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": counts.cache_read_tokens,
        # The conventions' name, and the one that backends read.
        "gen_ai.usage.cache_creation.input_tokens": written,
        "gen_ai.usage.cache_write.input_tokens": written,
        "gen_ai.usage.reasoning.output_tokens": counts.reasoning_tokens,
    }
    return _known(attributes) | _cost_attributes(cost)


def _cost_attributes(cost: Cost) -> Attributes:
    if cost.known is None:
        return {}
    sources = [name for name, part in (("reported", cost.reported), ("list price", cost.estimated)) if part is not None]
    found: Attributes = {
        # A double, because attributes have nothing better: the one nearest to the exact amount.
        "spec_kitty.cost.usd": cost.known / PICO,
        "spec_kitty.cost.source": " and ".join(sources),
    }
    return found | ({"spec_kitty.cost.is_lower_bound": True} if cost.is_floor else {})


def _known(attributes: Mapping[str, Value | None]) -> Attributes:
    return {name: value for name, value in attributes.items() if value is not None}


def _window(event: ExecutionEvent) -> tuple[int, int]:
    """Return when the run began and ended; one of which nobody knows the beginning has no length."""
    end, payload = event.timestamp, event.payload
    end_ns = max(0, _ns(end - _EPOCH))
    if payload.started_at is not None and payload.started_at <= end:
        return max(0, _ns(payload.started_at - _EPOCH)), end_ns
    return max(0, end_ns - (payload.duration_ms or 0) * 10**6), end_ns


def _ns(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 1000


def _digest(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
