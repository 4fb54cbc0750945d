"""The screens `docs/screens/decisions-*.txt` are what a terminal of that width shows of a made-up project.

After a change: `REGENERATE_SCREENS=1 pytest tests/decisions/test_screens.py`.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

SCREENS = Path(__file__).parents[2] / "docs" / "screens"
MISSIONS = ("041-user-login", "042-order-history-with-a-rather-long-name", "043-telemetry-foundation")
BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)
COMMANDS = (
    ("status",),
    ("check", "--feature", "041"),
    ("forecast",),
    ("lifecycle",),
    ("lifecycle", "--by", "agent"),
    ("compare",),
    ("report", "--by", "agent", "--since", "2026-03-05", "--until", "2026-03-08", "--compare", "previous"),
)

pytestmark = pytest.mark.skipif(not SCREENS.is_dir(), reason="the documentation is not part of the wheel")


class Calendar:
    """A project of three missions with heavy-tailed packages, written run by run with a fixed seed."""

    def __init__(self, project: Project) -> None:
        self.project, self.random, self.at = project, Random(3), BEGAN

    def play(self) -> None:
        for mission in MISSIONS:
            folder = self.project.feature_dir(mission)
            folder.mkdir(exist_ok=True)
            for number in range(1, 7):
                self._package(mission, f"WP{number:02}", is_open=mission == MISSIONS[-1] and number > 3)

    def _package(self, mission: str, wp_id: str, *, is_open: bool) -> None:
        agent = self.random.choice(("claude-code", "claude-code", "codex"))
        difficulty = self.random.lognormvariate(0.3, 0.6)
        self._move(mission, wp_id, "planned", "in_progress")
        if is_open and wp_id != "WP04":
            return
        rejected = self.random.random() < 0.35
        for attempt in range(1 + rejected):
            self._run(mission, wp_id, "implementer", agent, difficulty, attempt=attempt + 1)
            if is_open:
                return
            verdict = "rejected" if rejected and not attempt else "succeeded"
            self._run(mission, wp_id, "reviewer", "codex", difficulty / 5, outcome=verdict)
            self._move(mission, wp_id, "in_review", "in_progress" if verdict == "rejected" else "done")

    def _run(self, mission: str, wp_id: str, role: str, agent: str, size: float, **facts: Any) -> None:
        minutes = self.random.randint(5, 40)
        self.at += timedelta(minutes=minutes)
        cost = Decimal(f"{size * self.random.lognormvariate(0, 0.5):.4f}")
        emit_execution_event(
            self.project.feature_dir(mission), mission, wp_id, agent, role, cost_usd=cost, timestamp=self.at,
            duration_ms=minutes * 60_000, success=facts.get("outcome") != "rejected", **facts,
        )  # fmt: skip
        self.at += timedelta(minutes=90)

    def _move(self, mission: str, wp_id: str, before: str, after: str) -> None:
        move = {"wp_id": wp_id, "from_lane": before, "to_lane": after, "at": self.at.isoformat()}
        with (self.project.feature_dir(mission) / "status.events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(move) + "\n")


@pytest.mark.parametrize("columns", [80, 160])
def test_the_screens_are_what_the_commands_show(
    project: Project, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    Calendar(project).play()
    budgets = "budgets: [{per: feature, limit_usd: 25, name: mission}, {agent: codex, limit_usd: 10}]\n"
    project.settings_path.write_text(f"time_zone: UTC\n{budgets}", encoding="utf-8")
    monkeypatch.setenv("COLUMNS", str(columns))
    parts = []
    for words in COMMANDS:
        result = CliRunner().invoke(group, [words[0], "--project", str(project.root), *words[1:]])
        assert result.exit_code in {0, 3}, result.output
        parts.append(f"$ spec-kitty telemetry {' '.join(words)}\n\n{result.stdout}")
    line = CliRunner().invoke(group, ["statusline"], input=json.dumps({"cwd": str(project.root)})).stdout
    text = "\n".join([*parts, f"$ spec-kitty-telemetry statusline\n\n{line}"])
    path = SCREENS / f"decisions-{columns}.txt"
    if os.environ.get("REGENERATE_SCREENS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == text
    is_table = re.compile(r"\S.* {2,}\S|-+$")
    assert max(len(line) for line in text.splitlines() if is_table.match(line) and not line.startswith("$")) <= columns
