"""Claude Code's session store: `projects/<folder>/<session>.jsonl`, sub-agents under `<session>/subagents/`.

- One request is a `message.id`; a line is written for each block of its content, and the last has the final counts.
- `--fork-session` copies the history without a mark: the copies are older than the file.  `/branch` marks them.
- `cost-state` lines (2.1.278 and later) have the session's running totals by model.  Requests that no line has
  (compaction, `/btw`, what followed a refused sub-agent) are what these totals hold beyond the messages.

Sources: stores of Claude Code 2.1.197 and 2.1.332 (2026-11); ryoppippi/ccusage `adapter/claude/daily.rs`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.claude_code.hidden import with_hidden
from spec_kitty_telemetry.agents.claude_code.lines import (
    LINES,
    META,
    SPOKEN,
    Block,
    Line,
    Message,
    ModelTotal,
    Usage,
    loosely,
)
from spec_kitty_telemetry.agents.common import signals
from spec_kitty_telemetry.agents.common.host_commands import MARKERS
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.store import Fragment, Request, RunningTotal, Signal, Thread
from spec_kitty_telemetry.agents.common.store_files import opened, spans_with, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import StoredSession

AGENT = "claude-code"
FORMAT = 1
"""Goes up when the same file would be read as something else."""

_USAGE, _TOTALS = b'"usage":', b'"cost-state"'
_DENSE = 3
"""Where at least every third line has what is looked for, decoding all of them is faster than looking."""
_SYNTHETIC = "<synthetic>"
_HEAD_LINES = 40
_META_BYTES = 1 << 16


def roots(context: AgentContext) -> list[Path]:
    """Return the folders of projects: those of `CLAUDE_CONFIG_DIR` (with commas between), else both usual ones."""
    named = [part.strip() for part in context.environment.get("CLAUDE_CONFIG_DIR", "").split(",")]
    if any(named):
        return [Path(part).expanduser() / "projects" for part in named if part]
    config = context.folder("XDG_CONFIG_HOME", ".config")
    return [context.home / ".claude" / "projects", config / "claude" / "projects"]


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the transcripts of sessions and of their sub-agents, nothing else that lies beside them."""
    for root in dict.fromkeys(roots(context)):
        for path in walk(root, r".+\.jsonl", depth=8):
            depth = len(path.relative_to(root).parts)
            if depth == 2 or ("subagents" in path.parts[-depth:] and path.name.startswith("agent-")):  # noqa: PLR2004
                yield path


