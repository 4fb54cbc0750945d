"""What `doctor` is told about the hosts of an environment; nothing of them is run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from spec_kitty_telemetry.bridges import startup
from spec_kitty_telemetry.bridges.check import STARTUP_FILE, BridgeStatus, check
from spec_kitty_telemetry.project import diagnostics

if TYPE_CHECKING:
    from pathlib import Path

CLI = "raise SystemExit('never run')\ndef main(): ...\ndef _build_app(): ...\n"
EXECUTOR = "async def execute_agent(invoker, prompt, working_dir, role, timeout_seconds, log_file=None): ...\n"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder that Python looks into, with both hosts in it."""
    folder = tmp_path / "environment"
    write(folder, "specify_cli/__init__.py", CLI)
    write(folder, "specify_cli/cli/commands/__init__.py", "")
    write(
        folder, "spec_kitty_cli-9.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: spec-kitty-cli\nVersion: 9.9\n"
    )
    write(folder, "spec_kitty_orchestrator/__init__.py", "")
    write(folder, "spec_kitty_orchestrator/executor.py", EXECUTOR)
    write(folder, STARTUP_FILE, "")
    monkeypatch.setattr(sys, "path", [str(folder)])
    monkeypatch.setattr(startup, "failures", {})
    return folder


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def checked(**variables: str) -> tuple[BridgeStatus, BridgeStatus]:
    cli, orchestrator = check(environment=variables)
    return cli, orchestrator


@pytest.mark.usefixtures("environment")
def test_both_bridges_are_active() -> None:
    cli, orchestrator = checked()
    assert (cli.host, cli.version, cli.state) == ("spec-kitty-cli", "9.9", "active")
    assert (orchestrator.host, orchestrator.version, orchestrator.state) == ("spec-kitty-orchestrator", None, "active")
    assert "'spec-kitty telemetry'" in cli.detail


def test_missing_hosts_are_not_installed(environment: Path) -> None:
    for package in ("specify_cli", "spec_kitty_orchestrator"):
        (environment / package).rename(environment / f"{package}_away")
    assert [status.state for status in checked()] == ["not installed", "not installed"]
    assert "install spec-kitty-telemetry into that environment too" in checked()[1].detail


@pytest.mark.usefixtures("environment")
def test_switch_is_named_with_its_value() -> None:
    for status in checked(SPEC_KITTY_TELEMETRY="No"):
        assert (status.state, status.detail) == (
            "off",
            "SPEC_KITTY_TELEMETRY is 'No'; unset it to turn the bridges on",
        )


def test_missing_startup_file_turns_the_bridges_off(environment: Path) -> None:
    (environment / STARTUP_FILE).unlink()
    for status in checked():
        assert status.state == "off"
        assert "reinstall spec-kitty-telemetry" in status.detail


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def start(): ...\n", "found no function main, expected one"),
        ("def main(): ...\n", "found no function _build_app, expected one"),
        ("def main(:\n", "cannot be read (SyntaxError)"),
    ],
)
def test_strange_spec_kitty_is_not_understood(environment: Path, text: str, found: str) -> None:
    write(environment, "specify_cli/__init__.py", text)
    cli, orchestrator = checked()
    assert (cli.state, orchestrator.state) == ("not understood", "active")
    assert found in cli.detail
    assert "the bridge stays out of its way; look for a newer spec-kitty-telemetry" in cli.detail


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "found no async function execute_agent, expected one"),
        (EXECUTOR.removeprefix("async "), "found no async function execute_agent, expected one"),
        (
            "async def execute_agent(request): ...\n",
            "found no parameter invoker, expected invoker, working_dir, role, log_file",
        ),
        ("async def execute_agent(invoker, working_dir, role, *, record): ...\n", "found no parameter log_file"),
    ],
)
def test_strange_orchestrator_is_not_understood(environment: Path, text: str, found: str) -> None:
    write(environment, "spec_kitty_orchestrator/executor.py", text)
    cli, orchestrator = checked()
    assert (cli.state, orchestrator.state) == ("active", "not understood")
    assert found in orchestrator.detail


def test_orchestrator_without_an_executor_is_not_understood(environment: Path) -> None:
    (environment / "spec_kitty_orchestrator" / "executor.py").unlink()
    assert checked()[1].state == "not understood"


@pytest.mark.usefixtures("environment")
def test_bridge_that_failed_in_this_process_is_not_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "failures", {"specify_cli": "TypeError: no Typer app"})
    cli, orchestrator = checked()
    assert (cli.state, orchestrator.state) == ("not understood", "active")
    assert "TypeError: no Typer app" in cli.detail


@pytest.mark.parametrize(
    ("path", "text", "place"),
    [
        ("specify_cli/__init__.py", f"SPEC_KITTY_COMMANDS: bool = True\n{CLI}", 0),
        ("specify_cli/cli/commands/__init__.py", "entry_points(group='spec_kitty.commands')", 0),
        ("specify_cli/_completion_manifest.json", '{"commands": {"telemetry": {}}}', 0),
        ("spec_kitty_orchestrator/__init__.py", "SPEC_KITTY_HOOKS = True\n", 1),
        ("spec_kitty_orchestrator/deep/hooks.py", "from spec_kitty_telemetry import Hooks", 1),
    ],
)
def test_host_that_does_it_itself_is_shown_with_the_evidence(
    environment: Path, path: str, text: str, place: int
) -> None:
    write(environment, path, text)
    status = checked()[place]
    assert status.state == "host does it itself"
    assert path.rpartition("/")[2] in status.detail or "= True" in status.detail
    assert checked()[1 - place].state == "active"


def test_host_that_asks_for_the_bridge_gets_it_whatever_its_source_names(environment: Path) -> None:
    write(environment, "spec_kitty_orchestrator/__init__.py", "SPEC_KITTY_HOOKS = False\nimport pluggy\n")
    assert checked()[1].state == "active"


@pytest.mark.usefixtures("environment")
def test_what_could_not_be_recorded_in_a_project_is_told(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    (project / ".kittify").mkdir(parents=True)
    diagnostics.leave(
        project, diagnostics.BRIDGE, "an agent run was not recorded: role: found NoneType, expected a word"
    )
    _, orchestrator = check(project, {})
    assert "1 run(s) could not be recorded, the last: " in orchestrator.detail
    assert "expected a word" in orchestrator.detail
