"""From a segment to its record, and to the rows of `import --json`."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.importing.identify import segment_id
from spec_kitty_telemetry.model.payload import (
    MAXIMUM_COST_USD,
    MAXIMUM_COUNT,
    PAYLOAD_VERSION,
    ExecutionPayload,
    ModelPart,
)
from spec_kitty_telemetry.model.record import ExecutionEvent
from spec_kitty_telemetry.project.layout import OUTSIDE
from spec_kitty_telemetry.recording.compose import safe_tags
from spec_kitty_telemetry.recording.redaction import safe_error, safe_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spec_kitty_telemetry.agents.common.store import Request
    from spec_kitty_telemetry.importing.attribute import Segment
    from spec_kitty_telemetry.project.identity import Identity

COUNTS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "web_search_requests", "cost_usd",
)  # fmt: skip
_BILLING = ("speed", "service_tier", "inference_geo")
_KINDS = ("model", "provider", *_BILLING)


def subject_of(segment: Segment, moves: int = 0) -> str:
    """Return the id of the first record of `segment`; `moves` as for `segment_id`."""
    first, session = segment.first, segment.session
    mission = segment.task.mission if segment.task else None
    scope = mission.scope if mission else "outside"
    return segment_id(session.agent, session.session_id, first.request_id, scope, first.at, moves)


def feature_of(segment: Segment) -> str | None:
    """Return the slug of the segment's mission; `None`: it is outside of all."""
    mission = segment.task.mission if segment.task else None
    return mission.slug if mission else None


def record_of(segment: Segment, identity: Identity, tags: Mapping[str, str]) -> ExecutionEvent:
    """Return the first record of `segment` with these `tags`; its clock is given when it is appended."""
    subject = subject_of(segment)
    return ExecutionEvent(
        event_id=subject,
        aggregate_id=feature_of(segment) or OUTSIDE,
        timestamp=segment.last.at.astimezone(UTC),
        node_id=identity.node_id,
        payload=_payload(segment, tags),
        build_id=identity.build_id,
        correlation_id=subject,
        project_slug=identity.project_slug,
        project_uuid=identity.project_uuid,
    )


def _payload(segment: Segment, tags: Mapping[str, str]) -> ExecutionPayload:
    requests = [request for _, request in segment.requests]
    parts = parts_of(requests)
    main = max(parts, key=lambda part: (part.output_tokens or 0, part.input_tokens or 0))
    task = segment.task
    is_whole = task is not None and segment.wp_id is not None
    outcome = task.outcome if task is not None and is_whole else None
    return ExecutionPayload(
        agent=safe_label(segment.session.agent),
        role=safe_label(segment.role),
        wp_id=safe_label(segment.wp_id),
        attempt=task.attempt if task is not None and is_whole else None,
        outcome=outcome,
        success=None if outcome is None else outcome == "succeeded",
        model=None if main.model == UNKNOWN else main.model,
        provider=main.provider,
        models=parts,
        session_id=safe_label(segment.session.session_id),
        started_at=segment.first.at.astimezone(UTC),
        attributed_by=list(task.attributed_by) if task is not None else [OUTSIDE_MISSIONS],
        subagent_count=segment.subagent_count or None,
        uncertain=doubt_of(segment),
        usage_source="transcript",
        tags=safe_tags(tags),
        version=PAYLOAD_VERSION,
        **_sums(parts),
        **_common(parts),
    )


UNKNOWN = "unknown"
OUTSIDE_MISSIONS = "none"
"""What stands in `attributed_by` where no marker ties the requests to a mission."""


def doubt_of(segment: Segment) -> str | None:
    """Return why the record may be off, in one line."""
    said = [*segment.doubts, *(request.doubt for _, request in segment.requests if request.doubt)]
    return safe_error("; ".join(dict.fromkeys(said)))


def parts_of(requests: Iterable[Request]) -> list[ModelPart]:
    """Return what each model was given and gave, one part for each way in which its requests are billed."""
    together: dict[tuple[Any, ...], list[Request]] = {}
    for request in requests:
        together.setdefault(tuple(getattr(request, name) for name in _KINDS), []).append(request)
    found = []
    for key, every in together.items():
        kinds: dict[str, Any] = dict(zip(_KINDS, (safe_label(each) for each in key), strict=True))
        kinds["model"] = kinds["model"] or UNKNOWN
        found.append(ModelPart(**kinds, **_sums(every)))
    return sorted(found, key=lambda part: tuple(getattr(part, name) or "" for name in _KINDS))


def _sum(parts: Sequence[Request] | Sequence[ModelPart], name: str) -> Any:
    """Return the sum of what is known; unknown where nothing is, or it is more than a record can hold.

    The dollars of some requests alone would pass for those of all.
    """
    known = [value for part in parts if (value := getattr(part, name)) is not None]
    if not known or (name == "cost_usd" and len(known) < len(parts)):
        return None
    most = MAXIMUM_COST_USD if name == "cost_usd" else MAXIMUM_COUNT
    total = sum(known)
    return total if 0 <= total <= most else None


def _sums(parts: Sequence[Request] | Sequence[ModelPart]) -> dict[str, Any]:
    return {name: _sum(parts, name) for name in COUNTS}


def _common(parts: Sequence[ModelPart]) -> dict[str, Any]:
    """Return how all parts are billed, where they agree."""
    values = {name: {getattr(part, name) for part in parts} for name in _BILLING}
    return {name: next(iter(said)) for name, said in values.items() if len(said) == 1}


def rows_of(segment: Segment) -> list[dict[str, Any]]:
    """Return a row for each session and model of `segment`, as `import --json` prints them.

    A sub-agent that its agent lists as a session of its own has that session's id.
    """
    together: dict[tuple[str, str | None], list[Request]] = {}
    for thread, request in segment.requests:
        session_id = thread.session_id or segment.session.session_id
        together.setdefault((session_id, request.model), []).append(request)
    return [_row(segment, session_id, model, every) for (session_id, model), every in together.items()]


def _project(segment: Segment) -> str | None:
    mission = segment.task.mission if segment.task else None
    project = mission.project if mission else segment.place.project
    return str(project.root) if project else None


def _row(segment: Segment, session_id: str, model: str | None, requests: Sequence[Request]) -> dict[str, Any]:
    task = segment.task
    ordered = sorted(requests, key=lambda each: each.at)
    is_whole = task is not None and segment.wp_id is not None
    row: dict[str, Any] = {
        "feature": feature_of(segment),
        "project": _project(segment),
        "wp_id": segment.wp_id,
        "role": segment.role,
        "attempt": task.attempt if task is not None and is_whole else None,
        "outcome": task.outcome if task is not None and is_whole else None,
        "agent": segment.session.agent,
        "model": model,
        "provider": ordered[-1].provider,
        "session_id": session_id,
        "folder": ordered[-1].folder,
        "started_at": ordered[0].at.astimezone(UTC),
        "timestamp": ordered[-1].at.astimezone(UTC),
        "attributed_by": list(task.attributed_by) if task is not None else [],
        "uncertain": doubt_of(segment),
        "hidden": segment.is_hidden,
        "request_count": None if segment.is_hidden else len(ordered),
        "subagent_count": segment.subagent_count,
        "event_id": subject_of(segment),
    }
    return row | _sums(ordered)
