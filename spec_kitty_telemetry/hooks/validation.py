"""Whether a plugin can be used: which hooks it has, and whether they are hooks of ours with arguments of ours."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pluggy

from spec_kitty_telemetry.errors import PluginError
from spec_kitty_telemetry.hooks import specs
from spec_kitty_telemetry.hooks.discovery import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable

HOOK_NAMES = [
    name for name, function in inspect.getmembers(specs, inspect.isfunction) if function.__module__ == specs.__name__
]
"""All hooks, in order of name."""


def new_manager() -> pluggy.PluginManager:
    """Return a plugin manager that knows the hooks and no plugin."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(specs)
    return manager


def checked_hooks(plugin: object, name: str) -> list[str]:
    """Return the hooks of `plugin`, tried on a manager of its own: a failed `register` leaves pluggy half changed.

    :raises PluginError: a hook does not exist, or an argument of one, or there is no hook at all.
    :raises pluggy.PluginValidationError: pluggy itself does not like it.
    """
    trial = new_manager()
    options = {name: trial.parse_hookimpl_opts(plugin, name) for name in dir(plugin)}
    marked = {name: found.get("specname") or name for name, found in options.items() if found is not None}
    if not marked:
        raise PluginError(
            "implements no hook; name a module or a class, in which functions are marked with hookimpl and called "
            f"{_any_of(HOOK_NAMES)}"
        )
    for attribute, hook in marked.items():
        found = options[attribute]
        if found is not None and (found.get("wrapper") or found.get("hookwrapper")):
            raise PluginError(f"{hook} is a wrapper, which is not supported: every implementation is called on its own")
        _check_signature(getattr(plugin, attribute), hook)
    trial.register(plugin, name)
    trial.check_pending()
    return sorted(caller.name for caller in trial.get_hookcallers(plugin) or ())


def _check_signature(function: Callable[..., object], hook: str) -> None:
    if hook not in HOOK_NAMES:
        from difflib import get_close_matches  # only for a message

        close = get_close_matches(hook, HOOK_NAMES, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"the hooks are {_any_of(HOOK_NAMES)}"
        raise PluginError(f"there is no hook {hook!r}; {hint}")
    known = list(inspect.signature(getattr(specs, hook)).parameters)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in known and parameter.default is parameter.empty:
            there = ", ".join(known)
            raise PluginError(f"{hook} takes {parameter.name!r}, which the hook does not have; it has {there}")


def _any_of(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
