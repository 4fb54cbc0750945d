"""Notes of the host's commands: what they say, what they never say, and what an import makes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.importing.importer import Importer
from spec_kitty_telemetry.importing.notes import forget_old, notes_of
from spec_kitty_telemetry.project import host_notes
from tests.importing.conftest import NINE, SLUG, Mission, Telling, session

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

CLAUDE = {"CLAUDE_CODE_SESSION_ID": "s1"}


def written(project: Project) -> list[dict[str, Any]]:
    paths = (project.runtime_dir / "host-notes").glob("*.jsonl")
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("agent action implement WP01 --mission 010-cart --agent claude",
         {"verb": "implement", "wp_id": "WP01", "mission": "010-cart", "agent": "claude"}),
        ("agent tasks move-task wp02 --to for_review --note done",
         {"verb": "move-task", "wp_id": "WP02", "lane": "for_review"}),
        ("next --mission=010-cart --agent codex --result success",
         {"verb": "next", "mission": "010-cart", "agent": "codex"}),
        ("agent mission create user-login --json", {"verb": "create", "mission": "user-login"}),
        ("agent feature setup-plan --feature 010-cart", {"verb": "setup-plan", "mission": "010-cart"}),
        ("accept --mission 010-cart", {"verb": "accept", "mission": "010-cart"}),
        ("session-stop", {"verb": "session-stop"}),
    ],
)  # fmt: skip
def test_a_note_says_the_names_of_a_command(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: str, said: dict[str, str]
) -> None:
    monkeypatch.chdir(project.root)
    host_notes.leave(arguments.split(), CLAUDE)
    (note,) = written(project)
    at = datetime.fromisoformat(note.pop("at"))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert note == {**said, "cwd": str(project.root), "session_agent": "claude-code", "session_id": "s1"}


def test_no_text_of_anybody_gets_into_a_note(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    secret = "the secret plan"
    host_notes.leave(
        ["agent", "tasks", "move-task", "WP01", "--note", secret, "--to", "planned", "--reason", secret], {}
    )
    host_notes.leave(["specify", secret], {})
    host_notes.leave(["implement", "WP01", "--mission", secret], {"CLAUDE_CODE_SESSION_ID": "s1"})
    host_notes.leave(["dispatch", secret], {})
    assert "secret" not in json.dumps(written(project))


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["status"], ["agent"], ["telemetry", "report"], ["agent", "tasks", "mark-status", "T001"]],
)
def test_a_command_that_works_on_nothing_leaves_no_note(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(project.root)
    host_notes.leave(arguments, CLAUDE)
    assert written(project) == []


def test_a_note_from_a_worktree_is_the_primary_checkouts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    git = project.root / ".git" / "worktrees" / "lane-a"
    git.mkdir(parents=True)
    worktree = project.root / ".worktrees" / f"{SLUG}-lane-a"
    (worktree / ".kittify").mkdir(parents=True)
    (worktree / ".git").write_text(f"gitdir: {git}\n", encoding="utf-8")
    (git / "gitdir").write_text(f"{worktree / '.git'}\n", encoding="utf-8")  # git names the worktree in turn
    monkeypatch.chdir(worktree)
    host_notes.leave(["implement", "WP01"], CLAUDE)
    assert [note["cwd"] for note in written(project)] == [str(worktree)]


@pytest.mark.skipif(os.name == "nt", reason="making links needs a right there")
def test_a_notes_folder_that_leads_elsewhere_is_not_followed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / ".kittify" / "runtime").symlink_to(tmp_path)
    monkeypatch.chdir(project.root)
    host_notes.leave(["implement", "WP01"], CLAUDE)
    assert list(tmp_path.rglob("*.jsonl")) == []


def test_notes_import_nothing_that_python_did_not_load_itself() -> None:
    module = "spec_kitty_telemetry.project.host_notes"
    code = f"import sys; before = set(sys.modules); import {module}; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) - {"__future__"} == {"spec_kitty_telemetry", "spec_kitty_telemetry.project", module}


def note(project: Project, at: datetime, **said: str) -> None:
    folder = project.runtime_folder("host-notes")
    with (folder / f"{at:%Y-%m}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": at.isoformat(), "session_id": "s1", "cwd": str(project.root), **said}) + "\n")


def test_a_note_ties_a_session_that_shows_no_command_to_its_work(mission: Mission) -> None:
    """Some agents keep no tool calls, and a script may run the host's commands."""
    telling = Telling(str(mission.project.root))
    telling.says()
    telling.works(3)
    note(mission.project, NINE + timedelta(seconds=15), verb="implement", wp_id="WP01", mission=SLUG)
    (segment,) = Importer(only=mission.project).look_at(session(telling))
    assert segment.task is not None
    assert (segment.wp_id, segment.role, segment.task.attributed_by) == ("WP01", "implementer", ("note",))
    assert len(segment.requests) == 3


def test_a_note_confirms_the_command_that_a_sub_agent_ran(mission: Mission) -> None:
    main = Telling(str(mission.project.root))
    main.types("implement")
    main.works()
    helper = Telling(main.folder, main.now, "helper", is_subagent=True)
    at = helper.runs("implement", "WP02")
    note(mission.project, at, verb="implement", wp_id="WP02", mission=SLUG)
    segments = Importer(only=mission.project).look_at(session(main, helper))
    by = {segment.task.attributed_by for segment in segments if segment.task}
    assert ("command", "note") in by


def test_a_broken_note_is_passed_over(project: Project) -> None:
    folder = project.runtime_folder("host-notes")
    (folder / "2026-11.jsonl").write_bytes(b'{"at": 1}\n\xff\n[]\n{"verb": "implement"}\n' + b"[" * 5000)
    note(project, NINE, verb="implement")
    assert [len(notes) for notes in notes_of(project).values()] in ([], [1])


def test_notes_are_kept_for_ninety_days(project: Project) -> None:
    for month in (1, 7, 8, 11):
        note(project, datetime(2026, month, 1, tzinfo=UTC), verb="implement")
    forget_old(project, datetime(2026, 11, 28, tzinfo=UTC))
    left = sorted(path.name for path in (project.runtime_dir / "host-notes").iterdir())
    assert left == ["2026-08.jsonl", "2026-11.jsonl"]
