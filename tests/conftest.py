"""A project of its own for every test, and nothing of the machine's own settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import new_project
from hypothesis import HealthCheck, settings

from spec_kitty_telemetry.hooks.manager import Hooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.project.layout import Project

DATA = Path(__file__).parent / "data"
FEATURE = "043-telemetry-foundation"

# `HYPOTHESIS_PROFILE=ci` looks longer: `tox -e slow` does.
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_CONFIG_DIR", str(home / "telemetry"))
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_FSYNC", "off")
    for name in ("SPEC_KITTY_TELEMETRY", "COLUMNS", "CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with one feature and no records."""
    return new_project(tmp_path / "shop")


@pytest.fixture
def hooks(project: Project) -> Hooks:
    """The hooks as a host loads them, with the installed recorder."""
    return Hooks.load(project.root)


@pytest.fixture
def legacy_project(project: Project) -> Project:
    """A project whose logs were written by the first version."""
    for source in sorted((DATA / "legacy-logs").glob("*.jsonl")):
        folder = project.specs_dir / source.name.partition(".")[0]
        folder.mkdir(exist_ok=True)
        (folder / "execution.events.jsonl").write_bytes(source.read_bytes())
    return project


@pytest.fixture
def sample() -> Callable[[str], str]:
    """Read what an agent printed, by the sample's file name."""

    def read(name: str) -> str:
        return (DATA / "agent-samples" / name).read_text(encoding="utf-8")

    return read
