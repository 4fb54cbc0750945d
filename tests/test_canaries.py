"""Nothing private gets into a file or onto a screen, whatever part of a run it stands in.

The secrets are made here from parts, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.recording import apart

if TYPE_CHECKING:
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
RANDOM = random.Random(13)
STARTS = (
    "sk-" + "ant-api03-", "sk-" + "proj-", "gh" + "p_", "glp" + "at-", "xo" + "xb-", "AK" + "IA", "AI" + "za",
    "np" + "m_", "hv" + "s.", "py" + "pi-", "password=", "Authorization: Bearer ", "https://me:", "token: ", "API_KEY=",
    "", "Cookie: a=", "?sig=", "--api-key ", '{"client_secret":"',
)  # fmt: skip
SECRETS = [
    start + "".join(RANDOM.choices(string.ascii_letters + string.digits, k=32)) for start in STARTS for _ in range(5)
]
PROMPTS = [
    f"Implement our unreleased engine {number} for ACME: def secret_algorithm_{number}(x): return x"
    for number in range(20)
]
SESSION = "7c96d9c4-2df6-4574-b91c-d276ac94822f"
CANARIES = [*SECRETS, *PROMPTS]


class Leaky:
    """A plugin that raises what it was given."""

    @hookimpl
    def after_invocation(self, result: InvocationResult) -> None:
        raise RuntimeError(result.stdout[:2000])


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini", "aider", "unheard-of"])
def test_no_canary_is_in_any_file_or_printed(
    hooks: Hooks, project: Project, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks.register(Leaky(), "leaky")
    for canary in CANARIES:
        monkeypatch.setenv("SOME_VARIABLE", canary)
        said = json.dumps({"type": "result", "is_error": True, "result": canary, "errors": [canary]})
        run = Invocation(project_root=project.root, feature=FEATURE, agent=agent, role="implementer")
        hooks.before_invocation(run)
        hooks.after_invocation(
            run,
            InvocationResult(success=False, exit_code=1, stdout=f"{said}\n{canary}", stderr=canary, errors=(canary,)),
        )
    assert hooks.settle(30)
    assert apart.settle(30)
    written = "".join(
        path.read_text(encoding="utf-8", errors="replace") for path in project.root.rglob("*") if path.is_file()
    )
    screens = [
        CliRunner().invoke(group, [*words, "--project", str(project.root)]).output
        for words in (["report"], ["events", "--limit", "0"], ["events", "--json", "--limit", "0"])
    ]
    assert f'"agent":"{agent}"' in written
    for canary in CANARIES:
        assert canary[-24:] not in written
        assert not any(canary[-24:] in screen for screen in screens)


def session_of(folder: str, canaries: list[str]) -> list[dict[str, object]]:
    """What Claude Code keeps of a session in which each canary was typed, answered, run and printed."""
    at = "2026-11-02T09:00:00.000Z"
    lines: list[dict[str, object]] = []
    for number, canary in enumerate(canaries):
        both = {
            "timestamp": at,
            "cwd": folder,
            "sessionId": SESSION,
            "version": "2.1.332",
        }
        usage = {"input_tokens": 100, "output_tokens": 10}
        call = {"type": "tool_use", "id": f"call_{number}", "name": "Bash", "input": {"command": f"echo {canary}"}}
        content = [{"type": "text", "text": canary}, {"type": "thinking", "thinking": canary}, call]
        message = {"id": f"msg_{number}", "model": "claude-sonnet-4-6", "role": "assistant", "usage": usage}
        result = {"type": "tool_result", "tool_use_id": f"call_{number}", "content": canary, "is_error": True}
        lines += [
            {**both, "type": "user", "uuid": f"u{number}", "message": {"role": "user", "content": canary}},
            {**both, "type": "assistant", "uuid": f"a{number}", "requestId": f"r{number}",
             "message": {**message, "content": content}},
            {**both, "type": "user", "uuid": f"t{number}", "message": {"role": "user", "content": [result]}},
            {**both, "type": "summary", "uuid": f"s{number}", "summary": canary},
        ]  # fmt: skip
    return lines


def test_no_canary_of_a_session_is_in_any_file_or_printed_by_an_import(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Path.home() / ".claude" / "projects" / "-shop"
    store.mkdir(parents=True)
    lines = session_of(str(project.root), CANARIES)
    (store / "7c96d9c4-2df6-4574-b91c-d276ac94822f.jsonl").write_text(
        "".join(json.dumps(each) + "\n" for each in lines)
    )
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_STATE_DIR", str(project.root / "state"))
    place = ["--project", str(project.root)]
    outputs = [
        CliRunner().invoke(group, [*words, *place]).output
        for words in (["import", "--dry-run"], ["import"], ["import", "--json"], ["events", "--json", "--limit", "0"],
                      ["report"], ["lifecycle"], ["doctor"])
    ]  # fmt: skip
    written = "".join(
        path.read_text(encoding="utf-8", errors="replace") for path in project.root.rglob("*") if path.is_file()
    )
    assert '"agent":"claude-code"' in written
    for canary in CANARIES:
        assert canary[-24:] not in written
        assert not any(canary[-24:] in output for output in outputs)


@pytest.mark.parametrize("canary", [SECRETS[0], SECRETS[30], PROMPTS[0]])
def test_no_canary_of_a_settings_file_is_kept(project: Project, canary: str) -> None:
    quoted = json.dumps(canary)
    project.settings_path.write_text(f"pricing: {{models: {{m: {{input: {quoted}}}}}}}\n")
    place = ["--project", str(project.root)]
    done = CliRunner().invoke(group, ["emit", "--feature", FEATURE, "--agent", "a", "--role", "r", *place])
    assert done.exit_code == 0, done.output
    CliRunner().invoke(group, ["doctor", *place])
    written = "".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in project.root.rglob("*")
        if path.is_file() and path != project.settings_path
    )
    assert canary[-24:] not in written
