"""Gemini CLI's chats: `tmp/<project>/chats/session-*.json` and, newer, `session-*.jsonl`.

In the newer files lines are appended: a message is written again when its tokens are known, with the same id, and
`$set` may hold messages too, so the last one with an id counts.  `input` includes `cached`, `thoughts` stand beside
`output`. Subagents write files of their own under the same session.  There is no working folder in them, only the
SHA-256 of the project's path.

Sources: google-gemini/gemini-cli chat recording (5411f11); output of Gemini CLI 0.61.0.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import get_int, inner, listed, moment, word
from spec_kitty_telemetry.agents.common.files import changed_since
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_parts, of_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage

FOLDER = ".gemini"


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles, folder: str = FOLDER) -> Usage | None:
    """Add up the messages of the run's session."""
    messages: dict[str, Json] = {}
    sessions: set[str] = set()
    chats = reading.files(context.home / folder / "tmp", r"session-.*\.jsonl?", depth=2)
    for path in (path for path in chats if changed_since(path, wanted.window)):
        start, lines = _opened(path, reading)
        session = word(start, "sessionId")
        if session and _is_wanted(start, session, wanted):
            sessions.add(session)
            messages |= {f"{path} {word(line, 'id')}": line for line in lines if "tokens" in line}
    if len(sessions) != 1:
        return None
    models = by_model(
        (Model(word(message, "model") or ""), _counts(inner(message, "tokens")))
        for message in messages.values()
        if wanted.window.holds(moment(message.get("timestamp")))
    )
    return (
        build_usage(None, models, session_id=sessions.pop(), source="transcript", doubt=reading.doubt)
        if models
        else None
    )


def _opened(path: Path, reading: SessionFiles) -> tuple[Json, Iterator[Json]]:
    if path.suffix == ".json":
        document = reading.document(path)
        return document, iter(listed(document, "messages"))
    return next(reading.first(path, 1), {}), _messages(path, reading)


def _messages(path: Path, reading: SessionFiles) -> Iterator[Json]:
    for line in reading.lines(path, '"tokens"'):
        yield from listed(inner(line, "$set"), "messages") if "$set" in line else [line]


def _is_wanted(start: Json, session: str, wanted: SessionQuery) -> bool:
    if wanted.session_id:
        return session == wanted.session_id
    hashed = hashlib.sha256(str(wanted.folder).encode("utf-8", "replace")).hexdigest()
    return start.get("projectHash") == hashed and wanted.window.holds(moment(start.get("startTime")))


def _counts(tokens: Json) -> TokenCounts:
    output, thoughts = get_int(tokens, "output"), get_int(tokens, "thoughts")
    return of_whole(
        get_int(tokens, "input"),
        cache_read=get_int(tokens, "cached"),
        output=None if output is None else output + (thoughts or 0),
        reasoning=thoughts,
    )


def token_counts(found: Json) -> TokenCounts:
    """Count one model's `tokens`.  Thoughts are part of `candidates` only where the total says so."""
    whole, answered, thoughts = get_int(found, "prompt"), get_int(found, "candidates"), get_int(found, "thoughts")
    everything, tool = get_int(found, "total"), get_int(found, "tool")
    apart = None not in {whole, answered} and everything != (whole or 0) + (answered or 0)
    output = answered if answered is None or not apart else answered + (thoughts or 0)
    read = get_int(found, "cached")
    if whole is None:
        counts = of_parts(get_int(found, "input"), cache_read=read, output=output, reasoning=thoughts)
    else:
        counts = of_whole(whole, cache_read=read, output=output, reasoning=thoughts)
    return counts.doubted(f"{tool} tokens of tool results were reported apart and are not counted") if tool else counts
