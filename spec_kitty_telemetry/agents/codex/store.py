"""Codex's session store: `sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl` and `archived_sessions/`.

- Newer versions (0.171) write a `token_usage_record` for each response.  Older ones only have the thread's running
  total after each response: a request is what it grew by.  It repeats without growing after `/compact`.
- A sub-agent is a thread with a file of its own; `session_id` in its first line is that of the main thread.
- In 0.145 a sub-agent's file begins with a copy of the parent's totals, written in one moment; forks and later versions
  copy none but may go on from the parent's total.

Source: rollout files of Codex 0.142, 0.145, 0.153 and 0.171 (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.agents.codex.lines import ITEMS, KINDS, LINES, TYPED, Item, Line, Payload, Usage, arguments_in
from spec_kitty_telemetry.agents.codex.running_total import COPYING, RunningTotal, is_billed_search
from spec_kitty_telemetry.agents.codex.thread import TIERS, turn_counts
from spec_kitty_telemetry.agents.common import signals
from spec_kitty_telemetry.agents.common.host_commands import MARKERS
from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.store import Fragment, Request, Signal, Thread, first_command_since_a_request
from spec_kitty_telemetry.agents.common.store_files import MOST_BYTES_A_LINE, is_compact, walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import StoredSession

AGENT = "codex"
FORMAT = 2
"""Goes up when the same file would be read as something else."""

_NAME, _MODULE = MARKERS
_CARRIED = ("model", "provider", "folder", "tier")
_CALLS = frozenset({"function_call", "local_shell_call", "custom_tool_call"})
_OUTPUTS = frozenset({"function_call_output", "local_shell_call_output", "custom_tool_call_output"})
_THREAD = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the files of threads; one that is archived too is read where it is active."""
    root = context.folder("CODEX_HOME", ".codex")
    seen = set()
    for folder, depth in ((root / "sessions", 3), (root / "archived_sessions", 3)):
        for path in walk(folder, r"rollout-.*\.jsonl", depth):
            if path.name not in seen:
                seen.add(path.name)
                yield path


