"""Gemini CLI's chats: `tmp/<project>/chats/session-*.json` and, newer, `session-*.jsonl`.

In the newer files lines are appended: a message is written again when its tokens are known, with the same id, and
`$set` may hold messages too, so the last one with an id counts.  `input` includes `cached`, `thoughts` stand beside
`output`, and tokens of tool results beside both.  Sub-agents write files of their own, one folder deeper, under the
name of the session that started them.  There is no working folder in a chat, only the SHA-256 of the project's path.

Sources: google-gemini/gemini-cli chat recording (5411f11); output of Gemini CLI 0.61.0.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import get_int, inner, listed, moment, word
from spec_kitty_telemetry.agents.common.files import SAFE_NAME, changed_since
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_parts, of_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage

FOLDER = ".gemini"
SEARCH = "google_web_search"
_MOST_SUBAGENTS = 256


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
            messages |= _of_subagents(path.parent, session, reading)
    if len(sessions) != 1:
        return None
    models = by_model(
        (Model(word(message, "model") or ""), message_counts(message))
        for message in messages.values()
        if wanted.window.holds(moment(message.get("timestamp")))
    )
    return (
        build_usage(None, models, session_id=sessions.pop(), source="transcript", doubt=reading.doubt)
        if models
        else None
    )


def _of_subagents(chats: Path, session: str, reading: SessionFiles) -> dict[str, Json]:
    """Return the messages of a session's sub-agents, and of theirs: they are in a folder with its name."""
    messages: dict[str, Json] = {}
    waiting, seen = [session], {session}
    while waiting and len(seen) < _MOST_SUBAGENTS:
        parent = waiting.pop()
        for path in reading.files(chats / parent, r".*\.jsonl?") if SAFE_NAME.fullmatch(parent) else ():
            start, lines = _opened(path, reading)
            messages |= {f"{path} {word(line, 'id')}": line for line in lines if "tokens" in line}
            own = word(start, "sessionId")
            if own and own not in seen:
                seen.add(own)
                waiting.append(own)
    return messages


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


_PRINTED = {"input": "prompt", "output": "candidates"}
"""Names in a chat → names in what is printed; all others are the same."""


def message_counts(message: Json) -> TokenCounts:
    """Count one message of a chat, and the searches that it asked for."""
    counts = token_counts({_PRINTED.get(name, name): value for name, value in inner(message, "tokens").items()})
    searches = sum(call.get("name") == SEARCH for call in listed(message, "toolCalls"))
    return replace(counts, web_search_requests=searches or None)


def token_counts(found: Json) -> TokenCounts:
    """Count one model's `tokens`: what the total holds beside `prompt` and `candidates` is no part of them.

    `thoughts` are billed as output.  `tool` is what searches and opened pages gave back to the model, billed as input.
    """
    whole, answered = get_int(found, "prompt"), get_int(found, "candidates")
    thoughts, tool, everything = (get_int(found, name) or 0 for name in ("thoughts", "tool", "total"))
    read, reasoning = get_int(found, "cached"), get_int(found, "thoughts")
    rest = everything - (whole or 0) - (answered or 0)
    if None in {whole, answered} or everything == 0:
        rest = thoughts + tool
    is_apart = {"thoughts": rest in {thoughts, thoughts + tool}, "tool": rest in {tool, thoughts + tool}}
    output = answered if answered is None or not is_apart["thoughts"] else answered + thoughts
    if whole is None:
        return of_parts(get_int(found, "input"), cache_read=read, output=output, reasoning=reasoning)
    return of_whole(whole + (tool if is_apart["tool"] else 0), cache_read=read, output=output, reasoning=reasoning)
