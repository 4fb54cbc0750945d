"""Which agent a command line runs, and with which model, where it says so."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.agents import MODULES
from spec_kitty_telemetry.agents.command_line import Wrapper, commands_inside
from spec_kitty_telemetry.agents.wrappers import wrapper_called

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL_OPTIONS: dict[str, tuple[str, ...]] = {
    "aider": ("--model",),
    "amp": (),
    "augment": ("-m", "--model"),
    "claude-code": ("--model",),
    "codex": ("-m", "--model"),
    "copilot": ("--model",),
    "cursor": ("-m", "--model"),
    "gemini": ("-m", "--model"),
    "goose": ("--model",),
    "kilocode": ("--model",),
    "letta": ("-m", "--model"),
    "opencode": ("-m", "--model"),
    "pi": ("--model",),
    "qwen": ("-m", "--model"),
}
"""How each agent is told its model: `-m` is Aider's message and the mode of Amp and of the old Kilo."""
_CONFIG_OPTIONS = {"codex": ("-c", "--config")}
"""Options with settings (`model="…"`)."""
_KNOWN_PROGRAMS = {
    "kilo": "kilocode",
    "kilo-cli": "kilocode",
    "@kilocode/cli": "kilocode",
    "cli-linux-x64": "kilocode",
}
"""Programs and packages with other names than their agents."""
_SUFFIXES = (".exe", ".cmd", ".bat", ".ps1", ".py", ".mjs", ".cjs", ".js", ".ts", ".sh")
_SAYS_NOTHING = {"cli", "index", "main", "start", "__main__"}
"""Names of scripts that are named after what they are; the folders of their package say whose they are."""
_PACKAGES = {"node_modules", "site-packages", "dist-packages"}
_UNKNOWN = Wrapper(first="after dashes")
"""What may be a wrapper: if an agent's program follows `--`, it is one."""
_MOST_WRAPPERS = 12
_MOST_COMMANDS = 8


class _Started(NamedTuple):
    """The program that a command line starts in the end."""

    program: str
    arguments: list[str]


def agent_of(command_line: Sequence[str]) -> str:
    """Return the agent whose program `command_line` runs; the program's own name where no agent is known by it.

    Wrappers before the program, as in `npx -y @openai/codex@latest` or `timeout -k 10 600 codex`, are seen through.
    """
    started = _started(list(command_line))
    return _agent_called(started.program) or _plain_name(started.program)


def model_of(command_line: Sequence[str]) -> str | None:
    """Return the model that the agent is told, by its own options alone; what has blanks in it is no model's name."""
    started = _started(list(command_line))
    agent = _agent_called(started.program) or ""
    said = list(_values(started.arguments, MODEL_OPTIONS.get(agent, ())))
    for setting in _values(started.arguments, _CONFIG_OPTIONS.get(agent, ())):
        key, _, value = setting.partition("=")
        said += [value.strip().strip("\"'")] if key.strip() == "model" else []
    model = said[-1] if said else ""
    return model if re.fullmatch(r"[^\s-]\S{0,199}", model) else None


def _values(arguments: list[str], options: tuple[str, ...]) -> list[str]:
    """Return the values of `options`; what follows `--` is no option."""
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    values = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        option, equals, value = word.partition("=")
        if word in options:
            values.append(following)
        elif equals and option in options:
            values.append(value)
    return values


def _started(words: list[str], most: int = _MOST_WRAPPERS) -> _Started:
    wrapper = wrapper_called(_plain_name(words[0]).lower())
    commands = commands_inside(words[1:], wrapper or _UNKNOWN) if most and not _agent_called(words[0]) else []
    found = [_started(command, most - 1) for command in commands[:_MOST_COMMANDS]]
    known = (one for one in found if _agent_called(one.program))
    return next(known, None) or (found[0] if found and wrapper else _Started(words[0], words[1:]))


def _agent_called(word: str) -> str | None:
    """Return the agent that a program, package, image or script is of."""
    for name in _names(word):
        if name in _KNOWN_PROGRAMS:
            return _KNOWN_PROGRAMS[name]
        if name in MODULES:
            return MODULES[name].partition(".")[0].replace("_", "-")
    return None


def _names(word: str) -> list[str]:
    """Return the names that a word may mean: with its scope, without, and those of its package's folders."""
    whole = _without_version(word).lower()
    plain = _plain_name(whole)
    folders = PurePath(whole.replace("\\", "/")).parts[:-1]
    installed = next((place for place, folder in enumerate(folders) if folder in _PACKAGES), len(folders))
    return [whole, plain, *(folders[installed:] if plain in _SAYS_NOTHING else ())]


def _plain_name(word: str) -> str:
    name = PurePath(_without_version(word).replace("\\", "/")).name or word
    return next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.lower().endswith(suffix)), name)


def _without_version(word: str) -> str:
    """Return a package's or image's name without its version, its extras, and how it is fetched."""
    name = word.rpartition("#")[2].rpartition(".")[2] if "#" in word else word
    name = re.sub(r"^(npm|jsr|pypi):|^git\+|\.git$|\[.*\]", "", name)
    name = re.sub(r"(?<=[^/@])@[^/]*$|[=<>~!]=.*$", "", name)
    return re.sub(r"(?<=[^:/\\]):[^:/\\]+$", "", name)