class Reader:
    """Reads one thread's file, from its beginning or on from where an earlier reading stopped."""

    def __init__(self, path: Path, fragments: list[Fragment]) -> None:
        found = _THREAD.search(path.stem)
        thread = found[0] if found else path.stem
        self.fragments = fragments or [Fragment(session_id=thread, thread=Thread(thread_id=thread))]
        self._main = self.fragments[0]
        self._entries = self._main.thread.entries
        self._known = {entry.request_id for entry in self._entries if isinstance(entry, Request)}
        carried = self._main.carried
        self._model, self._provider, self._folder, self._tier = (_text(carried.get(name)) for name in _CARRIED)
        total = carried.get("total")
        self._total = RunningTotal(msgspec.json.decode(str(total), type=Usage) if total else None)
        self._is_sparse = False
        self._asked_at = first_command_since_a_request(self._entries)
        """Where the commands begin that the next request asked for: its numbers are written after them."""

    def take(self, block: bytes) -> None:
        """Take in whole lines."""
        if self._main.began_at is None:
            self._take_line(block[: block.find(b"\n")])
        if self._take_at_once(block):
            self._keep_total()
            return
        if not is_compact(block):
            for text in filter(None, block.split(b"\n")):
                self._take_any(text)
            self._keep_total()
            return
        texts = block.split(b"\n")
        self._is_sparse = len(texts) * MOST_BYTES_A_LINE < len(block)
        for text in texts:  # faster here than looking for each kind of line in turn
            found = KINDS.match(text)
            kind = found.lastgroup if found else None
            if kind == "odd":
                self._take_any(text)
            elif kind == "counts":
                self._take_line(text)
            elif kind == "typed":
                self._speaks_of_host(text)  # it is taken in whether it does or not, and what comes later may
                self._listen(text)
            elif (kind == "says" and self._speaks_of_host(text)) or (kind == "ends" and self._ends_a_call(text)):
                self._listen(text)
        self._keep_total()

    def _take_at_once(self, block: bytes) -> bool:
        """Take in a block that does not speak of the host, decoded as a whole; `False`: it must be read by lines."""
        carried = self._main.carried
        if self._is_sparse or self._main.awaited or _NAME in block or ("host" in carried and _MODULE in block):
            return False
        try:
            lines = LINES.decode_lines(block)
        except (ValueError, RecursionError):
            return False
        self._is_sparse = len(lines) * MOST_BYTES_A_LINE < len(block)
        for line in lines:
            if line.payload is not None and line.timestamp is not None:
                if line.payload.is_typed and line.type in {"response_item", "event_msg"}:
                    self._listen(msgspec.json.encode(line))
                else:
                    self._take(line, line.payload, line.timestamp)
        return True

    def _take_any(self, text: bytes) -> None:
        """Take in a line whose beginning does not say what it is."""
        self._take_line(text)
        if self._speaks_of_host(text) or self._ends_a_call(text) or TYPED.search(text):
            self._listen(text)

    def _keep_total(self) -> None:
        if self._total.usage is not None:
            self._main.carried["total"] = msgspec.json.encode(self._total.usage).decode()

    def _speaks_of_host(self, text: bytes) -> bool:
        """Tell whether lines must be read for what was said in them.

        The host's module is looked for only after its name was seen: every search costs as much as reading the file.
        """
        carried = self._main.carried
        if _NAME in text:
            carried["host"] = 1
            return True
        return "host" in carried and _MODULE in text

    def _ends_a_call(self, text: bytes) -> bool:
        return any(call.encode() in text for call in self._main.awaited)

    def _take_line(self, text: bytes) -> None:
        try:
            line = LINES.decode(text)
        except (ValueError, RecursionError):
            return
        if line.payload is not None and line.timestamp is not None:
            self._take(line, line.payload, line.timestamp)

    def _take(self, line: Line, payload: Payload, at: datetime) -> None:
        if line.type == "session_meta":
            self._begin(payload, at)
        elif line.type == "turn_context":
            self._carry(model=payload.model, folder=payload.cwd)
        elif line.type == "token_usage_record" and payload.response_id and payload.usage:
            is_copy = payload.thread_id not in {None, self._main.thread.thread_id}
            if self._total.record(payload.usage, payload.thread_token_usage):
                self._count(payload.response_id, payload.usage, at, is_copy=is_copy)
        elif line.type == "event_msg" and payload.type == "token_count" and payload.info:
            self._take_total(payload.info.total_token_usage, payload.info.last_token_usage, at)
        else:
            self._take_rare(payload, at)

    def _take_rare(self, payload: Payload, at: datetime) -> None:
        """Take in a search, which is billed by the call, or the tier that was asked for."""
        if payload.type == "thread_settings_applied" and payload.thread_settings:
            tier = payload.thread_settings.service_tier or ""
            self._carry(tier=TIERS.get(tier, tier) or "")
        elif payload.type == "web_search_call" and not self._is_copying(at):
            action = payload.action.type if payload.action else None
            if is_billed_search(action):
                self._add(f"{self._main.thread.thread_id} search {at.isoformat()}", Usage(), at, searches=1)

    def _is_copying(self, at: datetime) -> bool:
        main = self._main
        return main.forked_from is not None and at - (main.began_at or at) < COPYING

    def _begin(self, payload: Payload, at: datetime) -> None:
        """Take in the thread's own first line; a copied history brings the parent's along."""
        main = self._main
        if main.began_at is not None:
            if self._is_copying(at):
                main.carried["lineage"] = payload.forked_from_id or payload.session_id or payload.id or ""
            return
        main.began_at, main.version = at, payload.cli_version
        own = payload.id or main.thread.thread_id
        main.thread.thread_id = own
        main.forked_from = payload.forked_from_id or payload.parent_thread_id
        is_subagent = payload.thread_source == "subagent" or payload.parent_thread_id is not None
        root = payload.session_id or payload.parent_thread_id
        main.session_id = root if is_subagent and root else own
        main.thread.is_subagent, main.thread.session_id = main.session_id != own, own
        main.carried["lineage"] = payload.session_id if is_subagent and payload.session_id else main.forked_from or own
        self._carry(provider=payload.model_provider, folder=payload.cwd)

    def _carry(self, **said: str | None) -> None:
        carried = self._main.carried
        carried |= {name: value for name, value in said.items() if value is not None}
        self._model, self._provider, self._folder, self._tier = (_text(carried.get(name)) for name in _CARRIED)

    def _take_total(self, total: Usage | None, last: Usage | None, at: datetime) -> None:
        """Take in a running total: what it grew by was a request, unless a record of the request stood before it."""
        main = self._main
        if total is None or self._total.is_at(total):
            return
        used = self._total.grow(total, last, goes_on=main.forked_from is not None)
        if used is None or not any(used.counts):
            return
        is_copy = self._is_copying(at)
        if is_copy:
            main.carried["copied"] = 1
            self._entries[:] = [one for one in self._entries if isinstance(one, Request)]  # was typed elsewhere
        of = main.carried.get("lineage") if "copied" in main.carried else main.thread.thread_id
        self._count(f"{of} total {'-'.join(map(str, total.counts))}", used, at, is_copy=is_copy)

    def _count(self, key: str, used: Usage, at: datetime, *, is_copy: bool) -> None:
        if key not in self._known:
            self._known.add(key)
            self._add(key, used, at, is_copy=is_copy)

    def _add(self, key: str, used: Usage, at: datetime, *, is_copy: bool = False, searches: int | None = None) -> None:
        counts = None if used.is_plain or searches else turn_counts(used.as_json)
        request = Request(
            request_id=key,
            at=at,
            model=self._model,
            provider=self._provider,
            folder=self._folder,
            input_tokens=counts.input_tokens if counts else used.input_tokens,
            cache_read_tokens=counts.cache_read_tokens if counts else used.cached_input_tokens,
            cache_write_tokens=counts.cache_write_tokens if counts else used.cache_write_input_tokens,
            output_tokens=counts.output_tokens if counts else used.output_tokens,
            reasoning_tokens=counts.reasoning_tokens if counts else used.reasoning_output_tokens,
            service_tier=self._tier,
            web_search_requests=searches,
            doubt=counts.doubt if counts else None,
            is_copy=is_copy,
        )
        place = len(self._entries) if self._asked_at is None else self._asked_at
        self._entries.insert(place, request)
        if not searches:
            self._asked_at = None

    def _listen(self, text: bytes) -> None:
        """Take in what was said in a line that speaks of the host, or ends a call that did."""
        main = self._main
        try:
            line = ITEMS.decode(text)
        except (ValueError, RecursionError):
            return
        if line.type not in {"response_item", "event_msg"} or line.payload is None or line.timestamp is None:
            return
        is_typed = line.type == "event_msg" or line.payload.role == "user"
        if self._is_copying(line.timestamp) and (main.thread.is_subagent or not is_typed):
            return  # what the other session had said
        if is_typed:  # a fork begins with what is typed into it
            self._hear_user(line.payload, line.timestamp)
            return
        found = self._heard(line.payload, line.timestamp, self._folder)
        main.awaited += sorted(signals.calls_awaited(found))
        if self._asked_at is None and any(one.kind in {"command", "prompt_file"} for one in found):
            self._asked_at = len(self._entries)
        self._entries += found

    def _hear_user(self, item: Item, at: datetime) -> None:
        """Take in what a user typed; most versions write it twice, as a message and as an event."""
        texts = [item.message] if item.type == "user_message" else [part.text for part in item.content or ()]
        last = self._entries[-1] if self._entries else None
        for one in signals.of_turn(filter(None, texts), at, self._folder):
            is_again = isinstance(last, Signal) and msgspec.structs.replace(last, at=at) == one
            if not is_again and not (one.kind == "prompt" and self._main.thread.is_subagent):
                self._entries.append(one)

    def _heard(self, item: Item, at: datetime, folder: str | None) -> list[Signal]:
        if item.type in _OUTPUTS:
            if item.call_id not in self._main.awaited:
                return []
            self._main.awaited.remove(item.call_id)
            return [signals.result(item.call_id, at)]
        given = item.action or arguments_in(item.arguments or item.input)
        return signals.of_call(given, at, call_id=item.call_id, folder=folder) if item.type in _CALLS else []


reader = Reader


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join the threads of each session."""
    return joined(AGENT, fragments)


def _text(value: str | int | None) -> str | None:
    return value or None if isinstance(value, str) else None
