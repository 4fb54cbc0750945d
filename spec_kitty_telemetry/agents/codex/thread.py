"""One thread of Codex as its rollout file has it: what it is part of, and every request that was its own.

- 0.169 and later write a `token_usage_record` for each response.  Older versions have running totals alone
  (`token_count`): a request is what the total grew by.  It stands again, without having grown, after a compaction.
- A fork (`forked_from_id`) goes on from its parent's total without having used it.  Older versions copy the parent's
  totals into it with new times: what stands in the parent's file is the parent's.
- `thread_settings_applied` has the service tier that was asked for, not what was granted.
- A `web_search_call` whose action is a search is billed by the call; opening a page is not.

Source: rollout files of Codex 0.142.4, 0.145.0, 0.153.4, 0.169.0 and 0.171.0 (2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.agents.codex.lines import Usage
from spec_kitty_telemetry.agents.codex.running_total import COPYING, RunningTotal, is_billed_search
from spec_kitty_telemetry.agents.common.fields import get_int, inner, milliseconds, moment, word
from spec_kitty_telemetry.agents.common.session_totals import difference
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from datetime import datetime

    from spec_kitty_telemetry.agents.common.context import Window
    from spec_kitty_telemetry.agents.common.stdout import Json

MARKERS = (
    '"session_meta"',
    '"turn_context"',
    '"token_usage_record"',
    '"token_count"',
    '"task_complete"',
    '"thread_settings_applied"',
    '"web_search_call"',
)
"""What stands in the lines that `Thread.note` wants."""
TIERS = {"fast": "priority", "default": None, "auto": None, "standard": None}
"""Service tiers as Codex's settings call them, and as the API and price tables do."""


class Request(NamedTuple):
    """One request to the model, or one search that it made."""

    at: datetime
    model: Model
    counts: TokenCounts


