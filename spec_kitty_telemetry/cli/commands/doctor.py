"""`doctor`: what is registered, which hosts are bridged, how the logs are, which settings are in force."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from spec_kitty_telemetry.cli.options import json_option, project_option
from spec_kitty_telemetry.cli.output import print_json, say
from spec_kitty_telemetry.cli.render import history, wording
from spec_kitty_telemetry.errors import PriceTableError, ProjectError, SettingsError, TelemetryError
from spec_kitty_telemetry.project.layout import OUTSIDE, OUTSIDE_FOLDER, settings_or_defaults

if TYPE_CHECKING:
    from spec_kitty_telemetry.bridges.check import BridgeStatus
    from spec_kitty_telemetry.hooks.specs import PluginStatus
    from spec_kitty_telemetry.importing.history import History
    from spec_kitty_telemetry.log.repair import LogHealth
    from spec_kitty_telemetry.project.layout import Project


@dataclass(slots=True)
class Findings:
    """All that `doctor` looked at."""

    verdict: str
    """Whether runs will be recorded, in one sentence."""
    project: Path | None
    plugins: list[PluginStatus]
    bridges: list[BridgeStatus]
    logs: list[LogHealth]
    settings: dict[str, Any]
    histories: list[History] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What needs a person, one sentence each."""
    repaired: list[str] = field(default_factory=list)


@click.command("doctor", short_help="Show whether runs are recorded and sound.")
@click.option("--repair", "with_repair", is_flag=True, help="Drain the spool and mend logs; a copy of each is kept.")
@project_option
@json_option
@click.pass_context
def command(context: click.Context, project_folder: Path | None, with_repair: bool, as_json: bool) -> None:
    """Show whether runs will be recorded, and whether the records are sound.

    The first line is the verdict. Exit status 1 means that something needs a person; it is said in the last lines.

    \b
    Examples:
      doctor
      doctor --repair    mend logs, keep a copy
      doctor --json | jq .problems
    """  # noqa: D301 - \b is click's mark
    findings = look(project_folder, with_repair=with_repair)
    if as_json:
        print_json(_document(findings))
    else:
        say("\n".join(_lines(findings)))
    if findings.problems:
        context.exit(1)


def look(project_folder: Path | None, *, with_repair: bool = False) -> Findings:
    """Look at everything; with `with_repair` mend what can be mended first.

    :raises ProjectError: `project_folder` was named and is in no project.
    """
    from spec_kitty_telemetry.bridges.check import check
    from spec_kitty_telemetry.bridges.readiness import problems_of_place, readiness

    project = _project(project_folder)
    repaired, failed = _repair(project) if with_repair and project else ([], [])
    bridges = check(project.root if project else None)
    ready = readiness(project, bridges)
    findings = Findings(
        verdict=ready.verdict,
        project=project.root if project else None,
        plugins=_plugins(project),
        bridges=bridges,
        logs=_logs(project),
        settings={},
        histories=_histories(project),
        problems=[*failed, *problems_of_place(project), *_plugin_failures(project)],
        repaired=repaired,
    )
    try:
        findings.settings = _settings(project)
    except (SettingsError, PriceTableError) as error:
        findings.problems.append(str(error))
    findings.problems.extend(_problems(findings))
    findings.problems.extend(problem for log in findings.logs if project for problem in _log_problems(project, log))
    return findings


def _project(folder: Path | None) -> Project | None:
    from spec_kitty_telemetry.project.locate import find_project

    try:
        return find_project(folder)
    except ProjectError:
        if folder is not None:
            raise
        return None


def _plugins(project: Project | None) -> list[PluginStatus]:
    from spec_kitty_telemetry.hooks.manager import Hooks

    return Hooks.load(project.root if project else None).plugins


def _histories(project: Project | None) -> list[History]:
    if project is None or not settings_or_defaults(project).transcripts:
        return []
    from spec_kitty_telemetry.importing.history import histories

    return histories(project)


def _plugin_failures(project: Project | None) -> list[str]:
    """Return what each plugin raised last in the processes of hosts."""
    from spec_kitty_telemetry.project import diagnostics

    last: dict[str, str] = {}
    for note in diagnostics.read(project.root, diagnostics.PLUGINS) if project else ():
        at, _, what = note.partition(" ")
        last[what] = f"{what} ({at}); mend or uninstall it, then 'doctor --repair' forgets this"
    return list(last.values())


def _logs(project: Project | None) -> list[LogHealth]:
    from spec_kitty_telemetry.log.repair import health

    if project is None:
        return []
    from spec_kitty_telemetry.log.spool import Spool

    spooled = (OUTSIDE if name == OUTSIDE_FOLDER else name for name in Spool.features(project))
    features = {*project.having_logs(), *spooled}
    return [health(project, feature) for feature in sorted(features)]


def _repair(project: Project) -> tuple[list[str], list[str]]:
    from spec_kitty_telemetry.log.repair import repair
    from spec_kitty_telemetry.project import diagnostics

    done: list[str] = (
        ["what plugins raised is forgotten"] if diagnostics.forget(project.root, diagnostics.PLUGINS) else []
    )
    failed: list[str] = []
    for log in _logs(project):
        try:
            done.extend(repair(project, log.feature))
        except TelemetryError as error:
            failed.append(str(error))
    return done, failed


