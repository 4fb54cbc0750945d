"""What one run added to the totals of a Qwen Code session.

A resumed session prints its totals, by model in `stats` and together in `usage`; a refused run prints the latter only.
So both are remembered, the sum under no name.  Where the run before was not seen, the chat has what there was before.

Sources: output of Qwen Code 0.15.10 and 0.24.4 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.agents.common import session_totals as sessions
from spec_kitty_telemetry.agents.common.merge import look_up
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, total
from spec_kitty_telemetry.agents.qwen import transcript

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult

AGENT = "qwen"


class Totals(NamedTuple):
    """What a result says: all together, the models, and whether earlier runs are certainly among it."""

    whole: TokenCounts
    models: dict[Model, TokenCounts]
    holds_more: bool = False

    @property
    def remembered(self) -> dict[str, TokenCounts]:
        """The totals by the models' names, and all together under no name."""
        together = self.whole if self.whole.has_tokens else total(self.models.values())
        return {model.name: counts for model, counts in self.models.items()} | {"": together}


class Added(NamedTuple):
    """What one run added: all together where the models do not say it, the models, and why that may be wrong."""

    whole: TokenCounts | None
    models: dict[Model, TokenCounts]
    doubt: str | None = None


def of_this_run(
    invocation: Invocation, result: InvocationResult, context: AgentContext, session: str | None, now: Totals
) -> Added:
    """Take off what there was before this run, as it was last seen, else as the session's chat has it."""
    remembered = now.remembered
    printed = Added(None if now.models else now.whole, now.models)
    before = sessions.exchange(context.state_folder, AGENT, session, invocation.invocation_id, remembered)
    if before is not None and now.models and sessions.stood_still(remembered, before):
        return printed  # a refused run prints no models; any other used tokens, so these are its own and no totals
    if before is None and (now.holds_more or not now.models or invocation.session_id):
        chat = look_up(invocation, result, context, session, transcript.before)
        if chat is None:
            doubtful = now.holds_more or invocation.session_id
            return printed._replace(doubt=sessions.NOT_SEEN_BEFORE if doubtful else None)
        before = {model.name: counts for model, counts in chat.items()} | {"": total(chat.values())}
    return printed if before is None else _since(before, now) or printed


def _since(before: sessions.Totals, now: Totals) -> Added | None:
    """Subtract model by model where both have models, else all together; `None` for a new start."""
    earlier = {name: counts for name, counts in before.items() if name}
    if now.models and (earlier or not before.get("", TokenCounts()).has_tokens):
        added = sessions.difference({model.name: counts for model, counts in now.models.items()}, earlier)
        rest = {model: added[model.name] for model in now.models if model.name in added} if added is not None else {}
        return None if added is None else Added(total(rest.values()) if rest else _NOTHING, rest)
    together = sessions.difference({"": now.remembered[""]}, {"": _printed_part(before[""])}) if "" in before else None
    if together is None:
        return None
    one = next(iter(now.models)) if len(now.models) == 1 else None
    return Added(together[""], {one: together[""]} if one else {})


_NOTHING = TokenCounts(0, 0, output_tokens=0)


def _printed_part(counts: TokenCounts) -> TokenCounts:
    """Leave out what `usage` never says."""
    return TokenCounts(counts.input_tokens, counts.cache_read_tokens, output_tokens=counts.output_tokens)
