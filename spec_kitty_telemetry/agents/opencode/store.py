"""The session stores of OpenCode and Kilo 7: an SQLite file in newer versions, a tree of JSON files in older ones.

- A request is a `step-finish` part; its message has the model.  A message without such parts is counted by itself.
- A fork copies messages under new ids, and they keep their times: a message older than its session is a copy.  So a
  request is told apart by its message's time, its place in the message and its tokens, which copies share.
- A sub-agent is a session with a parent.  What Kilo adds to a parent's message for it is left alone: the parts have
  the cost of their own requests.

Sources: anomalyco/opencode `packages/opencode/src/session`; stores of OpenCode 1.18.33 and Kilo 7.7 (2026-11).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.joining import joined
from spec_kitty_telemetry.agents.common.sqlite_files import wal_of
from spec_kitty_telemetry.agents.common.store_files import walk
from spec_kitty_telemetry.agents.opencode.sessions import sessions_in_database, sessions_in_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import Fragment, StoredSession

AGENT = "opencode"
FORMAT = 2
"""Goes up when the same file would be read as something else."""

_MOST_COMPANIONS = 2_000


def session_files(context: AgentContext) -> Iterator[Path]:
    """Yield the databases, and the session files of the older tree."""
    return files_of(context, "opencode", "OPENCODE_DB")


def files_of(context: AgentContext, name: str, variable: str) -> Iterator[Path]:
    """Yield the files of an agent of this family; `variable` names its database where it is elsewhere."""
    root = context.folder("XDG_DATA_HOME", ".local", "share") / name
    named = context.environment.get(variable, "").strip()
    if named and named != ":memory:":
        yield root / Path(named).expanduser()
    yield from walk(root, rf"{name}[\w.-]*\.db", depth=0)
    yield from walk(root / "storage" / "session", r"ses_.*\.json", depth=1)


def companions(path: Path) -> list[Path]:
    """Return what is read with a file: a database's log, or the messages of a session of the tree."""
    if path.suffix != ".json":
        return [wal_of(path)]
    found = walk(path.parents[2] / "message" / path.stem, r"msg_.*\.json", depth=0)
    return [one for one, _ in zip(found, range(_MOST_COMPANIONS), strict=False)]


def read_file(path: Path) -> list[Fragment]:
    """Read all sessions of a database, or one of the tree."""
    return sessions_in_tree(path) if path.suffix == ".json" else sessions_in_database(path)


def sessions(fragments: list[Fragment]) -> list[StoredSession]:
    """Join each session with those of its sub-agents."""
    return joined(AGENT, fragments)
