"""Missions by the names that people give them, the same in every command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.project.missions import mission_called, missions_called

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

LOGIN, LOGIN_ID = "user-login-01M8FXYR", "01M8FXYR27CHCVY3F34FA8TJQ3"
LOGOUT, LOGOUT_ID = "user-logout-01M8G9GK", "01M8G9GK7N8ZWY04W92EX26BN4"
EXPORT = "012-export"


@pytest.fixture
def missions(project: Project) -> Project:
    """Two missions of today, one that an old host numbered and one that was numbered by its merge."""
    for folder, meta in {
        LOGIN: {"mission_id": LOGIN_ID, "mission_number": None, "mission_slug": LOGIN},
        LOGOUT: {"mission_id": LOGOUT_ID, "mission_number": 7, "mission_slug": LOGOUT},
        EXPORT: {"mission_number": "012"},
    }.items():
        (project.specs_dir / folder).mkdir()
        (project.specs_dir / folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return project


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        (LOGIN, LOGIN), ("user-login", LOGIN), ("User-Login", LOGIN), ("01M8FXYR", LOGIN), ("01m8fxyr", LOGIN),
        (LOGIN_ID, LOGIN), (LOGIN_ID.lower(), LOGIN), (LOGIN_ID[:12], LOGIN), ("user-login-01m8fxyr", LOGIN),
        ("7", LOGOUT), ("007", LOGOUT), ("12", EXPORT), ("012", EXPORT), ("0012", EXPORT), ("export", EXPORT),
        ("user-logi?-*", LOGIN), ("*logout*", LOGOUT), ("01[2]-*", EXPORT),
    ],
)  # fmt: skip
def test_every_name_of_a_mission_means_it(missions: Project, name: str, folder: str) -> None:
    assert missions_called(missions, name) == [folder]
    assert mission_called(missions, name) == folder


def test_a_glob_and_a_number_may_mean_several_where_several_are_asked_for(missions: Project) -> None:
    assert missions_called(missions, "user-*") == [LOGIN, LOGOUT]
    (missions.specs_dir / "012-import").mkdir()
    assert missions_called(missions, "12") == [EXPORT, "012-import"]
    with pytest.raises(ProjectError, match=r"'12' names 2 missions \(012-export, 012-import\), expected one"):
        mission_called(missions, "12")


def test_a_name_that_several_share_lists_them(missions: Project) -> None:
    (missions.specs_dir / "user-login-01M9AAAA").mkdir()
    said = rf"'user-login' names 2 missions \({LOGIN}, user-login-01M9AAAA\), expected one; type more of it"
    with pytest.raises(ProjectError, match=said):
        missions_called(missions, "user-login")
    assert missions_called(missions, LOGIN) == [LOGIN]


@pytest.mark.parametrize(("name", "nearest"), [("user-lgoin", LOGIN), ("exprt", EXPORT), ("user-logout-01M8", LOGOUT)])
def test_a_wrong_name_says_the_nearest(missions: Project, name: str, nearest: str) -> None:
    with pytest.raises(ProjectError, match=f"found no feature '{name}' in .*; did you mean '{nearest}'[?]"):
        missions_called(missions, name)


@pytest.mark.parametrize("name", ["zzzz", "99", "zz*", "01M7AAAA"])
def test_a_name_that_is_like_none_lists_what_there_is(missions: Project, name: str) -> None:
    with pytest.raises(ProjectError) as error:
        missions_called(missions, name)
    assert "did you mean" not in str(error.value)
    assert f"no feature has telemetry yet; there are {EXPORT}, 043-telemetry-foundation, {LOGIN}" in str(error.value)


@pytest.mark.parametrize("name", ["../x", "a b", "", "x/y", "\x1b[31m"])
def test_what_can_be_no_name_is_refused(missions: Project, name: str) -> None:
    with pytest.raises(ProjectError):
        missions_called(missions, name)


@pytest.mark.parametrize("meta", [b"half", b"[]", b'{"mission_id": 7}', b"\xff", b"[" * 100_000])
def test_a_broken_meta_file_hides_no_other_mission(missions: Project, meta: bytes) -> None:
    (missions.specs_dir / EXPORT / "meta.json").write_bytes(meta)
    assert missions_called(missions, LOGIN_ID) == [LOGIN]


def test_the_folder_of_that_very_name_wins(missions: Project) -> None:
    (missions.specs_dir / "user-login").mkdir()
    assert missions_called(missions, "user-login") == ["user-login"]


@pytest.mark.parametrize("option", ["--feature", "--mission"])
@pytest.mark.parametrize("name", ["user-login", "01M8FXYR", LOGIN_ID])
def test_every_command_takes_every_name(missions: Project, option: str, name: str) -> None:
    emit_execution_event(missions.feature_dir(LOGOUT), LOGOUT, "WP01", "a", "implementer")
    common = [option, name, "--project", str(missions.root)]
    emitted = CliRunner().invoke(group, ["emit", *common, "--agent", "a", "--role", "planner"])
    assert emitted.exit_code == 0, emitted.output
    for command in ("report", "events", "lifecycle"):
        done = CliRunner().invoke(group, [command, *common, "--json"])
        assert done.exit_code == 0, done.output
    shown = json.loads(CliRunner().invoke(group, ["report", *common, "--json"]).output)
    assert [row["group_key"] for row in shown["rows"]] == [LOGIN]