@dataclass(slots=True)
class Thread:
    """What a thread's file says; `totals_of` gives the running totals of the thread that it is a fork of."""

    totals_of: Callable[[str], Container[TokenCounts]] = field(default=lambda _thread: ())
    thread: str | None = None
    forked_from: str | None = None
    model: str | None = None
    provider: str | None = None
    tier: str | None = None
    requests: dict[str, Request] = field(default_factory=dict)
    totals: list[tuple[datetime, TokenCounts]] = field(default_factory=list)
    """The running totals after the thread's own requests, in order."""
    base: TokenCounts = field(default_factory=TokenCounts)
    """The running total that the thread began with: its parent's."""
    durations: list[tuple[datetime, int | None]] = field(default_factory=list)
    _began_at: datetime | None = None
    _total: RunningTotal = field(default_factory=RunningTotal)
    """The running total, the parent's included."""

    @property
    def named_model(self) -> Model | None:
        """The model in use at the end, with who bills for it."""
        return self._billed if self.model else None

    @property
    def _billed(self) -> Model:
        return Model(self.model or "", self.provider, service_tier=self.tier)

    def models(self, window: Window) -> dict[Model, TokenCounts]:
        """Add up the thread's own requests in a span of time."""
        return by_model((one.model, one.counts) for one in self.requests.values() if window.holds(one.at))

    def before(self, window: Window) -> TokenCounts:
        """Return the running total before a span of time, the parent's included."""
        earlier = [running for at, running in self.totals if at < window.start and not window.holds(at)]
        return earlier[-1] if earlier else self.base

    def duration_ms(self, window: Window) -> int | None:
        """Return how long the last turn in a span of time took."""
        return next((lasted for at, lasted in reversed(self.durations) if window.holds(at)), None)

    def note(self, line: Json) -> None:
        """Take in one line."""
        payload = inner(line, "payload")
        at = moment(line.get("timestamp"))
        kind = word(payload, "type") if line.get("type") in {"event_msg", "response_item"} else word(line, "type")
        if kind == "session_meta":
            self._begin(payload, at)
        elif kind == "turn_context":
            self.model = word(payload, "model") or self.model
        elif kind == "thread_settings_applied":
            tier = word(inner(payload, "thread_settings"), "service_tier") or ""
            self.tier = TIERS.get(tier, tier) or None
        elif at is not None:
            self._note_event(kind, payload, at)

    def _note_event(self, kind: str | None, payload: Json, at: datetime) -> None:
        if kind == "token_usage_record":
            self._count(payload, at)
        elif kind == "token_count":
            info = inner(payload, "info")
            self._grow(_usage(inner(info, "total_token_usage")), _usage(inner(info, "last_token_usage")), at)
        elif kind == "task_complete":
            self.durations.append((at, milliseconds(payload, "duration_ms")))
        elif kind == "web_search_call" and not self._is_copying(at):
            action = inner(payload, "action").get("type")
            if is_billed_search(action):
                self._add(f"search {len(self.requests)}", at, TokenCounts(web_search_requests=1))

    def _begin(self, payload: Json, at: datetime | None) -> None:
        if self.thread is None:  # a copied history brings its parent's first line along
            self.thread, self._began_at = word(payload, "id"), at
            self.forked_from = word(payload, "forked_from_id") or word(payload, "parent_thread_id")
            self.provider = word(payload, "model_provider")

    def _is_copying(self, at: datetime) -> bool:
        return self.forked_from is not None and at - (self._began_at or at) < COPYING

    def _count(self, payload: Json, at: datetime) -> None:
        """Take in the record of one response."""
        used, running = _usage(inner(payload, "usage")), _usage(inner(payload, "thread_token_usage"))
        if word(payload, "thread_id") not in {None, self.thread} or used is None:
            return
        counts = turn_counts(used.as_json)
        if not self.totals and running is not None:
            self.base = _less(turn_counts(running.as_json), counts)
        if self._total.record(used, running):
            self._add(word(payload, "response_id") or f"record {len(self.requests)}", at, counts)
            self._keep_total(at)

    def _grow(self, running: Usage | None, last: Usage | None, at: datetime) -> None:
        """Take in a running total: what it grew by was a request, if no record of it stood before."""
        if running is None or self._total.is_at(running):
            return
        if not self.totals and self.forked_from and turn_counts(running.as_json) in self.totals_of(self.forked_from):
            self.base, self._total.usage = turn_counts(running.as_json), running
            return
        is_first = self._total.usage is None
        used = self._total.grow(running, last, goes_on=self.forked_from is not None)
        if used is not None:
            if is_first and used is not running:
                self.base = _less(turn_counts(running.as_json), turn_counts(used.as_json))
            self._add(f"total {len(self.totals)}", at, turn_counts(used.as_json))
        self._keep_total(at)

    def _keep_total(self, at: datetime) -> None:
        if self._total.usage is not None:
            self.totals.append((at, turn_counts(self._total.usage.as_json)))

    def _add(self, key: str, at: datetime, counts: TokenCounts) -> None:
        self.requests[key] = Request(at, self._billed, counts)


def _usage(found: Json) -> Usage | None:
    """Return what is said there; `None` where that is nothing, and each count that cannot be one is unknown."""
    usage = Usage(*[get_int(found, name) for name in Usage.__struct_fields__])
    return usage if any(count is not None for count in usage.counts) else None


def turn_counts(found: Json) -> TokenCounts:
    """Count what was used: cached and cache-written input are parts of input, reasoning of output."""
    return of_whole(
        get_int(found, "input_tokens"),
        cache_read=get_int(found, "cached_input_tokens"),
        cache_write=get_int(found, "cache_write_input_tokens"),
        output=get_int(found, "output_tokens"),
        reasoning=get_int(found, "reasoning_output_tokens"),
    )


def _less(running: TokenCounts, own: TokenCounts) -> TokenCounts:
    rest = difference({"": running}, {"": own})
    return TokenCounts() if rest is None or not any((rest[""].input_tokens, rest[""].output_tokens)) else rest[""]
