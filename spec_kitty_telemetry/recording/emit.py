"""Recording one run with one call, for scripts and for hosts that have no hooks."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.log.writer import Appended, FeatureLog
from spec_kitty_telemetry.project.identity import identity_of
from spec_kitty_telemetry.project.layout import Project, check_slug, settings_or_defaults
from spec_kitty_telemetry.project.locate import project_of_feature_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)


def emit_execution_event(
    feature_dir: Path | str,
    feature_slug: str,
    wp_id: str | None,
    agent: str,
    role: str,
    *,
    model: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    cost_usd: Decimal | float | str | None = None,
    duration_ms: int | None = None,
    success: bool | None = True,
    error: str | None = None,
    exit_code: int | None = None,
    cache_read_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    cache_write_1h_tokens: int | None = None,
    reasoning_tokens: int | None = None,
    provider: str | None = None,
    attempt: int | None = None,
    outcome: str | None = None,
    run_id: str | None = None,
    session_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    timestamp: datetime | None = None,
    event_id: str | None = None,
    causation_id: str | None = None,
    correlation_id: str | None = None,
) -> Appended | None:
    """Append one record to the log of the feature in `feature_dir`; never raises, never waits more than 0.3 s.

    TokenCounts are whole tokens in the record's meaning: `input_tokens` is the whole prompt with what was read from and
    written to a cache, `output_tokens` includes reasoning.  Leave out what is not known.  `cost_usd` is US dollars; a
    float is taken by its shortest decimal form.  `timestamp` (aware) is when the run ended, by default now;
    `success` is `None` where nobody knows.  Of two
    records with one `event_id` the first counts.

    It is a way around the hooks, not a host: no plugin hears of this record, not even through `event_recorded`.  Who
    wants plugins to hear of it calls `Hooks`.

    Returns where the record went; `None` when telemetry is off, or when nothing could be recorded: why is logged as a
    warning.
    """
    facts = {name: value for name, value in locals().items() if name not in {"feature_dir", "feature_slug"}}
    try:
        return _emit(Path(feature_dir), feature_slug, facts)
    except Exception as problem:  # noqa: BLE001 - the promise of this function
        logger.warning("an execution event of %s was not recorded: %s", feature_slug, problem)
        return None


def _emit(feature_dir: Path, feature: str, facts: dict[str, Any]) -> Appended | None:
    from spec_kitty_telemetry.recording.compose import (
        compose_event,  # pydantic: a host that is off must not wait for it
        labelled,
    )

    project, folder = project_of_feature_dir(feature_dir)
    settings = settings_or_defaults(project)
    if not settings.enabled:
        return None
    invocation, result, usage = _told(project, check_slug(feature), facts)
    event = compose_event(
        identity_of(project.root), labelled(invocation, settings.tags), result, usage, error_text=bool(facts["error"])
    )
    if facts["success"] is None and facts["outcome"] is None:
        unknown = msgspec.structs.replace(event.payload, outcome=None, success=None, error=None)
        event = msgspec.structs.replace(event, payload=unknown)
    return FeatureLog(project, folder, fsync=settings.fsync).append(event)


def _told(project: Project, feature: str, facts: dict[str, Any]) -> tuple[Any, Any, Any]:
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage

    def given(*names: str) -> dict[str, Any]:
        return {name: facts[name] for name in names if facts[name] is not None}

    ended_at = facts["timestamp"] or datetime.now(UTC)
    event_id: dict[str, Any] = {"invocation_id": facts["event_id"]} if facts["event_id"] else {}
    cost: dict[str, Any] = {} if facts["cost_usd"] is None else {"cost_usd": _dollars(facts["cost_usd"])}
    invocation = Invocation(
        project_root=project.root,
        feature=feature,
        started_at=None,
        tags=facts["tags"] or {},
        **event_id,
        **given("agent", "role", "wp_id", "attempt", "run_id", "causation_id", "correlation_id"),
    )
    seconds = {} if facts["duration_ms"] is None else {"duration_seconds": facts["duration_ms"] / 1000}
    result = InvocationResult(
        success=facts["success"] is not False,
        errors=(facts["error"],) if facts["error"] else (),
        ended_at=ended_at,
        **seconds,
        **given("exit_code", "outcome"),
    )
    usage = Usage(
        source="manual",
        **cost,
        **given(
            "model", "provider", "session_id", "input_tokens", "output_tokens", "cache_read_tokens",
            "cache_write_tokens", "cache_write_1h_tokens", "reasoning_tokens",
        ),
    )  # fmt: skip
    return invocation, result, usage


def _dollars(said: Decimal | float | str) -> Decimal:
    try:
        return Decimal(str(said))
    except InvalidOperation as error:
        raise ValueError(f"cost_usd: found {said!r}, expected dollars such as 0.051086") from error
