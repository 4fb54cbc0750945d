"""The commands, one module each, and the one place that shows errors.

`group` is what the entry point `spec_kitty.commands` names: a click group that a host adds to its own.  A command's
module is imported when the command is used, so that no command pays for another.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from spec_kitty_telemetry.cli.borrowed import question_marks_for_what_a_console_lacks
from spec_kitty_telemetry.cli.render.wording import shown
from spec_kitty_telemetry.errors import FilterError, TelemetryError

_COMMANDS = {
    "check": "check",
    "compare": "compare",
    "completion": "completion",
    "demo": "demo",
    "doctor": "doctor",
    "emit": "emit",
    "events": "events",
    "export": "export",
    "hook": "hook",
    "forecast": "forecast",
    "import": "import_sessions",
    "init": "init",
    "lifecycle": "lifecycle",
    "lint": "lint",
    "prices": "prices",
    "rates": "rates",
    "report": "report",
    "run": "run",
    "status": "status",
    "statusline": "statusline",
    "sql": "sql",
    "sync": "sync",
}
_ALIASES = {"cost": "report"}


class TelemetryGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names that help lists."""
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name or alias."""
        name = _ALIASES.get(cmd_name, cmd_name)
        if name in _COMMANDS:
            module = import_module(f"{__name__}.commands.{_COMMANDS[name]}")
            command: click.Command = module.command
            return command
        return super().get_command(ctx, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return what `args` name; of a name that does not exist say which is like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # only for a message

            close = get_close_matches(args[0], [*_COMMANDS, *_ALIASES], 1)
            if not close or "Did you mean" in error.message:
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}; did you mean '{close[0]}'?", error.ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `TelemetryError` becomes one sentence on stderr and exit 1, or 2 for wrong usage."""
        try:
            with question_marks_for_what_a_console_lacks():
                return super().invoke(ctx)
        except FilterError as error:
            raise click.UsageError(shown(error), _context_of(self, ctx)) from error
        except TelemetryError as error:
            raise click.ClickException(shown(error)) from error


def _context_of(group: click.Group, ctx: click.Context) -> click.Context:
    """Return the context of the command that was used, whose help says more than the group's."""
    name = ctx.invoked_subcommand
    command = group.get_command(ctx, name) if name else None
    return click.Context(command, parent=ctx, info_name=name) if command else ctx


@click.group(
    cls=TelemetryGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Costs that no agent reported are estimated from list prices of the day, and marked with '~'.",
)
@click.version_option(None, "-V", "--version", package_name="spec-kitty-telemetry", prog_name="spec-kitty-telemetry")
def group() -> None:
    """What every AI agent run of this project cost, and how sure that is."""
