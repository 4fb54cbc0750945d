"""Kimi's session stores: `sessions/<folder>/<session>/wire.jsonl` of Kimi CLI, and those of Kimi Code.

- Kimi CLI writes a `StatusUpdate` for each response, more than once as it grows: the one with the most tokens counts.
  The model is not in it; the one of the settings is taken.  The folder's name is the MD5 of its path in `kimi.json`.
- Kimi Code writes a `usage.record` for each, in `agents/<agent>/wire.jsonl`; those with the scope `turn` count.

Sources: MoonshotAI/kimi-cli `src/kimi_cli`; getagentseal/codeburn and burnlog, which read both.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from hashlib import md5
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.agents.common import json_spans
from spec_kitty_telemetry.agents.common.fields import Json, get_int, inner, listed, moment, word
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.json_lines import JsonLines, request_of
from spec_kitty_telemetry.agents.common.store import Fragment, Request, Thread
from spec_kitty_telemetry.agents.common.store_files import small_document, small_text, walk
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, of_parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import StoredSession

AGENT = "kimi"
FORMAT = 2
"""Goes up when the same file would be read as something else."""

_SETTINGS_BYTES = 1 << 20
_CONFIGURED = "the session does not name its model; the one of the settings was taken"


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the files of Kimi CLI and of Kimi Code."""
    for root in (context.folder("KIMI_SHARE_DIR", ".kimi"), context.folder("KIMI_CODE_HOME", ".kimi-code")):
        yield from walk(root / "sessions", r"wire\.jsonl", depth=4)


class Reader(JsonLines):
    """Reads one file of either kind."""

    counted = (b'"StatusUpdate"', b'"usage.record"', b'"llm.request"', b'"TurnBegin"')

    def begin(self, path: Path) -> Fragment:
        """Take session and agent from the folders' names."""
        agent = path.parent
        place = next((one for one in path.parents if one.name in {"agents", "subagents"}), None)
        session = place.parent if place else agent
        is_subagent = place is not None and agent.name != "main"
        thread = Thread(thread_id=agent.name if is_subagent else session.name, is_subagent=is_subagent)
        fragment = Fragment(session_id=session.name, thread=thread)
        root = session.parents[2]
        fragment.carried["folder"] = _folder_of(session, root)
        fragment.carried["model"] = "" if place and place.name == "agents" else _configured_model(root)
        return fragment

    def moment_of(self, line: Json) -> datetime | None:
        """Return when a line was written: seconds in Kimi CLI, milliseconds in Kimi Code."""
        seconds = line.get("timestamp")
        if isinstance(seconds, int | Decimal):
            return moment(int(seconds * 1000))
        return moment(line.get("time") or seconds)

    def note(self, line: Json, at: datetime | None) -> None:
        """Take in an event."""
        if at is None:
            return
        main = self.main
        main.began_at = main.began_at or at
        folder = str(main.carried.get("folder") or "") or None
        message = inner(line, "message")
        kind, payload = word(message, "type") or word(line, "type"), inner(message, "payload") or line
        if kind == "StatusUpdate":
            counts = _counts(inner(payload, "token_usage"))
            self._respond(word(payload, "message_id"), counts.doubted(_CONFIGURED), at, folder)
        elif kind == "llm.request":
            main.carried["model"] = _plain(word(line, "model")) or main.carried["model"]
        elif kind == "usage.record" and line.get("usageScope", "turn") == "turn":
            main.carried["model"] = _plain(word(line, "model")) or main.carried["model"]
            self._respond(None, _counts(inner(line, "usage")), at, folder)
        elif kind in {"ToolCall", "ToolCallRequest"}:
            given = inner(payload, "function") or payload
            self.call(_arguments(given.get("arguments")), at, word(payload, "id"), folder)
        elif kind == "ToolResult":
            self.end_of_call(word(payload, "tool_call_id"), at)
        elif kind == "TurnBegin":
            said = payload.get("user_input")
            texts = [said] if isinstance(said, str) else [part.get("text") for part in listed(payload, "user_input")]
            self.message(texts, at, folder)

    def _respond(self, message_id: str | None, counts: TokenCounts, at: datetime, folder: str | None) -> None:
        if not (counts.input_tokens or counts.output_tokens):
            return
        main = self.main
        number = sum(isinstance(one, Request) for one in main.thread.entries)
        key = message_id or f"{main.session_id} {main.thread.thread_id} {number}"
        request = request_of(key, at, Model(str(main.carried["model"])), counts, folder)
        if key in self.known:
            main.thread.entries[:] = [_greater(entry, request) for entry in main.thread.entries]
        else:
            self.count(request)


reader = Reader


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join each session with its sub-agents."""
    return joined(AGENT, fragments)


def _greater(entry: object, request: Request) -> Any:
    if not isinstance(entry, Request) or entry.request_id != request.request_id:
        return entry
    return max(entry, request, key=lambda one: (one.input_tokens or 0) + (one.output_tokens or 0))


def _counts(used: Json) -> TokenCounts:
    return of_parts(
        get_int(used, "input_other", "inputOther"),
        cache_read=get_int(used, "input_cache_read", "inputCacheRead"),
        cache_write=get_int(used, "input_cache_creation", "inputCacheCreation"),
        output=get_int(used, "output"),
    )


def _plain(model: str | None) -> str | None:
    """Return a model's name; a reference to one of the settings is none."""
    name = (model or "").removeprefix("kimi-code/")
    return None if name.startswith("__") and name.endswith("__") else name or None


def _arguments(text: object) -> Json:
    try:
        found = json_spans.decode(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _folder_of(session: Path, root: Path) -> str:
    said = small_document(session / "state.json")
    named = next((found for name in ("workDir", "work_dir", "cwd") if (found := word(said, name))), None)
    if named:
        return named
    paths = (word(one, "path") for one in listed(small_document(root / "kimi.json"), "work_dirs"))
    digest = session.parent.name.rpartition("_")[2]
    return next((path for path in paths if path and _digest(path) == digest), "")


def _digest(path: str) -> str:
    return md5(path.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _configured_model(root: Path) -> str:
    try:
        said = tomllib.loads(small_text(root / "config.toml", _SETTINGS_BYTES))
    except tomllib.TOMLDecodeError:
        return ""
    name = said.get("default_model")
    model = said.get("models", {})
    chosen = model.get(name, {}) if isinstance(model, dict) and isinstance(name, str) else {}
    found = chosen.get("model") if isinstance(chosen, dict) else None
    return found if isinstance(found, str) else name if isinstance(name, str) else ""
