"""All help texts as one Markdown page: `python -m spec_kitty_telemetry.cli.reference > docs/cli.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "spec-kitty-telemetry"
_COLUMNS = 100
_INTRODUCTION = f"""\
# Commands

`spec-kitty telemetry …`, `spec-kitty agent telemetry …` and `{PROGRAM} …` are the same commands. They exit with 0 when
they are done (also when there is nothing to show), with 1 after a clear error, with 2 for wrong usage.

What the numbers of a report mean is in [reports.md](reports.md); the shapes of JSON are in the `*.schema.json` files
beside this page.

This page is the help of every command. After a change:
`python -m spec_kitty_telemetry.cli.reference > docs/cli.md`."""


def page() -> str:
    """Return the page, without a newline at its end."""
    parts = [_INTRODUCTION]
    for words, command, context in _commands(PROGRAM, group, None):
        parts.append(f"## {words}\n\n```text\n{command.get_help(context).rstrip()}\n```")
    return "\n\n".join(parts)


def _commands(
    words: str, command: click.Command, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    context = click.Context(
        command, parent, info_name=words.rpartition(" ")[2], terminal_width=_COLUMNS, max_content_width=_COLUMNS,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    yield words, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _commands(f"{words} {name}", inner, context)


if __name__ == "__main__":
    say(page())
