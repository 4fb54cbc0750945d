"""Registering `telemetry hook` in agents' own settings, and taking out exactly what was put in.

Where each agent keeps its hooks, and their shape, is from its vendor's documentation (November 2026).  Everything else
in such a file stays as it is; a file that is not what its agent expects is not touched.
"""

from __future__ import annotations

import copy
import difflib
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spec_kitty_telemetry.errors import LogError, SettingsError
from spec_kitty_telemetry.project.files import new_file, read_small_file

Kind = Literal["nested", "copilot", "opencode"]
PROGRAM = "spec-kitty-telemetry"
_MOST_BYTES = 4 * 1024 * 1024
_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Agent:
    """Where an agent keeps its hooks, and which of them are of use."""

    name: str
    kind: Kind
    home_variable: str | None
    """The variable that moves its folder in the user's home."""
    in_home: tuple[str, ...]
    in_project: tuple[str, ...]
    events: tuple[str, ...]
    trust: str
    """What the agent asks of its user before it runs a hook."""


AGENTS = {
    each.name: each
    for each in (
        Agent(
            "claude", "nested", "CLAUDE_CONFIG_DIR", (".claude", "settings.json"), (".claude", "settings.json"),
            ("Stop", "SessionEnd"),
            "Claude Code runs a project's hooks once you trust its folder, which it asks at the start.",
        ),
        Agent(
            "codex", "nested", "CODEX_HOME", (".codex", "hooks.json"), (".codex", "hooks.json"), ("Stop",),
            "Codex runs a hook only after you reviewed and trusted it: open /hooks in Codex.",
        ),
        Agent(
            "gemini", "nested", None, (".gemini", "settings.json"), (".gemini", "settings.json"),
            ("AfterAgent", "SessionEnd"),
            "Gemini runs a project's hooks in trusted folders only, and warns once about hooks that are new.",
        ),
        Agent(
            "copilot", "copilot", "COPILOT_HOME", (".copilot", "hooks", f"{PROGRAM}.json"),
            (".github", "hooks", f"{PROGRAM}.json"), ("agentStop", "sessionEnd"),
            "Copilot runs a project's hooks once you trust its folder; those in your home need nothing.",
        ),
        Agent(
            "qwen", "nested", None, (".qwen", "settings.json"), (".qwen", "settings.json"), ("Stop", "SessionEnd"),
            "Qwen Code runs a project's hooks in trusted folders only.",
        ),
        Agent(
            "opencode", "opencode", "OPENCODE_CONFIG_DIR", (".config", "opencode", "plugins", f"{PROGRAM}.js"),
            (".opencode", "plugins", f"{PROGRAM}.js"), ("session.idle",),
            "OpenCode loads its plugins without asking, when it starts.",
        ),
    )
}  # fmt: skip
"""By the name that people type."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What would become of one file."""

    agent: Agent
    path: Path
    before: str | None
    """`None`: there is no such file."""
    after: str | None
    """`None`: it is removed."""

    @property
    def changes(self) -> bool:
        """Whether anything becomes another."""
        return self.before != self.after

    def diff(self) -> str:
        """Return the change as `diff -u` shows it."""
        before = (self.before or "").splitlines(keepends=True)
        after = (self.after or "").splitlines(keepends=True)
        lines = difflib.unified_diff(before, after, str(self.path), str(self.path))
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> None:
        """Write the file, whole or not at all.

        :raises SettingsError: it cannot be written.
        """
        try:
            if self.after is None:
                self.path.unlink(missing_ok=True)
                return
            target = Path(os.path.realpath(self.path))  # people keep their settings elsewhere, by a link
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
            with new_file(partial) as file:
                file.write(self.after.encode())
            if target.exists():
                shutil.copymode(target, partial)
            partial.replace(target)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SettingsError(f"{self.path} cannot be written: {reason}; fix its permissions") from error


def edit(agent: Agent, project: Path | None, *, remove: bool) -> Edit:
    """Return what registering the hooks of `agent`, or removing them, would do: for `project`, or user-wide.

    :raises SettingsError: the file cannot be read, or is not what its agent expects.
    """
    path = _path(agent, project)
    before = _text(path)
    if agent.kind == "opencode":
        return Edit(agent, path, before, None if remove else _plugin(agent))
    document = _document(path, before)
    after = copy.deepcopy(document)
    if remove:
        _take_out(agent, after)
    else:
        _put_in(agent, after)
    if after == document:
        return Edit(agent, path, before, before)
    if remove and after in ({}, {"version": 1}) and agent.kind == "copilot":
        return Edit(agent, path, before, None)
    return Edit(agent, path, before, None if remove and not after else _written(after, before))


def _path(agent: Agent, project: Path | None) -> Path:
    if project is not None:
        return project.joinpath(*agent.in_project)
    named = os.environ.get(agent.home_variable or "", "").strip().split(",")[0]
    if named:
        below = 2 if agent.kind == "opencode" else 1
        return Path(named).expanduser().joinpath(*agent.in_home[below:])
    return Path.home().joinpath(*agent.in_home)


