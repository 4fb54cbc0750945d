"""The environment and the user decide; a cloned repository's settings may only restrict what concerns privacy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

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
