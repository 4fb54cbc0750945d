"""From what a host and an agent said to one record: who wins, what is derived, what is left out.

Numbers from the host win over the agent's own, because a host that states them chose to.  A run succeeded only where
host and agent agree.  Texts are made safe here: no secret, no control character and no prompt gets onto a line.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.log.superseding import GUESS_REVISION
from spec_kitty_telemetry.model.labels import agent_name, role_name, work_package_name
from spec_kitty_telemetry.model.payload import (
    MAXIMUM_COST_USD,
    MAXIMUM_COUNT,
    PAYLOAD_VERSION,
    ExecutionPayload,
    ModelPart,
)
from spec_kitty_telemetry.model.record import ExecutionEvent
from spec_kitty_telemetry.model.tokens import HOST_FIELDS, NUMBER_FIELDS, RATE_FIELDS
from spec_kitty_telemetry.recording.failures import stored_error
from spec_kitty_telemetry.recording.redaction import safe_error, safe_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.model.invocation import (
        Invocation,
        InvocationResult,
        ModelUsage,
        Outcome,
        Usage,
        UsageSource,
    )
    from spec_kitty_telemetry.project.identity import Identity


def compose_event(
    identity: Identity,
    invocation: Invocation,
    result: InvocationResult,
    usage: Usage | None,
    *,
    error_text: bool = False,
) -> ExecutionEvent:
    """Return the record of one ended run; its clock is given when it is appended.

    `error_text`: why it failed is kept in the agent's own words, secrets apart, and not only as `failures` knows it.
    """
    outcome = _outcome(result, usage)
    payload = ExecutionPayload(
        **_who(invocation),
        **_used(invocation, result, usage),
        outcome=outcome,
        success=outcome == "succeeded",
        exit_code=result.exit_code,
        error=stored_error(outcome, result, usage, error_text=error_text),
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
        revision=GUESS_REVISION,
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


def labelled(invocation: Invocation, tags: Mapping[str, str]) -> Invocation:
    """Return the invocation with the project's own `tags`, where it has none of that name."""
    return invocation.model_copy(update={"tags": {**tags, **invocation.tags}}) if tags else invocation


def _who(invocation: Invocation) -> dict[str, Any]:
    return {
        "agent": agent_name(safe_label(invocation.agent)),
        "role": role_name(safe_label(invocation.role)),
        "wp_id": work_package_name(safe_label(invocation.wp_id)),
        "attempt": invocation.attempt,
        "run_id": safe_label(invocation.run_id),
        "started_at": invocation.started_at.astimezone(UTC) if invocation.started_at else None,
        "tags": safe_tags(invocation.tags),
        "version": PAYLOAD_VERSION,
    }


def _used(invocation: Invocation, result: InvocationResult, usage: Usage | None) -> dict[str, Any]:
    said = {name: getattr(result, name) for name in HOST_FIELDS if getattr(result, name) is not None}
    found = {} if usage is None else _counts(usage)
    models = () if usage is None else usage.models
    if said.keys() - {"cost_usd"}:
        # A host's totals and an agent's parts of other totals do not belong together.
        models = ()
        found = {name: value for name, value in found.items() if name not in _parts_of(said)}
    shown = safe_label(result.model or (usage.model if usage else None) or invocation.model)
    return {
        **found,
        **said,
        "model": shown,
        "requested_model": _requested(shown, invocation, usage),
        "provider": safe_label(result.provider or (usage.provider if usage else None) or invocation.provider),
        "session_id": safe_label(result.session_id or (usage.session_id if usage else None) or invocation.session_id),
        "models": [_part(part) for part in models],
        "usage_source": _source(said, usage),
    }


def _requested(shown: str | None, invocation: Invocation, usage: Usage | None) -> str | None:
    """Return the name that was asked for, where another one was shown: it may have a price where that one has none."""
    asked = safe_label((usage.requested_model if usage else None) or invocation.model)
    return None if asked == shown else asked


def _parts_of(said: Mapping[str, object]) -> set[str]:
    parts: set[str] = set()
    if said.keys() & {"input_tokens", "cache_read_tokens", "cache_write_tokens"}:
        parts |= {"input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens"}
    if "output_tokens" in said:
        parts |= {"output_tokens", "reasoning_tokens"}
    return parts


def _counts(usage: Usage) -> dict[str, Any]:
    """Return the counts of a run; a total that was not said is the sum of its models, if they said it."""
    counts = {name: _total(usage, name) for name in NUMBER_FIELDS if name != "guessed_cost_usd"}
    return {
        **counts,
        **{name: safe_label(getattr(usage, name)) for name in RATE_FIELDS},
        "guessed_cost_usd": _guessed(usage),
        "agent_duration_ms": usage.duration_ms,
        "uncertain": safe_error(usage.uncertain),
    }


def _guessed(usage: Usage) -> Decimal | None:
    """Return the guesses of a run; those of some models are what was guessed, so they are added up."""
    parts = [part.guessed_cost_usd for part in usage.models if part.guessed_cost_usd is not None]
    added = sum(parts, Decimal(0)) if parts else None
    return added if usage.guessed_cost_usd is None else usage.guessed_cost_usd


def _total(usage: Usage, name: str) -> Any:
    if (whole := getattr(usage, name)) is not None:
        return whole
    parts = [getattr(part, name) for part in usage.models]
    if name == "cost_usd" and None in parts:
        return None  # the dollars of some models alone would pass for those of the run
    known = [part for part in parts if part is not None]
    # A sum above what a record can hold is as good as unknown; written down, it would make the line unreadable.
    most = MAXIMUM_COST_USD if name == "cost_usd" else MAXIMUM_COUNT
    return sum(known) if known and sum(known) <= most else None


def _part(part: ModelUsage) -> ModelPart:
    labels = {name: safe_label(getattr(part, name)) for name in (*RATE_FIELDS, "provider", "requested_model")}
    return ModelPart(**{**part.model_dump(), **labels, "model": safe_label(part.model) or "unknown"})


def _source(said: Mapping[str, Decimal | int], usage: Usage | None) -> UsageSource:
    if said:
        return "host"
    if usage is None or not (usage.has_tokens or usage.cost_usd is not None or usage.models):
        return "none"
    return usage.source


def _outcome(result: InvocationResult, usage: Usage | None) -> Outcome:
    """Return how the run ended: a review that its agent could not finish has failed, it has not rejected anything."""
    outcome = result.settled_outcome()
    broke_down = usage is not None and usage.success is False
    return "failed" if broke_down and outcome in {"succeeded", "rejected"} else outcome


def _milliseconds(invocation: Invocation, result: InvocationResult) -> int | None:
    if result.duration_seconds is not None:
        return round(result.duration_seconds * 1000)
    if invocation.started_at is None:
        return None
    elapsed = (result.ended_at - invocation.started_at).total_seconds()
    return round(elapsed * 1000) if elapsed >= 0 else None


def safe_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return `tags` as a record may hold them."""
    safe = {safe_label(name): safe_label(value) for name, value in list(tags.items())[:32]}
    return {name: value or "" for name, value in safe.items() if name}
