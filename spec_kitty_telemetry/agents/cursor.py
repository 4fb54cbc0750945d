"""Cursor: `cursor-agent -p` with `--output-format json` or `stream-json`.

The last `result` has `usage` in newer versions only; `inputTokens` is the uncached part.  The model is a display name
in the stream's first line, and cost is not reported.  Text output, which `cursor agent -p PROMPT` prints by default,
has no usage, and neither have Cursor's local files.

Sources: cursor.com `docs/cli/reference/output-format`; cc-connect issue 1810 and paperclip issue 12908 (2026.09.02).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import answer, usage
from spec_kitty_telemetry.agents.common.fields import count, flag, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.stdout import Printed
from spec_kitty_telemetry.agents.common.tokens import of_parts
from spec_kitty_telemetry.hooks.specs import hookimpl

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import Surroundings
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage

AGENTS = frozenset({"cursor", "cursor-agent", "cursor-cli"})


@hookimpl
def extract_usage(invocation: Invocation, result: InvocationResult) -> Usage | None:
    """Say what a Cursor run used."""
    return answer(invocation, result, AGENTS, read)


def read(_invocation: Invocation, result: InvocationResult, _around: Surroundings) -> Usage:
    """Read the last result."""
    printed = Printed(result.stdout)
    start = printed.first('"init"', lambda found: found.get("subtype") == "init") or {}
    end = printed.last('"result"', lambda found: found.get("type") == "result") or {}
    used = inner(end, "usage")
    failed = flag(end, "is_error")
    counts = of_parts(
        count(used, "inputTokens"),
        cache_read=count(used, "cacheReadTokens"),
        cache_write=count(used, "cacheWriteTokens"),
        output=count(used, "outputTokens"),
    )
    return usage(
        counts,
        model=word(start, "model"),
        session_id=word(end, "session_id") or word(start, "session_id"),
        success=None if failed is None else not failed,
        duration_ms=milliseconds(end, "duration_ms"),
        error=sentence(end.get("result")) if failed else None,
    )
