"""`run`: any agent command, untouched, with its run recorded: the way for those who use no orchestrator."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.options import MISSION_HELP, project_option
from spec_kitty_telemetry.cli.output import complain
from spec_kitty_telemetry.errors import TelemetryError, reason_of

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project


@click.command(
    "run", short_help="Run an agent's command and record it.", context_settings={"allow_interspersed_args": False}
)
@click.option("--feature", "--mission", "feature", required=True, metavar="NAME", help=MISSION_HELP)
@click.option("--wp", "wp_id", metavar="ID", help="The work package, such as WP01.")
@click.option("--role", default="implementer", show_default=True, help="implementer, reviewer, planner, or any word.")
@click.option("--agent", metavar="NAME", help="Which agent this is; default: by the name of the program.")
@click.option(
    "--model", metavar="NAME", help="The model, for agents that do not say it; default: the one that the command names."
)
@click.option("--attempt", type=click.IntRange(min=1), help="Attempt number, starting at 1.")
@click.option("--run-id", metavar="ID", help="A name for the whole of several runs.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A label to group reports by; repeatable.")
@project_option
@click.argument("command_line", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND ...")
def command(
    feature: str,
    wp_id: str | None,
    role: str,
    agent: str | None,
    model: str | None,
    attempt: int | None,
    run_id: str | None,
    tags: tuple[str, ...],
    project_folder: Path | None,
    command_line: tuple[str, ...],
) -> None:
    """Run an agent's command and record what it used.

    Its input, its output, its exit status and Ctrl-C are as without this; the report knows it afterwards.

    \b
    Examples:
      run --mission user-login --wp WP01 -- claude -p "..." --output-format json
      run --mission user-login --wp WP01 --role reviewer -- codex exec --json "..."
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.agents.detect import agent_of, model_of
    from spec_kitty_telemetry.cli.tee import end_as, run
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.importing.waiting import start_worker
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
    from spec_kitty_telemetry.recording.child_environment import cause_of, child_environment

    project, slug = feature_called(project_folder, feature)
    hooks = Hooks.load(project.root)
    invocation = Invocation(
        project_root=project.root,
        feature=slug,
        wp_id=wp_id,
        role=role,
        agent=agent or agent_of(command_line),
        model=model or model_of(command_line),
        attempt=attempt,
        run_id=run_id,
        working_dir=_current_folder(),
        causation_id=cause_of(os.environ),
        tags=tags_of(tags),
    )
    hooks.before_invocation(invocation)
    try:
        ended = run(command_line, child_environment(invocation, os.environ))
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        reason = f"{command_line[0]} cannot be started: {reason_of(error)}"
        hooks.after_invocation(invocation, InvocationResult(success=False, exit_code=code, errors=(reason,)))
        complain(f"Error: {reason}")
        sys.exit(code)
    result = InvocationResult(
        success=ended.exit_code == 0,
        exit_code=ended.exit_code,
        stdout=ended.stdout,
        stderr=ended.stderr,
        duration_seconds=ended.duration_seconds,
    )
    hooks.after_invocation(invocation, result)
    start_worker(project)  # for sessions that the agent started by itself
    _warn_about_budgets(project, slug)
    sys.exit(end_as(ended.exit_code))


def _warn_about_budgets(project: Project, feature: str) -> None:
    """Say on stderr which budgets about `feature` are over or close to it; where none is set, nothing is read."""
    from spec_kitty_telemetry.project.killswitch import is_off

    try:
        if is_off(os.environ):
            return
        from spec_kitty_telemetry.cli.render.check import sentence
        from spec_kitty_telemetry.decisions.spending import warnings_about

        for verdict in warnings_about(project, feature):
            complain(f"Budget {sentence(verdict)}")
    except (TelemetryError, OSError) as error:  # the command itself went well; `check` and `lint` tell a person
        logging.getLogger(__name__).debug("budgets cannot be looked at: %s", error)


def _current_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted, which is the command's business
        return None


def feature_called(project_folder: Path | None, feature: str) -> tuple[Project, str]:
    """Return the project and the folder of the one feature that `feature` (any of its names) means.

    :raises TelemetryError: there is no project, or it names none or several features.
    """
    from spec_kitty_telemetry.project.locate import find_project
    from spec_kitty_telemetry.project.missions import mission_called

    project = find_project(project_folder)
    return project, mission_called(project, feature)


def tags_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Return tags from texts such as `team=blue`.

    :raises click.BadParameter: one is of another shape.
    """
    pairs = [text.partition("=") for text in texts]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        if not equals or not name:
            raise click.BadParameter(f"found {text!r}, expected NAME=VALUE", param_hint="--tag")
    return {name: value for name, _, value in pairs}
