"""Copilot CLI's own files: `session-state/<session>/events.jsonl`, `session-store.db`, and an exported trace.

`session.usage_record` (1.0.102) has one request.  `session.shutdown` has the session's totals so far for each model,
also across resumed runs, so what an earlier shutdown had is taken off; it is missing after a kill, and after a
compaction it lacks what was before.  The database has one row a request (about 1.0.69 on).  Of a trace, which
`COPILOT_OTEL_FILE_EXPORTER_PATH` names, only `chat` spans count.  None of them is always whole and none has more than
there was, so the one with the most tokens is taken.  Input includes cached input, output includes reasoning; AI credits
(`totalNanoAiu`) are not dollars.

Sources: github/copilot-sdk `nodejs/src/generated/session-events.ts` (cc0438d); github/copilot-cli issue 4351;
ryoppippi/ccusage issue 1364; getagentseal/codeburn; Copilot CLI 1.0.102.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import get_int, inner, moment, word
from spec_kitty_telemetry.agents.common.files import changed_since
from spec_kitty_telemetry.agents.common.session_totals import difference
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model, of_whole

if TYPE_CHECKING:
    from datetime import datetime

    from spec_kitty_telemetry.agents.common.context import AgentContext, Window
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage

_ROWS = (
    "SELECT model, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, created_at"
    " FROM assistant_usage_events WHERE session_id = ?"
)
_Models = dict[Model, TokenCounts]


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Usage | None:
    """Take the most complete of what the run's session left: its requests, its ledger, its totals, its trace."""
    events = _events(context, wanted, reading)
    session = wanted.session_id or (events.parent.name if events else None)
    requests, totals = _of_events(events, wanted.window, reading) if events else ({}, {})
    ledger = _of_database(context, session, wanted.window, reading)
    models = max(requests, ledger, totals, _of_trace(context, session, wanted.window, reading), key=_size)
    return build_usage(None, models, session_id=session, source="transcript", doubt=reading.doubt) if models else None


def _size(models: _Models) -> int:
    return sum((counts.input_tokens or 0) + (counts.output_tokens or 0) for counts in models.values())


def _events(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    root = context.home / ".copilot" / "session-state"
    if wanted.session_id:
        path = root / (wanted.safe_session or "") / "events.jsonl"
        return path if wanted.safe_session and path.is_file() else None
    paths = reading.files(root, r"events\.jsonl", depth=1)
    began = [path for path in paths if changed_since(path, wanted.window) and _began(path, wanted, reading)]
    return began[0] if len(began) == 1 else None


def _began(path: Path, wanted: SessionQuery, reading: SessionFiles) -> bool:
    start = next(reading.first(path, 1), {})
    folder = inner(start, "data", "context").get("cwd")
    return wanted.is_folder(folder) and wanted.window.holds(moment(start.get("timestamp")))


def _of_events(path: Path, window: Window, reading: SessionFiles) -> tuple[_Models, _Models]:
    """Add up the single requests, and apart from them what the totals grew by."""
    requests: dict[str, tuple[Model, TokenCounts]] = {}
    before: dict[str, TokenCounts] = {}
    after: dict[str, TokenCounts] = {}
    for number, event in enumerate(reading.lines(path, '"session.usage_record"', '"session.shutdown"')):
        data, when = inner(event, "data"), moment(event.get("timestamp"))
        if event.get("type") == "session.shutdown":
            totals = {name: usage_counts(inner(found, "usage")) for name, found in metrics(data).items()}
            if window.holds(when):
                after = totals
            elif when is not None and when < window.start:
                before = totals
        elif event.get("type") == "session.usage_record" and window.holds(when):
            used = inner(data, "usage")
            key = word(inner(data, "accounting"), "usageId") or word(event, "id") or str(number)
            requests[key] = (Model(word(used, "model") or ""), usage_counts(used))
    grown = difference(after, before)
    added = after if grown is None else grown
    return by_model(requests.values()), {Model(model): counts for model, counts in added.items()}


def metrics(data: Json) -> dict[str, Json]:
    """Return the totals of each model that a `session.shutdown` has; 1.0.102 keeps them one level deeper."""
    found = inner(data, "modelMetrics") or inner(data, "accountingSnapshot", "modelMetrics")
    return {name: one for name, one in found.items() if isinstance(one, dict)}


def usage_counts(used: Json) -> TokenCounts:
    """Count one request, or a total of them."""
    return of_whole(
        get_int(used, "inputTokens"),
        cache_read=get_int(used, "cacheReadTokens"),
        cache_write=get_int(used, "cacheWriteTokens"),
        output=get_int(used, "outputTokens"),
        reasoning=get_int(used, "reasoningTokens"),
    )


def _of_database(context: AgentContext, session: str | None, window: Window, reading: SessionFiles) -> _Models:
    path = context.home / ".copilot" / "session-store.db"
    names = ("inputTokens", "cacheReadTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens")
    rows = reading.rows(path, _ROWS, (session,)) if session else []
    return by_model(
        (Model(str(model or "")), usage_counts(dict(zip(names, numbers, strict=True))))
        for model, *numbers, created in rows
        if window.holds(moment(created))
    )


def _of_trace(context: AgentContext, session: str | None, window: Window, reading: SessionFiles) -> _Models:
    named = context.environment.get("COPILOT_OTEL_FILE_EXPORTER_PATH", "").strip()
    if not named or not session:
        return {}
    lines = (line for line in reading.lines(Path(named), '"chat"') if window.holds(_ended(line)))
    spans = (inner(line, "attributes") for line in lines)
    return by_model(
        (Model(word(found, "gen_ai.response.model", "gen_ai.request.model") or ""), _of_span(found))
        for found in spans
        if found.get("gen_ai.operation.name") == "chat" and found.get("gen_ai.conversation.id") == session
    )


def _ended(span: Json) -> datetime | None:
    """Return when a span ended: seconds and nanoseconds."""
    parts = span.get("endTime")
    seconds = parts[0] if isinstance(parts, list) and parts else None
    return moment(seconds * 1000) if isinstance(seconds, int) else None


def _of_span(found: Json) -> TokenCounts:
    """Count one span; names had an underscore for their last dot before 1.0.64."""
    used = {re.sub(r"\.(input|output)_tokens$", r"_\1_tokens", name): value for name, value in found.items()}
    return of_whole(
        get_int(used, "gen_ai.usage_input_tokens"),
        cache_read=get_int(used, "gen_ai.usage.cache_read_input_tokens"),
        cache_write=get_int(used, "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens"),
        output=get_int(used, "gen_ai.usage_output_tokens"),
        reasoning=get_int(used, "gen_ai.usage.reasoning_output_tokens"),
    )
