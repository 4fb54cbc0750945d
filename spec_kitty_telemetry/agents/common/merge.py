"""What stdout does not say, taken from an agent's own files; what stdout says stays as it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from spec_kitty_telemetry.agents.common.context import Window
from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
from spec_kitty_telemetry.agents.common.tokens import join_doubts
from spec_kitty_telemetry.model.tokens import NUMBER_FIELDS, RATE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage

_Found = TypeVar("_Found")

log = logging.getLogger(__name__)

_GUESSED = "the session was found by its working folder and time"


def look_up(
    invocation: Invocation,
    result: InvocationResult,
    context: AgentContext,
    session_id: str | None,
    find: Callable[[AgentContext, SessionQuery, SessionFiles], _Found | None],
) -> _Found | None:
    """Ask `find` for a run's own files, if they may be read; never raise."""
    if not context.transcripts:
        return None
    folder = invocation.working_dir or invocation.project_root
    wanted = SessionQuery(_session(invocation, result, session_id), folder, Window.of(invocation, result))
    try:
        return find(context, wanted, SessionFiles())
    except Exception:
        log.warning("the files of agent %r could not be read", invocation.agent, exc_info=True)
        return None


def with_transcript(
    said: Usage,
    invocation: Invocation,
    result: InvocationResult,
    context: AgentContext,
    find: Callable[[AgentContext, SessionQuery, SessionFiles], Usage | None],
) -> Usage:
    """Complete what stdout said with the run's own files; a match by folder and time alone is in doubt."""
    found = look_up(invocation, result, context, said.session_id, find)
    if found is None:
        return said
    return completed(said, found, doubt=doubt_of_match(invocation, result, said.session_id))


def doubt_of_match(invocation: Invocation, result: InvocationResult, printed_session: str | None) -> str | None:
    """Say that a run's files were found by folder and time alone, where its session is not known."""
    return None if _session(invocation, result, printed_session) else _GUESSED


def completed(said: Usage, found: Usage, *, doubt: str | None = None, prefer_numbers: bool = False) -> Usage:
    """Take from `found` what stdout did not say, and all numbers where stdout's were partial, in doubt or missing.

    `doubt` is about the match; whatever is taken carries it.
    """
    found = found.model_copy(update={"uncertain": join_doubts(doubt, found.uncertain)})
    names = [name for name in ("session_id", "success", "duration_ms", "error") if getattr(said, name) is None]
    if found.has_tokens and (prefer_numbers or said.input_tokens is None or said.uncertain):
        names += [*NUMBER_FIELDS, *RATE_FIELDS, "models", "model", "provider", "source", "uncertain"]
    elif said.model is None:
        names += ["model", "provider"]
    return said.model_copy(update={name: getattr(found, name) for name in names})


def _session(invocation: Invocation, result: InvocationResult, printed: str | None) -> str | None:
    return printed or result.session_id or invocation.session_id
