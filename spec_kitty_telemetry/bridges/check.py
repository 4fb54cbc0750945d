"""What `doctor` says about the bridges: which hosts are installed here, and what becomes of each.

A host is looked at, never run or imported: its version from its metadata, its functions from its source.
"""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from spec_kitty_telemetry.bridges import evidence, orchestrator, spec_kitty_cli, startup
from spec_kitty_telemetry.project import diagnostics
from spec_kitty_telemetry.project.files import open_plain
from spec_kitty_telemetry.project.killswitch import VARIABLE, is_off

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

State = Literal["active", "off", "not installed", "host does it itself", "not understood"]

STARTUP_FILE = "spec_kitty_telemetry.pth"
_MOST_BYTES = 4 * 1024 * 1024
"""Of a module of a host."""


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """One host as `doctor` shows it."""

    host: str
    """The distribution's name."""
    version: str | None
    state: State
    detail: str
    """One sentence: what was found, what was expected, what to do."""


@dataclass(frozen=True, slots=True)
class _Host:
    name: str
    package: str
    file: str
    functions: Mapping[str, tuple[str, ...]]
    """Function → the parameters that it must have."""
    marker: str
    names_it: Callable[[Path], Path | None]
    does: str
    module: str
    """The module whose import installs the bridge."""
    is_async: bool = False
    """Whether the functions are `async`."""


_HOSTS = (
    _Host(
        name="spec-kitty-cli",
        package="specify_cli",
        file="__init__.py",
        functions=dict.fromkeys(spec_kitty_cli.NEEDED_FUNCTIONS, ()),
        marker=evidence.COMMANDS_MARKER,
        names_it=spec_kitty_cli.own_command,
        does="'spec-kitty telemetry' and 'spec-kitty agent telemetry' are added to it",
        module="specify_cli",
    ),
    _Host(
        name="spec-kitty-orchestrator",
        package="spec_kitty_orchestrator",
        file="executor.py",
        functions={orchestrator.NEEDED_FUNCTION: orchestrator.NEEDED_PARAMETERS},
        marker=evidence.HOOKS_MARKER,
        names_it=evidence.names_hooks,
        does="every agent that it runs is recorded",
        module="spec_kitty_orchestrator.executor",
        is_async=True,
    ),
)


def check(project_root: Path | None = None, environment: Mapping[str, str] = os.environ) -> list[BridgeStatus]:
    """Return the state of every bridge in this environment, with what the bridges noted in the project."""
    found = [_check(host, environment) for host in _HOSTS]
    noted = diagnostics.read(project_root, diagnostics.BRIDGE) if project_root is not None else []
    if noted:
        last = found.pop()
        more = f"{last.detail}; {len(noted)} run(s) could not be recorded, the last: {noted[-1]}"
        found.append(BridgeStatus(last.host, last.version, last.state, more))
    return found


def _check(host: _Host, environment: Mapping[str, str]) -> BridgeStatus:
    version, folder = _version(host.name), _folder(host.package)
    if folder is None:
        return BridgeStatus(host.name, version, "not installed", _not_installed(host))
    state, detail = _state(host, folder, environment)
    return BridgeStatus(host.name, version, state, detail)


def _state(host: _Host, folder: Path, environment: Mapping[str, str]) -> tuple[State, str]:
    if is_off(environment):
        return "off", f"{VARIABLE} is {environment[VARIABLE]!r}; unset it to turn the bridges on"
    if reason := _does_it_itself(host, folder):
        return "host does it itself", reason
    if reason := _strange(host, folder) or startup.failures.get(host.module) or startup.failures.get("start"):
        return "not understood", f"{reason}; the bridge stays out of its way; look for a newer spec-kitty-telemetry"
    if not _has_startup_file():
        return "off", f"found no {STARTUP_FILE} in {sys.prefix}, expected one; reinstall spec-kitty-telemetry"
    return "active", host.does


def _does_it_itself(host: _Host, folder: Path) -> str | None:
    marked = evidence.written_marker(folder, host.marker)
    if marked is not None:
        return f"its package says {host.marker} = True" if marked else None
    file = host.names_it(folder)
    return f"{file} has hooks or a command of that name; the bridge stands aside" if file else None


def _strange(host: _Host, folder: Path) -> str | None:
    file = folder / host.file
    try:
        found = _functions(file, is_async=host.is_async)
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        return f"{file} cannot be read ({type(error).__name__})"
    for name, needed in host.functions.items():
        if name not in found:
            return f"{file}: found no {'async ' if host.is_async else ''}function {name}, expected one"
        if missing := [parameter for parameter in needed if parameter not in found[name]]:
            return f"{file}, {name}: found no parameter {missing[0]}, expected {', '.join(needed)}"
    return None


def _functions(file: Path, *, is_async: bool) -> dict[str, list[str]]:
    """Return the functions at the top of a module with the names of their parameters."""
    kind = ast.AsyncFunctionDef if is_async else ast.FunctionDef
    with open_plain(file) as opened:
        body = ast.parse(opened.read(_MOST_BYTES)).body
    return {
        node.name: [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        for node in body
        if isinstance(node, kind)
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _folder(package: str) -> Path | None:
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) if folders else None


def _not_installed(host: _Host) -> str:
    return (
        f"found no {host.name} in {sys.prefix}; where it is installed elsewhere (by pipx or uv, say), "
        "install spec-kitty-telemetry into that environment too"
    )


def _has_startup_file() -> bool:
    return any((Path(folder) / STARTUP_FILE).is_file() for folder in sys.path if folder)
