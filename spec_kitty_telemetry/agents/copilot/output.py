"""GitHub Copilot CLI: `copilot -p` with `--output-format json`, and its plain text footer.

On stdout only generated tokens are printed, and not for every provider; the whole counts are in the session's own
files, which are preferred.  An API error is a `session.error` before the result.  `premiumRequests` is not money, and
neither are AI credits.  The footer has rounded numbers, input with cached input included.  `gh copilot suggest`, the
old extension, reports nothing.

Sources: github/copilot-cli changelog (0.0.422) and issue 4107; github/copilot-sdk `session-events.ts` (cc0438d); output
of Copilot CLI 1.0.102 (2026-11).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import get_int, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.merge import with_transcript
from spec_kitty_telemetry.agents.common.stdout import AgentOutput, Json, without_colours
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_whole
from spec_kitty_telemetry.agents.copilot import transcript

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


_FOOTER_CHARACTERS = 16_384
_FOOTER = re.compile(
    r"^ *(?P<model>\S+) +(?P<input>[\d.]+[km]?) in, (?P<output>[\d.]+[km]?) out, (?P<cached>[\d.]+[km]?) cached",
    re.MULTILINE,
)
_UNITS = {"k": 1_000, "m": 1_000_000}
_ROUNDED = "the footer's numbers are rounded"


def read(invocation: Invocation, result: InvocationResult, context: AgentContext) -> Usage:
    """Read the session's events and its result, else the footer."""
    printed = AgentOutput(result.stdout)
    end = printed.last('"result"', lambda found: found.get("type") == "result") or {}
    models = _messages(printed)
    doubt = None
    if not (end or models):
        models, doubt = _footer(result.stdout) or _footer(result.stderr), _ROUNDED
    exit_code = end.get("exitCode")
    success = exit_code == 0 if isinstance(exit_code, int) else None
    said = build_usage(
        None,
        models,
        session_id=word(end, "sessionId"),
        success=success,
        duration_ms=milliseconds(inner(end, "usage"), "sessionDurationMs"),
        error=None if success else _error(printed),
        doubt=doubt,
    )
    return with_transcript(said, invocation, result, context, transcript.find)


def _error(printed: AgentOutput) -> str | None:
    failure = printed.last('"session.error"', lambda found: found.get("type") == "session.error") or {}
    return sentence(inner(failure, "data").get("message"))


def _messages(printed: AgentOutput) -> dict[Model, TokenCounts]:
    messages: dict[str, tuple[Model, TokenCounts]] = {}
    for number, event in enumerate(printed.objects('"assistant.message"')):
        data = inner(event, "data")
        model = word(data, "model")
        if event.get("type") == "assistant.message" and model:
            messages[word(data, "messageId") or f"line {number}"] = (Model(model), _generated(data))
    return by_model(messages.values())


def _generated(data: Json) -> TokenCounts:
    return TokenCounts(output_tokens=get_int(data, "outputTokens"))


def _footer(text: str) -> dict[Model, TokenCounts]:
    end = without_colours(text[-_FOOTER_CHARACTERS:])
    _, heading, table = end.rpartition("Breakdown by AI model:")
    models = {}
    for line in _FOOTER.finditer(table if heading else ""):
        counts = of_whole(_number(line["input"]), cache_read=_number(line["cached"]), output=_number(line["output"]))
        models[Model(line["model"])] = counts
    return models


def _number(text: str) -> int | None:
    """Return `18.6k` as 18600."""
    unit = _UNITS.get(text[-1], 1)
    digits = text.rstrip("km")
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", digits):
        return None
    return int(Decimal(digits) * unit)
