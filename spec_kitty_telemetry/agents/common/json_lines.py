"""Reading session files of JSON lines whose agents write little: each line that matters is decoded whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from spec_kitty_telemetry.agents.common import json_spans, signals
from spec_kitty_telemetry.agents.common.host_commands import MARKERS
from spec_kitty_telemetry.agents.common.store import Fragment, Request, Signal, Thread

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.fields import Json
    from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts


class JsonLines:
    """The reader of one file; an agent's own says which lines matter and what they mean."""

    counted: ClassVar[tuple[bytes, ...]]
    """One of these stands in each line that is to be read."""

    def __init__(self, path: Path, fragments: list[Fragment]) -> None:
        self.path = path
        self.fragments = fragments or [self.begin(path)]
        self.main = self.fragments[0]
        self.known = {
            entry.request_id
            for fragment in self.fragments
            for entry in fragment.thread.entries
            if isinstance(entry, Request)
        }

    def begin(self, path: Path) -> Fragment:
        """Return what the name of a file says."""
        return Fragment(session_id=path.stem, thread=Thread(thread_id=path.stem))

    def note(self, line: Json, at: datetime | None) -> None:
        """Take in a line that matters."""
        raise NotImplementedError

    def moment_of(self, line: Json) -> datetime | None:
        """Return when a line was written."""
        raise NotImplementedError

    def take(self, block: bytes) -> None:
        """Take in whole lines."""
        for text in block.split(b"\n"):
            if self._matters(text):
                try:
                    line = json_spans.decode(text.decode("utf-8", errors="replace"))
                except ValueError:
                    continue
                if isinstance(line, dict):
                    at = self.moment_of(line)
                    self.note(line, at.astimezone(UTC) if at else None)

    def _matters(self, text: bytes) -> bool:
        return (
            any(marker in text for marker in self.counted)
            or any(marker in text for marker in MARKERS)
            or any(call.encode() in text for call in self.main.awaited)
        )

    def fragment_of(self, thread_id: str | None, parent_call_id: str | None = None) -> Fragment:
        """Return the thread of a sub-agent whose lines stand in its parent's file; the main one for `None`."""
        if thread_id is None:
            return self.main
        found = next((one for one in self.fragments if one.thread.thread_id == thread_id), None)
        if found is None:
            thread = Thread(thread_id=thread_id, is_subagent=True, parent_call_id=parent_call_id)
            found = Fragment(session_id=self.main.session_id, thread=thread)
            self.fragments.append(found)
        return found

    def count(self, request: Request, fragment: Fragment | None = None) -> None:
        """Add a request, once."""
        if request.request_id not in self.known:
            self.known.add(request.request_id)
            (fragment or self.main).thread.entries.append(request)

    def call(
        self, given: Json, at: datetime, call_id: str | None, folder: str | None, fragment: Fragment | None = None
    ) -> None:
        """Add what a tool call says, once."""
        entries = (fragment or self.main).thread.entries
        found = signals.of_call(given, at, call_id=call_id, folder=folder)
        if found and not any(isinstance(one, Signal) and one.call_id == call_id and call_id for one in entries):
            self.main.awaited += sorted(signals.calls_awaited(found))
            entries += found

    def end_of_call(self, call_id: str | None, at: datetime, fragment: Fragment | None = None) -> None:
        """Add the end of a tool call that is awaited."""
        if call_id in self.main.awaited:
            self.main.awaited.remove(call_id)
            (fragment or self.main).thread.entries.append(signals.result(call_id, at))

    def message(self, texts: list[Any], at: datetime, folder: str | None, fragment: Fragment | None = None) -> None:
        """Add what a message says, once; nobody types to a sub-agent, so it can only have a slash command."""
        thread = (fragment or self.main).thread
        found = signals.of_turn((text for text in texts if text and isinstance(text, str)), at, folder)
        for one in found:
            if not (one.kind == "prompt" and thread.is_subagent) and one not in thread.entries:
                thread.entries.append(one)


def request_of(
    request_id: str,
    at: datetime,
    model: Model | None,
    counts: TokenCounts,
    folder: str | None,
    *,
    is_copy: bool = False,
) -> Request:
    """Return one request with numbers in the record's meaning."""
    return Request(
        request_id=request_id,
        at=at.astimezone(UTC),
        model=model.name or None if model else None,
        provider=model.provider if model else None,
        folder=folder,
        input_tokens=counts.input_tokens,
        cache_read_tokens=counts.cache_read_tokens,
        cache_write_tokens=counts.cache_write_tokens,
        cache_write_1h_tokens=counts.cache_write_1h_tokens,
        output_tokens=counts.output_tokens,
        reasoning_tokens=counts.reasoning_tokens,
        cost_usd=counts.cost_usd,
        speed=model.speed if model else None,
        service_tier=model.service_tier if model else None,
        inference_geo=model.inference_geo if model else None,
        web_search_requests=counts.web_search_requests,
        doubt=counts.doubt,
        is_copy=is_copy,
    )
