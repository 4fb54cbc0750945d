"""`emit`: record a run from a script or from a slash command's template."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli import completions as suggestions
from spec_kitty_telemetry.cli.commands.run import feature_called, tags_of
from spec_kitty_telemetry.cli.options import MISSION_HELP, json_option, project_option
from spec_kitty_telemetry.cli.output import complain, say
from spec_kitty_telemetry.cli.render.wording import shown
from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.model.payload import MAXIMUM_COST_USD, MAXIMUM_COUNT, MAXIMUM_DURATION_MS, OUTCOMES
from spec_kitty_telemetry.model.tokens import PARTS_OF, TOKEN_FIELDS
from spec_kitty_telemetry.project.killswitch import IS_OFF, is_off

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from pathlib import Path

    from spec_kitty_telemetry.log.writer import Appended
    from spec_kitty_telemetry.project.layout import Project

_COUNT = click.IntRange(min=0)
_BOUNDS = {
    **dict.fromkeys(
(*TOKEN_FIELDS, "attempt"), (0, MAXIMUM_COUNT)    ),
    "duration_ms": (0, MAXIMUM_DURATION_MS),
    "exit_code": (-(2**31), 2**32 - 1),
}  # fmt: skip
"""Not in the options' types, because help would spell them out."""
_ULIDS = ("event_id", "causation_id", "correlation_id")
_FIELDS = (
    click.option(
        "--wp", "wp_id", metavar="ID", shell_complete=suggestions.complete_wp, help="The work package, such as WP01."
    ),
    click.option(
        "--agent", required=True, metavar="NAME", shell_complete=suggestions.complete_agent, help="Which agent ran."
    ),
    click.option(
        "--role",
        required=True,
        metavar="NAME",
        shell_complete=suggestions.complete_role,
        help="implementer, reviewer, planner, or any word.",
    ),
    click.option("--model", metavar="NAME", shell_complete=suggestions.complete_model),
    click.option("--provider", metavar="NAME", help="Who bills for the model."),
    click.option("--input-tokens", type=_COUNT, help="The whole prompt, cache reads and writes included."),
    click.option("--cache-read-tokens", type=_COUNT),
    click.option("--cache-write-tokens", type=_COUNT),
    click.option("--cache-write-1h-tokens", type=_COUNT, help="A part of --cache-write-tokens."),
    click.option("--output-tokens", type=_COUNT, help="Reasoning included."),
    click.option("--reasoning-tokens", type=_COUNT, help="A part of --output-tokens."),
    click.option("--cost-usd", metavar="DOLLARS", help="Only what somebody reported; estimates are made by reports."),
    click.option("--duration-ms", type=_COUNT),
    click.option("--success/--failure", default=None, help="Default: by the exit code; without one nobody knows."),
    click.option("--outcome", type=click.Choice(OUTCOMES)),
    click.option("--exit-code", type=int),
    click.option("--error", metavar="TEXT", help="One line; secrets are redacted."),
    click.option("--attempt", type=click.IntRange(min=1)),
    click.option("--run-id", metavar="ID"),
    click.option("--session-id", metavar="ID"),
    click.option("--timestamp", metavar="WHEN", help="When the run ended, in the project's time zone; default: now."),
    click.option("--event-id", metavar="ULID", help="For doing it again safely: of two with one id the first counts."),
    click.option("--causation-id", metavar="ULID"),
    click.option("--correlation-id", metavar="ULID"),
)


def _all_fields(command: Any) -> Any:
    for option in reversed(_FIELDS):
        command = option(command)
    return command


