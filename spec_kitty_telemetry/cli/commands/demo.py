"""`demo`: a small feature, played through the real hooks, and the report about it.

The agents' outputs under `demo_data/` have the real programs' shape and made-up numbers.  Nothing outside the new
folder is touched.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.output import say
from spec_kitty_telemetry.errors import SettingsError, TelemetryError, reason_of
from spec_kitty_telemetry.project.files import new_file, open_plain
from spec_kitty_telemetry.project.killswitch import IS_OFF, VARIABLE, is_off
from spec_kitty_telemetry.project.layout import LOG_NAME
from spec_kitty_telemetry.reports.lanes import STATUS_NAME

if TYPE_CHECKING:
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.model.invocation import Outcome

FEATURE = "012-export-csv"
_OUTPUTS = Path(__file__).parent / "demo_data"


@dataclass(frozen=True, slots=True)
class _Run:
    """One agent run of the played feature."""

    wp_id: str
    role: str
    agent: str
    attempt: int
    output: str | None
    seconds: float
    outcome: Outcome = "succeeded"
    model: str | None = None
    to_lane: str = "in_progress"
    """Where the host puts the work package afterwards."""


_RUNS = (
    _Run("WP01", "implementer", "claude-code", 1, "claude-stopped.json", 411.2, "failed"),
    _Run("WP01", "implementer", "claude-code", 2, "claude-done.json", 268.4, to_lane="for_review"),
    _Run("WP01", "reviewer", "codex", 1, "codex-review.jsonl", 96.5, "rejected", "gpt-5.2-codex"),
    _Run("WP01", "implementer", "claude-code", 3, "claude-done.json", 190.7, to_lane="for_review"),
    _Run("WP01", "reviewer", "codex", 2, "codex-approval.jsonl", 61.0, model="gpt-5.2-codex", to_lane="done"),
    _Run("WP02", "implementer", "codex", 1, None, 900.0, "timed_out", "gpt-5.2-codex"),
    _Run("WP02", "implementer", "claude-code", 2, "claude-next.json", 152.3, to_lane="for_review"),
    _Run("WP02", "reviewer", "codex", 1, "codex-approval.jsonl", 58.2, model="gpt-5.2-codex", to_lane="done"),
)


@click.command("demo", short_help="Play a made-up feature and report on it.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make the project there instead of in a new temporary folder; it must be empty.",
)
def command(folder: Path | None) -> None:
    """Play a made-up feature through the real hooks and report on it.

    Eight runs of two agents: a failure, a rejection, a time limit, and a model without a price. It works offline,
    takes a second, and leaves your projects alone.

    \b
    Examples:
      demo
      demo --folder shop
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.commands.lifecycle import command as lifecycle
    from spec_kitty_telemetry.cli.commands.report import command as report

    if is_off(os.environ):
        raise SettingsError(f"{IS_OFF}, so a demo would record nothing; unset {VARIABLE} and try again")
    root = _new_project(folder)
    recorded = _play(root)
    say(f"Played {recorded} agent runs of the made-up feature {FEATURE} through the real hooks.\n")
    for command_line, shown in (
        ("report --by wp,role", report),
        ("report --by model", report),
        ("lifecycle", lifecycle),
    ):
        say(f"$ spec-kitty telemetry {command_line}\n")
        words = [*command_line.split()[1:], "--project", str(root)]
        shown.main(words, standalone_mode=False, help_option_names=["-h", "--help"])  # a command keeps its first ones
        say("")
    say(f"The project:  {root}")
    say(f"The records:  {root / 'kitty-specs' / FEATURE / LOG_NAME}")
    say("Next: in a project of your own, 'spec-kitty telemetry doctor', then 'spec-kitty telemetry report'.")


def _new_project(folder: Path | None) -> Path:
    try:
        if folder is None:
            root = Path(tempfile.mkdtemp(prefix="spec-kitty-telemetry-demo-"))
        elif folder.exists() and any(folder.iterdir()):
            raise click.UsageError(f"found files in {folder}, expected an empty folder or a name that is not taken")
        else:
            root = folder.absolute()
        (root / "kitty-specs" / FEATURE).mkdir(parents=True)
    except OSError as error:
        reason = reason_of(error)
        where = folder or "a temporary folder"
        raise TelemetryError(f"no project can be made in {where}: {reason}; choose another with --folder") from error
    return root


def _play(root: Path) -> int:
    """Announce every run the way a host does, with the times moved to the last hours; return how many.

    Between the runs the work packages change lanes, in the file that spec-kitty itself writes.
    """
    from spec_kitty_telemetry.hooks.manager import Hooks

    hooks = Hooks.load(root)
    began = datetime.now(UTC) - timedelta(hours=2)
    lanes: dict[str, str] = {}
    with new_file(root / "kitty-specs" / FEATURE / STATUS_NAME) as status:
        for number, run in enumerate(_RUNS):
            if run.wp_id not in lanes:
                status.write(_move(run.wp_id, "planned", "in_progress", began))
            _announce(hooks, root, run, _output(run, number), began)
            began += timedelta(seconds=run.seconds + 20)
            before, lanes[run.wp_id] = lanes.get(run.wp_id, "in_progress"), run.to_lane
            if before != run.to_lane:
                status.write(_move(run.wp_id, before, run.to_lane, began))
    return len(_RUNS)


def _move(wp_id: str, from_lane: str, to_lane: str, at: datetime) -> bytes:
    move = {"at": at.isoformat(), "from_lane": from_lane, "to_lane": to_lane, "wp_id": wp_id}
    return json.dumps(move).encode() + b"\n"


def _output(run: _Run, number: int) -> str:
    """Return what the agent printed, with a session of its own: no two real runs share one."""
    if run.output is None:
        return ""
    with open_plain(_OUTPUTS / run.output) as file:
        text = file.read().decode()
    return text.replace("5d1f9a70", f"5d1f9a{number:02}")


def _announce(hooks: Hooks, root: Path, run: _Run, output: str, began: datetime) -> None:
    from spec_kitty_telemetry.model.invocation import TIMEOUT_EXIT_CODE, Invocation, InvocationResult

    invocation = Invocation(
        project_root=root,
        feature=FEATURE,
        agent=run.agent,
        role=run.role,
        wp_id=run.wp_id,
        attempt=run.attempt,
        model=run.model,
        run_id="demo",
        started_at=began,
    )
    succeeded = run.outcome == "succeeded"
    result = InvocationResult(
        success=succeeded,
        outcome=run.outcome,
        exit_code=0 if succeeded else TIMEOUT_EXIT_CODE if run.outcome == "timed_out" else 1,
        stdout=output,
        duration_seconds=run.seconds,
        ended_at=began + timedelta(seconds=run.seconds),
    )
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, result)
