"""Copilot CLI's session store: `session-state/<session>/events.jsonl` and `session-store.db`.

- Newer versions (1.0.102) write a `session.usage_record` for each request, with an id.
- Others have a row for each request in the database (about 1.0.69 on), or only totals by model at each clean end of
  the program; totals may go on when a session is resumed, or begin again.
- Sub-agents write into the same file, each under its `agentId`.

Source: stores of Copilot CLI 1.0.102 (2026-11); getagentseal/codeburn.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.agents.common.fields import inner, moment, word
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.json_lines import JsonLines, request_of
from spec_kitty_telemetry.agents.common.session_totals import difference
from spec_kitty_telemetry.agents.common.sqlite_files import open_sqlite, wal_of
from spec_kitty_telemetry.agents.common.store import Fragment, Request, Signal, Thread
from spec_kitty_telemetry.agents.common.store_files import walk
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts
from spec_kitty_telemetry.agents.copilot.transcript import metrics, usage_counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.fields import Json
    from spec_kitty_telemetry.agents.common.store import StoredSession

AGENT = "copilot"
FORMAT = 2
"""Goes up when the same file would be read as something else."""

_LEG, _ROW = "leg ", "row "
"""Begin the ids of what is known from totals, and from the database."""
_ADDED_UP = "the requests of one start of the program are added up: only their totals were written"
_ROWS = (
    "SELECT id, session_id, agent_id, parent_tool_call_id, created_at, model, input_tokens, cache_read_tokens,"
    " cache_write_tokens, output_tokens, reasoning_tokens FROM assistant_usage_events ORDER BY id"
)
_NAMES = ("inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens")


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the files of sessions and the database."""
    root = context.folder("COPILOT_HOME", ".copilot")
    yield from walk(root / "session-state", r"events\.jsonl", depth=1)
    yield from walk(root, r"session-store\.db", depth=0)


def companions(path: Path) -> list[Path]:
    """Return a database's log."""
    return [wal_of(path)] if path.suffix == ".db" else []


class Reader(JsonLines):
    """Reads one session's file."""

    counted = (
        b'"session.usage_record"',
        b'"session.shutdown"',
        b'"session.start"',
        b'"session.resume"',
        b'"user.message"',
    )

    def begin(self, path: Path) -> Fragment:
        """Take the session from the name of the folder."""
        session = path.parent.name
        return Fragment(session_id=session, thread=Thread(thread_id=session))

    def moment_of(self, line: Json) -> datetime | None:
        """Return when a line was written."""
        return moment(line.get("timestamp"))

    def note(self, line: Json, at: datetime | None) -> None:
        """Take in an event."""
        kind, data = line.get("type"), inner(line, "data")
        if at is None:
            return
        if kind in {"session.start", "session.resume"}:
            self._start(data, at)
            return
        folder = str(self.main.carried.get("folder") or "") or None
        call = word(data, "parentToolCallId") or word(inner(data, "usage"), "parentToolCallId")
        fragment = self.fragment_of(word(line, "agentId"), call)
        if kind == "session.usage_record":
            self._record(line, data, at, folder, fragment)
        elif kind == "session.shutdown":
            self._end(data, at, folder)
        elif kind == "user.message":
            self.message([data.get("content")], at, folder, fragment)
        elif kind == "tool.execution_start":
            self.call(inner(data, "arguments"), at, word(data, "toolCallId"), folder, fragment)
        elif kind == "tool.execution_complete":
            self.end_of_call(word(data, "toolCallId"), at, fragment)

    def _start(self, data: Json, at: datetime) -> None:
        main = self.main
        main.began_at, main.version = main.began_at or at, word(data, "copilotVersion") or main.version
        main.carried["folder"] = word(inner(data, "context"), "cwd") or main.carried.get("folder") or ""

    def _record(self, line: Json, data: Json, at: datetime, folder: str | None, fragment: Fragment) -> None:
        accounting = inner(data, "accounting") or inner(data, "usage", "accounting")
        used = inner(data, "usage")
        key = word(accounting, "usageId") or word(used, "apiCallId") or word(line, "id") or at.isoformat()
        source = word(accounting, "sourceSessionId")
        is_copy = source not in {None, self.main.session_id}
        if is_copy:
            self.main.forked_from = source
        model = Model(word(used, "model") or "")
        self.count(request_of(key, at, model, usage_counts(used), folder, is_copy=is_copy), fragment)
        self.main.carried["recorded"] = 1

    def _end(self, data: Json, at: datetime, folder: str | None) -> None:
        """Take in totals: what was added since the last ones, unless its requests are written one by one."""
        totals = {name: usage_counts(inner(found, "usage")) for name, found in metrics(data).items()}
        before = self._before()
        grown = difference(totals, before) if before else totals
        if not self.main.carried.get("recorded"):
            for name, counts in (totals if grown is None else grown).items():
                if counts.has_tokens and (counts.input_tokens or counts.output_tokens):
                    key = f"{_LEG}{self.main.session_id} {at.isoformat()} {name}"
                    self.count(request_of(key, at, Model(name), counts.doubted(_ADDED_UP), folder))
        self.main.carried["recorded"] = 0
        self.main.carried["totals"] = msgspec.json.encode(totals).decode()

    def _before(self) -> dict[str, TokenCounts]:
        kept = self.main.carried.get("totals")
        return msgspec.json.decode(str(kept), type=dict[str, TokenCounts]) if kept else {}


reader = Reader


def read_file(path: Path) -> list[Fragment] | None:
    """Read the database; `None` for a session's own file."""
    if path.suffix != ".db":
        return None
    fragments: dict[tuple[str, str], Fragment] = {}
    with open_sqlite(path) as base:
        if base is None:
            return []
        folders = {str(name): folder for name, folder in base.rows("SELECT id, cwd FROM sessions")}
        for number, session, agent, call, created, model, *numbers in base.rows(_ROWS):
            at = moment(created)
            if at is None or not isinstance(session, str):
                continue
            name = agent if isinstance(agent, str) and agent else session
            thread = Thread(
                thread_id=name, is_subagent=name != session, parent_call_id=call if isinstance(call, str) else None
            )
            fragment = fragments.setdefault((session, name), Fragment(session_id=session, thread=thread))
            counts = usage_counts(dict(zip(_NAMES, numbers, strict=True)))
            folder = folders.get(session)
            key = f"{_ROW}{session} {number}"
            request = request_of(key, at, Model(str(model or "")), counts, folder if isinstance(folder, str) else None)
            fragment.thread.entries.append(request)
    return list(fragments.values())


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join what the file and the database say of each session: single requests, as many as there are, else totals."""
    found = joined(AGENT, fragments)
    for session in found:
        kinds = Counter(_kind(entry) for thread in session.threads for entry in thread.entries)
        chosen = _ROW if kinds[_ROW] > kinds[""] else ""
        left_out = {_ROW, ""} - {chosen} | ({_LEG} if kinds[_ROW] else set())
        threads: dict[str, Thread] = {}
        for thread in session.threads:
            same = threads.setdefault(thread.thread_id, thread)
            kept = [entry for entry in thread.entries if _kind(entry) not in left_out]
            same.entries = kept if same is thread else [*same.entries, *kept]
        for thread in threads.values():
            thread.entries.sort(key=lambda entry: entry.at)
        session.threads = [thread for thread in threads.values() if thread.entries]
    return found


def _kind(entry: Request | Signal) -> str:
    """Return where a request is known from; something else for what is no request."""
    if not isinstance(entry, Request):
        return "signal"
    return next((kind for kind in (_LEG, _ROW) if entry.request_id.startswith(kind)), "")
