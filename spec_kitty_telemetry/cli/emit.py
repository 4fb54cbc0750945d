"""`emit`: record a run from a script or from a slash command's template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli.options import json_option, project_option
from spec_kitty_telemetry.cli.run import feature_called, tags_of

if TYPE_CHECKING:
    from pathlib import Path

_COUNT = click.IntRange(min=0)
_OUTCOMES = ("succeeded", "failed", "timed_out", "killed", "rejected")
_FIELDS = (
    click.option("--wp", "wp_id", metavar="ID", help="The work package, such as WP01."),
    click.option("--agent", required=True, metavar="NAME", help="Which agent ran."),
    click.option("--role", required=True, metavar="NAME", help="implementer, reviewer, planner, or any word."),
    click.option("--model", metavar="NAME"),
    click.option("--provider", metavar="NAME", help="Who bills for the model."),
    click.option("--input-tokens", type=_COUNT, help="The whole prompt, cache reads and writes included."),
    click.option("--cache-read-tokens", type=_COUNT),
    click.option("--cache-write-tokens", type=_COUNT),
    click.option("--cache-write-1h-tokens", type=_COUNT, help="A part of --cache-write-tokens."),
    click.option("--output-tokens", type=_COUNT, help="Reasoning included."),
    click.option("--reasoning-tokens", type=_COUNT, help="A part of --output-tokens."),
    click.option("--cost-usd", metavar="DOLLARS", help="Only what somebody reported; estimates are made by reports."),
    click.option("--duration-ms", type=_COUNT),
    click.option("--success/--failure", default=None, help="Default: by the exit code."),
    click.option("--outcome", type=click.Choice(_OUTCOMES)),
    click.option("--exit-code", type=int),
    click.option("--error", metavar="TEXT", help="One line; secrets are redacted."),
    click.option("--attempt", type=click.IntRange(min=1)),
    click.option("--run-id", metavar="ID"),
    click.option("--session-id", metavar="ID"),
    click.option("--timestamp", metavar="WHEN", help="When the run ended; default: now."),
    click.option("--event-id", metavar="ULID", help="For doing it again safely: the same id counts once."),
    click.option("--causation-id", metavar="ULID"),
    click.option("--correlation-id", metavar="ULID"),
)


def _all_fields(command: Any) -> Any:
    for option in reversed(_FIELDS):
        command = option(command)
    return command


@click.command("emit")
@click.option("--feature", "--mission", "feature", required=True, metavar="SLUG", help="The feature's slug or number.")
@_all_fields
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A label to group reports by; repeatable.")
@project_option
@json_option
def command(feature: str, tags: tuple[str, ...], project_folder: Path | None, as_json: bool, **facts: Any) -> None:
    r"""Record one agent run that has ended. Leave out what is not known.

    Wrong arguments exit 2; a record that could not be written warns and exits 0, so that no script stops for it.

    \b
    Example:
      emit --feature 043 --wp WP01 --agent my-agent --role implementer \
           --model claude-sonnet-4-6 --input-tokens 50512 --output-tokens 1100
    """
    from spec_kitty_telemetry.cli.output import print_json
    from spec_kitty_telemetry.emit import emit_execution_event

    project, slug = feature_called(project_folder, feature)
    wp_id, agent, role = facts.pop("wp_id"), facts.pop("agent"), facts.pop("role")
    appended = emit_execution_event(
        project.feature_dir(slug), slug, wp_id, agent, role, tags=tags_of(tags), **_checked(facts)
    )
    if as_json:
        print_json(
            {
                "version": 1,
                "recorded": appended is not None and appended.place != "warning",
                "place": appended.place if appended else None,
                "event_id": appended.event.event_id if appended else None,
                "lamport_clock": appended.event.lamport_clock if appended and appended.place == "log" else None,
                "log": str(project.log_path(slug)),
            }
        )
    elif appended is None or appended.place == "warning":
        click.echo("Warning: the record was not written; 'doctor' may say why.", err=True)
    else:
        where = "" if appended.place == "log" else " (it waits in the spool)"
        click.echo(f"Recorded {appended.event.event_id} in {project.log_path(slug)}{where}")


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts as `emit_execution_event` wants them; what is wrong is the caller's mistake: exit 2."""
    from decimal import Decimal, InvalidOperation

    from spec_kitty_telemetry.moments import span

    if facts["cost_usd"] is not None:
        try:
            cost_usd = Decimal(facts["cost_usd"])
        except InvalidOperation:
            cost_usd = Decimal(-1)
        if not cost_usd.is_finite() or cost_usd < 0:
            raise click.BadParameter(f"found {facts['cost_usd']!r}, expected dollars such as 0.051086",
                                     param_hint="--cost-usd")  # fmt: skip
        facts["cost_usd"] = cost_usd
    for name in ("event_id", "causation_id", "correlation_id"):
        if facts[name] is not None and not _is_ulid(facts[name]):
            hint = "--" + name.replace("_", "-")
            raise click.BadParameter(f"found {facts[name]!r}, expected a ULID of 26 characters", param_hint=hint)
    if facts["timestamp"] is not None:
        facts["timestamp"] = span(facts["timestamp"])[0]
    if facts["success"] is None:
        facts["success"] = facts["outcome"] in {None, "succeeded"} and not facts["exit_code"]
    _check_parts(facts)
    return facts


def _check_parts(facts: dict[str, Any]) -> None:
    whole = (facts["cache_read_tokens"] or 0) + (facts["cache_write_tokens"] or 0)
    for part, name in ((whole, "input_tokens"), (facts["reasoning_tokens"] or 0, "output_tokens")):
        if facts[name] is not None and part > facts[name]:
            raise click.BadParameter(
                f"found {facts[name]}, expected at least {part}: its parts are inside it", param_hint=f"--{name}"
            )


def _is_ulid(text: str) -> bool:
    return len(text) == 26 and set(text) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")  # noqa: PLR2004
