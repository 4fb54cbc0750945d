"""The screens in `docs/screens/` are what a terminal of that width shows.

After a change of the report: `REGENERATE_SCREENS=1 pytest tests/test_report_screens.py`.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group

ROOT = Path(__file__).parent.parent
SCREENS = ROOT / "docs" / "screens"
EXAMPLE = ROOT / "examples" / "project"
COMMANDS = {
    "example": [("report",), ("report", "--by", "model"), ("report", "--by", "day", "--tz", "UTC")],
    "demo": [
        ("report", "--by", "wp,role"),
        ("report", "--by", "agent,outcome", "--sort", "runs", "--limit", "2"),
        ("lifecycle", "--attempts"),
    ],
}

pytestmark = pytest.mark.skipif(not SCREENS.is_dir(), reason="the documentation is not part of the wheel")


def screen(project: Path, name: str) -> str:
    parts = []
    for words in COMMANDS[name]:
        result = CliRunner().invoke(group, [words[0], "--project", str(project), *words[1:]])
        assert result.exit_code == 0, result.output
        parts.append(f"$ spec-kitty telemetry {' '.join(words)}\n\n{result.stdout}")
    return "\n".join(parts)


def without_dates(text: str) -> str:
    """The price table's own date changes with every release of prices."""
    return re.sub(r"price table of \d{4}-\d\d-\d\d", "price table of 2026-01-01", text)


@pytest.mark.parametrize("columns", [60, 80, 120, 160])
@pytest.mark.parametrize("name", COMMANDS)
def test_the_screens_are_what_the_commands_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, columns: int
) -> None:
    project = tmp_path / "shop"
    if name == "demo":
        assert CliRunner().invoke(group, ["demo", "--folder", str(project)]).exit_code == 0
    else:
        shutil.copytree(EXAMPLE, project)
    monkeypatch.setenv("COLUMNS", str(columns))
    text = screen(project, name)
    path = SCREENS / f"{name}-{columns}.txt"
    if os.environ.get("REGENERATE_SCREENS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert without_dates(path.read_text(encoding="utf-8")) == without_dates(text)
    assert max(len(line) for line in text.splitlines() if not line.startswith("$")) <= columns
