"""Gemini CLI's session store: `tmp/<project>/chats/session-*.jsonl`, older versions `session-*.json`.

A message is written again when its tools have run, with the same id; the last one counts.  A sub-agent has a file of
its own in `chats/<session>/`.  The project's folder stands in `.project_root`, in the file's own `directories`, or in
`projects.json`.  Older Qwen Code wrote the same files.

Sources: google-gemini/gemini-cli chat recording (5411f11); stores of Gemini CLI 0.61.0 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import inner, listed, moment, word
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.json_lines import JsonLines, request_of
from spec_kitty_telemetry.agents.common.store import Fragment, Thread
from spec_kitty_telemetry.agents.common.store_files import small_document, small_text, walk
from spec_kitty_telemetry.agents.common.tokens import Model
from spec_kitty_telemetry.agents.gemini.transcript import message_counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.fields import Json
    from spec_kitty_telemetry.agents.common.store import StoredSession

AGENT = "gemini"
FORMAT = 2
"""Goes up when the same file would be read as something else."""

_FOLDER_BYTES = 1 << 12


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the files of chats; `GEMINI_CLI_HOME` stands for the home folder."""
    return chats_under(context.folder("GEMINI_CLI_HOME") / ".gemini")


def chats_under(root: Path) -> Iterator[Path]:
    """Yield the files of chats under an agent's own folder."""
    for path in walk(root / "tmp", r".*\.jsonl?", depth=3):
        parts = path.relative_to(root / "tmp").parts
        if parts[1:2] == ("chats",) and (path.name.startswith("session-") or len(parts) == 4):  # noqa: PLR2004
            yield path


class Reader(JsonLines):
    """Reads one chat."""

    counted = (b'"tokens"', b'"sessionId"', b'"user"')

    def begin(self, path: Path) -> Fragment:
        """Take the parent's session from the folder of a sub-agent's file, and look for the project's folder."""
        is_subagent = path.parent.name != "chats"
        session = path.parent.name if is_subagent else path.stem
        fragment = Fragment(session_id=session, thread=Thread(thread_id=path.stem, is_subagent=is_subagent))
        fragment.carried["folder"] = _folder_of(path.parents[2 if is_subagent else 1])
        return fragment

    def moment_of(self, line: Json) -> datetime | None:
        """Return when a line was written."""
        return moment(line.get("timestamp") or line.get("startTime"))

    def note(self, line: Json, at: datetime | None) -> None:
        """Take in a head, a message, or messages that were set."""
        if "$set" in line:
            for message in listed(inner(line, "$set"), "messages"):
                self._message(message, self.moment_of(message), is_again=bool(self.main.thread.entries))
        elif "sessionId" in line:
            self.head(line, at)
        else:
            self._message(line, at)

    def head(self, line: Json, at: datetime | None) -> None:
        """Take in whose chat it is."""
        main, own = self.main, word(line, "sessionId")
        main.began_at = main.began_at or at
        if own:
            main.thread.thread_id = own
            main.session_id = main.session_id if main.thread.is_subagent else own
        folders = line.get("directories")
        if not main.carried["folder"] and isinstance(folders, list) and folders and isinstance(folders[0], str):
            main.carried["folder"] = folders[0]

    def _message(self, message: Json, at: datetime | None, *, is_again: bool = False) -> None:
        if at is None:
            return
        folder = str(self.main.carried["folder"]) or None
        if message.get("type") == "gemini" and "tokens" in message:
            counts = message_counts(message)
            key = word(message, "id") or f"{self.main.thread.thread_id} {at.isoformat()}"
            request = request_of(key, at, Model(word(message, "model") or ""), counts, folder)
            entries = self.main.thread.entries
            if key in self.known:  # written again: the last one counts
                entries[:] = [request if getattr(entry, "request_id", None) == key else entry for entry in entries]
            else:
                self.count(request)
        for call in listed(message, "toolCalls"):
            self.call(inner(call, "args"), at, word(call, "id"), folder)
        parts = _parts(message)
        if message.get("type") == "user" and not is_again:  # a history that is set anew has new times
            self.message([part.get("text") for part in parts], at, folder)
        for part in parts:
            self.end_of_call(word(inner(part, "functionResponse"), "id"), at)


reader = Reader


def read_file(path: Path) -> list[Fragment] | None:
    """Read a chat that is one document; `None` for one of lines."""
    if path.suffix != ".json":
        return None
    found = small_document(path)
    reader = Reader(path, [])
    reader.head(found, reader.moment_of(found))
    for message in listed(found, "messages"):
        reader.note(message, reader.moment_of(message))
    return reader.fragments


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join the chats of each session."""
    return joined(AGENT, fragments)


def _parts(message: Json) -> list[Json]:
    content = message.get("content")
    return [{"text": content}] if isinstance(content, str) else listed(message, "content")


def _folder_of(project: Path) -> str:
    """Return the folder whose chats are kept in `project`; an empty one where it is not said."""
    said = small_text(project / ".project_root", _FOLDER_BYTES).strip()
    if said:
        return said
    projects = inner(small_document(project.parents[1] / "projects.json"), "projects")
    return next((folder for folder, name in projects.items() if name == project.name), "")
