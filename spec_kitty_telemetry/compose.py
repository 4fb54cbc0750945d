"""From what a host and an agent said to one record: who wins, what is derived, what is left out.

Numbers from the host win over the agent's own, because a host that states them chose to.  A run succeeded only where
host and agent agree.  Texts are made safe here: no secret, no control character and no prompt gets onto a line.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.record import PAYLOAD_VERSION, ExecutionEvent, ExecutionPayload, ModelPart
from spec_kitty_telemetry.redaction import safe_error, safe_label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from spec_kitty_telemetry.invocation import Invocation, InvocationResult, ModelUsage, Outcome, Usage, UsageSource
    from spec_kitty_telemetry.project import Identity

_HOST_COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost_usd")


def compose_event(
    identity: Identity, invocation: Invocation, result: InvocationResult, usage: Usage | None
) -> ExecutionEvent:
    """Return the record of one ended run; its clock is given when it is appended."""
    outcome = _outcome(result, usage)
    payload = ExecutionPayload(
        **_who(invocation),
        **_used(invocation, result, usage),
        outcome=outcome,
        success=outcome == "succeeded",
        exit_code=result.exit_code,
        error=None if outcome == "succeeded" else _error(result, usage),
        duration_ms=_milliseconds(invocation, result),
    )
    return _envelope(identity, invocation, payload, result.ended_at)


def compose_killed(identity: Identity, invocation: Invocation, found_at: datetime) -> ExecutionEvent:
    """Return the record of a run whose host died: when it began is known, nothing else is."""
    payload = ExecutionPayload(
        **_who(invocation),
        model=safe_label(invocation.model),
        provider=safe_label(invocation.provider),
        session_id=safe_label(invocation.session_id),
        outcome="killed",
        success=False,
        error="the host ended before the run did",
        usage_source="none",
    )
    return _envelope(identity, invocation, payload, found_at)


def _envelope(
    identity: Identity, invocation: Invocation, payload: ExecutionPayload, timestamp: datetime
) -> ExecutionEvent:
    return ExecutionEvent(
        event_id=invocation.invocation_id,
        aggregate_id=invocation.feature,
        timestamp=timestamp.astimezone(UTC),
        node_id=identity.node_id,
        payload=payload,
        build_id=identity.build_id,
        causation_id=invocation.causation_id,
        correlation_id=invocation.correlation_id or invocation.invocation_id,
        project_slug=identity.project_slug,
        project_uuid=identity.project_uuid,
    )


def _who(invocation: Invocation) -> dict[str, Any]:
    return {
        "agent": safe_label(invocation.agent),
        "role": safe_label(invocation.role),
        "wp_id": safe_label(invocation.wp_id),
        "attempt": invocation.attempt,
        "run_id": safe_label(invocation.run_id),
        "started_at": invocation.started_at.astimezone(UTC) if invocation.started_at else None,
        "tags": _tags(invocation.tags),
        "version": PAYLOAD_VERSION,
    }


def _used(invocation: Invocation, result: InvocationResult, usage: Usage | None) -> dict[str, Any]:
    said = {name: getattr(result, name) for name in _HOST_COUNTS if getattr(result, name) is not None}
    found = {} if usage is None else _counts(usage)
    # A host's totals and an agent's parts by model cannot be trusted to belong together.
    models = () if said or usage is None else usage.models
    return {
        **found,
        **said,
        "model": safe_label(result.model or (usage.model if usage else None) or invocation.model),
        "provider": safe_label(result.provider or (usage.provider if usage else None) or invocation.provider),
        "session_id": safe_label(result.session_id or (usage.session_id if usage else None) or invocation.session_id),
        "models": [_part(part) for part in models],
        "usage_source": _source(said, usage),
    }


def _counts(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": usage.cost_usd,
        "agent_duration_ms": usage.duration_ms,
        "uncertain": safe_error(usage.uncertain),
    }


def _part(part: ModelUsage) -> ModelPart:
    return ModelPart(**{**part.model_dump(), "model": safe_label(part.model) or "unknown"})


def _source(said: Mapping[str, Decimal | int], usage: Usage | None) -> UsageSource:
    if said:
        return "host"
    return usage.source if usage is not None and (usage.has_tokens or usage.cost_usd is not None) else "none"


def _outcome(result: InvocationResult, usage: Usage | None) -> Outcome:
    """Return how the run ended: a review that its agent could not finish has failed, it has not rejected anything."""
    outcome = result.settled_outcome()
    broke_down = usage is not None and usage.success is False
    return "failed" if broke_down and outcome in {"succeeded", "rejected"} else outcome


def _error(result: InvocationResult, usage: Usage | None) -> str | None:
    said = usage.error if usage is not None else None
    return safe_error(said) or safe_error("; ".join(result.errors)) or safe_error(_last_line(result.stderr))


def _last_line(text: str) -> str:
    """Return the last line that says something; `text` may be huge, so it is read from its end."""
    return text[-4096:].rstrip().rpartition("\n")[2]


def _milliseconds(invocation: Invocation, result: InvocationResult) -> int | None:
    if result.duration_seconds is not None:
        return round(result.duration_seconds * 1000)
    if invocation.started_at is None:
        return None
    elapsed = (result.ended_at - invocation.started_at).total_seconds()
    return round(elapsed * 1000) if elapsed >= 0 else None


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    safe = {safe_label(name): safe_label(value) for name, value in list(tags.items())[:32]}
    return {name: value or "" for name, value in safe.items() if name}
