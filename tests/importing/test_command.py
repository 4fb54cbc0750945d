"""`import`, and what reports make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.importing import waiting
from spec_kitty_telemetry.importing.importer import Importer, write
from tests.importing.conftest import NINE, SLUG, Mission, Telling, session

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

SCHEMA = Path(__file__).parent.parent.parent / "docs" / "import.schema.json"
SESSION = "7c96d9c4-2df6-4574-b91c-d276ac94822f"


def run(*arguments: str | Path, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(group, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == exit_code, result.output
    return result


def line(kind: str, second: int, folder: Path, **more: Any) -> dict[str, Any]:
    at = f"2026-11-02T09:00:{second:02}.000Z"
    return {"type": kind, "timestamp": at, "cwd": str(folder), "sessionId": SESSION, "version": "2.1.332", **more}


def answer(second: int, folder: Path, content: list[dict[str, Any]]) -> dict[str, Any]:
    usage = {"input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 10}
    message = {
        "id": f"msg_{second}", "model": "claude-sonnet-4-6", "role": "assistant", "usage": usage, "content": content,
    }  # fmt: skip
    return line("assistant", second, folder, message=message, requestId=f"req_{second}", uuid=f"u{second}")


@pytest.fixture
def claude_session(mission: Mission) -> Path:
    """A session of Claude Code in the project: a slash command, the host's command, and a chat."""
    root = mission.project.root
    slash = "<command-name>/spec-kitty.implement</command-name>\n<command-args>WP01</command-args>"
    command = {"command": f"spec-kitty agent action implement WP01 --mission {SLUG} --agent claude"}
    done = {"command": f"spec-kitty agent tasks move-task WP01 --to for_review --mission {SLUG}"}

    def typed(second: int, text: str) -> dict[str, Any]:
        message = {"role": "user", "content": text}
        return line("user", second, root, message=message, origin={"kind": "human"}, promptSource="typed")

    def call(second: int, given: dict[str, str]) -> dict[str, Any]:
        return answer(second, root, [{"type": "tool_use", "id": f"call_{second}", "name": "Bash", "input": given}])

    def result(second: int, of: int) -> dict[str, Any]:
        content = [{"type": "tool_result", "tool_use_id": f"call_{of}", "content": "ok"}]
        return line("user", second, root, message={"role": "user", "content": content})

    lines = [
        typed(0, slash), call(1, command), result(3, 1), call(4, done), result(6, 4),
        answer(7, root, [{"type": "text", "text": "WP01 is done"}]),
        typed(8, "what is the capital of Austria?"), answer(9, root, [{"type": "text", "text": "Vienna"}]),
    ]  # fmt: skip
    folder = Path.home() / ".claude" / "projects" / "-shop"
    folder.mkdir(parents=True)
    path = folder / f"{SESSION}.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return path


def documents(*arguments: str | Path) -> Any:
    document = json.loads(run("import", *arguments, "--json").stdout)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    return document


def test_a_dry_run_shows_what_would_be_recorded_and_why_and_writes_nothing(
    mission: Mission, claude_session: Path
) -> None:
    said = run("import", "--dry-run", "--project", mission.project.root).stdout
    work = next(each for each in said.splitlines() if each.startswith(SLUG)).split()
    assert work[1:5] == ["WP01", "implementer", "–", "claude-code"]
    assert "command, slash" in said
    assert "outside missions" in said
    assert "Would write 2 new records of 1 session in" in said
    assert not mission.project.log_path(SLUG).exists()


def test_json_has_every_request_once(mission: Mission, claude_session: Path) -> None:
    document = documents("--dry-run", "--project", mission.project.root)
    rows = [(row["feature"], row["wp_id"], row["role"], row["request_count"]) for row in document["records"]]
    assert rows == [(SLUG, "WP01", "implementer", 3), (None, None, None, 1)]
    assert sum(row["input_tokens"] for row in document["records"]) == 4 * 1100
    assert document["projects"][0]["new"] == 2


def test_importing_again_adds_nothing(mission: Mission, claude_session: Path) -> None:
    assert documents("--project", mission.project.root)["projects"][0]["new"] == 2
    again = documents("--project", mission.project.root)
    assert (again["projects"][0]["new"], again["projects"][0]["grown"]) == (0, 0)
    assert [row["request_count"] for row in again["records"]] == [3, 1]


def test_what_did_not_change_is_not_looked_at_again_but_a_mission_that_did_is(
    mission: Mission, claude_session: Path
) -> None:
    root = mission.project.root
    assert "Wrote 2 new records of 1 session in" in run("import", "--project", root).stdout
    assert "Wrote 0 new records of 1 session in" in run("import", "--project", root).stdout
    assert run("import", "--project", root).stdout == "1 session did not change since the last import.\n"
    mission.moves(NINE, "WP01", "in_progress", "planned")
    assert "1 brought up to date" in run("import", "--project", root).stdout
    run("import", "--project", root)
    with claude_session.open("a", encoding="utf-8") as file:
        file.write(json.dumps(answer(12, root, [{"type": "text", "text": "Vienna, of course"}])) + "\n")
    assert "1 brought up to date" in run("import", "--project", root).stdout


