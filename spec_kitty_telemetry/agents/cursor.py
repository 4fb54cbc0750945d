"""Cursor: `cursor-agent -p` with `--output-format json` or `stream-json`.

The last `result` has `usage` in newer versions only; `inputTokens` is the uncached part.  The model is a display name
in the stream's first line, and cost is not reported.  Text output, which `cursor agent -p PROMPT` prints by default,
has no usage, and neither have Cursor's local files.

Sources: cursor.com `docs/cli/reference/output-format`; cc-connect issue 1810 and paperclip issue 12908 (2026.09.02).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import flag, get_int, inner, milliseconds, sentence, word
from spec_kitty_telemetry.agents.common.stdout import AgentOutput
from spec_kitty_telemetry.agents.common.tokens import of_parts

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage


def read(_invocation: Invocation, result: InvocationResult, _around: AgentContext) -> Usage:
    """Read the last result."""
    printed = AgentOutput(result.stdout)
    start = printed.first('"init"', lambda found: found.get("subtype") == "init") or {}
    end = printed.last('"result"', lambda found: found.get("type") == "result") or {}
    used = inner(end, "usage")
    failed = flag(end, "is_error")
    counts = of_parts(
        get_int(used, "inputTokens"),
        cache_read=get_int(used, "cacheReadTokens"),
        cache_write=get_int(used, "cacheWriteTokens"),
        output=get_int(used, "outputTokens"),
    )
    return build_usage(
        counts,
        model=word(start, "model"),
        session_id=word(end, "session_id") or word(start, "session_id"),
        success=None if failed is None else not failed,
        duration_ms=milliseconds(end, "duration_ms"),
        error=sentence(end.get("result")) if failed else None,
    )
