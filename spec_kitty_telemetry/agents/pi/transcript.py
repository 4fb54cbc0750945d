"""pi's session files: `agent/sessions/--<folder>--/<time>_<session>.jsonl`; none with `--no-session`.

They hold the messages that JSON mode prints, each once, after a header with the session's id and folder.  A fork
(`parentSession` in its header) begins with copies of its parent's.

Sources: badlogic/pi-mono `packages/coding-agent` (83378aa); session files of pi 1.6.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import inner, moment, word
from spec_kitty_telemetry.agents.common.files import changed_since

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery
    from spec_kitty_telemetry.agents.common.stdout import Json


def find(context: AgentContext, wanted: SessionQuery, reading: SessionFiles) -> tuple[str | None, list[Json]]:
    """Return the run's session and its messages."""
    root = context.home / ".pi" / "agent" / "sessions"
    name = rf".*_{re.escape(wanted.safe_session)}\.jsonl" if wanted.safe_session else r".*\.jsonl"
    paths = [path for path in reading.files(root, name, depth=1) if changed_since(path, wanted.window)]
    headers = [(path, next(reading.first(path, 1), {})) for path in paths]
    chosen = [(path, header) for path, header in headers if _is_wanted(header, wanted)]
    if len(chosen) != 1:
        return None, []
    path, header = chosen[0]
    lines = (line for line in reading.lines(path, '"assistant"') if line.get("type") == "message")
    found = (inner(line, "message") for line in lines if not is_copy(line, header))
    return word(header, "id"), [one for one in found if wanted.window.holds(moment(one.get("timestamp")))]


def is_copy(line: Json, header: Json) -> bool:
    """Whether a fork took a line over from its parent: such lines keep their times, which are before its own."""
    began, written = moment(header.get("timestamp")), moment(line.get("timestamp"))
    return "parentSession" in header and began is not None and written is not None and written < began


def _is_wanted(header: Json, wanted: SessionQuery) -> bool:
    if wanted.session_id:
        return header.get("id") == wanted.session_id
    return wanted.is_folder(header.get("cwd")) and wanted.window.holds(moment(header.get("timestamp")))
