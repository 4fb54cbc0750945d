"""Gives the agents that the orchestrator starts (facts of 0.1.2) an environment that says what they work on.

Its `executor.spawn_agent` starts them with `asyncio.create_subprocess_exec` and without an `env`.  So that function
gets one, but only in the task of a run that was announced: several work packages are at work in one event loop, and
whatever else the process starts is left alone.
"""

from __future__ import annotations

import asyncio
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.model.invocation import Invocation

_invocation: ContextVar[Invocation | None] = ContextVar("spec_kitty_telemetry_invocation", default=None)
_installed: list[object] = []


def install() -> None:
    """Wrap `asyncio.create_subprocess_exec`, once in a process."""
    if asyncio.create_subprocess_exec in _installed:
        return
    import wrapt

    wrapt.wrap_function_wrapper(asyncio, "create_subprocess_exec", _with_environment)
    _installed.append(asyncio.create_subprocess_exec)


def tell(invocation: Invocation | None) -> None:
    """Let what this task starts from now on know that it belongs to `invocation`, or to none."""
    _invocation.set(invocation)


def _with_environment(
    wrapped: Callable[..., Any], _instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    invocation = _invocation.get()
    if invocation is None or kwargs.get("env") is not None:
        return wrapped(*args, **kwargs)
    from spec_kitty_telemetry.recording.child_environment import child_environment

    return wrapped(*args, **{**kwargs, "env": child_environment(invocation, os.environ)})
