"""`init`: keep git's eyes off a project's logs, or have them in the tree all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.options import project_option
from spec_kitty_telemetry.cli.output import say
from spec_kitty_telemetry.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

_PATIENCE_S = 10.0
_IN_TREE = (
    "spec-kitty's accept, merge, record-analysis and move-task refuse a checkout with uncommitted files: "
    "commit the logs before each of them."
)

_ARRIVES = (
    "git deletes a tracked log wherever that commit arrives: run 'spec-kitty telemetry sync' there before, or keep a "
    "copy."
)


@click.command("init", short_help="Let git ignore the logs of this clone.")
@click.option("--untrack", "wanted", flag_value="untrack", help="Stop tracking logs that were committed.")
@click.option("--track", "wanted", flag_value="track", help="Keep the logs in the tree and merge them by lines.")
@click.option("--hooks", metavar="AGENTS", help="Let these agents' hooks record their sessions: claude,codex,gemini …")
@click.option("--remove", is_flag=True, help="With --hooks: take out exactly what it put in.")
@click.option("--user", "user_wide", is_flag=True, help="With --hooks: in your own settings, for all projects.")
@project_option
def command(
    project_folder: Path | None, wanted: str | None, hooks: str | None, *, remove: bool, user_wide: bool
) -> None:
    """Let git ignore the logs of this clone, so that they never stand in spec-kitty's way.

    The first run that is recorded does the same: one line in the clone's own info/exclude, no tracked file. A log that
    is tracked already stays tracked until 'init --untrack'; the file on disk is never touched.

    \b
    Examples:
      init
      init --untrack   for logs that were committed earlier
      init --track     for teams that want the logs in the tree
      init --hooks claude,codex            record sessions when they happen
      init --hooks claude --user --remove  no longer
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.project.ignoring import exclude_path
    from spec_kitty_telemetry.project.locate import find_project

    if hooks is not None:
        from spec_kitty_telemetry.cli.commands.init_hooks import register

        if wanted:
            raise click.UsageError(f"Use either --hooks or --{wanted}.")
        register(hooks, None if user_wide else find_project(project_folder), remove=remove)
        return
    if remove or user_wide:
        raise click.UsageError(f"Name the agents that --{'remove' if remove else 'user'} is for with --hooks.")
    project = find_project(project_folder)
    if exclude_path(project) is None:
        raise ProjectError(f"{project.root} is in no git repository, so there is nothing to do; 'git init' makes one")
    say("\n".join({"track": _track, "untrack": _untrack}.get(wanted or "", _ignore)(project)))


def _ignore(project: Project) -> list[str]:
    from spec_kitty_telemetry.project.ignoring import exclude_line, exclude_path, ignore_logs
    from spec_kitty_telemetry.project.tracking import is_wanted_in_tree, tracked_logs

    is_new = ignore_logs(project, _PATIENCE_S)
    added = "Added to" if is_new else "Nothing to do: this is in"
    lines = [f"{added} {exclude_path(project)}:", f"  {exclude_line(project)}"]
    if is_wanted_in_tree(project):
        lines.append("The project's .gitignore keeps logs in the tree all the same ('init --track' wrote that).")
    elif tracked := tracked_logs(project):
        lines += ["These logs are tracked, so git goes on to see them; 'init --untrack' ends that:", *_list(tracked)]
    return lines


def _untrack(project: Project) -> list[str]:
    from spec_kitty_telemetry.project.ignoring import ignore_logs
    from spec_kitty_telemetry.project.tracking import tracked_logs, untrack, want_out_of_tree

    ignore_logs(project, _PATIENCE_S)
    changed = want_out_of_tree(project)
    tracked = tracked_logs(project)
    if tracked:
        untrack(project, tracked)
    if not tracked and not changed:
        return ["Nothing to do: git tracks no log here."]
    lines = ["git no longer tracks these logs; the files are as they were:", *_list(tracked)] if tracked else []
    add = "".join(f"git add {path.name} && " for path in changed)
    return [
        *lines,
        f'Commit that:  {add}git commit -m "Stop tracking telemetry logs"',
        _ARRIVES,
    ]


def _track(project: Project) -> list[str]:
    from spec_kitty_telemetry.project.tracking import want_in_tree

    changed = want_in_tree(project)
    if not changed:
        return ["Nothing to do: the logs are kept in the tree already.", _IN_TREE]
    names = " ".join(path.name for path in changed)
    return [f"The logs are kept in the tree from now on. Commit {names}, so that every clone does the same.", _IN_TREE]


def _list(paths: list[str]) -> list[str]:
    return [f"  {path}" for path in paths]
