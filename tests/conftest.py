"""A project of its own for every test, and nothing of the machine's own settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.project.layout import Project

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parent / "data"
FEATURE = "043-telemetry-foundation"

# `HYPOTHESIS_PROFILE=ci` looks longer: `tox -e slow` does.
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

CONFIG = """\
project:
  uuid: 2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11
  slug: shop
  node_id: b805cd5cee74
  build_id: b524fffa-7033-5e51-b1e2-842c78420f66
"""


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
    root = tmp_path / "shop"
    (root / ".kittify").mkdir(parents=True)
    (root / ".kittify" / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (root / "kitty-specs" / FEATURE).mkdir(parents=True)
    return Project(root.resolve())


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
