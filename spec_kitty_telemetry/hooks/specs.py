"""The hooks: what is announced, what is asked, and what an implementation may rely on.

No logic lives here.  Mark an implementation with `hookimpl`, name it after the hook, take any of its arguments by name,
and register it under the entry-point group `spec_kitty`; `docs/writing-a-plugin.md` has a whole package.

*Announced* hooks call every implementation, each on its own.  *First-answer* hooks ask one implementation after the
other, those registered last first, and stop at the first answer that is not `None`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pluggy

from spec_kitty_telemetry.hooks.discovery import GROUP

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing import Price

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@dataclass(slots=True)
class PluginStatus:
    """One plugin as `doctor` shows it."""

    name: str
    package: str | None = None
    """The distribution that registered it, with its version."""
    hooks: list[str] = field(default_factory=list)
    problem: str | None = None
    """Why it was not loaded, or what it raised last."""
    loaded: bool = True
    failure_count: int = 0


class AskableHooks(Protocol):
    """What a plugin may ask of, or announce through, the `Hooks` that loaded it."""

    def extract_usage(self, invocation: Invocation, result: InvocationResult) -> Usage | None:
        """Ask who understands this agent's output."""

    def find_price(self, model: str, provider: str | None, at: datetime) -> Price | None:
        """Ask the plugins for a price."""

    def event_recorded(self, event: ExecutionEvent, log_path: Path) -> None:
        """Announce that a record is in its log."""

    def has(self, hook: str, *, of_others: bool = False) -> bool:
        """Tell whether any plugin implements `hook`; `of_others`: any that is not of this package."""

    @property
    def plugins(self) -> list[PluginStatus]:
        """All plugins, in the order of loading, also those that could not be loaded."""

    def note_failure(self, plugin: str, problem: str) -> None:
        """Count that a plugin raised in another process."""


@hookspec
def hooks_loaded(hooks: AskableHooks, project_root: Path | None) -> None:
    """The plugins of this process are loaded; hosts will announce through `hooks`.

    Announced once by `Hooks.load()`, after all plugins are registered and before anything else.  Every implementation
    is called; what they return is ignored and their order is not promised.  Keep `hooks` to ask or announce later.
    Return within a few milliseconds: a host is starting.

    If an implementation raises, the exception is logged with the plugin's name and counted, the others are still
    called, and the host goes on.  `SystemExit` is an error like any other; `KeyboardInterrupt`
    is passed on.

    :param hooks: what loaded this plugin.
    :param project_root: the project that the host works in; `None` when it is in none, or in several.
    """


@hookspec
def before_invocation(invocation: Invocation) -> None:
    """One agent is about to be run.

    Announced by the host right before it starts the agent's process, once for each attempt.  Every implementation is
    called; what they return is ignored and their order is not promised.  Return within a few milliseconds: the agent
    waits.  A host that dies never announces the matching `after_invocation`.

    If an implementation raises, the exception is logged with the plugin's name and counted, the others are still
    called, and the host goes on.  `SystemExit` is an error like any other; `KeyboardInterrupt`
    is passed on.

    :param invocation: frozen; what the host does not know is `None`.
    """


@hookspec
def after_invocation(invocation: Invocation, result: InvocationResult) -> None:
    """One agent run has ended: well, badly, by a time limit, or because it could not be started.

    Announced by the host once for each `before_invocation`, after the process has ended and before the host acts on the
    result.  Every implementation is called; what they return is ignored and their order is not promised.  Return within
    a few milliseconds: this runs between two steps of somebody's work.

    If an implementation raises, the exception is logged with the plugin's name and counted, the others are still
    called, and the host goes on.  `SystemExit` is an error like any other; `KeyboardInterrupt`
    is passed on.

    :param invocation: the same object that `before_invocation` got.
    :param result: frozen; `stdout` and `stderr` are what the agent printed and may be large: read them, do not keep
        them, and never store them.
    """


@hookspec(firstresult=True)
def extract_usage(invocation: Invocation, result: InvocationResult) -> Usage | None:
    """Say what one agent run used: tokens, models, cost, session.

    Asked once for each ended run, before its record is written.  Stops at the first answer that is not `None`;
    implementations registered later are asked first, so a plugin can overrule the shipped ones.  `None` means "not an
    agent that I understand"; a `Usage` whose counts are `None` means "my agent, and it said nothing".

    An implementation looks at `invocation.agent` first and returns `None` for agents that are not its own.  It must not
    start programs or use the network.  If it raises, that counts as no answer: the exception is logged with the
    plugin's name and counted, and the next one is asked.  `SystemExit` is an error like any other; `KeyboardInterrupt`
    is passed on.

    :param invocation: frozen; which agent was run, where, and with which model if the host chose one.
    :param result: frozen; its `stdout` is hostile until parsed: cut off, with banners, of any size.
    :returns: counts in the record's meaning (`input_tokens` is the whole prompt, `output_tokens` includes reasoning).
    """


@hookspec(firstresult=True)
def find_price(model: str, provider: str | None, at: datetime) -> Price | None:
    """Say what `model` cost at one moment.

    Asked when a report is made, once for each model, provider and moment.  Stops at the first answer that is not
    `None`; the shipped tables and the user's overrides answer last, so a plugin can overrule them.  `None` means "I do
    not know this model"; a price of zero is an answer ("this model is free").

    It must not start programs; if it uses the network, it bounds its own waiting.  If it raises, that counts as no
    answer: the exception is logged with the plugin's name and counted, and the next one is asked.
    `SystemExit` is an error like any other; `KeyboardInterrupt`
    is passed on.

    :param model: the name as the agent gave it.
    :param provider: who bills, such as `anthropic`; `None` when nobody said.
    :param at: aware, UTC: the moment of the event, because prices change.
    """


@hookspec
def event_recorded(event: ExecutionEvent, log_path: Path) -> None:
    """One record is in its feature's log.

    Announced after the line was appended, in the host's process; not announced for a record that had to wait in the
    spool.  Made for forwarders.  Every implementation is called; what they return is ignored and their order is not
    promised.  Hand slow work to a thread or a queue of your own and return within a few milliseconds.

    If an implementation raises, the exception is logged with the plugin's name and counted, the others are still
    called, and the host goes on: the record is safe already.  `SystemExit` is an error like any other;
    `KeyboardInterrupt` is passed on.

    :param event: frozen, exactly as it is on disk.
    :param log_path: the feature's `execution.events.jsonl`.
    """
