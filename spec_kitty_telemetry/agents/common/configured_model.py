"""The model that an agent is configured to use when nobody names one: better than unknown, and always in doubt."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.fields import word
from spec_kitty_telemetry.agents.common.files import SessionFiles
from spec_kitty_telemetry.agents.common.tokens import Model
from spec_kitty_telemetry.project.files import is_within, open_foreign

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.model.invocation import Invocation

DOUBT = "the model is the configured default; the run may have used another one"
_MOST_BYTES = 1 << 20


def codex_model(context: AgentContext) -> Model | None:
    """Return `model` of Codex's `config.toml`."""
    path = context.folder("CODEX_HOME", ".codex") / "config.toml"
    try:
        with open_foreign(path) as file:
            found = tomllib.loads(file.read(_MOST_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return None
    name = word(found, "model")
    return Model(name, word(found, "model_provider")) if name else None


def opencode_model(context: AgentContext, invocation: Invocation) -> Model | None:
    """Return `model` (`provider/name`) of the project's OpenCode settings, else of the user's."""
    settings = context.folder("XDG_CONFIG_HOME", ".config") / "opencode" / "opencode.json"
    own = _in_project(invocation)
    # A cloned repository's file may be a link to anything of the user's.
    for path in (own, settings) if is_within(own, own.parent) else (settings,):
        provider, slash, name = (word(SessionFiles().document(path), "model") or "").partition("/")
        if slash and name:
            return Model(name, provider)
    return None


def _in_project(invocation: Invocation) -> Path:
    return (invocation.working_dir or invocation.project_root) / "opencode.json"
