"""A sign of life on stderr while a long report is made, and only for a person at a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render.terminal import is_terminal

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

QUIET_S = 1.0
"""A report that takes no longer shows nothing."""
_EVERY_S = 0.2
_CLEAR = "\r\x1b[K"


@contextmanager
def progress(read_count: Callable[[], int]) -> Iterator[None]:
    """Show how many records were read so far, from the second second on, and clear the line at the end."""
    if not is_terminal(sys.stderr):
        yield
        return
    import threading

    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(read_count, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(read_count: Callable[[], int], done: threading.Event) -> None:
    began = time.monotonic()
    if done.wait(QUIET_S):
        return
    while True:
        seconds = time.monotonic() - began
        sys.stderr.write(f"{_CLEAR}Reading … {read_count():,} records, {seconds:.0f} s")
        sys.stderr.flush()
        if done.wait(_EVERY_S):
            break
    sys.stderr.write(_CLEAR)
    sys.stderr.flush()
