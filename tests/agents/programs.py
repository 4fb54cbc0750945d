"""The agents' own programs: which versions, how they are installed, set up and started.

`versions.json` is the one place where versions stand; `program` is a path below `node_modules`.  Install scripts are
not run, and nothing is installed but the named package with what it depends on.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FROM_OUTSIDE = dict(os.environ)
"""What npm may know of this machine: tests get a home folder of their own."""
PORT = 4010
ORIGIN = f"http://127.0.0.1:{PORT}"
KEY = "an-invented-key-for-the-stand-in-0123456789"
"""Long and unlike any other word: Copilot blots out every occurrence of its key in what it prints."""
LEAST_NODE = 20
VERSIONS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("versions.json").read_text(encoding="utf-8"))

ORCHESTRATOR_NAMES = {"kilo": "kilocode"}
"""What a host calls an agent whose program has another name."""
CLAUDE_MODEL, CODEX_MODEL, GEMINI_MODEL, OTHER_MODEL = "claude-sonnet-4-5", "gpt-5.1-codex", "gemini-2.5-pro", "coder-1"
PER_MILLION = {"input": 1.0, "output": 5.0, "cacheRead": 0.1, "cacheWrite": 1.25}
"""What the agents are told that `OTHER_MODEL` costs, in dollars."""


@dataclass(frozen=True)
class Program:
    """One agent's program, as its users start it."""

    agent: str
    command: tuple[str, ...]
    tool: str
    path_argument: str
    """What the tool that reads a file calls the file."""
    prompt_on_stdin: bool = True

    def tool_call(self, project: Path) -> dict[str, Any]:
        """Return the call that the model asks for: reading a file of the project."""
        if self.agent == "codex":
            return {"name": self.tool, "arguments": {self.path_argument: "cat README.md"}}
        return {"name": self.tool, "arguments": {self.path_argument: str(project / "README.md")}}


PROGRAMS = {
    program.agent: program
    for program in (
        Program(
            "claude-code",
            ("claude", "-p", "--output-format", "json", "--model", CLAUDE_MODEL),
            "Read",
            "file_path",
        ),
        Program("codex", ("codex", "exec", "-", "--json", "--sandbox", "danger-full-access"), "exec_command", "cmd"),
        Program(
            "gemini",
            ("gemini", "--yolo", "-m", GEMINI_MODEL, "--output-format", "json"),
            "read_file",
            "file_path",
        ),
        Program(
            "qwen", ("qwen", "--yolo", "--auth-type", "openai", "--output-format", "json"), "read_file", "file_path"
        ),
        Program("opencode", ("opencode", "run", "--agent", "build", "--format", "json"), "read", "filePath"),
        Program("kilo", ("kilo", "run", "--auto", "--format", "json"), "read", "filePath"),
        Program(
            "pi",
            ("pi", "-p", "--mode", "json", "--no-session", "--provider", "stub", "--model", OTHER_MODEL),
            "read",
            "path",
        ),
        Program(
            "copilot",
            ("copilot", "--allow-all-tools", "--output-format", "json", "-p"),
            "view",
            "path",
            prompt_on_stdin=False,
        ),
    )
}


def why_not() -> str | None:
    """Return why the programs cannot be run here; `None` where they can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the agents are run in a network namespace of Linux, and pinned for x86_64"
    for needed in ("node", "npm", "unshare", "git"):
        if shutil.which(needed) is None:
            return f"there is no program {needed!r}"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0] or 0) < LEAST_NODE:
        return f"found Node {version}, expected {LEAST_NODE} or newer"
    tried = subprocess.run([*namespace(), "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no network namespace can be made: {tried.stderr.strip()}"


def namespace() -> list[str]:
    """Return the command that starts another one in a network namespace of its own."""
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def install(agent: str, cache: Path, *, offline: bool = False) -> Path:
    """Install an agent's package if it is not there yet, and return its program; `offline`: from npm's own cache.

    :raises subprocess.SubprocessError: npm could not, or not in time.
    """
    pinned = VERSIONS[agent]
    folder = cache / f"{agent}-{pinned['version']}"
    program = folder / "node_modules" / pinned["program"]
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        quiet = (
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
            "--ignore-scripts",
            "--loglevel=error",
            "--fetch-retries=1",
        )
        source = ("--offline",) if offline else ()
        package = f"{pinned['package']}@{pinned['version']}"
        command = ["npm", "install", "--prefix", str(folder), *quiet, *source, package]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, env=_FROM_OUTSIDE)
    return program


def environment(home: Path, programs: Path) -> dict[str, str]:
    """Return the whole environment of an agent: nothing of this machine's but where its programs are."""
    return {
        "PATH": os.pathsep.join((str(programs), os.environ.get("PATH", os.defpath))),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CI": "1",
        "SPEC_KITTY_TELEMETRY_CONFIG_DIR": str(home / "telemetry-settings"),
        "ANTHROPIC_BASE_URL": ORIGIN,
        "ANTHROPIC_API_KEY": KEY,
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "STUB_KEY": KEY,
        "GEMINI_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": ORIGIN,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{ORIGIN}/v1",
        "OPENAI_MODEL": OTHER_MODEL,
        "PI_OFFLINE": "1",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "KILO_DISABLE_AUTOUPDATE": "1",
        "KILO_DISABLE_MODELS_FETCH": "1",
        "KILO_DISABLE_SESSION_INGEST": "1",
        "KILO_DISABLE_CODEBASE_INDEXING": "1",
        "KILO_DISABLE_DEFAULT_PLUGINS": "1",
        "KILO_TELEMETRY_LEVEL": "off",
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": f"{ORIGIN}/v1",
        "COPILOT_PROVIDER_API_KEY": KEY,
        "COPILOT_MODEL": "gpt-4.1",
    }


def set_up(agent: str, home: Path) -> None:
    """Write the settings that send an agent to the stand-in."""
    if agent == "codex":
        _write(
            home / ".codex" / "config.toml",
            f'model = "{CODEX_MODEL}"\nmodel_provider = "stub"\n\n[model_providers.stub]\nname = "stub"\n'
            f'base_url = "{ORIGIN}/v1"\nenv_key = "STUB_KEY"\nwire_api = "responses"\n',
        )
    elif agent == "gemini":
        login = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
        _write(home / ".gemini" / "settings.json", json.dumps(login))
    elif agent in {"opencode", "kilo"}:
        cost = {name: PER_MILLION[key] for name, key in _OPENCODE_RATES.items()}
        model = {"name": OTHER_MODEL, "cost": cost, "limit": {"context": 200_000, "output": 8_000}}
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "stub",
            "options": {"baseURL": f"{ORIGIN}/v1", "apiKey": KEY},
            "models": {OTHER_MODEL: model},
        }
        settings: dict[str, Any] = {"model": f"stub/{OTHER_MODEL}", "provider": {"stub": provider}}
        _write(home / ".config" / agent / f"{agent}.json", json.dumps(settings))
    elif agent == "pi":
        one = {"id": OTHER_MODEL, "cost": PER_MILLION, "contextWindow": 200_000, "maxTokens": 8_000}
        settings = {
            "baseUrl": f"{ORIGIN}/v1",
            "apiKey": KEY,
            "api": "openai-completions",
            "models": [one],
        }
        _write(home / ".pi" / "agent" / "models.json", json.dumps({"providers": {"stub": settings}}))


_OPENCODE_RATES = {"input": "input", "output": "output", "cache_read": "cacheRead", "cache_write": "cacheWrite"}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
