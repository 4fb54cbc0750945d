"""Codex's rollout files: `sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl`, and `archived_sessions/`.

A run is its main thread and everything that this started: sub-agents, and the reviewer of `codex exec review`, are
threads with files of their own, which name their parent (`parent_thread_id`) and the main thread (`session_id`).  What
one file says is the business of `thread`.

Sources: openai/codex rollout files of 0.142.4 to 0.171.0; getagentseal/codeburn `docs/providers/codex.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.codex.thread import MARKERS, Thread
from spec_kitty_telemetry.agents.common.fields import inner, moment, word
from spec_kitty_telemetry.agents.common.files import changed_since
from spec_kitty_telemetry.agents.common.tokens import TokenCounts, by_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext, Window
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.agents.common.tokens import Model


@dataclass(slots=True)
class Rollout:
    """What the files of one run say."""

    window: Window | None = None
    main: Thread = field(default_factory=Thread)
    children: list[Thread] = field(default_factory=list)
    doubt: str | None = None
    """Why the numbers may be too low."""

    @property
    def own(self) -> dict[Model, TokenCounts]:
        """What the main thread used in the run."""
        return self.main.models(self.window) if self.window else {}

    @property
    def by_children(self) -> dict[Model, TokenCounts]:
        """What the threads that it started used in the run."""
        models = [child.models(self.window) for child in self.children] if self.window else []
        return by_model(item for one in models for item in one.items())

    @property
    def before(self) -> TokenCounts:
        """The main thread's running total before the run."""
        return self.main.before(self.window) if self.window else TokenCounts()

    @property
    def duration_ms(self) -> int | None:
        """How long the run's last turn took."""
        return self.main.duration_ms(self.window) if self.window else None

    def lacks(self, threads: set[str]) -> int:
        """Return how many of the `threads` that the run started have no file with a request in it."""
        return len(threads - {child.thread for child in self.children if child.requests})


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Rollout | None:
    """Read the rollout files of the run."""
    path = _by_session(context, wanted, reading) if wanted.session_id else _by_folder(context, wanted, reading)
    if path is None:
        return None
    files = _Threads(context, reading)
    main = files.read(path)
    children = [files.read(child) for child in _children(context, wanted, reading, main.thread)]
    return Rollout(wanted.window, main, children, reading.doubt)


class _Threads:
    """Reads threads' files, each once: a fork asks for its parent's totals."""

    def __init__(self, context: AgentContext, reading: SessionFiles) -> None:
        self._context = context
        self._reading = reading
        self._totals: dict[str, list[TokenCounts]] = {}

    def read(self, path: Path) -> Thread:
        thread = Thread(self.totals_of)
        for line in self._reading.lines(path, *MARKERS):
            thread.note(line)
        if thread.thread:
            self._totals[thread.thread] = [running for _, running in thread.totals]
        return thread

    def totals_of(self, thread: str) -> list[TokenCounts]:
        if thread not in self._totals:
            self._totals[thread] = []  # a circle of forks ends here
            path = _file_of(self._context, thread, self._reading)
            if path is not None:
                self.read(path)
        return self._totals[thread]


def _by_session(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    return _file_of(context, wanted.safe_session, reading) if wanted.safe_session else None


def _file_of(context: AgentContext, thread: str, reading: SessionFiles) -> Path | None:
    root = context.folder("CODEX_HOME", ".codex")
    name = rf"rollout-.*{re.escape(thread)}\.jsonl"
    active = next(reading.files(root / "sessions", name, depth=3), None)
    return active or next(reading.files(root / "archived_sessions", name), None)


def _by_folder(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    """Return the only thread that began in the run's folder and time and is not a subagent's."""
    began = [path for path, start in _changed(context, wanted, reading) if _began(start, wanted)]
    return began[0] if len(began) == 1 else None


def _began(start: Json, wanted: SessionQuery) -> bool:
    payload = inner(start, "payload")
    if _is_subagent(payload):
        return False
    return wanted.is_folder(payload.get("cwd")) and wanted.window.holds(moment(start.get("timestamp")))


def _is_subagent(payload: Json) -> bool:
    is_said = payload.get("thread_source") == "subagent" or isinstance(payload.get("source"), dict)
    return is_said or bool(word(payload, "parent_thread_id"))


def _changed(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Iterator[tuple[Path, Json]]:
    """Yield the files that were written since the run began, with their first lines."""
    root = context.folder("CODEX_HOME", ".codex")
    for folder, depth in ((root / "sessions", 3), (root / "archived_sessions", 0)):
        for path in reading.files(folder, r"rollout-.*\.jsonl", depth=depth):
            if changed_since(path, wanted.window):
                yield path, next(reading.first(path, 1), {})


def _children(context: AgentContext, wanted: SessionQuery, reading: SessionFiles, main: str | None) -> list[Path]:
    """Return the files of the threads that the main one started, and that those started."""
    candidates: dict[str, tuple[Path, set[str]]] = {}
    for path, start in _changed(context, wanted, reading):
        payload = inner(start, "payload")
        thread = word(payload, "id")
        if thread and _is_subagent(payload):
            parents = {named for name in ("parent_thread_id", "session_id") if (named := word(payload, name))}
            candidates.setdefault(thread, (path, parents))
    family = {main} if main else set()
    while grown := {thread for thread, (_, parents) in candidates.items() if thread not in family and parents & family}:
        family |= grown
    return [path for thread, (path, _) in candidates.items() if thread in family and thread != main]