def command_line(agent: Agent) -> list[str]:
    """Return what the agent has to run: the program by its name where that is found, else with this interpreter."""
    program = [PROGRAM] if shutil.which(PROGRAM) else [sys.executable, "-P", "-m", "spec_kitty_telemetry"]
    return [*program, "hook", agent.name]


def _quoted(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _is_ours(agent: Agent, hook: object) -> bool:
    """Tell whether a hook in a settings file is one that we put there, by whichever name of the program."""
    if not isinstance(hook, dict):
        return False
    said = next((hook[name] for name in ("command", "bash", "powershell") if isinstance(hook.get(name), str)), "")
    words = said.replace('"', "").replace("'", "").split()
    named = words[-2:] == ["hook", agent.name]
    return named and any(PROGRAM in word or "spec_kitty_telemetry" in word for word in words[:-2])


def _put_in(agent: Agent, document: dict[str, Any]) -> None:
    command = _quoted(command_line(agent))
    if agent.kind == "copilot":
        document.setdefault("version", 1)
        hook: dict[str, Any] = {"type": "command", "bash": command, "powershell": command, "timeoutSec": _TIMEOUT_S}
    else:
        hook = {"type": "command", "command": command}
    hooks = document.setdefault("hooks", {})
    for event in agent.events:
        entries = hooks.setdefault(event, [])
        own = [each for each in _hooks_of(agent, entries) if _is_ours(agent, each)]
        if not own:
            entries.append(hook if agent.kind == "copilot" else {"hooks": [hook]})


def _hooks_of(agent: Agent, entries: list[Any]) -> list[Any]:
    if agent.kind == "copilot":
        return entries
    return [hook for entry in entries if isinstance(entry, dict) for hook in entry.get("hooks") or []]


def _take_out(agent: Agent, document: dict[str, Any]) -> None:
    hooks = document.get("hooks") or {}
    for event in list(hooks):
        if agent.kind == "copilot":
            left = [each for each in hooks[event] if not _is_ours(agent, each)]
        else:
            left = [_without_ours(agent, entry) for entry in hooks[event]]
            left = [entry for entry, before in zip(left, hooks[event], strict=True) if entry is not None or not before]
        if left != hooks[event]:
            hooks[event] = left
            if not left:
                del hooks[event]
    if not hooks:
        document.pop("hooks", None)


def _without_ours(agent: Agent, entry: Any) -> Any:
    """Return an entry without our hooks; `None` where it had no others."""
    if not isinstance(entry, dict) or not isinstance(entry.get("hooks"), list):
        return entry
    left = [hook for hook in entry["hooks"] if not _is_ours(agent, hook)]
    if len(left) == len(entry["hooks"]):
        return entry
    return {**entry, "hooks": left} if left else None


def _text(path: Path) -> str | None:
    try:
        content = read_small_file(path, _MOST_BYTES)
        if len(content) > _MOST_BYTES:
            raise SettingsError(f"{path} is larger than {_MOST_BYTES // 1024 // 1024} MiB; nothing was changed")
        return content.decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8; nothing was changed") from error
    except LogError as error:
        raise SettingsError(str(error)) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(f"{path} cannot be read: {reason}; fix its permissions") from error


def _document(path: Path, text: str | None) -> dict[str, Any]:
    try:
        document = json.loads(text) if text and text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not JSON ({error}); fix it first, nothing was changed") from error
    hooks = document.get("hooks", {}) if isinstance(document, dict) else None
    if not isinstance(hooks, dict) or not all(isinstance(entries, list) for entries in hooks.values()):
        raise SettingsError(f"{path} does not have its hooks as a list for each event; nothing was changed")
    result: dict[str, Any] = document
    return result


def _written(document: dict[str, Any], before: str | None) -> str:
    """Return the JSON text, indented and ended as the file was."""
    indent: int | str = 2
    for line in (before or "").splitlines()[1:]:
        blank = line[: len(line) - len(line.lstrip())]
        if blank:
            indent = blank
            break
    end = "\r\n" if before and "\r\n" in before else "\n"
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    return text.replace("\n", end) + (end if before is None or before.endswith("\n") else "")


def _plugin(agent: Agent) -> str:
    words = ", ".join(json.dumps(word) for word in command_line(agent))
    return f"""\
// Written by `spec-kitty telemetry init --hooks opencode`; `--remove` takes it away.
// Hands the id of each session that comes to rest to spec-kitty-telemetry, and tells shells which session they run in.
import {{ spawn }} from "node:child_process";

export const SpecKittyTelemetry = async ({{ directory }}) => ({{
  event: async ({{ event }}) => {{
    if (event.type !== "session.idle") return;
    try {{
      const words = [{words}];
      const child = spawn(words[0], words.slice(1), {{ stdio: ["pipe", "ignore", "ignore"], detached: true }});
      child.on("error", () => {{}});
      child.stdin.on("error", () => {{}});
      child.stdin.end(JSON.stringify({{ session_id: event.properties.sessionID, cwd: directory }}));
      child.unref();
    }} catch {{}}
  }},
  "shell.env": async (input, output) => {{
    if (input.sessionID) output.env.OPENCODE_SESSION_ID = input.sessionID;
  }},
}});
"""
