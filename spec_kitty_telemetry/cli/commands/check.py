"""`check`: are the budgets kept, for a person and for CI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from spec_kitty_telemetry.cli.options import feature_option, project_option, search_for
from spec_kitty_telemetry.cli.output import complain, json_text, say, write
from spec_kitty_telemetry.errors import TelemetryError

if TYPE_CHECKING:
    from spec_kitty_telemetry.cli.render.check import Outcome
    from spec_kitty_telemetry.decisions.verdict import Unknown, Verdict

_FORMATS = ("table", "json", "markdown", "github", "junit")


@click.command("check", short_help="Check the budgets; for CI.")
@feature_option
@click.option("--changed-since", metavar="BRANCH", help="Only the missions that this branch touches: origin/main.")
@click.option("--limit", "limit_usd", metavar="USD", help="Also a limit for all runs of these missions together.")
@click.option("--unknown", type=click.Choice(["allow", "warn", "fail"]), default="warn", show_default=True,
              help="What runs of unknown cost mean where the known ones are within a limit.")  # fmt: skip
@click.option("--format", "output_format", type=click.Choice(_FORMATS), default="table", show_default=True,
              help="github: annotations, and the job summary.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Also write the result to this file.")  # fmt: skip
@project_option
def command(
    features: tuple[str, ...],
    changed_since: str | None,
    limit_usd: str | None,
    unknown: str,
    output_format: str,
    output: Path | None,
    project_folder: Path | None,
    *,
    as_json: bool,
) -> None:
    """Check the budgets in .kittify/telemetry.yaml, print the result, then exit with it.

    0: within all limits. 3: over one. 4: runs of unknown cost, so nobody can tell (only with --unknown fail).
    1: an error. 2: wrong usage. A budget always counts all of its runs; --feature and --changed-since choose which
    budgets are checked, and what --limit is about.

    \b
    Examples:
      check
      check --feature 43 --limit 25
      check --changed-since origin/main --limit 10 --unknown fail --format github
      check --json | jq .state
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render import check as render
    from spec_kitty_telemetry.decisions.verdict import exit_code

    if as_json and output_format not in {"table", "json"}:
        raise click.UsageError(f"Use either --json or --format {output_format}.")
    wanted = "json" if as_json else output_format
    mode = cast("Unknown", unknown)
    found, missions = _judged(features, changed_since, limit_usd, mode, project_folder)
    outcome = render.Outcome(found, exit_code(found, mode), mode, missions, changed_since)
    text = _text(outcome, wanted)
    if output is not None:
        write(text.rstrip("\n"), output)
    if output is None or wanted in {"table", "github"}:
        say(text.rstrip("\n"), coloured=True)
    if wanted == "github":
        _append_summary(outcome)
    raise SystemExit(outcome.exit_code)


def _judged(
    features: tuple[str, ...], changed_since: str | None, limit_usd: str | None, unknown: Unknown, folder: Path | None
) -> tuple[list[Verdict], list[str] | None]:
    """Return the verdicts, and the missions that were asked for."""
    from spec_kitty_telemetry.decisions.spending import budgets_of, limit_verdict, verdicts
    from spec_kitty_telemetry.reports.build import ReportContext, build_report

    search, zone = search_for(project_folder=folder, features=features)
    limit = _limit(limit_usd)
    budgets = budgets_of(search.project)
    missions: list[str] | None = None
    if features or changed_since:
        missions = search.features() if features else search.project.features()
        if changed_since:
            from spec_kitty_telemetry.decisions.changes import missions_changed

            missions = missions_changed(folder or Path.cwd(), changed_since, missions)
            if not missions:
                return [], []
    budgets = [each for each in budgets if missions is None or each.is_about_any(missions)]
    if not budgets and limit is None:
        where = "for these missions " if missions else ""
        path = search.project.settings_path
        raise click.UsageError(f"Nothing to check: no budget is set {where}in {path}. Give --limit USD.")
    found = []
    if limit is not None:
        chosen, _ = search_for(project_folder=folder, features=tuple(missions or ()))
        found.append(limit_verdict(build_report(ReportContext(chosen, zone=zone), "feature"), limit, unknown))
    context = ReportContext(search, zone=zone)
    found += [each for each in verdicts(context, budgets, unknown) if _is_asked_for(each, missions)]
    return found, missions


def _is_asked_for(verdict: Verdict, missions: list[str] | None) -> bool:
    """Tell whether a verdict is about the missions that were asked for, not about another one's own limit."""
    return missions is None or verdict.budget.per != "feature" or verdict.whose in missions


def _limit(text: str | None) -> Any:
    from spec_kitty_telemetry.decisions.budgets import money_in

    try:
        return None if text is None else money_in(text, "--limit")
    except TelemetryError as error:
        raise click.UsageError(str(error)) from error


def _text(outcome: Outcome, output_format: str) -> str:
    from spec_kitty_telemetry.cli.render import check as render

    if output_format == "json":
        return json_text(render.document(outcome))
    if output_format == "markdown":
        return render.markdown(outcome)
    if output_format == "junit":
        return render.junit(outcome)
    lines = render.table_lines(outcome)
    return "\n".join([*lines, *(render.workflow_commands(outcome) if output_format == "github" else [])])


def _append_summary(outcome: Outcome) -> None:
    """Add the Markdown to the summary of the GitHub job, where this runs in one."""
    from spec_kitty_telemetry.cli.render.check import summary

    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(path).open("ab") as file:
                file.write(summary(outcome))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            complain(f"The job summary {path} cannot be written: {reason}.")
