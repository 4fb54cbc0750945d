"""Claude Code's session store: `projects/<folder>/<session>.jsonl`, sub-agents under `<session>/subagents/`.

- One request is a `message.id`; a line is written for each block of its content, and the last has the final counts.
- `--fork-session` copies the history without a mark: the copies are older than the file.  `/branch` marks them.
- `cost-state` lines (2.1.278 and later) have the session's running totals by model.  Requests that no line has
  (compaction, `/btw`, what followed a refused sub-agent) are what these totals hold beyond the messages.

Sources: stores of Claude Code 2.1.197 and 2.1.332 (2026-11); ryoppippi/ccusage `adapter/claude/daily.rs`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.claude_code.hidden import with_hidden
from spec_kitty_telemetry.agents.claude_code.lines import (
    CONTENT,
    LINES,
    META,
    SPOKEN,
    SYNTHETIC,
    Block,
    Line,
    LooseLine,
    Message,
    Told,
    loosely,
)
from spec_kitty_telemetry.agents.claude_code.numbers import Place, greatest, read, read_loosely, running_totals
from spec_kitty_telemetry.agents.claude_code.session_files import session_files
from spec_kitty_telemetry.agents.common import signals
from spec_kitty_telemetry.agents.common.host_commands import MARKERS
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.store import Fragment, Request, Signal, Thread
from spec_kitty_telemetry.agents.common.store_files import MOST_BYTES_A_LINE, is_compact, opened

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.store import StoredSession

__all__ = ["AGENT", "FORMAT", "Reader", "reader", "session_files", "sessions"]

AGENT = "claude-code"
FORMAT = 2
"""Goes up when the same file would be read as something else."""

_NAME, _MODULE = MARKERS
_MESSAGE, _USER, _ID, _USAGE = b'"message":{', b'"message":{"role":"user"', b'"id":"', b'"usage":{'
_RESULT, _TOTALS = b'"tool_use_id"', b'{"type":"cost-state"'
_MESSAGE_WITHIN, _ID_WITHIN, _RESULT_WITHIN = 1024, 160, 160
"""How soon these stand in a line, in all versions: a line's own members before its message are short."""
_TYPE, _ATTACHMENT, _ATTACHMENT_WITHIN = b'{"type":"', b'"attachment":{', 200
_ID_BYTES, _USAGE_BYTES = 48, 200
"""Enough to hold a message's id and its counts."""
_HEAD_LINES, _META_BYTES = 40, 1 << 16
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class Reader:
    """Reads one transcript, from its beginning or on from where an earlier reading stopped."""

    def __init__(self, path: Path, fragments: list[Fragment]) -> None:
        self.fragments = fragments or [_empty(path)]
        self._main = self.fragments[0]
        self._said, self._is_sparse = (b"", b""), False
        self._places: dict[str, tuple[Fragment, int]] = {
            entry.request_id: (fragment, place)
            for fragment in self.fragments
            for place, entry in enumerate(fragment.thread.entries)
            if isinstance(entry, Request)
        }

    def take(self, block: bytes) -> None:
        """Take in whole lines; what most bytes are in (attachments, results of tools) is told by how it begins."""
        main = self._main
        if main.began_at is None or main.version is None:
            self._begin(block)
        if self._take_at_once(block):
            return
        if not is_compact(block):
            for text in filter(None, block.split(b"\n")):
                self._take_response(text)
            return
        texts = block.split(b"\n")
        self._is_sparse = len(texts) * MOST_BYTES_A_LINE < len(block)
        for text in texts:
            place = text.find(_MESSAGE, 0, _MESSAGE_WITHIN)
            if place < 0:
                if text.startswith(_TOTALS) or (_is_odd(text) and _USAGE in text):
                    self._take_line(text)
            elif text.startswith(_USER, place):
                self._hear_user(text, place)
            elif self._is_new(text, place):
                self._take_response(text)

    def _take_at_once(self, block: bytes) -> bool:
        """Take in a block that does not speak of the host, decoded as a whole; `False`: it must be read by lines."""
        main = self._main
        if self._is_sparse or main.awaited or _NAME in block or (main.carried and _MODULE in block):
            return False
        try:
            lines = LINES.decode_lines(block)
        except (ValueError, RecursionError):
            return False
        self._is_sparse = len(lines) * MOST_BYTES_A_LINE < len(block)
        said: Message | None = None
        for line in lines:
            if line.type == "user":
                self._hear_typed(line)
            elif line.message is None or said is None or said.id != line.message.id or said.usage != line.message.usage:
                said = line.message if line.message and line.message.id else None
                self._take_numbers(line)
        return True

    def _hear_typed(self, line: Line) -> None:
        """Take in what a user typed, of which nothing speaks of the host."""
        if line.message is None or _RESULT in memoryview(line.message.content)[:_RESULT_WITHIN].tobytes():
            return
        if line.is_typed:
            with suppress(ValueError, RecursionError):
                self._begin_turn(line, CONTENT.decode(line.message.content), self._fragment(line))

    def _is_new(self, text: bytes, place: int) -> bool:
        """Tell whether a response's line does more than repeat the numbers of the one before, as most do."""
        name = text.find(_ID, place, place + _ID_WITHIN)
        usage = text.rfind(_USAGE)
        said = text[name : name + _ID_BYTES], text[usage : usage + _USAGE_BYTES]
        repeats = name >= 0 and usage >= 0 and said == self._said
        self._said = said
        return not repeats or _NAME in text or (bool(self._main.carried) and _MODULE in text)

    def _hear_user(self, text: bytes, place: int) -> None:
        """Take in what a user typed, or the result of a call that is awaited."""
        is_result = text.find(_RESULT, place, place + _RESULT_WITHIN) >= 0
        if not is_result or any(call.encode() in text for call in self._main.awaited):
            self._take_response(text)

    def _take_response(self, text: bytes) -> None:
        line = self._take_line(text)
        speaks = self._speaks_of_host(text)
        if line is not None and (speaks or line.type == "user"):
            self._listen(text, self._fragment(line))

    def _speaks_of_host(self, text: bytes) -> bool:
        """Tell whether a line must be read for what was said in it; the host's module only after its name was seen."""
        main = self._main
        if _NAME in text:
            main.carried["host"] = 1
            return True
        return bool(main.carried) and (_MODULE in text or any(call.encode() in text for call in main.awaited))

    def _begin(self, block: bytes) -> None:
        """Look for the time and the version; a fork's first time is that of the fork, before the copied lines."""
        start = 0
        for _ in range(_HEAD_LINES):
            end = block.find(b"\n", start)
            if end < 0 or (self._main.began_at and self._main.version):
                return
            line = _decoded(block[start:end])
            line = line.line if isinstance(line, LooseLine) else line
            if line is not None:
                self._main.began_at = self._main.began_at or line.timestamp
                self._main.version = self._main.version or line.version
            start = end + 1

    def _take_line(self, text: bytes) -> Line | None:
        """Take in a line's numbers, if it has any, and return it; `None` if it cannot be read."""
        line = _decoded(text)
        if line is None:
            return None
        if isinstance(line, LooseLine):
            if line.counted and line.line.timestamp is not None:
                self._count(line.line, read_loosely(line.counted, self._place(line.line, line.message_id)))
            return line.line
        self._take_numbers(line)
        return line

    def _take_numbers(self, line: Line) -> None:
        message = line.message
        if line.modelUsage is not None and line.type == "cost-state":
            self._main.totals = running_totals(line.modelUsage, _latest(self._main) or self._main.began_at)
        elif line.type == "assistant" and line.timestamp is not None and message is not None and message.usage:
            requests = read(message, message.usage, self._place(line, message.id))
            self._count(line, requests if message.model != SYNTHETIC else [])

    def _place(self, line: Line, message_id: str | None) -> Place:
        at = line.timestamp or _LONG_AGO
        name = message_id or f"{self._main.thread.thread_id} {sum(len(one.thread.entries) for one in self.fragments)}"
        is_copy = line.forkedFrom is not None or (self._main.began_at or at) > at
        return Place(name, at, line.cwd, is_copy)

    def _count(self, line: Line, parts: list[Request]) -> None:
        """Take in a response and what was billed beside its totals; of a line that is written again, what grew."""
        fragment = self._fragment(line)
        if line.forkedFrom is not None:
            fragment.forked_from = fragment.forked_from or line.forkedFrom.sessionId
        for part in parts:
            known = self._places.get(part.request_id)
            if known is None:
                entries = fragment.thread.entries
                self._places[part.request_id] = fragment, len(entries)
                entries.append(part)
            else:
                owner, place = known
                owner.thread.entries[place] = greatest(owner.thread.entries[place], part)

    def _fragment(self, line: Told) -> Fragment:
        """Return the main thread, or that of sub-agents whose lines older versions wrote into the same file."""
        if not line.isSidechain or self._main.thread.is_subagent:
            return self._main
        if len(self.fragments) == 1:
            thread = Thread(thread_id=f"{self._main.session_id}-sidechain", is_subagent=True)
            self.fragments.append(Fragment(session_id=self._main.session_id, thread=thread))
        return self.fragments[1]

    def _listen(self, text: bytes, fragment: Fragment) -> None:
        try:
            line = SPOKEN.decode(text)
        except (ValueError, RecursionError):
            return
        if line.timestamp is None or line.message is None:
            return
        if line.forkedFrom is not None or line.timestamp < (self._main.began_at or line.timestamp):
            return  # what the other session had said
        content = line.message.content
        for block in content if isinstance(content, list) else ():
            found = self._heard(block, line.type, line.timestamp, line.cwd)
            self._main.awaited += sorted(signals.calls_awaited(found))
            fragment.thread.entries += found
        if line.type == "user" and content is not None:
            self._begin_turn(line, content, fragment)

    def _begin_turn(self, line: Told, content: str | list[Block], fragment: Fragment) -> None:
        at = line.timestamp
        if at is None or line.forkedFrom is not None or at < (self._main.began_at or at):
            return  # what the other session had said
        blocks = content if isinstance(content, list) else [Block(type="text", text=content)]
        texts = [block.text for block in blocks if block.type == "text" and block.text]
        is_typed = line.is_typed and not fragment.thread.is_subagent
        said = signals.of_turn(texts, at, line.cwd)
        fragment.thread.entries += [one for one in said if one.kind != "prompt" or is_typed]

    def _heard(self, block: Block, speaker: str | None, at: datetime, folder: str | None) -> list[Signal]:
        if speaker == "assistant":
            called = block.type == "tool_use" and block.input is not None
            return signals.of_call(block.input or {}, at, call_id=block.id, folder=folder) if called else []
        if speaker != "user" or block.tool_use_id not in self._main.awaited:
            return []
        self._main.awaited.remove(block.tool_use_id)
        return [signals.result(block.tool_use_id, at)]


