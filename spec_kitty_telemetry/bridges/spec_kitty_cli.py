"""Adds `telemetry` to spec-kitty-cli (facts of 3.2.7), whose own app cannot take commands from outside.

Two places, because building the host's app takes seconds.  `spec-kitty telemetry …` and `spec-kitty agent telemetry …`
are answered by `specify_cli.main` before the app is built; and the app gets a command each, so that `--help` lists them
and every other way in works.  Where the host has the command itself, neither is done.

Typer carries its own copy of click, so a click group cannot be added to it: the command takes all arguments and hands
them to our group.

(No `from __future__ import annotations` here: Typer reads the annotations of a function that is made inside another.)
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from spec_kitty_telemetry.bridges import startup
from spec_kitty_telemetry.bridges.evidence import COMMANDS_MARKER, names_commands
from spec_kitty_telemetry.project import host_notes
from spec_kitty_telemetry.project.killswitch import is_off

NEEDED_FUNCTIONS = ("main", "_build_app")
"""Functions of `specify_cli` that can be called without arguments."""

COMMAND = "telemetry"
_PLACES = ((COMMAND,), ("agent", COMMAND))
_END_OF_TURN = "session-stop"
_MERGES = (("merge",), ("consolidate",), ("agent", "mission", "merge"))
"""Commands that end a mission (`consolidate` is 4.0's)."""
_SPENDING = (("next",), *_MERGES)
"""Commands after which it is said that a budget of the mission that they name is close or over."""
_COMPLETION_VARIABLE = "_SPEC_KITTY_COMPLETE"
_COMPLETION_MANIFEST = "_completion_manifest.json"


def install(module: ModuleType) -> None:
    """Wrap `specify_cli.main` and `specify_cli._build_app`, if both are there."""
    if not all(callable(getattr(module, name, None)) for name in NEEDED_FUNCTIONS):
        return
    import wrapt

    wrapt.wrap_function_wrapper(module, "main", _main)
    wrapt.wrap_function_wrapper(module, "_build_app", _build_app)


def _main(wrapped: Callable[..., Any], _instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    arguments = sys.argv[1:]
    place = _asked_for(arguments)
    if place is not None and not host_has_command(_package(), place):
        return _answer(place, arguments[len(place) :])
    if is_off(os.environ):  # then nothing is noted, looked at or shared either
        return wrapped(*args, **kwargs)
    host_notes.leave(arguments, os.environ)
    if arguments[:1] == [_END_OF_TURN]:
        return _end_of_turn(wrapped, args, kwargs)
    look = _look_at_budgets(arguments)
    try:
        return wrapped(*args, **kwargs)
    finally:
        if _is_one_of(_MERGES, arguments):
            _sync_if_wanted()
        _tell(look)


def _is_one_of(commands: Sequence[tuple[str, ...]], arguments: Sequence[str]) -> bool:
    return any(tuple(arguments[: len(words)]) == words for words in commands)


def _look_at_budgets(arguments: Sequence[str]) -> Any:
    """Begin to look at the budgets of the mission that the command names, while the host does its work."""
    mission = _mission_in(arguments) if _is_one_of(_SPENDING, arguments) else None
    if mission is None:
        return None
    try:
        from spec_kitty_telemetry.bridges.budget_warnings import Look
        from spec_kitty_telemetry.project.locate import find_project

        return Look(find_project(None).root, mission)
    except Exception as error:  # noqa: BLE001 - the host's command goes on
        startup.failures["budgets"] = f"{type(error).__name__}: {error}"
        return None


def _mission_in(arguments: Sequence[str]) -> str | None:
    for word, after in zip(arguments, [*arguments[1:], None], strict=True):
        if word == "--mission":
            return after
        if word.startswith("--mission="):
            return word.partition("=")[2] or None
    return None


def _tell(look: Any) -> None:
    if look is not None:
        try:
            look.tell()
        except Exception as error:  # noqa: BLE001 - the host has done its work
            startup.failures["budgets"] = f"{type(error).__name__}: {error}"


def _sync_if_wanted() -> None:
    """Share the records of the mission that was just merged, in the background, where `sync --auto on` asked for it."""
    try:
        from spec_kitty_telemetry.sync.auto import sync_in_background

        sync_in_background(Path.cwd())
    except Exception as error:  # noqa: BLE001 - the host has done its work, and says so
        startup.failures["sync"] = f"{type(error).__name__}: {error}"


def _end_of_turn(wrapped: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Have the session of Claude Code recorded whose `Stop` hook this is: `spec-kitty init` registers it (3.2).

    The host's own command leaves what the hook is given on stdin to us.
    """
    from spec_kitty_telemetry.importing.session_hook import from_stdin, take

    given = from_stdin()
    try:
        return wrapped(*args, **kwargs)
    finally:
        take("claude-code", given, os.environ)


def _build_app(wrapped: Callable[..., Any], _instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    app = wrapped(*args, **kwargs)
    try:
        if not _registers_commands(_package()):
            _add_commands(app)
    except Exception as error:  # noqa: BLE001 - a host of another shape works on without our command
        startup.failures["specify_cli"] = f"{type(error).__name__}: {error}"
    return app


def host_has_command(package: Path, place: Sequence[str]) -> bool:
    """Tell whether the host may have its own command at `place`, without building its app.

    The host ships the names of all its commands for shell completion, and its own tests hold that list to the app
    (3.2.7: `specify_cli/completion.py`).  Hosts before 3.2.6 have no such list, nor any such command.  Where the list
    cannot be read the answer is yes: the app is built then, and shows whether the command is there.
    """
    if not (package / _COMPLETION_MANIFEST).exists():
        return _registers_commands(package)
    commands = _manifest(package)
    for name in place[:-1]:
        commands = commands.get(name, {}).get("commands") if commands else None
    return commands is None or place[-1] in commands or _registers_commands(package)


def own_command(package: Path) -> Path | None:
    """Return the file that shows that a host which is not imported has the command itself, if one does."""
    commands = _manifest(package)
    return package / _COMPLETION_MANIFEST if commands and COMMAND in commands else names_commands(package)


def _asked_for(arguments: Sequence[str]) -> tuple[str, ...] | None:
    if os.environ.get(_COMPLETION_VARIABLE):
        return None
    return next((place for place in _PLACES if tuple(arguments[: len(place)]) == place), None)


def _package() -> Path:
    return Path(sys.modules["specify_cli"].__file__ or "").parent


def _registers_commands(package: Path) -> bool:
    marker = getattr(sys.modules.get("specify_cli"), COMMANDS_MARKER, None)
    return marker if isinstance(marker, bool) else names_commands(package) is not None


def _manifest(package: Path) -> dict[str, Any] | None:
    import json

    from spec_kitty_telemetry.project.files import open_plain  # only where names are completed

    try:
        with open_plain(package / _COMPLETION_MANIFEST) as file:
            commands = json.load(file)["commands"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return commands if isinstance(commands, dict) else None


def _answer(place: Sequence[str], arguments: Sequence[str]) -> Any:
    _print_utf8_on_windows()
    return _commands().main(args=list(arguments), prog_name=" ".join(("spec-kitty", *place)))


def _commands() -> Any:
    """Return our click group through the entry point by which any host may add it."""
    from importlib.metadata import distribution

    entry_points = distribution("spec-kitty-telemetry").entry_points
    return entry_points.select(group="spec_kitty.commands", name=COMMAND)[COMMAND].load()


def _print_utf8_on_windows() -> None:
    """Do what the host does at this point for its own commands (3.2.7: `specify_cli.main`)."""
    if sys.platform == "win32":
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a replaced stream may lack it
            except (AttributeError, OSError):
                continue


def _add_commands(app: Any) -> None:
    for place in _PLACES:
        parent = _group(app, place[:-1])
        if parent is not None and COMMAND not in _names(parent):
            _add_command(parent, place)


def _add_command(parent: Any, place: Sequence[str]) -> None:
    import typer

    def telemetry(context: typer.Context) -> None:
        _answer(place, context.args)

    parent.command(
        name=COMMAND,
        help="What the agents of this project used and cost.",
        add_help_option=False,
        context_settings={
            "allow_extra_args": True,
            "allow_interspersed_args": False,
            "ignore_unknown_options": True,
        },
    )(telemetry)


def _group(app: Any, path: Sequence[str]) -> Any:
    for name in path:
        app = next((info.typer_instance for info in app.registered_groups if _group_name(info) == name), None)
        if app is None:
            break
    return app


def _names(app: Any) -> set[str]:
    return {_command_name(info) for info in app.registered_commands} | {_group_name(i) for i in app.registered_groups}


def _command_name(info: Any) -> str:
    return info.name or str(info.callback.__name__).lower().replace("_", "-")


def _group_name(info: Any) -> str:
    own = info.name if isinstance(info.name, str) else None  # Typer has a placeholder where no name was given
    given = info.typer_instance.info.name
    return own or (given if isinstance(given, str) else "")