class Reader:
    """Reads one transcript, from its beginning or on from where an earlier reading stopped."""

    def __init__(self, path: Path, fragments: list[Fragment]) -> None:
        self.fragments = fragments or [_empty(path)]
        self._main = self.fragments[0]
        self._is_dense = True
        self._places: dict[str, tuple[Fragment, int]] = {
            entry.request_id: (fragment, place)
            for fragment in self.fragments
            for place, entry in enumerate(fragment.thread.entries)
            if isinstance(entry, Request)
        }

    def take(self, block: bytes) -> None:
        """Take in whole lines."""
        main = self._main
        if main.began_at is None or main.version is None:
            self._begin(block)
        if any(marker in block for marker in MARKERS) or any(call.encode() in block for call in main.awaited):
            self._take_spoken(block)
        elif self._is_dense:
            self._take_all(block)
        else:
            self._take_found(block)

    def _begin(self, block: bytes) -> None:
        """Look for the time and the version; a fork's first time is that of the fork, before the copied lines."""
        for text in block.split(b"\n", _HEAD_LINES)[:_HEAD_LINES]:
            line = _decoded(text)
            if line is not None:
                self._main.began_at = self._main.began_at or line.timestamp
                self._main.version = self._main.version or line.version

    def _take_all(self, block: bytes) -> None:
        try:
            lines: Iterable[Line | None] = LINES.decode_lines(block)
        except (ValueError, RecursionError):
            lines = map(_decoded, block.split(b"\n"))
        counted = [self._take_line(line) for line in lines if line is not None]
        self._is_dense = sum(counted) * _DENSE >= len(counted)

    def _take_found(self, block: bytes) -> None:
        spans = [*spans_with(block, _USAGE), *spans_with(block, _TOTALS)]
        for start, end in sorted(set(spans)):
            line = _decoded(block[start:end])
            if line is not None:
                self._take_line(line)
        self._is_dense = len(spans) * _DENSE >= block.count(b"\n")

    def _take_spoken(self, block: bytes) -> None:
        """Take in lines one by one, with what was said in those that speak of the host."""
        for text in block.split(b"\n"):
            line = _decoded(text) if text else None
            if line is None:
                continue
            self._take_line(line)
            awaited = self._main.awaited
            if any(marker in text for marker in MARKERS) or any(call.encode() in text for call in awaited):
                self._listen(text, self._fragment(line))

    def _take_line(self, line: Line) -> bool:
        """Take in a line; say whether it counted."""
        if line.modelUsage is not None and line.type == "cost-state":
            self._main.totals = _totals(line.modelUsage, _latest(self._main) or self._main.began_at)
            return True
        message = line.message
        if message is None or message.usage is None or line.type != "assistant" or message.model == _SYNTHETIC:
            return False
        if line.timestamp is not None:
            self._count(line, message, message.usage, line.timestamp)
        return True

    def _count(self, line: Line, message: Message, usage: Usage, at: datetime) -> None:
        fragment = self._fragment(line)
        entries = fragment.thread.entries
        key = message.id or f"{fragment.thread.thread_id} {len(entries)}"
        known = self._places.get(key)
        if known is None:
            self._places[key] = fragment, len(entries)
            is_copy = line.forkedFrom is not None or (self._main.began_at or at) > at
            if line.forkedFrom is not None:
                fragment.forked_from = fragment.forked_from or line.forkedFrom.sessionId
            entries.append(_request(key, at, line, message, usage, is_copy=is_copy))
            return
        fragment, place = known
        before = fragment.thread.entries[place]
        if isinstance(before, Request) and before.output_tokens != usage.output_tokens:
            fragment.thread.entries[place] = _grown(before, line, message, usage)

    def _fragment(self, line: Line) -> Fragment:
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
        blocks = content if isinstance(content, list) else [Block(type="text", text=content)]
        for block in blocks:
            found = self._heard(block, line.type, line.timestamp, line.cwd)
            self._main.awaited += sorted(signals.calls_awaited(found))
            fragment.thread.entries += found

    def _heard(self, block: Block, speaker: str | None, at: datetime, folder: str | None) -> list[Signal]:
        if speaker == "assistant":
            called = block.type == "tool_use" and block.input is not None
            return signals.of_call(block.input or {}, at, call_id=block.id, folder=folder) if called else []
        if speaker != "user":
            return []
        if block.tool_use_id in self._main.awaited:
            self._main.awaited.remove(block.tool_use_id)
            return [signals.result(block.tool_use_id, at)]
        return signals.of_message(block.text, at, folder) if block.type == "text" and block.text else []


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join the files of sessions, with the hidden requests of each."""
    return [with_hidden(session, fragments) for session in joined(AGENT, fragments)]


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


def _decoded(text: bytes) -> Line | None:
    try:
        return LINES.decode(text)
    except (ValueError, RecursionError):
        return loosely(text)


def _latest(fragment: Fragment) -> datetime | None:
    return next((entry.at for entry in reversed(fragment.thread.entries)), None)


def _totals(models: dict[str, ModelTotal], at: datetime | None) -> list[RunningTotal]:
    if at is None:
        return []
    return [
        RunningTotal(
            model=name.removesuffix("[1m]"),
            at=at,
            input_tokens=one.inputTokens + one.cacheReadInputTokens + one.cacheCreationInputTokens,
            cache_read_tokens=one.cacheReadInputTokens,
            cache_write_tokens=one.cacheCreationInputTokens,
            cache_write_1h_tokens=one.cacheCreationEphemeral1hInputTokens,
            output_tokens=one.outputTokens,
            reasoning_tokens=one.thinkingTokens,
        )
        for name, one in models.items()
    ]


def _request(key: str, at: datetime, line: Line, message: Message, usage: Usage, *, is_copy: bool) -> Request:
    uncached, read, write = usage.input_tokens, usage.cache_read_input_tokens, usage.cache_write_tokens
    split, output, tools = usage.cache_creation, usage.output_tokens_details, usage.server_tool_use
    return Request(
        request_id=key,
        at=at,
        model=message.model,
        folder=line.cwd,
        input_tokens=None if uncached is None else uncached + (read or 0) + (write or 0),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=split.ephemeral_1h_input_tokens if split else None,
        output_tokens=usage.output_tokens,
        reasoning_tokens=output.thinking_tokens if output else None,
        speed=usage.speed if usage.speed != "standard" else None,
        service_tier=usage.service_tier if usage.service_tier != "standard" else None,
        inference_geo=usage.inference_geo or None,
        web_search_requests=(tools.web_search_requests or None) if tools else None,
        is_copy=is_copy,
    )


def _grown(before: Request, line: Line, message: Message, usage: Usage) -> Request:
    """Take the greater numbers of a message that is written again; the moment stays that of its first line."""
    if (usage.output_tokens or 0) < (before.output_tokens or 0):
        return before
    return _request(before.request_id, before.at, line, message, usage, is_copy=before.is_copy)
