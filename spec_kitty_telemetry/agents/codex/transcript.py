"""Codex's rollout files: `sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl`, and `archived_sessions/`.

`token_count` events have the thread's running total; a run's tokens are the last total in its time less the last one
before it.  Should the total fall, the sizes of the single requests are added instead, repeated events once.  The model
is that of the latest `turn_context`.  Subagents have files of their own, which are not added.

Sources: openai/codex rollout files of 0.142.4 and 0.169.0; getagentseal/codeburn `docs/providers/codex.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import get_int, inner, milliseconds, moment, word
from spec_kitty_telemetry.agents.common.files import changed_since
from spec_kitty_telemetry.agents.common.session_totals import difference
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, of_whole, total

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext, Window
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json


@dataclass(slots=True)
class Rollout:
    """What a thread's file says about one run."""

    thread: str | None = None
    model: str | None = None
    provider: str | None = None
    duration_ms: int | None = None
    before: TokenCounts = field(default_factory=TokenCounts)
    """The thread's total before the run."""
    totals: list[TokenCounts] = field(default_factory=list)
    """The running totals of the run, in order, repetitions left out."""
    requests: list[TokenCounts] = field(default_factory=list)
    """What came with each of the totals: the size of one request."""

    doubt: str | None = None
    """Why the numbers may be too low."""

    @property
    def named_model(self) -> Model | None:
        """The model with who bills for it."""
        return Model(self.model, self.provider) if self.model else None

    @property
    def counts(self) -> TokenCounts:
        """What the run used."""
        previous, added = self.before, TokenCounts()
        if self.totals:
            grown = difference({"": self.totals[-1]}, {"": previous})
            added = total(self.requests) if grown is None else grown[""]
        return added

    def note(self, line: Json, window: Window) -> None:
        """Take in one line."""
        payload = inner(line, "payload")
        kind = word(payload, "type") if line.get("type") == "event_msg" else word(line, "type")
        if kind == "session_meta":
            self.thread = self.thread or word(payload, "id")
            self.provider = word(payload, "model_provider") or self.provider
        elif kind == "turn_context":
            self.model = word(payload, "model") or self.model
        elif kind == "task_complete" and window.holds(moment(line.get("timestamp"))):
            self.duration_ms = milliseconds(payload, "duration_ms")
        elif kind == "token_count":
            self._count(inner(payload, "info"), line, window)

    def _count(self, info: Json, line: Json, window: Window) -> None:
        running = turn_counts(inner(info, "total_token_usage"))
        when = moment(line.get("timestamp"))
        if not running.has_tokens or when is None:
            return
        if window.holds(when):
            if running != (self.totals[-1] if self.totals else self.before):
                self.totals.append(running)
                self.requests.append(turn_counts(inner(info, "last_token_usage")))
        elif when < window.start:
            self.before = running


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Rollout | None:
    """Read the run's rollout file."""
    path = _by_session(context, wanted, reading) if wanted.session_id else _by_folder(context, wanted, reading)
    if path is None:
        return None
    rollout = Rollout()
    markers = ('"session_meta"', '"turn_context"', '"token_count"', '"task_complete"')
    for line in reading.lines(path, *markers):
        rollout.note(line, wanted.window)
    rollout.doubt = reading.doubt
    return rollout


def _by_session(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    thread = wanted.safe_session
    root = context.folder("CODEX_HOME", ".codex")
    if thread is None:
        return None
    name = rf"rollout-.*{re.escape(thread)}\.jsonl"
    active = next(reading.files(root / "sessions", name, depth=3), None)
    return active or next(reading.files(root / "archived_sessions", name), None)


def _by_folder(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    """Return the only thread that began in the run's folder and time and is not a subagent's."""
    root = context.folder("CODEX_HOME", ".codex") / "sessions"
    candidates = reading.files(root, r"rollout-.*\.jsonl", depth=3)
    began = [path for path in candidates if changed_since(path, wanted.window) and _began(path, wanted, reading)]
    return began[0] if len(began) == 1 else None


def _began(path: Path, wanted: SessionQuery, reading: SessionFiles) -> bool:
    start = next(reading.first(path, 1), {})
    payload = inner(start, "payload")
    if payload.get("parent_thread_id") or payload.get("forked_from_id") or isinstance(payload.get("source"), dict):
        return False
    return wanted.is_folder(payload.get("cwd")) and wanted.window.holds(moment(start.get("timestamp")))


def turn_counts(found: Json) -> TokenCounts:
    """Count what was used: cached and cache-written input are parts of input, reasoning of output."""
    return of_whole(
        get_int(found, "input_tokens"),
        cache_read=get_int(found, "cached_input_tokens"),
        cache_write=get_int(found, "cache_write_input_tokens"),
        output=get_int(found, "output_tokens"),
        reasoning=get_int(found, "reasoning_output_tokens"),
    )