@click.command("emit")
@click.option(
    "--feature",
    "--mission",
    "feature",
    required=True,
    metavar="NAME",
    shell_complete=suggestions.complete_feature,
    help=MISSION_HELP,
)
@_all_fields
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A label to group reports by; repeatable.")
@project_option
@json_option
def command(feature: str, tags: tuple[str, ...], project_folder: Path | None, as_json: bool, **facts: Any) -> None:
    """Record one agent run that has ended. Leave out what is not known.

    Wrong arguments exit 2; a record that could not be written warns and exits 0, so that no script stops for it.

    \b
    Example:
      emit --mission user-login --wp WP01 --agent my-agent --role implementer \\
           --model claude-sonnet-4-6 --input-tokens 50512 --output-tokens 1100
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.recording.emit import emit_execution_event

    project, slug = feature_called(project_folder, feature)
    wp_id, agent, role = facts.pop("wp_id"), facts.pop("agent"), facts.pop("role")
    tags_told = tags_of(tags)
    for option, value in (("--agent", agent), ("--role", role), *(("--tag", each) for each in tags_told.values())):
        if not value.strip():
            raise click.BadParameter(f"found {value!r}, expected a word", param_hint=option)
    _check(facts)
    appended = emit_execution_event(
        project.feature_dir(slug), slug, wp_id, agent, role, tags=tags_told, **_understood(facts, project)
    )
    try:
        if as_json:
            _print_document(appended, project.log_path(slug))
        _say(appended, project.log_path(slug), quiet=as_json)
    except TelemetryError as error:  # nobody hears the answer; a script that tried again would record the run twice
        complain(f"Warning: {shown(error)}")


def _print_document(appended: Appended | None, log: Path) -> None:
    from spec_kitty_telemetry.cli.output import print_json

    print_json(
        {
            "version": 1,
            "recorded": appended is not None and appended.place != "warning",
            "place": appended.place if appended else None,
            "event_id": appended.event.event_id if appended else None,
            "lamport_clock": appended.event.lamport_clock if appended and appended.place == "log" else None,
            "log": str(log),
        }
    )


def _say(appended: Appended | None, log: Path, *, quiet: bool) -> None:
    """Say in one sentence what became of the record; what went wrong also where the answer itself is JSON."""
    if appended is None and is_off(os.environ):
        complain(f"Warning: {IS_OFF}; nothing was recorded.")
    elif appended is None or appended.place == "warning":
        complain("Warning: the record was not written; 'doctor' may say why.")
    elif not quiet:
        where = "" if appended.place == "log" else " (it waits in the spool)"
        say(f"Recorded {appended.event.event_id} in {log}{where}")


def _check(facts: dict[str, Any]) -> None:
    """Refuse what cannot be so; it is the caller's mistake: exit 2."""
    for name in _ULIDS:
        if facts[name] is not None and not _is_ulid(facts[name]):
            raise click.BadParameter(
                f"found {facts[name]!r}, expected a ULID of 26 characters", param_hint=_option(name)
            )
    for name, (least, most) in _BOUNDS.items():
        if facts[name] is not None and not least <= facts[name] <= most:
            raise click.BadParameter(f"found {facts[name]}, expected {least} to {most}", param_hint=_option(name))
    for whole, parts in PARTS_OF.items():
        _check_parts(facts, parts, whole)
    _check_end(facts)


def _check_parts(facts: dict[str, Any], parts: tuple[str, ...], whole: str) -> None:
    said = [name for name in parts if facts[name] is not None]
    if not said:
        return
    if facts[whole] is None:
        raise click.UsageError(f"found {_option(said[0])} without {_option(whole)}, which it is a part of")
    least = sum(facts[name] for name in said)
    if facts[whole] < least:
        raise click.BadParameter(
            f"found {facts[whole]}, expected at least {least}: its parts are inside it", param_hint=_option(whole)
        )


def _check_end(facts: dict[str, Any]) -> None:
    """Refuse a run that is said to have both succeeded and failed."""
    outcome, success = facts["outcome"], facts["success"]
    succeeded = ["--success"] * (success is True) + [f"--outcome {outcome}"] * (outcome == "succeeded")
    failed = ["--failure"] * (success is False) + [f"--outcome {outcome}"] * (outcome not in {None, "succeeded"})
    failed += [f"--exit-code {facts['exit_code']}"] * bool(facts["exit_code"]) if succeeded else []
    failed += ["--error"] * bool(facts["error"]) if succeeded else []
    if succeeded and failed:
        raise click.UsageError(f"found {succeeded[0]} together with {failed[0]}; leave out the one that is wrong")


def _understood(facts: dict[str, Any], project: Project) -> dict[str, Any]:
    """Return the facts as `emit_execution_event` wants them."""
    from spec_kitty_telemetry.model.timespans import span

    if facts["cost_usd"] is not None:
        facts["cost_usd"] = _dollars(facts["cost_usd"])
    if facts["timestamp"] is not None:
        facts["timestamp"] = _not_ahead(facts["timestamp"], span(facts["timestamp"], project.zone())[0])
    if facts["success"] is None and not all(facts[name] is None for name in ("outcome", "exit_code", "error")):
        facts["success"] = facts["outcome"] in {None, "succeeded"} and not (facts["exit_code"] or facts["error"])
    return facts


def _not_ahead(said: str, moment: datetime) -> datetime:
    from datetime import UTC, datetime, timedelta

    if moment > datetime.now(UTC) + timedelta(days=1):
        raise click.BadParameter(
            f"found {said!r}, which is more than a day ahead; expected when the run ended", param_hint="--timestamp"
        )
    return moment


def _dollars(text: str) -> Decimal:
    from decimal import Decimal, InvalidOperation

    try:
        amount_usd = Decimal(text)
    except InvalidOperation:
        amount_usd = Decimal(-1)
    if not amount_usd.is_finite() or not 0 <= amount_usd <= MAXIMUM_COST_USD:
        raise click.BadParameter(
            f"found {text[:60]!r}, expected dollars such as 0.051086, at most {MAXIMUM_COST_USD:,}",
            param_hint="--cost-usd",
        )
    return amount_usd


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _is_ulid(text: str) -> bool:
    return len(text) == 26 and set(text) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")  # noqa: PLR2004
