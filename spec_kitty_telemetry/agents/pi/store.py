"""pi's session store: `agent/sessions/--<folder>--/<time>_<session>.jsonl`.

A message's `responseId` tells requests apart.  A fork's file begins with a copy of the history, which is older than
its header; the header names the file that it was copied from.

Source: stores of pi 1.6.0 (2026-11).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import inner, listed, moment, word
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.json_lines import JsonLines, request_of
from spec_kitty_telemetry.agents.common.store import Fragment, Thread
from spec_kitty_telemetry.agents.common.store_files import walk
from spec_kitty_telemetry.agents.common.tokens import Model
from spec_kitty_telemetry.agents.pi.output import message_counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.fields import Json
    from spec_kitty_telemetry.agents.common.store import StoredSession

AGENT = "pi"
FORMAT = 2
"""Goes up when the same file would be read as something else."""


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the files of sessions."""
    named = context.environment.get("PI_CODING_AGENT_SESSION_DIR", "").strip()
    usual = context.folder("PI_CODING_AGENT_DIR", ".pi", "agent") / "sessions"
    return walk(Path(named).expanduser() if named else usual, r".*\.jsonl", depth=1)


class Reader(JsonLines):
    """Reads one session's file."""

    counted = (b'"assistant"', b'"session"', b'"user"')

    def begin(self, path: Path) -> Fragment:
        """Take the session from the name, for files whose header is broken."""
        session = path.stem.partition("_")[2] or path.stem
        return Fragment(session_id=session, thread=Thread(thread_id=session))

    def moment_of(self, line: Json) -> datetime | None:
        """Return when a line was written."""
        return moment(line.get("timestamp"))

    def note(self, line: Json, at: datetime | None) -> None:
        """Take in a header or a message."""
        if line.get("type") == "session":
            self._head(line, at)
        elif line.get("type") == "message" and at is not None:
            self._message(line, inner(line, "message"), at)

    def _head(self, line: Json, at: datetime | None) -> None:
        main = self.main
        main.session_id = main.thread.thread_id = word(line, "id") or main.session_id
        main.began_at = at
        main.carried["folder"] = word(line, "cwd") or ""
        parent = word(line, "parentSession")
        if parent:
            main.forked_from = Path(parent.replace("\\", "/")).stem.partition("_")[2] or parent

    def _message(self, line: Json, message: Json, at: datetime) -> None:
        folder = str(self.main.carried.get("folder") or "") or None
        is_copy = self.main.began_at is not None and at < self.main.began_at
        role = message.get("role")
        if role == "assistant":
            key = word(message, "responseId") or f"{word(line, 'id')} {at.isoformat()}"
            model = Model(word(message, "model") or "", word(message, "provider"))
            counts = message_counts(inner(message, "usage"))
            if counts.has_tokens:
                self.count(request_of(key, at, model, counts, folder, is_copy=is_copy))
        if is_copy:
            return  # what the other session had said
        if role == "toolResult":
            self.end_of_call(word(message, "toolCallId"), at)
        content = message.get("content")
        parts = [{"text": content}] if isinstance(content, str) else listed(message, "content")
        if role == "user":
            self.message([part.get("text") for part in parts], at, folder)
        for part in parts:
            if role == "assistant" and part.get("type") == "toolCall":
                self.call(inner(part, "arguments"), at, word(part, "id"), folder)


reader = Reader


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Return each file's session."""
    return joined(AGENT, fragments)
