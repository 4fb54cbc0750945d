"""One thread that does one thing after the other, and that nobody waits for longer than they want to.

A thread pool would do the same, but the interpreter waits for its threads without end (`concurrent.futures.thread`,
Python 3.11): a plugin that hangs would keep its host from ever leaving.

Where no thread can be started, the caller's own does the work.  A process that was forked begins anew: its parent's
thread is not there, and what that was given is done by the parent.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


class Worker:
    """Does what it is given in order; its thread starts with the first task."""

    def __init__(self, name: str, patience_at_exit_s: float = 1.0) -> None:
        """Name the thread; leaving the process waits for what is left to do, but no longer than that."""
        self._name = f"telemetry-{name}"
        self._patience_at_exit_s = patience_at_exit_s
        self._is_waited_for_at_exit = False
        self.begin_anew()
        _all_workers.add(self)

    def begin_anew(self) -> None:
        """Forget the thread and what it was given; for a process that was forked."""
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._start_lock = threading.Lock()
        self._is_started = False

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

        if self._start():
            self._tasks.put(task)
        else:
            task()
        return future

    def drain(self, patience_s: float | None = None) -> bool:
        """Wait until all that was submitted is done, at most so long, and tell whether it is."""
        if not self._is_started:
            return True
        done = threading.Event()
        self._tasks.put(done.set)
        return done.wait(self._patience_at_exit_s if patience_s is None else patience_s)

    def _start(self) -> bool:
        with self._start_lock:
            if self._is_started:
                return True
            try:
                threading.Thread(target=self._work, args=(self._tasks,), name=self._name, daemon=True).start()
            except RuntimeError:  # no more threads, or the interpreter is leaving
                return False
            self._is_started = True
            if not self._is_waited_for_at_exit:
                self._is_waited_for_at_exit = True
                atexit.register(self.drain)
            return True

    @staticmethod
    def _work(tasks: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            tasks.get()()


_PATIENCE_AT_FORK_S = 1.0
_own_fork = threading.local()
_all_workers: WeakSet[Worker] = WeakSet()


@contextmanager
def forking_without_waiting() -> Iterator[None]:
    """Let a fork that this thread makes wait for nothing: what it needs is loaded, and it may be lost."""
    _own_fork.now = True
    try:
        yield
    finally:
        _own_fork.now = False


def _finish_all() -> None:
    """Let what is under way be done: a fork in the middle of an import can never import that module."""
    if getattr(_own_fork, "now", False):
        return
    deadline = time.monotonic() + _PATIENCE_AT_FORK_S
    for worker in list(_all_workers):
        worker.drain(max(0.0, deadline - time.monotonic()))


def _begin_all_anew() -> None:
    for worker in list(_all_workers):
        worker.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish_all, after_in_child=_begin_all_anew)
