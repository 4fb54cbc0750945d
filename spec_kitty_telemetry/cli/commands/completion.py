"""`completion`: the script that makes a shell complete commands, options and this project's own names."""

from __future__ import annotations

import click

from spec_kitty_telemetry.cli.output import say

PROGRAM = "spec-kitty-telemetry"
VARIABLE = "_SPEC_KITTY_TELEMETRY_COMPLETE"
"""What the script sets to ask the program for completions (click's protocol)."""


@click.command("completion", short_help="Print the script that completes names in a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that makes SHELL complete 'spec-kitty-telemetry'.

    Features, work packages, roles, agents and models that occur in the project are completed too.

    \b
    Examples:
      eval "$(spec-kitty-telemetry completion bash)"    in ~/.bashrc
      eval "$(spec-kitty-telemetry completion zsh)"     in ~/.zshrc
      spec-kitty-telemetry completion fish > ~/.config/fish/completions/spec-kitty-telemetry.fish
    """  # noqa: D301 - \b is click's mark
    say(script(shell))


def script(shell: str) -> str:
    """Return the script for `shell`, without a newline at its end."""
    from click.shell_completion import ShellComplete, get_completion_class

    from spec_kitty_telemetry.cli import group

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"found the shell {shell!r}, expected bash, zsh or fish")
    # The base class's `source`: bash's own starts a bash to ask its version, and complains where there is none.
    return ShellComplete.source(found(group, {}, PROGRAM, VARIABLE)).strip()
