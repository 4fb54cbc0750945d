"""What each agent says about its own runs, made into one meaning: a module or folder each, and one plugin for all.

`extract_usage` looks the agent's name up and imports the module that reads its output: an agent that is not used costs
nothing.  A module has `read(invocation, result, context) -> Usage`.  What several agents share is in `common`:

- `stdout` finds JSON in messy output, `json_spans` reads parts of huge JSON;
- `fields` takes single facts out of untrusted JSON, `tokens` gives token counts one meaning;
- `extract` joins them to a `Usage`; `context` says what may be read besides the output;
- `files` reads the files that agents keep about themselves, `session_totals` remembers running totals.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from spec_kitty_telemetry.hooks.specs import hookimpl

if TYPE_CHECKING:
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage

NAMES: dict[str, tuple[str, ...]] = {
    "claude_code.output": ("claude-code", "claude", "claudecode", "claude-cli"),
    "codex.output": ("codex", "codex-cli", "openai-codex", "codex-exec"),
    "gemini.output": ("gemini", "gemini-cli", "google-gemini", "google-gemini-cli"),
    "qwen.output": ("qwen", "qwen-code", "qwen-cli", "qwencode"),
    "opencode.output": ("opencode", "open-code", "opencode-ai", "kilo", "kilo-cli"),
    "kilocode": ("kilocode", "kilo-code", "kilocode-cli"),
    "copilot.output": ("copilot", "github-copilot", "copilot-cli", "gh-copilot", "github-copilot-cli"),
    "cursor": ("cursor", "cursor-agent", "cursor-cli"),
    "augment": ("augment", "auggie", "augment-code", "auggie-cli"),
    "pi.output": ("pi", "pi-coding-agent", "pi-agent", "pi-mono"),
    "letta": ("letta", "letta-code", "letta-cli"),
    "amp.output": ("amp", "amp-cli", "ampcode", "sourcegraph-amp"),
    "goose.output": ("goose", "goose-cli", "block-goose"),
    "aider.output": ("aider", "aider-chat"),
}
"""Module of each agent → the names that hosts and people call the agent by, its own first."""

MODULES = {name: module for module, names in NAMES.items() for name in names}
"""Name of an agent → its module in this folder."""


@hookimpl
def extract_usage(invocation: Invocation, result: InvocationResult) -> Usage | None:
    """Say what the run used, if its agent is one of these; what the module raises is the caller's to count."""
    module = MODULES.get(normalized(invocation.agent))
    if module is None:
        return None
    from spec_kitty_telemetry.agents.common.extract import read_usage

    return read_usage(import_module(f"{__name__}.{module}").read, invocation, result)


def normalized(agent: str) -> str:
    """Return an agent's name in the spelling of `NAMES`: `Claude_Code` is `claude-code`."""
    return agent.strip().lower().replace("_", "-").replace(" ", "-")
