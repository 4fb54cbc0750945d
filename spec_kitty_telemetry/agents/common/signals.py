"""From a tool call or a user's message to the moments that say what a session works on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.agents.common.host_commands import (
    HostCommand,
    commands_in,
    of_slash,
    prompt_file_in,
    slash_command_in,
)
from spec_kitty_telemetry.agents.common.store import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_SHELL_MEMBERS = ("command", "cmd", "script", "chars")
_PATH_MEMBERS = ("file_path", "filePath", "path", "absolute_path", "target_file", "paths", "file_paths")
_FOLDER_MEMBERS = ("workdir", "working_directory", "cwd", "dir_path", "directory")
_MARKED = re.compile(r"<command-name>/?spec-kitty[.:-]([a-z][a-z-]{1,30})</command-name>")
_MARKED_ARGUMENTS = re.compile(r"<command-args>(.{0,2000}?)</command-args>", re.DOTALL)
_NOT_TYPED = re.compile(
    r"\s*(?:<(?!command-message>)(?:[A-Za-z]+[_-][\w-]*|skill|INSTRUCTIONS)[ >]"
    r"|\[Request interrupted|# AGENTS\.md instructions|This is the Gemini CLI\.)"
)
"""What agents put among a user's messages themselves: contexts, notices, and commands of their own that ask no model.

They stand in tags of two words (`<environment_context>`, `<task-notification>`); `<command-message>` is what the user's
own slash commands begin with in Claude Code, and those ask a model.
"""
_SKILL = re.compile(r"/?spec-kitty[.:-]([a-z][a-z-]{1,30})")


def of_call(
    given: Mapping[str, Any], at: datetime, *, call_id: str | None = None, folder: str | None = None
) -> list[Signal]:
    """Return what a tool call's input says, whatever the agent calls its tools."""
    place = next((value for name in _FOLDER_MEMBERS if isinstance(value := given.get(name), str)), None) or folder
    found = [_signal("command", one, at, call_id) for one in _commands(given, place)]
    files = (prompt_file_in(text) for text in _texts(given, _PATH_MEMBERS + _SHELL_MEMBERS))
    found += [_signal("prompt_file", one, at, call_id, place) for one in files if one]
    skill = _skill(given, place)
    return [*found, _signal("slash", skill, at, call_id)] if skill else found


def of_message(text: str, at: datetime, folder: str | None = None) -> list[Signal]:
    """Return what a user's message says: a slash command that it begins with, or Claude Code's marker of one."""
    marked = _MARKED.search(text)
    if marked:
        arguments = _MARKED_ARGUMENTS.search(text)
        command = of_slash(marked[1], arguments[1] if arguments else "", folder)
    else:
        command = slash_command_in(text, folder)
    return [_signal("slash", command, at, None)] if command else []


def of_turn(texts: Iterable[str], at: datetime, folder: str | None = None) -> list[Signal]:
    """Return what a message that may begin a turn says: a slash command of the host, else only that the user typed."""
    texts = list(texts)
    found = [one for text in texts for one in of_message(text, at, folder)]
    if found or all(_NOT_TYPED.match(text) for text in texts):
        return found
    return [Signal(kind="prompt", at=at)]


def result(call_id: str, at: datetime) -> Signal:
    """Return the end of a tool call."""
    return Signal(kind="result", at=at, call_id=call_id)


def calls_awaited(signals: Iterable[Signal]) -> set[str]:
    """Return the calls whose results are worth knowing: those that ran one of the host's commands."""
    return {one.call_id for one in signals if one.kind == "command" and one.call_id}


def _commands(given: Mapping[str, Any], folder: str | None) -> list[HostCommand]:
    found: list[HostCommand] = []
    for name in _SHELL_MEMBERS:
        value = given.get(name)
        if isinstance(value, str) or (isinstance(value, list) and all(isinstance(word, str) for word in value)):
            found += commands_in(value, folder)
    return found


def _texts(given: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    values = (given.get(name) for name in names)
    each = (one for value in values for one in (value if isinstance(value, list) else [value]))
    return [one for one in each if isinstance(one, str)]


def _skill(given: Mapping[str, Any], folder: str | None) -> HostCommand | None:
    """Return the slash command that the agent itself called as a tool: a skill, or a command that begins with `/`."""
    for name in ("skill", "name", "command"):
        value = given.get(name)
        found = _SKILL.match(value) if isinstance(value, str) and (name != "command" or value[:1] == "/") else None
        if found and isinstance(value, str):
            arguments = next((one for key in ("args", "arguments") if isinstance(one := given.get(key), str)), "")
            return of_slash(found[1], f"{value[found.end() :]} {arguments}", folder)
    return None


def _signal(kind: str, command: HostCommand, at: datetime, call_id: str | None, folder: str | None = None) -> Signal:
    return Signal(
        kind=kind,
        at=at,
        call_id=call_id,
        verb=command.verb,
        mission=command.mission,
        wp_id=command.wp_id,
        lane=command.lane,
        agent=command.agent,
        folder=command.folder or folder,
    )
