"""`init --hooks`: what it puts into agents' own settings, and that it takes out exactly that."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.importing.registration import AGENTS

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

HOST = {  # as `spec-kitty init --ai claude` of 3.2.7 writes it, beside a user's own
    "hooks": {
        "SessionStart": [{"hooks": [{"type": "command", "command": "spec-kitty session-start"}]}],
        "Stop": [
            {"hooks": [{"type": "command", "command": "spec-kitty session-stop"}]},
            {"matcher": "*", "hooks": [{"type": "command", "command": "say hook claude"}]},
        ],
    },
    "permissions": {"allow": ["Bash(ls:*)"]},
}


def init(*arguments: str | Path, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(group, ["init", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == exit_code, result.output
    return result


def settings(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def commands(document: Any, event: str) -> list[str]:
    return [hook["command"] for entry in document["hooks"][event] for hook in entry["hooks"]]


def test_claudes_hooks_are_put_beside_those_that_are_there(project: Project) -> None:
    path = project.root / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(json.dumps(HOST, indent=4) + "\n", encoding="utf-8")
    said = init("--hooks", "claude", "--project", project.root).stdout
    after = settings(path)
    assert commands(after, "Stop")[:2] == ["spec-kitty session-stop", "say hook claude"]
    assert commands(after, "Stop")[2].endswith("hook claude")
    assert after["permissions"] == HOST["permissions"]
    assert after["hooks"]["SessionStart"] == HOST["hooks"]["SessionStart"]  # type: ignore[index]
    assert '\n+                        "command": ' in said.replace("\r", "")
    assert f"Wrote {path}" in said
    assert "trust" in said


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("where", ["--user", "--project"])
def test_what_was_put_in_is_taken_out_and_nothing_else_is_left(project: Project, agent: str, where: str) -> None:
    place = [where] if where == "--user" else [where, project.root]
    root = Path.home() if where == "--user" else project.root
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    init("--hooks", agent, *place)
    assert len([path for path in root.rglob("*") if path.is_file()]) == len(before) + 1
    assert "Nothing to do" in init("--hooks", agent, *place).stdout
    init("--hooks", agent, *place, "--remove")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert "Nothing to do" in init("--hooks", agent, *place, "--remove").stdout


@pytest.mark.parametrize("indent", [2, 4, "\t", None])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_file_is_byte_for_byte_what_it_was_after_both(project: Project, indent: int | None, end: str) -> None:
    path = project.root / ".claude" / "settings.json"
    path.parent.mkdir()
    text = json.dumps(HOST, indent=indent, ensure_ascii=False) + end
    path.write_text(text, encoding="utf-8", newline="")
    init("--hooks", "claude", "--project", project.root)
    init("--hooks", "claude", "--remove", "--project", project.root)
    if indent is not None:  # what stood on one line stands on several then
        assert path.read_bytes() == text.encode()
    assert settings(path) == HOST


def test_all_agents_at_once(project: Project) -> None:
    said = init("--hooks", ",".join(AGENTS), "--project", project.root).stdout
    assert said.count("Wrote ") == 6
    assert settings(project.root / ".codex" / "hooks.json")["hooks"]["Stop"][0]["hooks"][0]["type"] == "command"
    assert "AfterAgent" in settings(project.root / ".gemini" / "settings.json")["hooks"]
    copilot = settings(project.root / ".github" / "hooks" / "spec-kitty-telemetry.json")
    assert copilot["version"] == 1
    assert set(copilot["hooks"]["agentStop"][0]) == {"type", "bash", "powershell", "timeoutSec"}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_opencodes_plugin_is_javascript(project: Project) -> None:
    init("--hooks", "opencode", "--project", project.root)
    plugin = project.root / ".opencode" / "plugins" / "spec-kitty-telemetry.js"
    copy = plugin.with_suffix(".mjs")
    copy.write_bytes(plugin.read_bytes())
    subprocess.run(["node", "--check", copy], check=True)


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": []}', '{"hooks": {"Stop": 7}}', "\x00"])
def test_a_file_that_is_not_what_its_agent_expects_is_not_touched(project: Project, text: str) -> None:
    path = project.root / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    said = init("--hooks", "codex,claude", "--project", project.root, exit_code=1).stderr
    assert "nothing was changed" in said
    assert path.read_text(encoding="utf-8") == text
    assert not (project.root / ".codex").exists()


def test_an_agent_without_hooks_of_ours_is_said_to_have_none(project: Project) -> None:
    said = init("--hooks", "vim", "--project", project.root, exit_code=2).stderr
    assert "Unknown agent 'vim' for --hooks. Choose from claude, codex, gemini, copilot, qwen, opencode." in said


def test_options_that_do_not_go_together_are_said(project: Project) -> None:
    assert "Use either" in init("--hooks", "claude", "--track", "--project", project.root, exit_code=2).stderr
    assert "with --hooks" in init("--remove", "--project", project.root, exit_code=2).stderr