def test_nothing_is_imported_where_that_is_not_wanted(
    mission: Mission, claude_session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = mission.project.root
    mission.project.settings_path.write_text("transcripts: off\n", encoding="utf-8")
    assert "'transcripts' is off in" in run("import", "--project", root, exit_code=1).stderr
    run("import", "--all-projects")
    mission.project.settings_path.unlink()
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY", "off")
    assert "telemetry is off" in run("import", "--project", root, exit_code=1).stderr
    assert "Would write 2 new records" in run("import", "--dry-run", "--project", root).stdout
    assert not mission.project.log_path(SLUG).exists()


def test_an_import_does_what_hooks_left_waiting(mission: Mission, claude_session: Path) -> None:
    waiting.put(mission.project, waiting.Session("claude-code", SESSION))
    run("import", "--project", mission.project.root)
    assert waiting.waiting(mission.project) == []


def test_all_projects_are_found_from_anywhere_and_what_is_in_none_only_when_asked(
    mission: Mission, claude_session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = claude_session.read_text(encoding="utf-8").replace(SESSION, "other").replace("msg_", "other_")
    gone = str(mission.project.root).replace("\\", "\\\\")
    claude_session.with_name("other.jsonl").write_text(text.replace(gone, "/gone/shop"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    dry = documents("--all-projects", "--dry-run")["records"]
    assert {(row["session_id"], row["project"]) for row in dry} == {
        (SESSION, str(mission.project.root)),
        ("other", None),
    }
    assert sum(row["request_count"] for row in dry) == 8
    assert {row["session_id"] for row in documents("--all-projects")["records"]} == {SESSION}


def test_only_the_agents_and_the_time_that_are_asked_for(mission: Mission, claude_session: Path) -> None:
    root = mission.project.root
    assert documents("--dry-run", "--agent", "codex", "--project", root)["records"] == []
    assert documents("--dry-run", "--agent", "claude", "--project", root)["records"] != []
    assert documents("--dry-run", "--since", "2026-11-03", "--project", root)["records"] == []


def test_an_agent_without_numbers_is_named_and_nothing_is_guessed(mission: Mission) -> None:
    said = run("import", "--agent", "cursor", "--project", mission.project.root, exit_code=2).stderr
    assert "found the agent 'cursor', which keeps no usable token counts on disk; nothing is guessed" in said


def chat(project: Project) -> None:
    telling = Telling(str(project.root), now=NINE)
    telling.says()
    telling.works(2)
    importer = Importer(only=project)
    for name in ("s1", "s2"):
        telling.thread_id = name
        importer.look_at(
            session(Telling(telling.folder, thread_id=name, entries=_renamed(telling, name)), session_id=name)
        )
    write(project, [change for found in importer.found() for change in found.changes])


def _renamed(telling: Telling, name: str) -> list[Any]:
    again = Telling(telling.folder, now=NINE, thread_id=name)
    again.says()
    again.works(2)
    return again.entries


def test_a_report_shows_what_is_outside_of_missions_as_a_row_and_says_so(project: Project) -> None:
    chat(project)
    said = run("report", "--project", project.root).stdout
    assert any(each.startswith("–") for each in said.splitlines())
    # in each session 1001 + 1002 in at $3 and 1 + 2 out at $15 a million (Sonnet 4.6): $0.006009 + $0.000045
    assert "Outside missions: ~$0.0121 in 2 sessions" in said
    document = json.loads(run("report", "--project", project.root, "--json").stdout)
    assert document["outside_missions"] == {"event_count": 2, "session_count": 2, "total_cost_usd": 0.012108}
    assert [row["group"] for row in document["rows"]] == [{"feature": "–"}]


def test_a_report_leaves_it_out_when_asked_or_when_a_feature_is(mission: Mission) -> None:
    chat(mission.project)
    root = mission.project.root
    for arguments in (("--outside", "hide"), ("--feature", SLUG)):
        document = json.loads(run("report", "--project", root, "--json", *arguments).stdout)
        assert (document["outside_missions"], document["total"]["event_count"]) == (None, 0)
    alone = json.loads(run("report", "--project", root, "--json", "--feature", "none").stdout)
    assert alone["total"]["event_count"] == 2


def test_the_lifecycle_of_work_packages_knows_nothing_of_it(mission: Mission) -> None:
    chat(mission.project)
    document = json.loads(run("lifecycle", "--project", mission.project.root, "--json").stdout)
    assert document["without_work_package"]["event_count"] == 0
