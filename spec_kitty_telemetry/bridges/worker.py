"""One thread that does one thing after the other, and that nobody waits for longer than they want to.

A thread pool would do the same, but the interpreter waits for its threads without end (`concurrent.futures.thread`,
Python 3.11): a plugin that hangs would keep its host from ever leaving.
"""

from __future__ import annotations

import atexit
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class Worker:
    """Does what it is given in order; its thread starts with the first task."""

    def __init__(self, name: str, patience_at_exit_s: float = 10.0) -> None:
        """Name the thread; leaving the process waits for what is left to do, but no longer than that."""
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._patience_at_exit_s = patience_at_exit_s
        self._start_lock = threading.Lock()

    def submit(
        self, function: Callable[_Arguments, _Answer], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> Future[_Answer]:
        """Call `function` after everything that was submitted before, and return its future answer."""
        future: Future[_Answer] = Future()

        def task() -> None:
            try:
                future.set_result(function(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is asked for
                future.set_exception(error)

        self._tasks.put(task)
        with self._start_lock:
            if self._thread.ident is None:
                self._thread.start()
                atexit.register(self.drain)
        return future

    def drain(self, patience_s: float | None = None) -> bool:
        """Wait until all that was submitted is done, at most so long, and tell whether it is."""
        done = threading.Event()
        self._tasks.put(done.set)
        patience_s = self._patience_at_exit_s if patience_s is None else patience_s
        return self._thread.ident is None or done.wait(patience_s)

    def _work(self) -> None:
        while True:
            self._tasks.get()()
