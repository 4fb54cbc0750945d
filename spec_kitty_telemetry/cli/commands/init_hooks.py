"""`init --hooks`: agents' own settings, changed before the eyes of whoever asks for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.output import say
from spec_kitty_telemetry.cli.render.terminal import is_terminal
from spec_kitty_telemetry.cli.render.wording import shown
from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.importing.registration import AGENTS, Agent, edit

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

_ALIASES = {"claude-code": "claude", "gemini-cli": "gemini", "qwen-code": "qwen", "copilot-cli": "copilot"}


def register(names: str, project: Project | None, *, remove: bool) -> None:
    """Register our hook with these agents (with commas), for `project` or user-wide, or remove it.

    The change is shown first; whoever sits at a terminal is asked.

    :raises FilterError: an agent is not known here.
    :raises SettingsError: a file cannot be read or written, or is not what its agent expects; none was changed then.
    """
    edits = [edit(agent, project.root if project else None, remove=remove) for agent in _agents(names)]
    changing = [each for each in edits if each.changes]
    if not changing:
        say("Nothing to do: " + ("no hook of ours is there." if remove else "the hooks are registered already."))
        return
    for each in changing:
        say("\n".join(map(shown, each.diff().splitlines())))
    if is_terminal(sys.stdin) and not click.confirm("Make these changes?", default=True):
        say("Nothing was changed.")
        return
    for each in changing:
        each.write()
        done = "Removed" if each.after is None else "Wrote"
        say(f"{done} {each.path}")
    if not remove:
        say("\n".join(each.agent.trust for each in changing))


def _agents(names: str) -> list[Agent]:
    wanted = [_ALIASES.get(name, name) for name in (each.strip().lower() for each in names.split(",")) if name]
    for name in wanted:
        if name not in AGENTS:
            raise FilterError(f"Unknown agent {name!r} for --hooks. Choose from {', '.join(AGENTS)}.")
    if not wanted:
        raise FilterError(f"No agent named for --hooks. Choose from {', '.join(AGENTS)}.")
    return [AGENTS[name] for name in dict.fromkeys(wanted)]
