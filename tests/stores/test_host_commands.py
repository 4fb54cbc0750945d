"""Which of the host's commands stand in what an agent gave to a shell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.agents.common.host_commands import (
    HostCommand,
    commands_in,
    prompt_file_in,
    slash_command_in,
)

IMPLEMENT = HostCommand("implement", None, "WP01", None, "claude")


@pytest.mark.parametrize(
    "shell",
    [
        "spec-kitty agent action implement WP01 --agent claude",
        "spec-kitty agent workflow implement WP01 --agent=claude",
        "spec-kitty agent action implement wp01-cart-totals --agent claude",
        "uvx --from spec-kitty-cli spec-kitty agent action implement WP01 --agent claude",
        "uv run spec-kitty agent action implement WP01 --agent claude",
        "/home/dev/.local/bin/spec-kitty agent action implement WP01 --agent claude",
        r"C:\tools\spec-kitty.exe agent action implement WP01 --agent claude",
        "python -m specify_cli agent action implement WP01 --agent claude",
        "poetry run python3 -m specify_cli agent action implement WP01 --agent claude",
        "NO_COLOR=1 spec-kitty agent action implement WP01 --agent claude 2>&1 | tail -20",
        "env NO_COLOR=1 timeout 60 spec-kitty agent action implement WP01 --agent claude",
        "bash -lc 'spec-kitty agent action implement WP01 --agent claude'",
        "sh -c \"spec-kitty agent action implement 'WP01' --agent claude\"",
        "spec-kitty agent action implement \\\n  WP01 \\\n  --agent claude",
        "out=$(spec-kitty agent action implement WP01 --agent claude)",
        "if spec-kitty agent action implement WP01 --agent claude; then echo ok; fi",
        "# first\nspec-kitty agent action implement WP01 --agent claude",
        "echo spec-kitty next && spec-kitty agent action implement WP01 --agent claude",
        "cat > note.md <<'END'\nspec-kitty merge\nEND\nspec-kitty agent action implement WP01 --agent claude",
    ],
)
def test_a_command_is_found_however_it_is_called(shell: str) -> None:
    assert commands_in(shell) == [IMPLEMENT]


@pytest.mark.parametrize(
    "shell",
    [
        "echo spec-kitty agent action implement WP01",
        "grep -rn 'spec-kitty agent action implement WP01' docs",
        'git commit -m "spec-kitty merge"',
        "cat <<END\nspec-kitty merge\nEND",
        "# spec-kitty merge",
        "pip install spec-kitty-cli",
        "spec-kitty --version",
        "spec-kitty merge --help",
        "spec-kitty agent tasks status",
        "spec-kittyish merge",
        "cd spec-kitty && make merge",
        "",
    ],
)
def test_text_that_only_speaks_of_a_command_is_none(shell: str) -> None:
    assert commands_in(shell) == []


def test_words_of_one_command_are_taken_as_they_are() -> None:
    assert commands_in(["spec-kitty", "next", "--agent", "codex"]) == [HostCommand("next", agent="codex")]
    assert commands_in(["bash", "-lc", "cd api && spec-kitty next"], "/shop") == [
        HostCommand("next", folder="/shop/api")
    ]


def test_several_commands_of_a_line_are_found_in_order_each_with_its_folder() -> None:
    shell = (
        "cd .worktrees/cart && spec-kitty agent tasks move-task WP01 --to doing --mission 010-cart; "
        "cd ../.. && spec-kitty accept --mission=010-cart && spec-kitty merge"
    )
    assert commands_in(shell, "/shop") == [
        HostCommand("move-task", "010-cart", "WP01", "in_progress", None, "/shop/.worktrees/cart"),
        HostCommand("accept", "010-cart", folder="/shop"),
        HostCommand("merge", folder="/shop"),
    ]


def test_where_cd_leads_to_a_place_that_only_the_shell_knows_the_folder_is_unknown() -> None:
    assert commands_in('cd "$HOME/shop" && spec-kitty next', "/shop") == [HostCommand("next", folder=None)]


def test_a_note_is_never_taken_for_a_name() -> None:
    shell = (
        'spec-kitty agent tasks move-task WP02 --note "WP07 is next" --reviewer WP09 --to for_review --agent "a b; c"'
    )
    assert commands_in(shell) == [HostCommand("move-task", None, "WP02", "for_review", None)]


def test_a_new_mission_is_named_without_an_option() -> None:
    assert commands_in("spec-kitty agent mission create user-login --json") == [HostCommand("create", "user-login")]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/spec-kitty.implement WP02", HostCommand("implement", wp_id="WP02")),
        ("/spec-kitty.review wp03 --mission 010-cart", HostCommand("review", "010-cart", "WP03")),
        ("$spec-kitty.implement WP02 and be quick", HostCommand("implement", wp_id="WP02")),
        ("/prompts:spec-kitty.plan with Postgres", HostCommand("plan")),
        ("/spec-kitty.specify a cart that's quick", HostCommand("specify")),
    ],
)
def test_a_slash_command_says_its_verb_and_what_was_typed_after_it(text: str, command: HostCommand) -> None:
    assert slash_command_in(text) == command


@pytest.mark.parametrize("text", ["please run /spec-kitty.implement WP02", "/compact", "/spec-kitty.nonsense", ""])
def test_other_messages_are_no_slash_command(text: str) -> None:
    assert slash_command_in(text) is None


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/tmp/spec-kitty-implement-010-cart-WP01.md", HostCommand("implement", "010-cart", "WP01")),
        (
            r"C:\Temp\spec-kitty-review-user-login-01M8FXYR-WP12.md",
            HostCommand("review", "user-login-01M8FXYR", "WP12"),
        ),
        ("/tmp/spec-kitty-review-prompts/8d/010-cart/WP01/01ABC.md", HostCommand("review", "010-cart", "WP01")),
    ],
)
def test_the_name_of_a_prompt_file_says_mission_and_work_package(path: str, command: HostCommand) -> None:
    assert prompt_file_in(path) == command


def test_other_files_are_no_prompt_files() -> None:
    assert prompt_file_in("/shop/spec-kitty-implement-notes.md") is None


@given(st.text(alphabet="spec-kitty agent;&|()<>'\"\\\n$`#WP01=/ ", max_size=200))
def test_any_text_is_read_without_an_error_and_gives_names_only(text: str) -> None:
    for command in commands_in(f"spec-kitty next {text}"):
        assert all(value is None or " " not in value for value in command[:5])
