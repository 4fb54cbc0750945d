"""`docs/cli.md` is the help of every command, and every help has an example that can be typed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.cli.reference import _commands

DOCS = Path(__file__).parent.parent / "docs"
ALL = [(words, command) for words, command, _ in _commands("spec-kitty-telemetry", group, None)]


@pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not part of the wheel")
def test_the_page_is_the_help_of_every_command_whatever_the_terminal() -> None:
    """After a change of any help: `python -m spec_kitty_telemetry.cli.reference > docs/cli.md`.

    In a process of its own, because click remembers what other tests made of the commands.
    """
    done = subprocess.run(
        [sys.executable, "-m", "spec_kitty_telemetry.cli.reference"],
        env={**os.environ, "COLUMNS": "40", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == done.stdout


@pytest.mark.parametrize(("words", "command"), ALL[1:], ids=[words for words, _ in ALL[1:]])
def test_every_command_has_examples_and_their_options_exist(words: str, command: click.Command) -> None:
    text = command.help or ""
    _, found, examples = text.partition("Examples:" if "Examples:" in text else "Example:")
    assert found, f"{words} has no example"
    assert "\b" in text
    for line in re.sub(r"\\\n\s*", "", examples).strip().splitlines():
        typed = re.split(r"\s{3,}|\|", line.strip())[0].split(" -- ")[0]
        if typed.startswith("eval"):
            continue
        for word in shlex.split(typed):
            options = {name for each in parameters(command) for name in (*each.opts, *each.secondary_opts)}
            assert not word.startswith("--") or word in options, f"{words}: {word}"


def parameters(command: click.Command) -> list[click.Parameter]:
    inner = list(command.commands.values()) if isinstance(command, click.Group) else []
    return [*command.params, *(each for found in inner for each in found.params)]


@pytest.mark.parametrize(("words", "command"), ALL[1:], ids=[words for words, _ in ALL[1:]])
def test_every_option_says_what_it_is_or_is_named_after_it(words: str, command: click.Command) -> None:
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.help:
            assert "emit" in words, f"{words} {parameter.name}"  # whose options are the fields of a record
