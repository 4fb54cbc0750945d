"""Claude Code's transcripts: `projects/<folder>/<session>.jsonl`, and `<session>/subagents/` beside it.

One line is written for each content block of a response, all with the response's `message.id`: input and cache counts
repeat, output grows.  Replays and resumed sessions repeat them again.  So messages are told apart by their id over all
files, with the greatest of each number.  Model `<synthetic>` marks an error that was never a request.

Sources: ryoppippi/ccusage `adapter/claude/daily.rs`; titeya/dms-claudecode issue 52; Claude Code 2.1.197 and
2.1.330 (2026-11).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.claude_code.billing import requests_of
from spec_kitty_telemetry.agents.claude_code.folders import candidates, roots
from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import inner, moment, word
from spec_kitty_telemetry.agents.common.files import SessionFiles, changed_since
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext, Window
    from spec_kitty_telemetry.agents.common.files import SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage


_TAIL_BYTES = (1 << 13, 1 << 16, 1 << 20)
"""How much of a transcript's end is looked at for the version: nearly every line says it, but a line can be long."""


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Usage | None:
    """Add up the messages of the run's session, subagents included."""
    main = _by_session(context, wanted, reading) if wanted.session_id else _by_folder(context, wanted, reading)
    if main is None:
        return None
    models = _models(main, wanted.window, reading)
    return build_usage(None, models, session_id=main.stem, source="transcript", doubt=reading.doubt) if models else None


def before(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> dict[Model, TokenCounts] | None:
    """Add up what the session had used before the run; `None` where that cannot be read whole."""
    main = _by_session(context, wanted, reading)
    if main is not None and _began_in(wanted.window, main, reading):
        return {}
    models = _models(main, wanted.window.before, reading) if main else None
    return None if reading.cut else models


def _began_in(window: Window, main: Path, reading: SessionFiles) -> bool:
    """Whether the session's first message is of the run: lines are appended, so no message is older then.

    Other lines tell nothing: they are written when the program starts, also before the copied history of a fork.
    """
    messages = (line for line in reading.first(main) if word(line, "type") in {"user", "assistant"})
    first = next((moment(line.get("timestamp")) for line in messages), None)
    return first is not None and not window.before.holds(first)


def _models(main: Path, window: Window, reading: SessionFiles) -> dict[Model, TokenCounts]:
    messages: dict[str, tuple[Model, TokenCounts]] = {}
    for path in (main, *reading.files(main.with_suffix("") / "subagents", r"agent-.*\.jsonl", depth=2)):
        for number, line in enumerate(reading.lines(path, '"assistant"')):
            if window.holds(moment(line.get("timestamp"))):
                note_line(messages, line, f"{path.name} {number}")
    return by_model(messages.values())


def note_line(
    requests: dict[str, tuple[Model, TokenCounts]], line: Json, place: str, *, unnamed: str | None = None
) -> None:
    """Take in one line of a transcript or stream: the requests of its message, if it is an assistant's.

    A message's lines have its id, or else their own `place`; of repeated numbers the greatest counts.  A model that the
    message does not name is `unnamed`.
    """
    message = inner(line, "message")
    model = word(message, "model")
    if line.get("type") != "assistant" or model == "<synthetic>":
        return
    for number, (billed, counts) in enumerate(requests_of(message, model or unnamed or "")):
        key = f"{word(message, 'id') or place} {number}"
        _, seen = requests.get(key, (None, TokenCounts()))
        requests[key] = (billed, counts.greatest(seen))


def version(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> str | None:
    """Return the version of Claude Code that wrote last to the session."""
    path = _by_session(context, wanted, reading)
    if path is None:
        return None
    lines = (line for size in _TAIL_BYTES for line in reading.last(path, size, '"version"'))
    return next((found for line in lines if (found := word(line, "version"))), None)


def _by_session(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    session = wanted.safe_session
    if session is None:
        return None
    name = f"{session}.jsonl"
    likely = (folder / name for folder in candidates(context, wanted.folder))
    elsewhere = (path for root in roots(context) for path in reading.called(root, name, depth=1))
    return next(filter(os.path.isfile, likely), None) or next(elsewhere, None)


def _by_folder(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    """Return the only session that began in the run's folder and time."""
    folders = dict.fromkeys(candidates(context, wanted.folder))
    paths = (path for folder in folders for path in reading.files(folder, r".*\.jsonl"))
    began = [path for path in paths if changed_since(path, wanted.window) and _began(path, wanted, reading)]
    return began[0] if len(began) == 1 else None


def _began(path: Path, wanted: SessionQuery, reading: SessionFiles) -> bool:
    lines = list(reading.first(path))
    moments = [moment(line["timestamp"]) for line in lines if "timestamp" in line]
    return wanted.window.holds(next(iter(moments), None)) and any(wanted.is_folder(line.get("cwd")) for line in lines)
