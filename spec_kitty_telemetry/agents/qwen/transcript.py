"""Qwen Code's chats: `projects/<folder>/chats/<session>.jsonl`; versions before about 0.14 wrote Gemini's files.

Assistant lines have the usage of one request.  `ui_telemetry` lines repeat it, except for background requests and
sub-agents, which have a `subagent_name` and no assistant line there.  Sub-agents have files of their own
(`subagents/<session>/`), whose lines name no model.  Reasoning is inside the candidates where the sums say so.

Sources: Piebald-AI/splitrail test data; output of Qwen Code 0.15.10 and 0.24.4 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.extract import build_usage
from spec_kitty_telemetry.agents.common.fields import inner, moment, word
from spec_kitty_telemetry.agents.common.files import changed_since
from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts, by_model
from spec_kitty_telemetry.agents.gemini import transcript as gemini
from spec_kitty_telemetry.agents.gemini.transcript import token_counts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext, Window
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json
    from spec_kitty_telemetry.model.invocation import Usage

_FOLDER = ".qwen"


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Usage | None:
    """Add up the requests of the run's session."""
    path = _by_session(context, wanted, reading) if wanted.session_id else _by_folder(context, wanted, reading)
    if path is None:
        return gemini.find(context, wanted, reading, _FOLDER)
    models = _models(path, wanted.window, reading)
    return build_usage(None, models, session_id=path.stem, source="transcript", doubt=reading.doubt) if models else None


def before(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> dict[Model, TokenCounts] | None:
    """Add up what the session had used before the run; `None` where that cannot be read whole."""
    path = _by_session(context, wanted, reading)
    models = _models(path, wanted.window.before, reading) if path else None
    return None if reading.cut else models


def _models(path: Path, window: Window, reading: SessionFiles) -> dict[Model, TokenCounts]:
    lines = reading.lines(path, '"usageMetadata"', '"subagent_name"')
    found = (request_of(line) for line in lines if window.holds(moment(line.get("timestamp"))))
    requests = [request for request in found if request is not None]
    return by_model((*requests, *_of_subagents(path, window, reading, requests)))


def _of_subagents(
    path: Path, window: Window, reading: SessionFiles, known: list[tuple[Model, TokenCounts]]
) -> Iterator[tuple[Model, TokenCounts]]:
    """Yield the requests of sub-agents' own files that the chat does not repeat; they do not name their model."""
    repeated = [counts for _, counts in known]
    main = known[-1][0] if known else Model("")
    for file in reading.files(path.parent.parent / "subagents" / path.stem, r".*\.jsonl"):
        for line in reading.lines(file, '"usageMetadata"'):
            request = request_of(line) if window.holds(moment(line.get("timestamp"))) else None
            if request is not None and request[1] in repeated:
                repeated.remove(request[1])
            elif request is not None:
                yield (request[0] if request[0].name else main), request[1]


def request_of(line: Json) -> tuple[Model, TokenCounts] | None:
    """Return what one line of a chat counts, if it is an answer or a background request's telemetry."""
    if line.get("type") == "assistant" and "usageMetadata" in line:
        names = (
            "promptTokenCount",
            "cachedContentTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount",
            "totalTokenCount",
        )
        return _counted(line, inner(line, "usageMetadata"), names)
    event = inner(line, "systemPayload", "uiEvent")
    if word(event, "subagent_name") is None:
        return None
    kinds = ("input", "cached_content", "output", "thoughts", "total")
    return _counted(event, event, tuple(f"{kind}_token_count" for kind in kinds))


def _counted(owner: Json, numbers: Json, names: tuple[str, ...]) -> tuple[Model, TokenCounts]:
    meanings = ("prompt", "cached", "candidates", "thoughts", "total")
    tokens = {meaning: numbers.get(name) for meaning, name in zip(meanings, names, strict=True)}
    return Model(word(owner, "model") or ""), token_counts(tokens)


def _by_session(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    session = wanted.safe_session
    if session is None:
        return None
    return next(reading.called(context.home / _FOLDER / "projects", f"{session}.jsonl", depth=2), None)


def _by_folder(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> Path | None:
    chats = reading.files(context.home / _FOLDER / "projects", r".*\.jsonl", depth=2)
    began = [path for path in chats if changed_since(path, wanted.window) and _began(path, wanted, reading)]
    return began[0] if len(began) == 1 else None


def _began(path: Path, wanted: SessionQuery, reading: SessionFiles) -> bool:
    start = next(reading.first(path, 1), {})
    return wanted.is_folder(start.get("cwd")) and wanted.window.holds(moment(start.get("timestamp")))
