"""`hook`: what an agent's own hooks run, so that its sessions are recorded when they happen."""

from __future__ import annotations

import os

import click


@click.command("hook", short_help="For agents' own hooks: record their session in the background.")
@click.argument("agent", metavar="AGENT")
@click.argument("notice", required=False, default="", type=click.UNPROCESSED, metavar="[JSON]")
def command(agent: str, notice: str) -> None:
    """Record the session of AGENT that its hook speaks of, in the background.

    For agents, not for people: 'init --hooks' registers it. It reads what the agent gives its hooks (JSON on stdin, or
    as the last argument), prints nothing and always exits with 0.

    \b
    Example:
      hook claude
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.agents import NAMES, normalized
    from spec_kitty_telemetry.importing.session_hook import from_stdin, take

    own = {alias: names[0] for names in NAMES.values() for alias in names}
    name = normalized(agent)
    take(own.get(name, name), notice.encode(errors="replace") or from_stdin(), os.environ)
