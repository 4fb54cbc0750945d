"""Goose's session store: `sessions/sessions.db`, whose `usage_ledger` has a row for each request (schema 15).

Databases of older versions have a session's totals alone: one entry a session, with a doubt.  Input includes what was
read from and written to a cache.

Sources: aaif-goose/goose `crates/goose/src/session/session_manager.rs`; the ledger as ccstats reads it.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.agents.common import json_spans, signals
from spec_kitty_telemetry.agents.common.fields import dollars, get_int, inner, listed, moment, word
from spec_kitty_telemetry.agents.common.host_commands import MARKERS
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.json_lines import request_of
from spec_kitty_telemetry.agents.common.sqlite_files import open_sqlite, wal_of
from spec_kitty_telemetry.agents.common.store import Fragment, Thread
from spec_kitty_telemetry.agents.common.store_files import walk
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, of_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.fields import Json
    from spec_kitty_telemetry.agents.common.sqlite_files import SqliteFile
    from spec_kitty_telemetry.agents.common.store import Signal, StoredSession

AGENT = "goose"
FORMAT = 1
"""Goes up when the same file would be read as something else."""

_ADDED_UP = "the requests of the session are added up: this version of Goose keeps only its totals"
_TOTALS = "accumulated_"
_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the database; `GOOSE_PATH_ROOT` stands for all of Goose's folders."""
    if context.environment.get("GOOSE_PATH_ROOT", "").strip():
        roots = [context.folder("GOOSE_PATH_ROOT") / "data"]
    else:
        windows = context.folder("APPDATA", "AppData", "Roaming") / "Block" / "goose" / "data"
        mac = context.home / "Library" / "Application Support" / "Block" / "goose"
        roots = [context.folder("XDG_DATA_HOME", ".local", "share") / "goose", mac, windows]
    for root in roots:
        yield from walk(root / "sessions", r"sessions\.db", depth=0)


def companions(path: Path) -> list[Path]:
    """Return the database's log."""
    return [wal_of(path)]


def read_file(path: Path) -> list[Fragment]:
    """Read all sessions of the database."""
    with open_sqlite(path) as base:
        return list(_fragments(base)) if base is not None else []


def _fragments(base: SqliteFile) -> Iterator[Fragment]:
    ledger = base.columns("usage_ledger")
    for row in base.named_rows("sessions"):
        session = str(row.get("id"))
        folder = word(row, "working_dir")
        provider = word(row, "provider_name")
        thread = Thread(thread_id=session, session_id=session)
        fragment = Fragment(session_id=session, thread=thread, began_at=_moment(row.get("created_at")))
        for entry in base.named_rows("usage_ledger", "session_id", session) if ledger else ():
            at = _moment(entry.get("created_timestamp"))
            if at is not None:
                model = Model(word(entry, "model") or _model(row) or "", provider)
                key = f"{session} {entry.get('id')}"
                thread.entries.append(request_of(key, at, model, _counted(entry, ""), folder))
        whole = _counted(row, _TOTALS)
        at = _moment(row.get("updated_at")) or fragment.began_at
        if not thread.entries and (whole.input_tokens or whole.output_tokens) and at is not None:
            model = Model(_model(row) or "", provider)
            thread.entries.append(request_of(f"{session} total", at, model, whole.doubted(_ADDED_UP), folder))
        thread.entries += _signals(base, session, folder)
        thread.entries.sort(key=lambda entry: entry.at)
        yield fragment


def _signals(base: SqliteFile, session: str, folder: str | None) -> Iterator[Signal]:
    if not {"content_json", "created_timestamp"} <= base.columns("messages"):
        return
    awaited: set[str] = set()
    for row in base.named_rows("messages", "session_id", session):
        text, at = row.get("content_json"), _moment(row.get("created_timestamp"))
        if at is None or not isinstance(text, str):
            continue
        if any(marker.decode() in text for marker in MARKERS) or any(call in text for call in awaited):
            for part in listed({"parts": _decoded(text)}, "parts"):
                yield from _of_part(part, row.get("role"), at, folder, awaited)


def _of_part(part: Json, role: object, at: datetime, folder: str | None, awaited: set[str]) -> Iterator[Signal]:
    call = word(part, "id")
    if part.get("type") == "toolRequest":
        given = inner(part, "toolCall", "value", "arguments") or inner(part, "toolCall", "arguments")
        found = signals.of_call(given, at, call_id=call, folder=folder)
        awaited |= signals.calls_awaited(found)
        yield from found
    elif part.get("type") == "toolResponse" and call in awaited:
        awaited.discard(call)
        yield signals.result(call, at)
    elif role == "user" and isinstance(text := part.get("text"), str):
        yield from signals.of_message(text, at, folder)


def _counted(row: Json, prefix: str) -> TokenCounts:
    whole, output, read, write = (get_int(row, f"{prefix}{name}") for name in _COUNTS)
    return of_whole(whole, cache_read=read, cache_write=write, output=output, cost=_cost(row.get(f"{prefix}cost")))


def _cost(value: object) -> Decimal | None:
    """Return an amount as the database has it: a float, whose shortest text is what was meant."""
    try:
        return dollars({"cost": Decimal(repr(value))}, "cost") if isinstance(value, float | int) else None
    except InvalidOperation:
        return None


def _model(row: Json) -> str | None:
    found = _decoded(row.get("model_config_json"))
    return word(found, "model_name") if isinstance(found, dict) else None


def _decoded(text: object) -> Any:
    try:
        return json_spans.decode(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _moment(value: object) -> datetime | None:
    """Return a moment that was written in seconds, or as text in UTC."""
    return moment(value * 1000) if isinstance(value, int) and abs(value) < 10**11 else moment(value)


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Return each session."""
    return joined(AGENT, fragments)
