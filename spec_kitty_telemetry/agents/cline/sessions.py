"""From the files of Cline and its relatives to fragments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common import signals
from spec_kitty_telemetry.agents.common.fields import Json, dollars, get_int, inner, listed, moment, word
from spec_kitty_telemetry.agents.common.json_lines import request_of
from spec_kitty_telemetry.agents.common.store import Fragment, Thread
from spec_kitty_telemetry.agents.common.store_files import small_document, small_list
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, of_parts
from spec_kitty_telemetry.agents.kilocode import facts_of, request_counts

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_REQUESTS = ("api_req_started", "api_req_deleted")
"""The second has what was used by requests whose messages the user deleted."""
_FOLDER = re.compile(r"Current (?:Working|Workspace) Directory \(([^)\n]{1,4096})\)")
_MAYBE_WHOLE = "the input may include what was read from and written to a cache; it was taken to be the rest"


def task_of_extension(path: Path) -> Fragment:
    """Read one task of the extension."""
    task = path.parent.name
    thread = Thread(thread_id=task)
    fragment = Fragment(session_id=task, thread=thread)
    folder: str | None = None
    places: dict[str, int] = {}
    for message in small_list(path):
        at = moment(message.get("ts"))
        if at is None:
            continue
        said = message.get("say") or message.get("ask")
        if said in _REQUESTS:
            folder = _folder(message) or folder
            facts = facts_of(message)
            if facts:
                key = f"{task} {said} {message.get('ts')}"
                model = Model(word(inner(message, "modelInfo"), "modelId") or "")
                request = request_of(key, at, model, _counts(facts), folder)
                if key in places:
                    thread.entries[places[key]] = request
                else:
                    places[key] = len(thread.entries)
                    thread.entries.append(request)
        elif isinstance(text := message.get("text"), str):
            _hear(fragment, str(said), text, at, folder)
    return fragment


def _hear(fragment: Fragment, said: str, text: str, at: datetime, folder: str | None) -> None:
    entries = fragment.thread.entries
    call = f"{fragment.session_id} {at.isoformat()}"
    if said == "command":
        found = signals.of_call({"command": text}, at, call_id=call, folder=folder)
        fragment.awaited += sorted(signals.calls_awaited(found))
        entries += found
    elif said == "command_output" and fragment.awaited:
        entries.append(signals.result(fragment.awaited.pop(), at))
    elif said in {"task", "text", "user_feedback"} and text.startswith("/"):
        entries += signals.of_message(text, at, folder)


def _folder(message: Json) -> str | None:
    """Return the working folder, which stands in what was sent; nothing else of that is taken."""
    text = message.get("text")
    found = _FOLDER.search(text) if isinstance(text, str) else None
    return found[1].replace("\\\\", "\\") if found else None


def _counts(facts: Json) -> TokenCounts:
    counts = request_counts(facts)
    cached = (counts.cache_read_tokens or 0) + (counts.cache_write_tokens or 0)
    is_doubtful = "apiProtocol" in facts and 0 < cached <= (get_int(facts, "tokensIn") or 0)
    return counts.doubted(_MAYBE_WHOLE if is_doubtful else None)


def session_of_command_line(path: Path, description: Path) -> Fragment:
    """Read one session of the command line."""
    said, about = small_document(path), small_document(description)
    session = word(about, "session_id") or word(said, "sessionId") or path.parent.name
    thread = Thread(thread_id=session)
    fragment = Fragment(session_id=session, thread=thread, began_at=moment(about.get("started_at")))
    folder = word(about, "cwd") or word(about, "workspace_root")
    for number, message in enumerate(listed(said, "messages")):
        at = moment(message.get("ts") or message.get("timestamp")) or fragment.began_at
        if at is None:
            continue
        metrics, model = inner(message, "metrics"), inner(message, "modelInfo")
        if metrics:
            name = Model(word(model, "id") or word(about, "model") or "", word(model, "provider"))
            key = f"{session} {word(message, 'id') or number}"
            thread.entries.append(request_of(key, at, name, _metrics(metrics), folder))
        for block in listed(message, "content"):
            call = word(block, "id")
            if block.get("type") == "tool_use":
                found = signals.of_call(_input(block), at, call_id=call, folder=folder)
                fragment.awaited += sorted(signals.calls_awaited(found))
                thread.entries += found
            elif (ended := word(block, "tool_use_id")) in fragment.awaited:
                fragment.awaited.remove(ended)
                thread.entries.append(signals.result(ended, at))
    return fragment


def _input(block: Json) -> Json:
    """Return a tool's input; the command line gives commands as a list of whole lines."""
    given = inner(block, "input")
    commands = given.get("commands")
    if isinstance(commands, list):
        return given | {"command": "\n".join(one for one in commands if isinstance(one, str))}
    return given | ({"command": commands} if isinstance(commands, str) else {})


def _metrics(found: Json) -> TokenCounts:
    return of_parts(
        get_int(found, "inputTokens"),
        cache_read=get_int(found, "cacheReadTokens"),
        cache_write=get_int(found, "cacheWriteTokens"),
        output=get_int(found, "outputTokens"),
        cost=dollars(found, "cost"),
    )
