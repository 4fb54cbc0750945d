"""Options that several commands share, and the search they describe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from spec_kitty_telemetry.cli import completions as suggestions
from spec_kitty_telemetry.cli.formats import ENDINGS, FORMATS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.decisions.rates import Rates
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.search import Search

Command = TypeVar("Command", bound=Callable[..., object])
Option = Callable[[Any], Any]

MISSION_HELP = "The mission: its folder's name, that without the id, its id or the id's first 8, or its number."

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def format_options(command: Command) -> Command:
    """Add `--format` and `--json`; they arrive as the arguments of `format_wanted`."""
    command = click.option("--json", "as_json", is_flag=True, help="The same as --format json.")(command)
    return click.option("--format", "output_format", type=click.Choice(list(FORMATS)), help="Default: table.")(command)


def format_wanted(output_format: str | None, *, as_json: bool, output: Path | None = None) -> str:
    """Return the format that both options together ask for, or that the ending of the file `output` stands for.

    :raises click.UsageError: they contradict each other.
    """
    if as_json and output_format not in {None, "json"}:
        raise click.UsageError(f"Use either --json or --format {output_format}.")
    if as_json or output_format:
        return output_format or "json"
    return ENDINGS.get(output.suffix.lower(), "table") if output else "table"


def currency_option(command: Command) -> Command:
    """Add `--currency`; it arrives as a code in capitals."""
    decorated: Command = click.option(
        "--currency", default="USD", metavar="CODE", callback=_currency, show_default=True,
        help="EUR, GBP …, at the rate of each run's day; see 'rates'.",
    )(command)  # fmt: skip
    return decorated


def _currency(_context: click.Context, _option: click.Parameter, typed: str) -> str:
    from spec_kitty_telemetry.decisions.rates import checked_currency
    from spec_kitty_telemetry.errors import SettingsError

    if typed == "USD":
        return typed
    try:
        return checked_currency(typed)
    except SettingsError as error:
        raise click.UsageError(f"--currency: {error}") from error


def in_currency(context: ReportContext, currency: str) -> tuple[ReportContext, Rates]:
    """Return the same context in `currency`, and the rates that it uses.

    :raises TelemetryError: a file of rates cannot be used.
    """
    from spec_kitty_telemetry.decisions.currency import converted, rates_of

    rates = rates_of(context.search.project, currency)
    return converted(context, rates), rates


def project_option(command: Command) -> Command:
    """Add `--project`."""
    return click.option(
        "--project",
        "project_folder",
        type=click.Path(path_type=Path),
        multiple=True,
        callback=_only_project,
        help="A folder inside the project; default: the current one.",
    )(command)


def _only_project(_context: click.Context, _option: click.Parameter, typed: tuple[Path, ...]) -> Path | None:
    if len(typed) > 1:
        raise click.UsageError("This command is about one project. Use --project once, or 'report --by project'.")
    return typed[0] if typed else None


def projects_option(command: Command) -> Command:
    """Add `--project` that may be given several times, also as a glob; they arrive as `project_folders`."""
    return click.option(
        "--project",
        "project_folders",
        metavar="PATH",
        multiple=True,
        callback=_each_project,
        help="A folder inside the project, or a glob; default: the current one. Repeatable.",
    )(command)


def _each_project(_context: click.Context, _option: click.Parameter, typed: tuple[str, ...]) -> tuple[Path, ...]:
    from glob import glob, has_magic

    found: list[Path] = []
    for text in typed:
        # A glob may be absolute, which Path.glob refuses.
        is_glob = has_magic(text) and not Path(text).exists()
        names = sorted(glob(text)) if is_glob else [text]  # noqa: PTH207
        folders = [Path(name) for name in names if len(names) == 1 or Path(name).is_dir()]
        if not folders:
            raise click.UsageError(f"--project {text!r} matches no folder.")
        found += folders
    return tuple(found)


def feature_option(command: Command) -> Command:
    """Add `--feature`."""
    decorated: Command = click.option(
        "--feature", "--mission", "features", multiple=True, metavar="NAME",
        shell_complete=suggestions.complete_feature,
        help="Only this mission, by any of its names, or a glob. Repeatable.",
    )(command)  # fmt: skip
    return decorated


def wp_option(command: Command) -> Command:
    """Add `--wp`."""
    text = "Only this work package; 'none' for none."
    decorated: Command = _several("--wp", "wp_ids", text, suggestions.complete_wp, "ID")(command)
    return decorated


def filter_options(command: Command) -> Command:
    """Add the options that say which records are wanted; they arrive as the arguments of `search_for`."""
    return project_option(record_options(command))


def record_options(command: Command) -> Command:
    """Add the options of `filter_options` without `--project`."""
    for option in reversed(
        [
            feature_option,
            wp_option,
            _several("--role", "roles", "Only this role, such as reviewer.", suggestions.complete_role),
            _several("--agent", "agents", "Only this agent; globs work.", suggestions.complete_agent),
            _several("--model", "models", "Only this model; globs work.", suggestions.complete_model),
            _several("--outcome", "outcomes", "succeeded, failed, timed_out, killed or rejected.",
                     suggestions.complete_outcome),
            click.option("--since", metavar="WHEN", shell_complete=suggestions.complete_moment,
                         help="From then on: 2026-02-16, 2026-02, 7d, 36h, yesterday …"),
            click.option("--until", metavar="WHEN", shell_complete=suggestions.complete_moment,
                         help="Up to then; a day or month is taken whole."),
            click.option("--tz", "time_zone", metavar="ZONE", shell_complete=suggestions.complete_zone,
                         help="Time zone for days; default: yours."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


def _several(
    name: str, argument: str, text: str, complete: suggestions.Complete | None = None, metavar: str = "NAME"
) -> Option:
    return click.option(
        name, argument, multiple=True, metavar=metavar, shell_complete=complete, help=f"{text} Repeatable."
    )


def search_for(
    *,
    project_folder: Path | None = None,
    since: str | None = None,
    until: str | None = None,
    time_zone: str | None = None,
    **fields: tuple[str, ...],
) -> tuple[Search, ZoneInfo | None]:
    """Return the search that these options describe, and the zone that days are cut in.

    `fields` are those of `EventFilter`.

    :raises TelemetryError: there is no project, or an option means nothing.
    """
    from spec_kitty_telemetry.project.locate import find_project
    from spec_kitty_telemetry.reports.filters import EventFilter
    from spec_kitty_telemetry.reports.search import Search

    project = find_project(project_folder)
    zone = project.zone() if time_zone is None else _zone(time_zone)
    filters = EventFilter.in_words(since=since, until=until, zone=zone, **fields)
    return Search(project, filters, goes_on=True), zone


def _zone(name: str) -> ZoneInfo | None:
    from spec_kitty_telemetry.model.timespans import zone_named  # most reports are in the machine's own zone

    return zone_named(name)
