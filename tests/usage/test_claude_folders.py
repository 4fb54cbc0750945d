"""Where Claude Code keeps a folder's sessions, and that a killed run is found there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.claude_code.folders import candidates, project_name, roots
from spec_kitty_telemetry.agents.common.context import AgentContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.model.invocation import Usage

LONG = "/home/dev/" + "a" * 120 + "/" + "b" * 120


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/dev/shop", "-home-dev-shop"),
        ("/home/dev/shop/.worktrees/WP_01", "-home-dev-shop--worktrees-WP-01"),
        ("/x/shop-😀", "-x-shop---"),  # two units
        ("/x/Übung", "-x--bung"),
        ("C:\\Users\\me\\shop", "C--Users-me-shop"),
        ("/" + "a" * 199, "-" + "a" * 199),
    ],
)
def test_every_unit_but_letters_and_digits_becomes_a_dash(path: str, name: str) -> None:
    assert project_name(path) == name


def test_a_long_name_is_cut_and_gets_a_hash_of_the_whole() -> None:
    # h = h * 31 + unit over 201 units of "a" (97) is 97 * (31^201 - 1) / 30; its last 32 bits, signed, made positive
    value = 97 * (31**201 - 1) // 30 % 2**32
    value = min(value, 2**32 - value)
    name = project_name("a" * 201)
    assert (name[:201], int(name[201:], 36)) == ("a" * 200 + "-", value)
    assert project_name("a" * 202)[:201] == name[:201]
    assert project_name("a" * 202) != name


def session(read: Callable[..., Usage], home: Path, folder: Path, name: str, **where: Any) -> Usage:
    """Have a killed run in `folder` read, whose transcript is under `name`."""
    usage = {"input_tokens": 1000, "cache_read_input_tokens": 20000, "output_tokens": 500}
    message = {"id": "m1", "model": "claude-sonnet-4-6", "usage": usage}
    line = {"type": "assistant", "timestamp": "2026-08-20T09:00:00Z", "cwd": str(folder), "message": message}
    path = home / ".claude/projects" / name / "some-session.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return read("claude_code", context=AgentContext(home), **where)


@pytest.mark.parametrize("name", ["plain", "shop-😀", "tschüss & co", "l" * 210])
def test_a_killed_run_is_found_in_any_folder(name: str, read: Callable[..., Usage], tmp_path: Path) -> None:
    folder = Path("/work-place") / name
    found = session(read, tmp_path, folder, project_name(str(folder)), working_dir=folder)
    assert found.input_tokens == 21000


def test_a_folder_whose_hash_was_made_otherwise_is_known_by_its_beginning(
    read: Callable[..., Usage], tmp_path: Path
) -> None:
    name = project_name(LONG)[:200] + "-3f9q0zz1b2c3d"
    assert session(read, tmp_path, Path(LONG), name, working_dir=Path(LONG)).input_tokens == 21000


@pytest.mark.skipif(sys.platform == "win32", reason="making symlinks needs a privilege on Windows")
def test_a_run_that_entered_its_folder_by_a_link_is_kept_under_the_real_one(
    read: Callable[..., Usage], tmp_path: Path
) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    found = session(read, tmp_path, real, project_name(str(real.resolve())), working_dir=link)
    assert found.input_tokens == 21000


def test_settings_may_name_several_folders(tmp_path: Path) -> None:
    named = AgentContext(tmp_path, {"CLAUDE_CONFIG_DIR": f"{tmp_path / 'a'}, {tmp_path / 'b'}"})
    assert roots(named) == [tmp_path / "a/projects", tmp_path / "b/projects"]
    moved = AgentContext(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "settings")})
    assert roots(moved) == [tmp_path / ".claude/projects", tmp_path / "settings/claude/projects"]
    assert list(candidates(moved, None)) == []
