"""Which agent a command line runs, and with which model, where it says so."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents import MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence

_MODEL_OPTIONS = ("-m", "--model")
_KNOWN_PROGRAMS = {"kilo": "kilocode", "kilo-cli": "kilocode"}
"""Programs of agents that are read by another agent's module."""
_SUFFIXES = (".exe", ".cmd", ".bat", ".ps1", ".py", ".js")


def agent_of(command_line: Sequence[str]) -> str:
    """Return the agent whose program `command_line` runs; the program's own name where no agent is known by it.

    Words before the program, as in `npx claude` or `timeout 600 codex`, do not matter.
    """
    for word in command_line[:4]:
        program = _program(word).lower()
        if program in _KNOWN_PROGRAMS:
            return _KNOWN_PROGRAMS[program]
        if program in MODULES:
            return MODULES[program].partition(".")[0].replace("_", "-")
    return _program(command_line[0])


def model_of(command_line: Sequence[str]) -> str | None:
    """Return what follows `-m` or `--model`, which is how every shipped agent is told its model."""
    for word, following in zip(command_line, (*command_line[1:], ""), strict=True):
        if word in _MODEL_OPTIONS:
            return following or None
        if word.startswith("--model="):
            return word.removeprefix("--model=") or None
    return None


def _program(word: str) -> str:
    name = PurePath(word).name or word
    return next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.lower().endswith(suffix)), name)