def _settings(project: Project | None) -> dict[str, Any]:
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.project.settings import Settings, user_settings_path

    if project is not None:
        project.zone()  # nothing but reports looks at it, so a typing error would be found late
    PriceBook.load(project.root if project else None)  # prices stand in the same files
    own = project.settings_path if project else None
    files = [path for path in (own, user_settings_path()) if path is not None]
    return {
        **msgspec.structs.asdict(Settings.in_force(own or Path("none"))[0]),
        "files": [str(path) for path in files if path.is_file()],
    }


def _problems(findings: Findings) -> list[str]:
    problems = [f"plugin {each.name}: {each.problem}" for each in findings.plugins if each.problem]
    problems += [f"{each.host}: {each.detail}" for each in findings.bridges if each.state == "not understood"]
    return problems


def _log_problems(project: Project, log: LogHealth) -> list[str]:
    if log.problem:
        return [log.problem]
    problems = []
    if log.bad_line_count:
        first = log.bad_lines[0]
        problems.append(
            f"{log.path}: {wording.plural(log.bad_line_count, 'line')} cannot be read (the first: line {first.line}, "
            f"{first.reason}); 'doctor --repair' takes them out and keeps a copy"
        )
    if log.waiting_count and log.feature != OUTSIDE and not log.path.parent.is_dir():
        problems.append(
            f"{wording.plural(log.waiting_count, 'record')} of {log.feature!r} in the spool: there is no "
            f"{log.path.parent}, so rename {project.runtime_dir / 'spool' / log.feature} after the mission that is "
            "meant, or make that folder; then 'doctor --repair' moves them into its log"
        )
    elif log.waiting_count:
        problems.append(
            f"{log.path}: {wording.plural(log.waiting_count, 'record')} could not be written in time and wait in the "
            "spool; the next run or 'doctor --repair' moves them into the log"
        )
    problems += [f"{path} holds no record; look at it and remove it" for path in log.unreadable_waiting]
    return problems


def _document(findings: Findings) -> dict[str, Any]:
    document = asdict(findings)
    document["histories"] = history.document(findings.histories)
    document["project"] = str(findings.project) if findings.project else None
    for log in document["logs"]:
        log["path"] = str(log["path"])
        log["bad_lines"] = [{**line._asdict(), "file": str(line.file)} for line in log["bad_lines"]]
        log["unreadable_waiting"] = [str(path) for path in log["unreadable_waiting"]]
    return {"version": 1, **document, "python": platform.python_version()}


def _lines(findings: Findings) -> list[str]:
    lines = [
        wording.shown(findings.verdict),
        "",
        f"Project:   {findings.project or 'none around the current folder'}",
        "",
        "Hosts",
    ]
    lines += [
        f"  {each.host}{f' {each.version}' if each.version else ''}: {each.state}. {wording.shown(each.detail)}"
        for each in findings.bridges
    ]
    lines += ["", "Plugins", *_plugin_lines(findings.plugins)]
    lines += ["", "Logs", *(_log_line(log) for log in findings.logs)]
    if not findings.logs:
        lines.append("  none yet")
    lines += ["", "Agents' own history", *history.lines(findings.histories)]
    lines += ["", "Settings", *(f"  {name}: {_setting(value)}" for name, value in findings.settings.items())]
    if findings.repaired:
        lines += ["", "Repaired", *(f"  {wording.shown(each)}" for each in findings.repaired)]
    if findings.problems:
        lines += ["", "This needs a person:", *(f"  {wording.shown(each)}" for each in findings.problems)]
    return lines


def _plugin_lines(plugins: list[PluginStatus]) -> list[str]:
    shown = [each for each in plugins if not (each.loaded and each.name == "agents")]
    from spec_kitty_telemetry.agents import NAMES  # pluggy: the help of all commands need not wait for it

    agents = ", ".join(sorted(names[0] for names in NAMES.values()))
    lines = [f"  understands the output of: {agents}"]
    for each in shown:
        state = wording.shown(each.problem) if each.problem else f"implements {', '.join(each.hooks) or 'no hook'}"
        lines.append(f"  {wording.shown(each.name)} ({each.package or 'shipped'}): {state}")
    return lines


def _log_line(log: LogHealth) -> str:
    if log.problem:
        return f"  {log.feature}: {wording.shown(log.problem)}"
    facts = [
        wording.plural(log.event_count, "run"),
        f"{log.duplicate_count} twice" if log.duplicate_count else "",
        f"{log.bad_line_count} unreadable" if log.bad_line_count else "",
        f"{log.waiting_count} waiting" if log.waiting_count else "",
        f"clock {log.clock}",
        f"{log.size_bytes:,} bytes",
    ]
    return f"  {log.feature}: {', '.join(fact for fact in facts if fact)}"


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "not set" if value is None else str(value)
