"""What agents keep of their sessions, and what `doctor` says about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.importing.history import histories
from tests.importing.claude import ClaudeSession

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project


def a_session(project: Project, name: str, days_ago: float) -> datetime:
    began = (datetime.now(UTC) - timedelta(days=days_ago)).replace(microsecond=0)
    session = ClaudeSession(name, project.root, began)
    session.types("hello")
    session.answers()
    return began + timedelta(seconds=2)


def doctor(project: Project, *arguments: str) -> str:
    return CliRunner().invoke(group, ["doctor", "--project", str(project.root), *arguments]).stdout


def test_doctor_says_which_history_is_about_to_be_deleted_and_what_to_do(project: Project) -> None:
    ended = a_session(project, "old", 27)
    a_session(project, "new", 1)
    said = " ".join(doctor(project).split())
    assert (
        "claude-code: 2 sessions in this project, deleted by the agent 30 days after their last use, 2 not rec" in said
    )
    day = (ended + timedelta(days=30)).astimezone().date().isoformat()
    assert f"The first of these is deleted on {day}: 'spec-kitty telemetry import' records them." in said


def test_what_is_recorded_is_not_lost_with_its_session(project: Project) -> None:
    a_session(project, "old", 27)
    CliRunner().invoke(group, ["import", "--project", str(project.root)])
    (found,) = histories(project)
    assert (found.session_count, found.unrecorded_count, found.next_deletion) == (1, 0, None)
    assert "is deleted on" not in doctor(project)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ('{"cleanupPeriodDays": 90}', 90),
        ("{", 30),
        ('{"cleanupPeriodDays": "x"}', 30),
        ('{"cleanupPeriodDays": -1}', 30),
    ],
)
def test_the_days_are_those_that_the_user_set(project: Project, text: str, days: int) -> None:
    ended = a_session(project, "s1", 27)
    (Path.home() / ".claude" / "settings.json").write_text(text, encoding="utf-8")
    (found,) = histories(project)
    assert (found.kept_days, found.next_deletion) == (days, ended + timedelta(days=days))
    assert found.is_urgent() == (days == 30)


def test_a_program_gets_the_same(project: Project) -> None:
    ended = a_session(project, "s1", 3)
    (found,) = json.loads(doctor(project, "--json"))["histories"]
    expected: dict[str, Any] = {"agent": "claude-code", "session_count": 1, "unrecorded_count": 1, "kept_days": 30}
    assert found == {**expected, "next_deletion": (ended + timedelta(days=30)).isoformat().replace("+00:00", "Z")}


def test_nothing_is_looked_at_where_transcripts_are_off(project: Project) -> None:
    a_session(project, "s1", 27)
    project.settings_path.write_text("transcripts: off\n", encoding="utf-8")
    assert "none in this project" in doctor(project)
