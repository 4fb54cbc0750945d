"""The stores of OpenCode and Kilo 7: an SQLite file in newer versions, a tree of JSON files in older ones.

A message has the model; its `tokens` are those of its last step only while its `cost` grows with every step, so the
`step-finish` parts are added up where there are any.  Subagents are sessions of their own with a parent; the cost of
Kilo's message holds its subagents', that of its parts does not.  A fork begins with copies of its parent's messages,
which have new ids and are older than the session that holds them.

Sources: anomalyco/opencode `packages/opencode/src/session`; getagentseal/codeburn `docs/providers/opencode.md`; stores
of OpenCode 1.18.33 and Kilo 7.7.7.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.agents.common import json_spans as members
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import dollars, get_int, inner, milliseconds, moment, word
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext, Window
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage

_MOST_SESSIONS = 256
_CHILDREN = "SELECT id FROM session WHERE parent_id = ?"
_IN_FOLDER = (
    "SELECT id, directory, time_created FROM session WHERE parent_id IS NULL ORDER BY time_created DESC LIMIT 200"
)
_CREATED = "SELECT time_created FROM session WHERE id = ?"
_MESSAGES = "SELECT id, data FROM message WHERE session_id = ?"
_PARTS = "SELECT message_id, data FROM part WHERE message_id IN (SELECT id FROM message WHERE session_id = ?)"


class Found(NamedTuple):
    """What the store says about one run, and whether subagents had a part in it."""

    usage: Usage
    has_children: bool


class _Message(NamedTuple):
    found: Json
    parts: list[Json]


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Found | None:
    """Add up the messages of the run's session and of its subagents."""
    for store in _stores(context, reading):
        main = wanted.session_id or store.session_in(wanted)
        sessions = list(_with_children(store, main)) if main else []
        found = {session: _of_run(store, session, wanted.window) for session in sessions}
        messages = [message for session in sessions for message in found[session]]
        if messages:
            return Found(_summed(messages, main, reading), any(found[session] for session in sessions[1:]))
    return None


def _summed(found: list[_Message], session: str | None, reading: SessionFiles) -> Usage:
    models = by_model(
        (Model(word(message, "modelID") or "", word(message, "providerID")), step_counts(step))
        for message, parts in found
        for step in parts or [message]
    )
    times = [inner(message, "time") for message, _ in found]
    begun = [when for time in times if (when := milliseconds(time, "created")) is not None]
    ended = [when for time in times if (when := milliseconds(time, "completed")) is not None]
    duration = max(ended) - min(begun) if begun and ended and max(ended) >= min(begun) else None
    return build_usage(None, models, session_id=session, duration_ms=duration, source="transcript", doubt=reading.doubt)


def _of_run(store: _Database | _Files, session: str, window: Window) -> list[_Message]:
    began = store.created(session)
    answers = [message for message in store.messages(session) if message.found.get("role") == "assistant"]
    return [answer for answer in answers if window.holds(_created(answer.found)) and not is_copy(answer.found, began)]


def is_copy(message: Json, session_began: datetime | None) -> bool:
    """Whether a fork took a message over from its parent: it is older than the session."""
    created = _created(message)
    return created is not None and session_began is not None and created < session_began


def _created(found: Json) -> datetime | None:
    return moment(inner(found, "time").get("created"))


def _with_children(store: _Database | _Files, session: str) -> Iterator[str]:
    waiting, seen = [session], {session}
    while waiting and len(seen) < _MOST_SESSIONS:
        one = waiting.pop(0)
        yield one
        new = [child for child in store.children(one) if child not in seen]
        seen.update(new)
        waiting.extend(new)


def _stores(context: AgentContext, reading: SessionFiles) -> Iterator[_Database | _Files]:
    data = context.folder("XDG_DATA_HOME", ".local", "share")
    for name in ("opencode", "kilo"):
        for path in reading.files(data / name, rf"{name}.*\.db"):
            yield _Database(path, reading)
        yield _Files(data / name / "storage", reading)


