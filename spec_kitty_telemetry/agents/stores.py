"""The agents whose session stores can be read, and the way to read them all.

Each session is whole, with its sub-agents inside, and each request is in the one session that made it: what a fork or a
resumed session copied is left out of it, as long as the session that it was copied from is there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.file_reading import FileReading
from spec_kitty_telemetry.agents.common.store_reading import StoreReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import StoredSession
    from spec_kitty_telemetry.agents.common.store_index import StoreIndex
    from spec_kitty_telemetry.agents.common.store_reading import SessionOutline

STORES = {
    "claude-code": "claude_code.store",
    "codex": "codex.store",
    "copilot": "copilot.store",
    "gemini": "gemini.store",
    "qwen": "qwen.store",
    "opencode": "opencode.store",
    "kilo": "opencode.kilo",
    "pi": "pi.store",
    "goose": "goose.store",
    "cline": "cline.store",
    "roo": "cline.roo",
    "kilocode": "cline.kilocode",
    "kimi": "kimi.store",
}
"""The agent's own name, the first in `NAMES` → the module in this folder that reads its store."""

WITHOUT_NUMBERS = ("cursor", "augment", "letta", "amp")
"""Agents that keep no usable numbers on disk: they are named, and nothing is guessed."""


def read_sessions(
    context: AgentContext,
    index: StoreIndex,
    *,
    agents: Iterable[str] = STORES,
    wanted: Callable[[SessionOutline], bool] | None = None,
) -> Iterator[StoredSession]:
    """Yield the stored sessions of `agents`, or those of them that are `wanted`; unchanged files are not read again.

    `index` is open (`with StoreIndex.of_user() as index`); `StoreIndex(None)` keeps nothing.
    """
    for agent in agents:
        store = import_module(f"spec_kitty_telemetry.agents.{STORES[agent]}")
        yield from StoreReading(agent, FileReading(agent, store, index)).sessions(context, wanted)
