"""Starts the bridges in the processes of the hosts, and does nothing in any other.

Called by `spec_kitty_telemetry.pth` in programs whose name looks like a host's, and by `spec_kitty_telemetry.start` in
every program from Python 3.15 on.  So it imports nothing before it knows where it is, it may be called twice, and
whatever fails here is kept for `doctor` and never reaches the program.
"""

import os
import sys

TYPE_CHECKING = False  # the real one would import typing, which every Python 3.15 process would wait for
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

BRIDGES = {
    "specify_cli": "spec_kitty_telemetry.bridges.spec_kitty_cli",
    "spec_kitty_orchestrator.executor": "spec_kitty_telemetry.bridges.orchestrator",
}
"""Module of a host → our module whose `install(module)` is called once that one is imported."""

failures: dict[str, str] = {}
"""Module of a host → why its bridge could not be installed in this process."""

_PROGRAMS = frozenset({"spec-kitty", "spec-kitty-orchestrator"})
_MODULES = frozenset({"specify_cli", "specify_cli.__main__", "spec_kitty_orchestrator.cli.main"})
_waiting: set[str] = set()


def start() -> None:
    """Arrange for the bridges to be installed, if this process is a host's and telemetry is not off."""
    try:
        if is_host(sys.argv, sys.orig_argv):
            _wait_for_hosts()
    except Exception as error:  # noqa: BLE001 - the host must start whatever is wrong with us
        failures["start"] = f"{type(error).__name__}: {error}"


def is_host(arguments: list[str], original_arguments: list[str]) -> bool:
    """Tell whether these are a host's `sys.argv` and `sys.orig_argv`.

    While start-up files run, `sys.argv` begins with the script, `-c` or `-m` (CPython 3.11 to 3.14), and the same place
    of `sys.orig_argv` has the script, the code or the module.
    """
    program = (original_arguments[-len(arguments) :] or [""])[0]
    if arguments[:1] == ["-m"]:
        return program.removeprefix("-m") in _MODULES
    if arguments[:1] == ["-c"]:
        return False
    return _script_name(program) in _PROGRAMS


def _script_name(path: str) -> str:
    """Return the command's name; Windows launchers add `.exe` or `-script.py`."""
    return os.path.basename(path).lower().removesuffix(".exe").removesuffix("-script.py")  # noqa: PTH119 - no imports


def _wait_for_hosts() -> None:
    from spec_kitty_telemetry.project.killswitch import is_off

    if is_off(os.environ):
        return
    import wrapt

    for host_module, bridge_module in BRIDGES.items():
        if host_module not in _waiting:
            _waiting.add(host_module)
            wrapt.register_post_import_hook(_installer(bridge_module), host_module)


def _installer(bridge_module: str) -> "Callable[[ModuleType], None]":
    def install(module: "ModuleType") -> None:
        try:
            from importlib import import_module

            import_module(bridge_module).install(module)
        except Exception as error:  # noqa: BLE001 - an exception here would fail the host's own import
            failures[module.__name__] = f"{type(error).__name__}: {error}"

    return install
