"""What an agent's own session store says, in one shape for all agents.

`agents/<agent>/store.py` finds that agent's session files and reads each into a `StoredSession`; `importing` ties the
requests to missions and work packages.  No prompt and no answer gets into these types: a request is numbers, and a
signal is the few words of a host's command that tie a session to its work.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, tag="request"):
    """One request to a model, counted once; counts in the record's meaning (`ExecutionPayload`), `None` is unknown."""

    request_id: str
    """The provider's own id of the response, or what stands for it in this store; the same in every copy."""
    at: datetime
    """Aware, UTC."""
    model: str | None = None
    provider: str | None = None
    folder: str | None = None
    """The working folder at that moment, as the store has it."""
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    speed: str | None = None
    service_tier: str | None = None
    inference_geo: str | None = None
    web_search_requests: int | None = None
    doubt: str | None = None
    """Why the numbers may be off, in one sentence."""
    is_hidden: bool = False
    """Known from a session's totals alone: no line of the store has this request, and it may stand for several."""
    is_copy: bool = False
    """The store marks it as history that was copied from another session."""


class Signal(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, tag="signal"):
    """A moment of a session that says what it works on."""

    kind: str
    """command: a tool was asked to run one of the host's commands; result: that command's tool call ended;
    slash: the user typed one of the host's slash commands; prompt_file: a prompt file of the host was read;
    prompt: the user typed anything else, of which nothing is kept but when."""
    at: datetime
    call_id: str | None = None
    """Joins a command to its result."""
    verb: str | None = None
    """implement, review, move-task, specify, plan, tasks, next, accept, merge, …"""
    mission: str | None = None
    """As it was written: a slug, a mid8, a number."""
    wp_id: str | None = None
    lane: str | None = None
    """Where `move-task` moves it to."""
    agent: str | None = None
    folder: str | None = None


class Thread(msgspec.Struct, kw_only=True):
    """The requests and signals of one agent's conversation: the main one, or one sub-agent's."""

    thread_id: str
    session_id: str | None = None
    """The id under which the agent itself lists this thread, where a sub-agent is a session of its own."""
    is_subagent: bool = False
    parent_call_id: str | None = None
    """The tool call of the parent thread that started this sub-agent, where the store says so."""
    entries: list[Request | Signal] = []
    """In the order of the store; a request stands before the commands that its answer asked for."""


class RunningTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent itself says that a session had used so far, of one model."""

    model: str
    at: datetime
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


class Fragment(msgspec.Struct, kw_only=True):
    """What one file of a store says about one thread; fragments of one session are joined to a `StoredSession`."""

    session_id: str = ""
    thread: Thread
    version: str | None = None
    forked_from: str | None = None
    began_at: datetime | None = None
    """When the file was begun; what is older in it is copied history."""
    totals: list[RunningTotal] = []
    """The last running total of each model."""
    awaited: list[str] = []
    """Calls of host commands whose results have not come yet."""
    carried: dict[str, str | int] = {}
    """What the agent's reader needs to go on where the file ended."""


class StoredSession(msgspec.Struct, kw_only=True):
    """One session of one agent, with its sub-agents inside."""

    agent: str
    """The agent's own name, the first in `agents.NAMES`."""
    session_id: str
    version: str | None = None
    """The agent's version, where the store says so."""
    forked_from: str | None = None
    """The session whose history this one copied; copied requests keep their ids."""
    threads: list[Thread] = []


def first_command_since_a_request(entries: list[Request | Signal]) -> int | None:
    """Return the place of the first command or prompt file that stands after the last request."""
    first = None
    for place in range(len(entries) - 1, -1, -1):
        entry = entries[place]
        if isinstance(entry, Request):
            break
        if entry.kind in {"command", "prompt_file"}:
            first = place
    return first
