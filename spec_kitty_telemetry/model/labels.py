"""One name for one thing: what agents, roles and work packages are called, however a host or a person spells them.

Records are written with these names, and lines of earlier versions are read with them, so that reports, filters and
`lifecycle` give one answer.
"""

from __future__ import annotations

import re
from functools import lru_cache

_ROLES = {
    "specifier": ("specify", "specification", "specifying", "spec"),
    "planner": ("plan", "planning"),
    "implementer": ("implement", "implementation", "implementing", "implementor", "coder", "developer"),
    "reviewer": ("review", "reviewing"),
    "merger": ("merge", "merging"),
}
_AGENTS = {
    "claude-code": ("claude", "claudecode", "claude-cli"),
    "codex": ("codex-cli", "openai-codex", "codex-exec"),
    "gemini": ("gemini-cli", "google-gemini", "google-gemini-cli"),
    "qwen": ("qwen-code", "qwen-cli", "qwencode"),
    "opencode": ("open-code", "opencode-ai"),
    "kilocode": ("kilo", "kilo-cli", "kilo-code", "kilocode-cli"),
    "copilot": ("github-copilot", "copilot-cli", "gh-copilot", "github-copilot-cli"),
    "cursor": ("cursor-agent", "cursor-cli"),
    "augment": ("auggie", "augment-code", "auggie-cli"),
    "pi": ("pi-coding-agent", "pi-agent", "pi-mono"),
    "letta": ("letta-code", "letta-cli"),
    "amp": ("amp-cli", "ampcode", "sourcegraph-amp"),
    "goose": ("goose-cli", "block-goose"),
    "aider": ("aider-chat",),
}
_OWN_ROLE = {other: own for own, others in _ROLES.items() for other in others}
_OWN_AGENT = {other: own for own, others in _AGENTS.items() for other in others}
_WORK_PACKAGE = re.compile(r"wp[-_ ]?(\d+)", re.IGNORECASE | re.ASCII)


@lru_cache(maxsize=1024)
def role_name(said: str | None) -> str | None:
    """Return a role by its one name: `Implementer` and `implement` are `implementer`; any other word stays as it is."""
    if said is None:
        return None
    folded = _folded(said)
    return _OWN_ROLE.get(folded, folded if folded in _ROLES else said)


@lru_cache(maxsize=1024)
def agent_name(said: str | None) -> str | None:
    """Return an agent by its one name: `claude` is `claude-code`; one that is not known stays as it is."""
    if said is None:
        return None
    folded = _folded(said)
    return _OWN_AGENT.get(folded, folded if folded in _AGENTS else said)


@lru_cache(maxsize=4096)
def work_package_name(said: str | None) -> str | None:
    """Return a work package by its one name: `wp01` is `WP01`; what is no number of one stays as it is."""
    found = None if said is None else _WORK_PACKAGE.fullmatch(said.strip())
    return said if found is None else f"WP{found[1]}"


def _folded(said: str) -> str:
    return "-".join(said.lower().replace("_", " ").split())
