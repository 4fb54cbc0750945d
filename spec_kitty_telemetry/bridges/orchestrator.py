"""Announces the agent runs of spec-kitty-orchestrator (facts of 0.1.2), which calls no hooks.

`spec_kitty_orchestrator.executor.execute_agent` is the only place where it runs agents.  It is replaced right after its
module was imported and before `loop` takes it by name.  The replacement returns what the host's own returns, raises
what it raises, and does not hold up the host's other work packages for longer than a moment.
"""

from __future__ import annotations

import atexit
import inspect
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.bridges import agent_environment
from spec_kitty_telemetry.bridges.announcer import Announcer
from spec_kitty_telemetry.bridges.evidence import HOOKS_MARKER, names_hooks

if TYPE_CHECKING:
    from types import ModuleType

NEEDED_FUNCTION = "execute_agent"
NEEDED_PARAMETERS = ("invoker", "working_dir", "role", "log_file")
"""Without these a run cannot be told from another; `repo_root` is used where it is there."""

_ExecuteAgent = Callable[..., Coroutine[Any, Any, Any]]


def install(executor: ModuleType, announcer: Announcer | None = None) -> None:
    """Replace `execute_agent`, if it is what we know and the host does not call the hooks itself."""
    function = getattr(executor, NEEDED_FUNCTION, None)
    if not inspect.iscoroutinefunction(function) or _calls_hooks(executor.__name__.partition(".")[0]):
        return
    if not set(NEEDED_PARAMETERS) <= set(inspect.signature(function).parameters):
        return
    import wrapt

    announcer = announcer or Announcer()
    atexit.register(_sync_if_wanted, announcer)  # before the worker's own, so that it comes after all is announced

    async def execute_agent(
        wrapped: _ExecuteAgent, _instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return await _announced(announcer, wrapped, args, kwargs)

    wrapt.wrap_function_wrapper(executor, NEEDED_FUNCTION, execute_agent)
    agent_environment.install()


def _sync_if_wanted(announcer: Announcer) -> None:
    """Share what was recorded, in the background, where `sync --auto on` asked for it."""
    from spec_kitty_telemetry.sync.auto import sync_in_background

    for project_root in announcer.project_roots:
        with suppress(Exception):
            sync_in_background(project_root)


async def _announced(
    announcer: Announcer, execute_agent: _ExecuteAgent, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    begun = announcer.begin(_arguments(execute_agent, args, kwargs))
    try:
        await announcer.wait_for(begun)
        run = begun.result() if begun.done() else None
        agent_environment.tell(run.invocation if run else None)
        result = await execute_agent(*args, **kwargs)
    except BaseException as error:
        # Not waited for: a cancelled task should end now, and the announcing thread is waited for at exit.
        announcer.end_without_result(begun, error)
        raise
    finally:
        agent_environment.tell(None)
    await announcer.wait_for(announcer.end(begun, result))
    return result


def _arguments(execute_agent: _ExecuteAgent, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        return inspect.signature(execute_agent).bind(*args, **kwargs).arguments
    except TypeError:  # a wrong call: the host's own function will say so
        return {}


def _calls_hooks(package_name: str) -> bool:
    package = sys.modules.get(package_name)
    marker = getattr(package, HOOKS_MARKER, None)
    if isinstance(marker, bool):
        return marker
    return any(names_hooks(Path(folder)) for folder in getattr(package, "__path__", ()))
