"""`run`: any agent command, untouched, with its run recorded: the way for those who use no orchestrator."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from spec_kitty_telemetry.cli.options import project_option
from spec_kitty_telemetry.errors import TelemetryError


@click.command(
    "run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--feature", "--mission", "feature", required=True, metavar="SLUG", help="The feature's slug or number.")
@click.option("--wp", "wp_id", metavar="ID", help="The work package, such as WP01.")
@click.option("--role", default="implementer", show_default=True, help="implementer, reviewer, planner, or any word.")
@click.option("--agent", metavar="NAME", help="Which agent this is; default: by the name of the program.")
@click.option("--model", metavar="NAME", help="The model, for agents that do not say it; default: the command's -m.")
@click.option("--attempt", type=click.IntRange(min=1), help="The how-manieth try this is.")
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
    r"""Run an agent's command and record what it used.

    Its input, its output, its exit status and Ctrl-C are as without this; the report knows it afterwards.

    \b
    Examples:
      run --feature 043 --wp WP01 -- claude -p "..." --output-format json
      run --feature 043 --wp WP01 --role reviewer -- codex exec --json "..."
    """
    from spec_kitty_telemetry.cli.passthrough import end_as, run
    from spec_kitty_telemetry.host import Hooks
    from spec_kitty_telemetry.invocation import Invocation, InvocationResult
    from spec_kitty_telemetry.usage.programs import agent_of, model_of

    root, slug = _place(project_folder, feature)
    hooks = Hooks.load(root)
    invocation = Invocation(
        project_root=root,
        feature=slug,
        wp_id=wp_id,
        role=role,
        agent=agent or agent_of(command_line),
        model=model or model_of(command_line),
        attempt=attempt,
        run_id=run_id,
        working_dir=Path.cwd(),
        tags=_tags(tags),
    )
    hooks.before_invocation(invocation)
    try:
        ended = run(command_line)
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        reason = f"{command_line[0]} cannot be started: {(error.strerror or str(error)).lower()}"
        hooks.after_invocation(invocation, InvocationResult(success=False, exit_code=code, errors=(reason,)))
        click.echo(f"Error: {reason}", err=True)
        sys.exit(code)
    result = InvocationResult(
        success=ended.exit_code == 0,
        exit_code=ended.exit_code,
        stdout=ended.stdout,
        stderr=ended.stderr,
        duration_seconds=ended.duration_seconds,
    )
    hooks.after_invocation(invocation, result)
    sys.exit(end_as(ended.exit_code))


def _place(project_folder: Path | None, feature: str) -> tuple[Path, str]:
    """Return the project's root and the feature's slug; a number or a glob must name one feature."""
    from spec_kitty_telemetry.project import find_project
    from spec_kitty_telemetry.query import features_called

    project = find_project(project_folder)
    found = features_called(project, feature)
    if len(found) > 1:
        raise TelemetryError(f"{feature!r} names {len(found)} features ({', '.join(found)}), expected one")
    return project.root, found[0]


def _tags(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [name for name, equals, _ in pairs if not equals or not name]:
        raise click.BadParameter(f"found {wrong[0]!r}, expected NAME=VALUE", param_hint="--tag")
    return {name: value for name, _, value in pairs}
