"""Aider: text only, one line for each model call.

`Tokens: 12k sent, 2.1k cache write, 8.1k cache hit, 1.2k received. Cost: $0.05 message, $0.10 session.`  The numbers
are rounded, so every record carries a doubt; cost is the last figure for the session.  Whether what was sent includes
cached tokens depends on the provider.  `--analytics-log` has exact numbers and is preferred where `AIDER_ANALYTICS_LOG`
names it.

Sources: Aider-AI/aider 0.86 `aider/coders/base_coder.py`, `aider/analytics.py`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.aider import transcript
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.merge import with_transcript
from spec_kitty_telemetry.agents.common.stdout import without_colours
from spec_kitty_telemetry.agents.common.tokens import TokenCounts, of_whole, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


_NUMBER = r"(\d{1,9}(?:\.\d{1,3})?[kKmM]?)"
_TOKENS = re.compile(
    rf"Tokens: {_NUMBER} sent(?:, {_NUMBER} cache write)?(?:, {_NUMBER} cache hit)?, {_NUMBER} received"
)
_COST = re.compile(r"Cost: \$[\d.]{1,20} message, \$(\d{1,9}(?:\.\d{1,12})?) session")
_MODEL = re.compile(r"(?:Main model|Model): (\S{1,200})")
_UNITS = {"k": 1_000, "m": 1_000_000}
_ROUNDED = "Aider prints rounded numbers, and whether they include cached tokens depends on the provider"
_LINE_CHARACTERS = 500


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Add up the token lines and take the last session cost."""
    text = result.stdout
    counts = total(_counts(found) for line in _lines(text, "Tokens: ") if (found := _TOKENS.search(line)))
    costs = [found[1] for line in _lines(text, "Cost: $") if (found := _COST.search(line))]
    models = (found[1] for line in _lines(text, "odel: ") if (found := _MODEL.match(line)))
    cost = Decimal(costs[-1]) if costs else None
    said = build_usage(replace(counts, cost_usd=cost), model=next(models, None), doubt=_ROUNDED)
    return with_transcript(said, invocation, result, context, transcript.find)


def _lines(text: str, marker: str) -> Iterator[str]:
    """Yield the beginnings of the lines that hold `marker`, without colours."""
    place = text.find(marker)
    while place >= 0:
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        yield without_colours(text[start : min(end, start + _LINE_CHARACTERS)]).strip()
        place = text.find(marker, end)


def _counts(found: re.Match[str]) -> TokenCounts:
    sent, write, hit, received = (None if part is None else _number(part) for part in found.groups())
    return of_whole(sent, cache_read=hit, cache_write=write, output=received)


def _number(text: str) -> int:
    """Return `8.1k` as 8100."""
    unit = _UNITS.get(text[-1].lower(), 1)
    return int(Decimal(text.rstrip("kKmM")) * unit)
