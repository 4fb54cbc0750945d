"""What one run added to the totals of a Claude Code session.

A resumed session continues its totals since 2.1.277, before that every call began at zero; `usage` is always the run's
own (the main agent's).  The result does not say the version, so the stream or the transcript is asked, and without
them what is found decides.  What there was before is known from the run before; where that was not seen, from the
transcript, which has tokens and no cost; else a doubt says so.

Sources: Enderfga/claw-orchestrator PR 112 (resumed sessions, measured on 2.1.278); output of Claude Code 2.1.330
(2026-11: `--continue` prints totals, also when the API refuses the run).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.agents.claude_code import transcript
from spec_kitty_telemetry.agents.common import session_totals as sessions
from spec_kitty_telemetry.agents.common.merge import look_up
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, total
from spec_kitty_telemetry.model.tokens import TOKEN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult

AGENT = "claude-code"
_CONTINUES_TOTALS_SINCE = (2, 1, 277)
_COST_NOISE = Decimal("0.0000001")
"""The agent adds costs as floats; sums that differ by less are the same."""
_MAYBE_ALREADY_A_DIFFERENCE = (
    "the session was resumed and its version is unknown; the printed numbers were taken as the session's totals"
)
_FROM_TRANSCRIPT = "what earlier runs of the session had used was taken from its transcript, which may leave out some"


class Totals(NamedTuple):
    """What a result says: the cost, the models, and the main agent alone in this run."""

    cost: Decimal | None
    models: dict[Model, TokenCounts]
    agent: TokenCounts

    @property
    def remembered(self) -> dict[str, TokenCounts]:
        """The totals by the models' names, the cost under no name."""
        return {model.name: counts for model, counts in self.models.items()} | {"": TokenCounts(cost_usd=self.cost)}


class Added(NamedTuple):
    """What one run added, and why that may be wrong."""

    cost: Decimal | None
    models: dict[Model, TokenCounts]
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Resumption:
    """One run of a session that may have had earlier ones."""

    invocation: Invocation
    result: InvocationResult
    context: AgentContext
    session: str | None
    streamed_version: str | None

    def added(self, now: Totals, *, nothing_else_ran: bool) -> Added:
        """Take off what earlier runs of the session had printed, where this version continues totals.

        A known version decides, unless nothing grew although the run used tokens.  Where it is unknown: a counter that
        fell is a new start; a cost that grew by exactly what the models cost is a total beside this run's models;
        everything else that grew is taken as a total, with a doubt unless the growth is exactly the main agent's own
        `usage`.
        """
        state, run = self.context.state_folder, self.invocation.invocation_id
        before = sessions.exchange(state, AGENT, self.session, run, now.remembered)
        if before is None:
            return self._first_seen(now, nothing_else_ran=nothing_else_ran)
        whole = Added(now.cost, now.models)
        version = self._version()
        added = sessions.difference(now.remembered, before)
        if (version is not None and version < _CONTINUES_TOTALS_SINCE) or _stood_still(now, added):
            return whole
        own_cost = _cost_beside_models(now, before)
        if own_cost is not None:
            return Added(own_cost, now.models)
        if added is None:
            return whole
        rest = _by_model(now, added)
        certain = version is not None or _is_agent(total(rest.values()), now.agent)
        return Added(added[""].cost_usd, rest, None if certain else _MAYBE_ALREADY_A_DIFFERENCE)

    def _first_seen(self, now: Totals, *, nothing_else_ran: bool) -> Added:
        """Take off what was before the first run that we see, where the totals are not plainly the run's own."""
        resumed = bool(self.invocation.session_id)
        models = total(now.models.values())
        is_own = _is_agent(models, now.agent)
        if is_own and resumed and models.cost_usd is not None:
            return Added(models.cost_usd, now.models)  # the cost that is printed may have what was before
        if is_own or not (now.models or resumed):
            return Added(now.cost, now.models)
        return self._since_transcript(now, doubtful=resumed or (nothing_else_ran and not _has_agent(now)))

    def _since_transcript(self, now: Totals, *, doubtful: bool) -> Added:
        """Take off what the transcript has from before this run; its cost is not known then."""
        whole = Added(now.cost, now.models)
        before = look_up(self.invocation, self.result, self.context, self.session, transcript.before)
        if before is not None and not before:
            return whole
        version = self._version() if before else _numbers(self.streamed_version)  # there is no other place to look in
        if version is not None and version < _CONTINUES_TOTALS_SINCE:
            return whole
        known = ((Model(_plain(model.name)), counts) for model, counts in (before or {}).items())
        earlier = {model.name: counts for model, counts in by_model(known).items()}
        printed = {model: _plain(model.name) for model in now.models}
        grown = {name: now.models[model] for model, name in printed.items()}
        added = sessions.difference(grown, earlier) if before and len(grown) == len(printed) else None
        if added is None:
            return Added(now.cost, now.models, sessions.NOT_SEEN_BEFORE if doubtful or before else None)
        rest = {model: replace(added[name], cost_usd=None) for model, name in printed.items() if name in added}
        certain = _is_agent(total(rest.values()), now.agent)
        return Added(None, rest, None if certain else _FROM_TRANSCRIPT)

    def _version(self) -> tuple[int, ...] | None:
        """Return the version that the stream names, else the one that wrote the transcript."""
        said = _numbers(self.streamed_version)
        return said or _numbers(look_up(self.invocation, self.result, self.context, self.session, transcript.version))


def _stood_still(now: Totals, added: sessions.Totals | None) -> bool:
    """Whether a run that used tokens added nothing: then what it printed is its own, and no total."""
    return any(getattr(now.agent, name) for name in TOKEN_FIELDS) and sessions.is_nothing(added)


def _by_model(now: Totals, added: Mapping[str, TokenCounts]) -> dict[Model, TokenCounts]:
    return {model: added[model.name] for model in now.models if model.name in added}


def _plain(name: str) -> str:
    """Return a model's name as transcripts have it: they leave out how long the context was."""
    return name.removesuffix("[1m]")


def _cost_beside_models(now: Totals, before: sessions.Totals) -> Decimal | None:
    """Return this run's cost where only the cost is the session's and the models are the run's."""
    alone = total(now.models.values()).cost_usd
    earlier = before.get("", TokenCounts()).cost_usd
    if not (now.cost and alone and earlier) or abs(now.cost - earlier - alone) >= _COST_NOISE:
        return None
    return now.cost - earlier


def _has_agent(now: Totals) -> bool:
    """Whether one of the models was used by the main agent in this run and by nobody else."""
    return any(_is_agent(counts, now.agent) for counts in now.models.values())


def _is_agent(added: TokenCounts, agent: TokenCounts) -> bool:
    names = set(TOKEN_FIELDS) - {"cache_write_1h_tokens", "reasoning_tokens"}
    return added.has_tokens and all(getattr(added, name) == getattr(agent, name) for name in names)


def _numbers(version: str | None) -> tuple[int, ...] | None:
    found = re.match(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})", version or "")
    return tuple(int(part) for part in found.groups()) if found else None
