"""Qwen Code's session store: `projects/<folder>/chats/<session>.jsonl`, sub-agents under `subagents/<session>/`.

An assistant line has one request.  A sub-agent's lines name no model; the parent's file says it in the `ui_telemetry`
line of the same request.  Such lines of requests in the background have no other.  `usage_record.jsonl` has totals
that a resumed session goes on from, and is not read.  Versions before about 0.14 wrote Gemini's files.

Sources: Piebald-AI/splitrail test data; stores of Qwen Code 0.24.4 (2026-11).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from msgspec.structs import replace

from spec_kitty_telemetry.agents.common.fields import inner, listed, moment, word
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.json_lines import JsonLines, request_of
from spec_kitty_telemetry.agents.common.store import Fragment, Request, Signal, Thread
from spec_kitty_telemetry.agents.common.store_files import walk
from spec_kitty_telemetry.agents.common.tokens import join_doubts
from spec_kitty_telemetry.agents.gemini import store as gemini
from spec_kitty_telemetry.agents.qwen.transcript import request_of as counted_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.fields import Json
    from spec_kitty_telemetry.agents.common.store import StoredSession

AGENT = "qwen"
FORMAT = 2
"""Goes up when the same file would be read as something else."""

_Numbers = tuple[int | None, int | None, int | None]
_EVENT = "event "
"""Begins the ids of requests that are known from a `ui_telemetry` line."""
_TYPED = "real_user"
_ASSUMED = "the sub-agent's lines do not name its model; it was taken to be the session's"


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the files of sessions, of sub-agents and of older versions."""
    home = context.folder("QWEN_HOME", ".qwen")
    root = Path(named).expanduser() if (named := context.environment.get("QWEN_RUNTIME_DIR", "").strip()) else home
    for path in walk(root / "projects", r".*\.jsonl", depth=3):
        place = path.relative_to(root / "projects").parts[1]
        if place == "chats" or (place == "subagents" and path.name.startswith("agent-")):
            yield path
    yield from gemini.chats_under(root)


class Reader(JsonLines):
    """Reads one chat."""

    counted = (b'"usageMetadata"', b'"subagent_name"', b'"user"')

    def begin(self, path: Path) -> Fragment:
        """Take the session from the name of the file, a sub-agent's from that of its folder."""
        if path.parent.parent.name == "subagents":
            name = path.stem.removeprefix("agent-")
            call = f"call_{name.rpartition('call_')[2]}" if "call_" in name else None
            thread = Thread(thread_id=name, is_subagent=True, parent_call_id=call)
            return Fragment(session_id=path.parent.name, thread=thread)
        return Fragment(session_id=path.stem, thread=Thread(thread_id=path.stem))

    def moment_of(self, line: Json) -> datetime | None:
        """Return when a line was written."""
        return moment(line.get("timestamp"))

    def note(self, line: Json, at: datetime | None) -> None:
        """Take in a message, or what is known of a request of another agent."""
        if at is None:
            return
        main, folder = self.main, word(line, "cwd")
        main.began_at, main.version = main.began_at or at, main.version or word(line, "version")
        found = counted_in(line)
        if found is not None and found[1].has_tokens:
            event = word(inner(line, "systemPayload", "uiEvent"), "response_id")
            key = word(line, "uuid") or f"{main.thread.thread_id} {at.isoformat()}"
            is_event = line.get("type") != "assistant"
            self.count(request_of(f"{_EVENT}{event or key}" if is_event else key, at, *found, folder))
        parts = listed(inner(line, "message"), "parts")
        if line.get("type") == "user" and line.get("provenance", _TYPED) == _TYPED:
            self.message([part.get("text") for part in parts], at, folder)
        for part in parts:
            call = inner(part, "functionCall")
            if call:
                self.call(inner(call, "args"), at, word(call, "id"), folder)
            self.end_of_call(word(inner(part, "functionResponse"), "id"), at)


def reader(path: Path, fragments: list[Fragment]) -> JsonLines:
    """Read what older versions wrote as Gemini's."""
    return gemini.reader(path, fragments) if "projects" not in path.parts[-5:-1] else Reader(path, fragments)


read_file = gemini.read_file


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join the chats of each session; what is known of a sub-agent's request from two files is one."""
    found = joined(AGENT, fragments)
    for session in found:
        events = _events_of(session)
        usual = _model_of(session)
        for thread in session.threads:
            if thread.is_subagent:
                thread.entries = [
                    _named(entry, events, usual) if isinstance(entry, Request) else entry for entry in thread.entries
                ]
        left = {one.request_id for every in events.values() for one in every}
        for thread in session.threads:
            thread.entries = [entry for entry in thread.entries if not _is_event(entry) or entry.request_id in left]
    return found


def _events_of(session: StoredSession) -> dict[_Numbers, list[Request]]:
    events: dict[_Numbers, list[Request]] = {}
    for thread in session.threads:
        for entry in thread.entries:
            if _is_event(entry):
                events.setdefault(_numbers(entry), []).append(entry)
    return events


def _is_event(entry: Request | Signal) -> TypeGuard[Request]:
    return isinstance(entry, Request) and entry.request_id.startswith(_EVENT)


def _named(entry: Request, events: dict[_Numbers, list[Request]], usual: str | None) -> Request:
    same = events.get(_numbers(entry))
    event = same.pop(0) if same else None
    if entry.model is not None:
        return entry
    if event is not None:
        return replace(entry, model=event.model)
    return replace(entry, model=usual, doubt=join_doubts(entry.doubt, _ASSUMED if usual else None))


def _numbers(request: Request) -> _Numbers:
    return request.input_tokens, request.cache_read_tokens, request.output_tokens


def _model_of(session: StoredSession) -> str | None:
    models = (
        entry.model
        for thread in session.threads
        for entry in reversed(thread.entries)
        if isinstance(entry, Request) and entry.model
    )
    return next(models, None)
