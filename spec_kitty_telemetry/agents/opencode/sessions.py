"""From the rows or files of OpenCode's store to fragments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.agents.common import json_spans, signals
from spec_kitty_telemetry.agents.common.fields import inner, moment, word
from spec_kitty_telemetry.agents.common.host_commands import MARKERS
from spec_kitty_telemetry.agents.common.json_lines import request_of
from spec_kitty_telemetry.agents.common.sqlite_files import open_sqlite
from spec_kitty_telemetry.agents.common.store import Fragment, Request, Signal, Thread
from spec_kitty_telemetry.agents.common.store_files import small_document, walk
from spec_kitty_telemetry.agents.common.tokens import Model
from spec_kitty_telemetry.agents.opencode.transcript import step_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.fields import Json
    from spec_kitty_telemetry.agents.common.sqlite_files import SqliteFile

_SESSIONS = "SELECT id, parent_id, directory, version, time_created FROM session"
_MESSAGES = "SELECT id, time_created, data FROM message WHERE session_id = ? ORDER BY time_created, id"
# Parts are large; those that matter say so in their text.
_PARTS = (
    "SELECT message_id, data FROM part WHERE session_id = ? AND (data LIKE '%\"step-finish\"%'"
    " OR data LIKE '%spec-kitty%' OR data LIKE '%specify_cli%' OR (data LIKE '%\"text\"%' AND message_id IN"
    ' (SELECT id FROM message WHERE session_id = ? AND data LIKE \'%"role"%"user"%\'))) ORDER BY id'
)
_MOST_PARENTS = 50
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class _Session(NamedTuple):
    id: str
    parent: str | None
    folder: str | None
    version: str | None
    created: datetime | None


class _Message(NamedTuple):
    found: Json
    created: datetime | None
    parts: list[Json]


def sessions_in_database(path: Path) -> list[Fragment]:
    """Read all sessions of a database."""
    with open_sqlite(path) as base:
        if base is None:
            return []
        rows = [
            (str(one), parent, folder, version, moment(at)) for one, parent, folder, version, at in base.rows(_SESSIONS)
        ]
        sessions = {row[0]: _Session(row[0], _text(row[1]), _text(row[2]), _text(row[3]), row[4]) for row in rows}
        ordered = sorted(sessions.values(), key=lambda one: (one.created or _LONG_AGO, one.id))
        fragments = [_fragment(one, _root(one, sessions), _messages(base, one.id)) for one in ordered]
        return _without_copies(fragments)


def _without_copies(fragments: list[Fragment]) -> list[Fragment]:
    """Leave out copies whose original is in the same file, or that another session copied before."""
    owner = {
        entry.request_id: fragment.thread.thread_id
        for is_copy in (True, False)
        for fragment in reversed(fragments)
        for entry in fragment.thread.entries
        if isinstance(entry, Request) and entry.is_copy is is_copy
    }
    for fragment in fragments:
        own = fragment.thread.thread_id
        owners = [owner[one.request_id] if isinstance(one, Request) else own for one in fragment.thread.entries]
        fragment.forked_from = next((one for one in owners if one != own), None)
        pairs = zip(fragment.thread.entries, owners, strict=True)
        fragment.thread.entries = [entry for entry, one in pairs if one == own]
    return fragments


def sessions_in_tree(path: Path) -> list[Fragment]:
    """Read one session of the older tree, and only what stands in its own folders."""
    found = small_document(path)
    session = word(found, "id")
    if session is None or session != path.stem:
        return []
    storage = path.parents[2]
    created = moment(inner(found, "time").get("created"))
    one = _Session(session, word(found, "parentID"), _text(found.get("directory")), word(found, "version"), created)
    messages = []
    for name in walk(storage / "message" / session, r"msg_.*\.json", depth=0):
        message = small_document(name)
        parts = [small_document(part) for part in walk(storage / "part" / name.stem, r"prt_.*\.json", depth=0)]
        messages.append(_Message(message, moment(inner(message, "time").get("created")), parts))
    others = (
        {other.stem: small_document(other) for other in walk(path.parent, r"ses_.*\.json", depth=0)}
        if one.parent
        else {}
    )
    sessions = {name: _Session(name, word(said, "parentID"), None, None, None) for name, said in others.items()}
    return [_fragment(one, _root(one, sessions), messages)]


def _messages(base: SqliteFile, session: str) -> Iterator[_Message]:
    parts: dict[str, list[Json]] = {}
    for message, data in base.rows(_PARTS, (session, session)):
        parts.setdefault(str(message), []).append(_decoded(data))
    for name, created, data in base.rows(_MESSAGES, (session,)):
        found = _decoded(data)
        yield _Message(found, moment(inner(found, "time").get("created")) or moment(created), parts.get(str(name), []))


def _root(one: _Session, sessions: dict[str, _Session]) -> str:
    """Return the session that a sub-agent works for in the end."""
    session = one
    for _ in range(_MOST_PARENTS):
        if session.parent is None:
            break
        parent = sessions.get(session.parent)
        if parent is None:
            return session.parent
        session = parent
    return session.id


def _fragment(session: _Session, root: str, messages: Iterable[_Message]) -> Fragment:
    thread = Thread(thread_id=session.id, session_id=session.id, is_subagent=root != session.id)
    fragment = Fragment(session_id=root, thread=thread, version=session.version, began_at=session.created)
    for message in messages:
        if message.created is None:
            continue
        is_copy = session.created is not None and message.created < session.created
        folder = _text(inner(message.found, "path").get("cwd")) or session.folder
        thread.entries += _requests(message, message.created, folder, is_copy=is_copy)
        if not is_copy:
            found = _signals(message, message.created, folder)
            thread.entries += [one for one in found if not (one.kind == "prompt" and thread.is_subagent)]
    return fragment


def _requests(message: _Message, created: datetime, folder: str | None, *, is_copy: bool) -> Iterator[Request]:
    found = message.found
    if found.get("role") != "assistant":
        return
    model = Model(word(found, "modelID") or "", word(found, "providerID"))
    steps = [part for part in message.parts if part.get("type") == "step-finish"] or [found]
    for number, step in enumerate(steps):
        counts = step_counts(step)
        if counts.input_tokens or counts.output_tokens:
            numbers = f"{counts.input_tokens} {counts.cache_read_tokens} {counts.output_tokens}"
            key = f"{created.isoformat()} {model.name} {number} {numbers}"
            yield request_of(key, created, model, counts, folder, is_copy=is_copy)


def _signals(message: _Message, created: datetime, folder: str | None) -> Iterator[Signal]:
    is_user = message.found.get("role") == "user"
    if is_user:
        texts = [part.get("text") for part in message.parts if part.get("synthetic") is not True]
        yield from signals.of_turn((one for one in texts if one and isinstance(one, str)), created, folder)
    for part in message.parts:
        if is_user or part.get("type") != "tool" or not _speaks_of_host(part):
            continue
        state, call = inner(part, "state"), word(part, "callID")
        begun, ended = (moment(inner(state, "time").get(name)) for name in ("start", "end"))
        found = signals.of_call(inner(state, "input"), begun or created, call_id=call, folder=folder)
        yield from found
        if ended is not None and call is not None and signals.calls_awaited(found):
            yield signals.result(call, ended)


def _speaks_of_host(part: Json) -> bool:
    said = str(inner(part, "state").get("input"))
    return any(marker.decode() in said for marker in MARKERS)


def _decoded(data: object) -> Json:
    try:
        found = json_spans.decode(data if isinstance(data, str) else "null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
