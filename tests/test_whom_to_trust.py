"""The environment and the user decide; a cloned repository's settings may only restrict what concerns privacy."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.project import host_notes
from spec_kitty_telemetry.project.files import new_file
from spec_kitty_telemetry.project.layout import settings_or_defaults
from spec_kitty_telemetry.project.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

BROKEN = [b"colour: blue\n", b"a: &x 1\nb: *x\n", b"\xff\xfe\xfa", b"- 1\n", b"transcripts: maybe\n", b"{" * 5000]


@pytest.fixture
def user_file() -> Path:
    from pathlib import Path

    folder = Path(os.environ["SPEC_KITTY_TELEMETRY_CONFIG_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "telemetry.yaml"


@pytest.mark.parametrize("name", ["transcripts", "error_text"])
@pytest.mark.parametrize("who", ["user", "environment"])
@pytest.mark.parametrize("said", [b"transcripts: on\nerror_text: on\n", *BROKEN])
def test_what_the_user_turned_off_no_repository_turns_on(
    project: Project, user_file: Path, monkeypatch: pytest.MonkeyPatch, name: str, who: str, said: bytes
) -> None:
    if who == "user":
        user_file.write_text(f"{name}: off\n")
    else:
        monkeypatch.setenv(f"SPEC_KITTY_TELEMETRY_{name.upper()}", "off")
    project.settings_path.write_bytes(said)
    assert getattr(settings_or_defaults(project), name) is False


def test_a_repository_may_turn_off_what_the_user_left_on(
    project: Project, user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text("error_text: on\n")
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_TRANSCRIPTS", "on")
    project.settings_path.write_text("transcripts: off\nerror_text: off\n")
    settings = settings_or_defaults(project)
    assert (settings.transcripts, settings.error_text) == (False, False)


def test_error_text_is_never_on_by_a_repository_alone(project: Project) -> None:
    project.settings_path.write_text("error_text: on\n")
    assert not settings_or_defaults(project).error_text


@pytest.mark.parametrize("said", BROKEN)
def test_a_source_with_a_mistake_undoes_no_other_and_is_named(project: Project, user_file: Path, said: bytes) -> None:
    user_file.write_text("fsync: off\ntranscripts: off\n")
    project.settings_path.write_bytes(said)
    settings, problems = Settings.in_force(project.settings_path, {})
    assert (settings.fsync, settings.transcripts) == (False, False)
    assert [str(project.settings_path) in str(problem) for problem in problems] == [True]


@pytest.mark.parametrize("said", BROKEN)
def test_a_user_whose_own_file_cannot_be_read_may_have_turned_off_what_is_private(
    project: Project, user_file: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    user_file.write_bytes(said)
    project.settings_path.write_text("transcripts: on\nerror_text: on\n")
    settings = settings_or_defaults(project)
    assert (settings.transcripts, settings.error_text) == (False, False)
    problems = json.loads(CliRunner().invoke(group, ["doctor", "--json", "--project", str(project.root)]).output)[
        "problems"
    ]
    assert any(str(user_file) in problem for problem in problems)
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_TRANSCRIPTS", "on")
    assert settings_or_defaults(project).transcripts


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
@pytest.mark.parametrize("command", [["report"], ["prices", "lint"], ["check"], ["doctor"]], ids=" ".join)
def test_a_projects_settings_prices_and_budgets_are_not_read_through_a_link_out_of_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    elsewhere = tmp_path / "of-somebody-else.yaml"
    elsewhere.write_text("pricing: {models: {m: {input: 1, output: 2}}}\n")
    project.settings_path.symlink_to(elsewhere)
    monkeypatch.chdir(project.root)
    done = CliRunner().invoke(group, command)
    said = " ".join(done.output.split())
    assert f"{project.settings_path}: found a link out of the project, expected a file in it" in said


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
def test_a_planted_link_is_replaced_and_never_written_through(project: Project, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    planted = tmp_path / "planted"
    planted.symlink_to(precious)
    with new_file(planted) as file:
        file.write(b"new")
    assert (planted.read_text(), planted.is_symlink(), precious.read_text()) == ("new", False, "as it was")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_the_hosts_own_commands_wait_for_no_pipe_in_the_place_of_git(project: Project) -> None:
    os.mkfifo(project.root / ".git")
    host_notes.leave(["implement", "WP01"], {}, folder=str(project.root))
    assert len(list((project.runtime_dir / "host-notes").iterdir())) == 1


def test_a_git_file_that_an_archive_brought_leads_no_note_into_another_project(
    project: Project, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / ".kittify").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(other)], check=True)
    subprocess.run(
        ["git", "-C", str(other), "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "a", "--allow-empty"],
        check=True,
    )
    subprocess.run(["git", "-C", str(other), "worktree", "add", "-q", str(tmp_path / "lane")], check=True)
    (tmp_path / "lane" / ".kittify").mkdir()
    (project.root / ".git").write_bytes((tmp_path / "lane" / ".git").read_bytes())
    host_notes.leave(["implement", "WP01"], {}, folder=str(project.root))
    assert not (other / ".kittify" / "runtime").exists()
    assert (project.runtime_dir / "host-notes").is_dir()
    host_notes.leave(["implement", "WP01"], {}, folder=str(tmp_path / "lane"))
    assert (other / ".kittify" / "runtime" / "telemetry" / "host-notes").is_dir()
