"""Flushing to the disk without waiting for ever: a busy disk can take seconds, and a dead one never answers.

Each flush has a thread, because a thread that hangs in the system can be left behind.  A few may hang; beyond that, and
while any does, nobody waits and the line is left to the system, which writes it within half a minute as it does
everything.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

_MOST_HANGING = 3
_hanging: list[threading.Thread] = []
"""Threads that were not done when their deadline came."""


def flush(descriptor: int, deadline: float) -> None:
    """Flush an open file until `deadline` (of `time.monotonic`) at most; never raises."""
    if not _may_wait():
        return
    try:
        own = os.dup(descriptor)
    except OSError as error:
        logger.debug("fsync: %s", error)
        return
    _flush_until(own, deadline)


def flush_folder(folder: Path, deadline: float) -> None:
    """Make a new file's name safe too; only POSIX can and needs to."""
    if os.name == "posix" and _may_wait():
        with suppress(OSError):
            _flush_until(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), deadline)


def _may_wait() -> bool:
    _hanging[:] = [thread for thread in _hanging if thread.is_alive()]
    return len(_hanging) < _MOST_HANGING


def _flush_until(descriptor: int, deadline: float) -> None:
    flusher = threading.Thread(target=_flush_and_close, args=(descriptor,), name="telemetry-fsync", daemon=True)
    try:
        flusher.start()
    except RuntimeError:  # no more threads, or the interpreter is shutting down
        _flush_and_close(descriptor)
        return
    flusher.join(0 if _hanging else max(0.0, deadline - time.monotonic()))
    if flusher.is_alive():
        _hanging.append(flusher)


def _flush_and_close(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        logger.debug("fsync: %s", error)
    finally:
        os.close(descriptor)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_hanging.clear)
