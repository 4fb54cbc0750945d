"""Looking something up in a process of its own, which can be stopped whatever it does.

On Linux the process is forked: it has the loaded plugins, the run and all modules at once, for a few milliseconds.  It
gets a share of time and memory, none of the host's files, and no way to write to its terminal.  Elsewhere a fork can
crash what the system's own libraries hold, so a thread does the work: nobody waits for it longer either, but it cannot
be stopped.

The answer is waited for until a deadline.  After that the one who asked says so (`leave_alone`), and the process itself
does what is to be done with a late answer.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.hooks.worker import forking_without_waiting
from spec_kitty_telemetry.project.files import read_small_file

if TYPE_CHECKING:
    from collections.abc import Callable

    Look = Callable[[], bytes]
    UseLate = Callable[[bytes], object]

MOST_SECONDS = 10
"""How long a process looks at most."""
MOST_BYTES = 4 * 1024 * 1024
"""How long an answer may be."""
_MORE_MEMORY_BYTES = 1024 * 1024 * 1024
_MOST_AT_ONCE = 8
_BLOCK_BYTES = 64 * 1024
_LATE = b"L"

_children: set[int] = set()
_threads: list[threading.Thread] = []


class Apart:
    """One look-up that goes on beside its host."""

    def answer(self, deadline: float) -> bytes | None:
        """Wait until `deadline` (of `time.monotonic`) and return what was found; `None`: it is not there yet.

        An empty answer is that of a process that ended without one.
        """
        raise NotImplementedError

    def leave_alone(self) -> None:
        """Say that nobody waits any more: what is found is used there."""
        raise NotImplementedError


def look_apart(look: Look, use_late: UseLate) -> Apart | None:
    """Begin to `look`; `None` where nothing more can be started, so that nothing will be found."""
    _reap()
    if sys.platform == "linux" and len(_children) < _MOST_AT_ONCE:
        with suppress(OSError):  # no more processes, or no more descriptors
            return _Fork(look, use_late)
    _threads[:] = [thread for thread in _threads if thread.is_alive()]
    if sys.platform != "linux" and len(_threads) < _MOST_AT_ONCE:
        with suppress(RuntimeError):  # no more threads
            return _Thread(look, use_late)
    return None


def settle(patience_s: float) -> bool:
    """Wait until all that is looked up is found or given up, at most so long, and tell whether it is."""
    deadline = time.monotonic() + patience_s
    while True:
        _reap()
        if not _children and not any(thread.is_alive() for thread in _threads):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)


class _Fork(Apart):
    def __init__(self, look: Look, use_late: UseLate) -> None:
        self._answers, answers = os.pipe()
        verdict, self._verdict = os.pipe()
        try:
            # Python 3.12 warns of forking beside threads: the fork may hang, and is stopped then.
            with warnings.catch_warnings(action="ignore"), forking_without_waiting():
                number = os.fork()
        except BaseException:
            for descriptor in (self._answers, answers, verdict, self._verdict):
                os.close(descriptor)
            raise
        if number == 0:
            _work(look, use_late, answers, verdict)
        os.close(answers)
        os.close(verdict)
        _children.add(number)

    def answer(self, deadline: float) -> bytes | None:
        found = b""
        waiting = select.poll()
        waiting.register(self._answers, select.POLLIN)
        try:
            while waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
                block = os.read(self._answers, _BLOCK_BYTES)
                found += block
                if not block or len(found) > MOST_BYTES:
                    self._close()
                    return found if len(found) <= MOST_BYTES else b""
        except OSError:
            self._close()
            return b""
        return None

    def leave_alone(self) -> None:
        with suppress(OSError):  # it ended meanwhile
            os.write(self._verdict, _LATE)
        self._close()

    def _close(self) -> None:
        os.close(self._answers)
        os.close(self._verdict)


def _work(look: Look, use_late: UseLate, answers: int, verdict: int) -> None:
    """Do the work of a forked process; it ends here."""
    try:
        _bound(answers, verdict)
        found = look()
        _write(answers, found)
        os.close(answers)
        if os.read(verdict, 1) == _LATE and len(found) <= MOST_BYTES:
            use_late(found)
    except BaseException:  # noqa: BLE001, S110 - nobody is there to be told
        pass
    finally:
        os._exit(0)


def _write(descriptor: int, text: bytes) -> None:
    view = memoryview(text)
    with suppress(OSError):  # nobody waits any more
        while view:
            view = view[os.write(descriptor, view) :]


def _bound(*own: int) -> None:
    """Take from this process the host's files and signals, and what it may use without end."""
    import logging
    import resource
    import signal

    logging.disable(logging.CRITICAL)

    with suppress(ValueError):
        signal.set_wakeup_fd(-1)
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)  # ends the process, whatever it is doing
    nowhere = os.open(os.devnull, os.O_RDWR)
    # Not closed: another file would get the number, and what the host's objects still write would go there.
    for descriptor in {0, 1, 2, *map(int, os.listdir("/proc/self/fd"))} - {*own, nowhere}:
        with suppress(OSError):
            os.dup2(nowhere, descriptor)
    pages = int(read_small_file(Path("/proc/self/statm"), 4096).split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + _MORE_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reap() -> None:
    for number in list(_children):
        try:
            ended, _ = os.waitpid(number, os.WNOHANG)
        except OSError:  # the host has waited for all its children
            ended = number
        if ended:
            _children.discard(number)


class _Thread(Apart):
    def __init__(self, look: Look, use_late: UseLate) -> None:
        self._look, self._use_late = look, use_late
        self._lock = threading.Lock()
        self._found: bytes | None = None
        self._is_left_alone = False
        self._thread = threading.Thread(target=self._work, name="telemetry-usage", daemon=True)
        self._thread.start()
        _threads.append(self._thread)

    def answer(self, deadline: float) -> bytes | None:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            return self._found

    def leave_alone(self) -> None:
        with self._lock:
            self._is_left_alone = True
            found = self._found
        if found:
            self._use_late(found)

    def _work(self) -> None:
        found = b""
        with suppress(BaseException):
            found = self._look()
        with self._lock:
            self._found = found
            is_late = self._is_left_alone
        if is_late and found:
            with suppress(BaseException):
                self._use_late(found)


def _forget_parents() -> None:
    _children.clear()
    _threads.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)
