"""Calling other people's plugins: in a thread of their own, so that a host waits for them a moment and no longer."""

from __future__ import annotations

import inspect
import logging
import time
from typing import TYPE_CHECKING

from spec_kitty_telemetry.hooks.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

logger = logging.getLogger(__name__)

PATIENCE_S = 0.25
"""How long one announcement may hold a host up."""
_OWN_PACKAGE = __name__.partition(".")[0]


def is_own(plugin: object) -> bool:
    """Tell whether `plugin`, a module or an object, is one of this package."""
    name = plugin.__name__ if inspect.ismodule(plugin) else type(plugin).__module__
    return name.partition(".")[0] == _OWN_PACKAGE


class OtherPlugins:
    """The thread in which other people's plugins are called, in the order of what is announced."""

    def __init__(self) -> None:
        """Make it; the thread starts with the first call."""
        self._worker = Worker("plugins", patience_at_exit_s=PATIENCE_S)
        self._last: Future[None] | None = None
        self._is_warned = False

    def call(self, task: Callable[[], None]) -> None:
        """Do `task`, which raises nothing but `KeyboardInterrupt`; wait for it, but no longer than `PATIENCE_S`.

        While an earlier one still goes on, nobody waits: this one is done after it.
        """
        is_busy = self._last is not None and not self._last.done()
        self._last = self._worker.submit(task)
        if is_busy:
            return
        try:
            self._last.result(PATIENCE_S)
        except TimeoutError:
            if not self._is_warned:
                self._is_warned = True
                logger.warning("a telemetry plugin did not return within %s s; the host goes on", PATIENCE_S)

    def settle(self, patience_s: float) -> bool:
        """Wait until all was called, at most so long, and tell whether it was."""
        began = time.monotonic()
        return self._worker.drain(max(0.0, patience_s - (time.monotonic() - began)))