class _Database:
    """The newer store."""

    def __init__(self, path: Path, reading: SessionFiles) -> None:
        self._path = path
        self._reading = reading

    def session_in(self, wanted: SessionQuery) -> str | None:
        rows = self._reading.rows(self._path, _IN_FOLDER)
        began = [
            str(name) for name, folder, when in rows if wanted.is_folder(folder) and wanted.window.holds(moment(when))
        ]
        return began[0] if len(began) == 1 else None

    def children(self, session: str) -> list[str]:
        return [str(name) for (name,) in self._reading.rows(self._path, _CHILDREN, (session,))]

    def created(self, session: str) -> datetime | None:
        rows = self._reading.rows(self._path, _CREATED, (session,))
        return moment(rows[0][0]) if rows else None

    def messages(self, session: str) -> list[_Message]:
        parts: dict[object, list[Json]] = {}
        for message, data in self._reading.rows(self._path, _PARTS, (session,)):
            parts.setdefault(message, []).append(_decoded(data))
        rows = self._reading.rows(self._path, _MESSAGES, (session,))
        return [_Message(_decoded(data), _steps(parts.get(name, []))) for name, data in rows]


class _Files:
    """The older store."""

    def __init__(self, root: Path, reading: SessionFiles) -> None:
        self._root = root
        self._reading = reading

    def session_in(self, wanted: SessionQuery) -> str | None:
        began = [
            found
            for found in self._sessions()
            if wanted.is_folder(found.get("directory")) and not word(found, "parentID")
            if wanted.window.holds(moment(inner(found, "time").get("created")))
        ]
        return word(began[0], "id") if len(began) == 1 else None

    def children(self, session: str) -> list[str]:
        return [
            str(found["id"]) for found in self._sessions() if found.get("parentID") == session and word(found, "id")
        ]

    def created(self, session: str) -> datetime | None:
        return next((_created(found) for found in self._sessions() if found.get("id") == session), None)

    def messages(self, session: str) -> list[_Message]:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", session):
            return []
        messages = []
        for path in self._reading.files(self._root / "message" / session, r"msg_.*\.json"):
            parts = self._reading.files(self._root / "part" / path.stem, r"prt_.*\.json")
            found = [self._reading.document(part) for part in parts]
            messages.append(_Message(self._reading.document(path), _steps(found)))
        return messages

    def _sessions(self) -> Iterator[Json]:
        for path in self._reading.files(self._root / "session", r"ses_.*\.json", depth=1):
            yield self._reading.document(path)


def _steps(parts: list[Json]) -> list[Json]:
    return [part for part in parts if part.get("type") == "step-finish"]


def _decoded(data: object) -> Json:
    try:
        found = members.decode(data if isinstance(data, str) else "null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def step_counts(part: Json) -> TokenCounts:
    """Count what was used: input is the uncached part, reasoning stands beside output or, in old versions, inside.

    OpenCode prints a cost of 0 for models that it knows no price of and for log-ins by subscription (seen in
    `packages/opencode/src/session`, whose prices are those of models.dev), so a 0 is no cost.
    """
    tokens = inner(part, "tokens")
    uncached, output, reasoning = (get_int(tokens, name) for name in ("input", "output", "reasoning"))
    read, write = get_int(inner(tokens, "cache"), "read"), get_int(inner(tokens, "cache"), "write")
    everything = get_int(tokens, "total")
    inside = everything == sum(part or 0 for part in (uncached, output, read, write))
    doubt = None
    if output is not None and reasoning and not inside:
        output += reasoning
        doubt = None if everything is not None else "reasoning may be part of the output already and counted twice"
    cost = dollars(part, "cost") or None
    if not any((uncached, read, write, output, cost)):
        return TokenCounts()  # what a provider that reports no usage is said to have used
    counts = of_parts(uncached, cache_read=read, cache_write=write, output=output, reasoning=reasoning, cost=cost)
    return counts.doubted(doubt)
