"""What an orchestrator calls: it loads the plugins, announces to each on its own, and never raises.

pluggy alone does neither: an exception in one implementation keeps the ones after it from being called, and a plugin
that cannot be imported stops the program that loads it (both tried with pluggy 1.7).
"""

from __future__ import annotations

import importlib
import inspect
import logging
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from spec_kitty_telemetry.errors import PluginError, ProjectError
from spec_kitty_telemetry.hooks.discovery import plugin_entry_points
from spec_kitty_telemetry.hooks.others import OtherPlugins, is_own
from spec_kitty_telemetry.hooks.specs import PluginStatus
from spec_kitty_telemetry.hooks.validation import HOOK_NAMES, checked_hooks, new_manager
from spec_kitty_telemetry.model.redaction import safe_error
from spec_kitty_telemetry.project import diagnostics
from spec_kitty_telemetry.project.files import FilesLeftAloneError
from spec_kitty_telemetry.project.locate import find_project

if TYPE_CHECKING:
    from datetime import datetime
    from importlib import metadata
    from pathlib import Path

    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing import Price

logger = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

_AGENTS = "spec_kitty_telemetry.agents"
"""The shipped plugin that answers `extract_usage`: named, not imported, since it stands on this one."""


class Hooks:
    """The plugins of one host process.

    A host needs three lines: `hooks = Hooks.load()`, then `hooks.before_invocation(invocation)` and
    `hooks.after_invocation(invocation, result)` around each agent run.  Nothing here raises into the host, except
    `KeyboardInterrupt`, and nothing ends it.  Our own plugins are called first, so that a run is recorded whatever
    others do; those are called in a thread, for which a host waits a moment (`others`).
    """

    def __init__(self) -> None:
        """Make a plugin manager that knows the hooks and no plugin yet."""
        self._manager = new_manager()
        self._status: dict[str, PluginStatus] = {}
        self._project_root: Path | None = None
        self._others = OtherPlugins()

    @classmethod
    def load(cls, project_root: Path | None = None) -> Self:
        """Return hooks with the shipped agents and every installed plugin registered.

        Plugins are found through the entry-point group `spec_kitty`.  One that cannot be used is left out, logged and
        listed in `plugins`.  `project_root` (default: the project around the current folder) is told to the plugins.
        """
        hooks = cls()
        hooks._load_module(_AGENTS)
        for entry_point in plugin_entry_points():
            hooks._load_entry_point(entry_point)
        hooks._project_root = project_root or _current_project_root()
        hooks._announce("hooks_loaded", hooks=hooks, project_root=hooks._project_root)
        return hooks

    def register(self, plugin: object, name: str | None = None, *, package: str | None = None) -> bool:
        """Register `plugin` (a module, an object, or a class to make one of) and tell whether that worked.

        A plugin with a hook that does not exist, or whose arguments do not, is refused as a whole and listed with the
        reason in `plugins`.
        """
        name = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        status = self._status[name] = PluginStatus(name, package)
        try:
            plugin = plugin() if inspect.isclass(plugin) else plugin
            if (other := self._manager.get_name(plugin)) is not None:
                raise PluginError(f"is the same object as the plugin {other}; a module can be a plugin only once")
            status.hooks = checked_hooks(plugin, name)
            self._manager.register(plugin, name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin does wrong, the host goes on
            self._not_loaded(status, error)
            return False
        self.__dict__.pop("_callers", None)
        return True

    @property
    def plugins(self) -> list[PluginStatus]:
        """All plugins, in the order of loading, also those that could not be loaded."""
        return list(self._status.values())

    def before_invocation(self, invocation: Invocation) -> None:
        """Announce that an agent is about to run; see `specs.before_invocation`."""
        self._announce("before_invocation", invocation=invocation)

    def after_invocation(self, invocation: Invocation, result: object) -> None:
        """Announce that an agent run has ended; see `specs.after_invocation`.

        `result` may be the host's own object: it is read by its attributes (`InvocationResult.from_host`).
        """
        from spec_kitty_telemetry.model.invocation import InvocationResult

        self._announce("after_invocation", invocation=invocation, result=InvocationResult.from_host(result))

    def extract_usage(self, invocation: Invocation, result: InvocationResult) -> Usage | None:
        """Ask who understands this agent's output; see `specs.extract_usage`."""
        from spec_kitty_telemetry.model.invocation import Usage

        return self._first_answer("extract_usage", Usage, invocation=invocation, result=result)

    def find_price(self, model: str, provider: str | None, at: datetime) -> Price | None:
        """Ask the plugins for a price; see `specs.find_price`."""
        from spec_kitty_telemetry.pricing import Price

        return self._first_answer("find_price", Price, model=model, provider=provider, at=at)

    def event_recorded(self, event: ExecutionEvent, log_path: Path) -> None:
        """Announce that a record is in its log; see `specs.event_recorded`."""
        self._announce("event_recorded", event=event, log_path=log_path)

    def has(self, hook: str, *, of_others: bool = False) -> bool:
        """Tell whether any plugin implements `hook`; `of_others`: any that is not of this package."""
        return any(not (of_others and is_own) for _, _, is_own in self._callers.get(hook, ()))

    def settle(self, patience_s: float) -> bool:
        """Wait until other people's plugins did what was announced, at most so long, and tell whether they did."""
        return self._others.settle(patience_s)

    def _announce(self, hook: str, **facts: object) -> None:
        """Call `hook` on every plugin on its own, ours first; log a plugin that fails and go on."""
        callers = self._callers.get(hook, ())
        others = [(name, call) for name, call, is_own in callers if not is_own]
        self._call(hook, [(name, call) for name, call, is_own in callers if is_own], facts)
        if others:
            self._others.call(lambda: self._call(hook, others, facts))

    def _call(self, hook: str, callers: list[tuple[str, Any]], facts: dict[str, object]) -> None:
        for name, call in callers:
            try:
                call(**facts)
            except KeyboardInterrupt:
                raise  # it belongs to the user
            except BaseException as error:  # noqa: BLE001 - the promise of every announced hook
                self._failed(name, hook, error)

    def _first_answer(self, hook: str, kind: type[_Answer], **facts: object) -> _Answer | None:
        """Ask one plugin after the other; one that fails, or answers with anything but a `kind`, gave no answer."""
        for name, call, _ in self._callers.get(hook, ()):
            try:
                answer = call(**facts)
                if answer is not None and not isinstance(answer, kind):
                    raise TypeError(f"found {type(answer).__name__}, expected {kind.__name__} or None")
            except (KeyboardInterrupt, FilesLeftAloneError):
                raise  # the user's, and that of the one who asked
            except BaseException as error:  # noqa: BLE001 - the promise of every first-answer hook
                self._failed(name, hook, error)
                continue
            if answer is not None:
                return answer
        return None

    @cached_property
    def _callers(self) -> dict[str, list[tuple[str, Any, bool]]]:
        """For each hook the plugins that implement it, later-registered first: name, caller, whether it is ours."""
        everyone = self._manager.get_plugins()
        return {
            hook: [
                (
                    each.plugin_name,
                    self._manager.subset_hook_caller(hook, everyone - {each.plugin}),
                    is_own(each.plugin),
                )
                for each in reversed(getattr(self._manager.hook, hook).get_hookimpls())
            ]
            for hook in HOOK_NAMES
        }

    def note_failure(self, plugin: str, problem: str) -> None:
        """Count that a plugin raised in another process, and keep the note of it for `doctor`."""
        logger.warning("plugin %s failed: %s", plugin, problem)
        self._count_failure(plugin, problem, problem.partition(":")[0])

    def _failed(self, name: str, hook: str, error: BaseException) -> None:
        place = _place(error)
        self._count_failure(name, f"{hook} raised {_one_line(error)}", f"{hook} raised {type(error).__name__}{place}")
        # Without a traceback, which ends in the message as it is: a plugin may put a prompt or a key there.
        logger.warning("plugin %s failed in %s: %s%s", name, hook, safe_error(str(error)) or "", place)

    def _count_failure(self, name: str, problem: str, note: str) -> None:
        """Count what a plugin raised; `note`, which holds nothing of its message, is kept if it is new."""
        status = self._status.setdefault(name, PluginStatus(name))
        status.failure_count += 1
        is_new, status.problem = status.problem != problem, problem
        if is_new and self._project_root is not None:
            with suppress(Exception):  # a note is a kindness; the host goes on whatever becomes of it
                diagnostics.leave(self._project_root, diagnostics.PLUGINS, f"plugin {name}: {note}")

    def _not_loaded(self, status: PluginStatus, error: BaseException) -> None:
        status.loaded = False
        status.problem = str(error) if isinstance(error, PluginError) else _one_line(error)
        logger.warning("plugin %s was not loaded: %s", status.name, status.problem)

    def _load_module(self, module_path: str) -> None:
        name = module_path.removeprefix("spec_kitty_telemetry.")
        try:
            plugin = importlib.import_module(module_path)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - half an installation must not stop a host
            status = self._status[name] = PluginStatus(name)
            self._not_loaded(status, error)
            return
        self.register(plugin, name)

    def _load_entry_point(self, entry_point: metadata.EntryPoint) -> None:
        package = f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else None
        if entry_point.name in self._status:
            earlier = self._status[entry_point.name].package
            status = self._status[f"{entry_point.name} of {package}"] = PluginStatus(entry_point.name, package)
            self._not_loaded(status, PluginError(f"{earlier} has a plugin of that name; give it another one"))
            return
        try:
            plugin = entry_point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken import must not stop the host
            status = self._status[entry_point.name] = PluginStatus(entry_point.name, package)
            self._not_loaded(status, error)
            return
        self.register(plugin, entry_point.name, package=package)


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {safe_error(str(error)) or ''}"


def _place(error: BaseException) -> str:
    """Return where in the plugin's code `error` was raised, for its author."""
    from traceback import extract_tb  # only for a message

    frames = extract_tb(error.__traceback__)
    return f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _current_project_root() -> Path | None:
    try:
        return find_project().root
    except (ProjectError, OSError):
        return None
