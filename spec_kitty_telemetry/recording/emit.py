"""Recording one run with one call, for scripts and for hosts that have no hooks."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from spec_kitty_telemetry.log.writer import Appended, FeatureLog
from spec_kitty_telemetry.model.ids import new_id
from spec_kitty_telemetry.project.identity import identity_of
from spec_kitty_telemetry.project.layout import Project, check_slug, settings_or_defaults
from spec_kitty_telemetry.project.locate import project_of_feature_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Outcome, Usage

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

    Counts are whole tokens in the record's meaning: `input_tokens` is the whole prompt with what was read from and
    written to a cache, `output_tokens` includes reasoning.  Leave out what is not known.  `cost_usd` is US dollars; a
    float is taken by its shortest decimal form.  `timestamp` (aware) is when the run ended, by default now;
    `success` is `None` where nobody knows.  Of two records with one `event_id` the first counts.

    It is a way around the hooks, not a host: no plugin hears of this record, not even through `event_recorded`.  Who
    wants plugins to hear of it calls `Hooks`.

    Returns where the record went; `None` when telemetry is off, or when nothing could be recorded: why is logged as a
    warning.
    """
    run = _Run(agent, role, wp_id, attempt, run_id, event_id, causation_id, correlation_id, tags)
    ending = _Ending(success, outcome, exit_code, error, duration_ms, timestamp)
    used = _Used(
        model, provider, session_id, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
        cache_write_1h_tokens, reasoning_tokens, cost_usd,
    )  # fmt: skip
    try:
        return _emit(Path(feature_dir), feature_slug, run, ending, used)
    except Exception as problem:  # noqa: BLE001 - the promise of this function
        logger.warning("an execution event of %s was not recorded: %s", feature_slug, problem)
        return None


class _Run(NamedTuple):
    """What was run.  Like the two below as it was said: the models check it, once it is known that telemetry is on."""

    agent: str
    role: str
    wp_id: str | None
    attempt: int | None
    run_id: str | None
    event_id: str | None
    causation_id: str | None
    correlation_id: str | None
    tags: Mapping[str, str] | None

    def invocation(self, project: Project, feature: str) -> Invocation:
        from spec_kitty_telemetry.model.invocation import Invocation

        return Invocation(
            project_root=project.root,
            feature=feature,
            agent=self.agent,
            role=self.role,
            wp_id=self.wp_id,
            attempt=self.attempt,
            run_id=self.run_id,
            started_at=None,
            invocation_id=self.event_id or new_id(),
            causation_id=self.causation_id,
            correlation_id=self.correlation_id,
            tags=self.tags or {},
        )


class _Ending(NamedTuple):
    """How it ended."""

    success: bool | None
    outcome: str | None
    exit_code: int | None
    error: str | None
    duration_ms: int | None
    timestamp: datetime | None

    @property
    def is_known(self) -> bool:
        return self.success is not None or self.outcome is not None

    def result(self) -> InvocationResult:
        from spec_kitty_telemetry.model.invocation import InvocationResult

        return InvocationResult(
            success=self.success is not False,
            outcome=cast("Outcome | None", self.outcome),
            exit_code=self.exit_code,
            errors=(self.error,) if self.error else (),
            duration_seconds=None if self.duration_ms is None else self.duration_ms / 1000,
            ended_at=self.timestamp or datetime.now(UTC),
        )


class _Used(NamedTuple):
    """What it used."""

    model: str | None
    provider: str | None
    session_id: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cache_write_1h_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: Decimal | float | str | None

    def usage(self) -> Usage:
        from spec_kitty_telemetry.model.invocation import Usage

        return Usage(
            source="manual",
            model=self.model,
            provider=self.provider,
            session_id=self.session_id,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
            cache_write_1h_tokens=self.cache_write_1h_tokens,
            reasoning_tokens=self.reasoning_tokens,
            cost_usd=None if self.cost_usd is None else _dollars(self.cost_usd),
        )


def _emit(feature_dir: Path, feature: str, run: _Run, ending: _Ending, used: _Used) -> Appended | None:
    from spec_kitty_telemetry.recording.compose import compose_event, labelled

    project, folder = project_of_feature_dir(feature_dir)
    settings = settings_or_defaults(project)
    if not settings.enabled:
        return None
    # Only from here on the models are imported: a host that is off must not wait for pydantic.
    invocation = labelled(run.invocation(project, check_slug(feature)), settings.tags)
    event = compose_event(
        identity_of(project.root), invocation, ending.result(), used.usage(), error_text=bool(ending.error)
    )
    if not ending.is_known:
        unknown = msgspec.structs.replace(event.payload, outcome=None, success=None, error=None)
        event = msgspec.structs.replace(event, payload=unknown)
    return FeatureLog(project, folder, fsync=settings.fsync).append(event)


def _dollars(said: Decimal | float | str) -> Decimal:
    try:
        return Decimal(str(said))
    except InvalidOperation as error:
        raise ValueError(f"cost_usd: found {said!r}, expected dollars such as 0.051086") from error
