"""`lint`: is what people wrote sound: price tables, settings, budgets, rates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.output import complain, say
from spec_kitty_telemetry.cli.render import wording
from spec_kitty_telemetry.errors import ProjectError

if TYPE_CHECKING:
    from spec_kitty_telemetry.pricing import Checked
    from spec_kitty_telemetry.project.layout import Project


@click.command("lint", short_help="Check settings, prices, budgets and rates.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_context
def command(context: click.Context, files: tuple[Path, ...]) -> None:
    """Check price tables, settings, budgets and rates; without FILES all that are in force here.

    Budgets that contradict each other or name nothing that exists are found too.

    \b
    Examples:
      lint
      lint .kittify/telemetry.yaml
    """  # noqa: D301 - \b is click's mark
    project = _project()
    problems = 0
    for path in files or _files(project):
        checked = _checked(path, project)
        problems += checked.problem is not None
        for sentence in filter(None, (checked.problem, *checked.passed_over)):
            complain(wording.shown(sentence))
        if checked.problem is None:
            say(wording.shown(f"{path}: no problem"))
    if project is not None and not files and not problems:
        from spec_kitty_telemetry.decisions.findings import problems_of

        for problem in problems_of(project):
            problems += 1
            complain(wording.shown(problem))
    if problems:
        context.exit(1)


def _checked(path: Path, project: Project | None) -> Checked:
    from spec_kitty_telemetry.decisions.findings import problems_in_file
    from spec_kitty_telemetry.decisions.rates import FILE_NAME
    from spec_kitty_telemetry.pricing import Checked, lint

    if not path.exists():
        return Checked(f"{path}: found no such file")
    is_rates = path.name == FILE_NAME
    checked = Checked() if is_rates else lint(path.absolute(), project.root if project else None)
    if checked.problem is None and (is_rates or _is_settings(path)):
        return Checked("\n".join(problems_in_file(path)) or None, checked.passed_over)
    return checked


def _is_settings(path: Path) -> bool:
    """Tell whether a file that has no problem is one of settings; a table of prices says its schema."""
    from spec_kitty_telemetry.project.strict_yaml import read_document

    document = read_document(path)
    return isinstance(document, dict) and "schema" not in document


def _files(project: Project | None) -> list[Path]:
    from spec_kitty_telemetry.decisions.currency import rates_path
    from spec_kitty_telemetry.decisions.rates import FILE_NAME
    from spec_kitty_telemetry.pricing import checked_files
    from spec_kitty_telemetry.project.settings import user_settings_path

    rates = [user_settings_path().with_name(FILE_NAME), *([rates_path(project)] if project else [])]
    root = project.root if project else None
    return [*checked_files(root), *(path for path in rates if path.is_file())]


def _project() -> Project | None:
    from spec_kitty_telemetry.project.locate import find_project

    try:
        return find_project()
    except ProjectError:
        return None
