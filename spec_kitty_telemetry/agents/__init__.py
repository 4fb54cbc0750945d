"""What each agent says about its own runs, made into one meaning.

One module an agent; each has an `extract_usage` implementation and is a plugin like any other.  The modules below are
named here and imported by nobody but `host`, so that an agent that is not used costs nothing.  What several agents
share:

- `printed` finds JSON in messy output, `members` reads parts of huge JSON;
- `values` takes single facts out of untrusted JSON, `counts` gives token counts one meaning;
- `answer` joins them to a `Usage`; `surroundings` says what may be read besides the output;
- `sessions` remembers running totals; `transcripts` reads the files that agents keep about themselves.
"""

from __future__ import annotations

EXTRACTORS: tuple[str, ...] = (
    "spec_kitty_telemetry.agents.claude_code",
    "spec_kitty_telemetry.agents.codex",
    "spec_kitty_telemetry.agents.gemini",
    "spec_kitty_telemetry.agents.qwen",
    "spec_kitty_telemetry.agents.opencode",
    "spec_kitty_telemetry.agents.kilocode",
    "spec_kitty_telemetry.agents.copilot",
    "spec_kitty_telemetry.agents.cursor",
    "spec_kitty_telemetry.agents.augment",
    "spec_kitty_telemetry.agents.pi",
    "spec_kitty_telemetry.agents.letta",
    "spec_kitty_telemetry.agents.amp",
    "spec_kitty_telemetry.agents.goose",
    "spec_kitty_telemetry.agents.aider",
)
"""Module paths of the shipped `extract_usage` plugins, in the order in which they are asked.

No agent's name is claimed by two of them, so the order changes no answer: those that are used most wait least.
"""