reader = Reader


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join the files of sessions, with the hidden requests of each."""
    return [with_hidden(session, fragments) for session in joined(AGENT, fragments)]


def _is_odd(text: bytes) -> bool:
    """Tell whether a line without a message near its beginning may have one; lines of other types have none."""
    return not text.startswith(_TYPE) and text.find(_ATTACHMENT, 0, _ATTACHMENT_WITHIN) < 0


def _empty(path: Path) -> Fragment:
    """Begin with a file; its name and folder say whose it is."""
    parts = path.parts
    if path.name.startswith("agent-") and "subagents" in parts[:-1]:
        session = parts[len(parts) - parts[::-1].index("subagents") - 2]
        thread = Thread(thread_id=path.stem.removeprefix("agent-"), is_subagent=True, parent_call_id=_caller(path))
        return Fragment(session_id=session, thread=thread)
    return Fragment(session_id=path.stem, thread=Thread(thread_id=path.stem))


def _caller(path: Path) -> str | None:
    """Return the parent's tool call, which stands in a small file beside a sub-agent's transcript."""
    with opened(path.with_suffix(".meta.json")) as descriptor:
        text = os.read(descriptor, _META_BYTES) if descriptor is not None else b"{}"
    try:
        return META.decode(text).toolUseId
    except (ValueError, RecursionError):
        return None


def _decoded(text: bytes) -> Line | LooseLine | None:
    try:
        return LINES.decode(text)
    except (ValueError, RecursionError):
        return loosely(text)


def _latest(fragment: Fragment) -> datetime | None:
    return next((entry.at for entry in reversed(fragment.thread.entries)), None)
