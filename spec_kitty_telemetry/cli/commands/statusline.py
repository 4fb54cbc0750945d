"""`statusline`: one short line for an agent's status bar, which never fails and is never empty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.output import say

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project


@click.command("statusline", short_help="One line for Claude Code's status bar.")
def command() -> None:
    """Print one short line about the current mission, such as 'user-login WP02 · ≥~$1.27 of $25'.

    It reads the JSON that Claude Code hands to its status line command. The line is kept until something changes, so
    it costs next to nothing; it is never empty and never an error. docs/decisions.md shows the setting.

    \b
    Example:
      statusline
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.decisions.statusline import folder_of, kept_line, told_by_agent

    folder = folder_of(told_by_agent())
    say(kept_line(folder) or new_line(folder))


def new_line(folder: str) -> str:
    """Return the line for `folder`, and keep it; whatever goes wrong, there is a line."""
    try:
        return _made(folder)
    except Exception:  # noqa: BLE001 - an error would blank the status bar; `status` and `doctor` tell a person
        return "telemetry: see 'doctor'"


def _made(folder: str) -> str:
    from spec_kitty_telemetry.cli.options import search_for
    from spec_kitty_telemetry.cli.render.status import line
    from spec_kitty_telemetry.decisions.now import snapshot
    from spec_kitty_telemetry.decisions.statusline import NO_PROJECT, keep_line, stamps_of
    from spec_kitty_telemetry.errors import ProjectError
    from spec_kitty_telemetry.reports.build import ReportContext

    try:
        search, zone = search_for(project_folder=Path(folder))
    except ProjectError:
        return NO_PROJECT
    project = search.project
    # The stamps are taken before the logs are read: what is written meanwhile makes a new line the next time.
    stamps = stamps_of(_paths(project, Path(folder)))
    found = snapshot(ReportContext(search, zone=zone), Path(folder))
    text = line(found, project.root.name)
    project.runtime_folder()
    keep_line(str(project.root), folder, text, stamps)
    return text


def _paths(project: Project, folder: Path) -> list[str]:
    """Return all files and folders that the line rests on."""
    from spec_kitty_telemetry import version
    from spec_kitty_telemetry.project.repository import checkout_around
    from spec_kitty_telemetry.project.settings import user_settings_path

    checkout = checkout_around(folder)
    return [
        version.__file__,  # another version may say it otherwise
        str(project.settings_path),
        str(user_settings_path()),
        str(project.specs_dir),
        str(project.runtime_dir / "running"),
        str(project.outside_log),
        *([str(checkout.git_dir / "HEAD")] if checkout else []),
        *(str(project.log_path(slug)) for slug in project.features()),
    ]
