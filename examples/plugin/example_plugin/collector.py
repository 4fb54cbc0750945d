"""Forwards every record to a collector: one HTTP POST each, to the address in `EXAMPLE_COLLECTOR_URL`.

A hook runs between two steps of somebody's work, so the record is only put into a queue; a thread sends it.  What
cannot be sent is dropped: the record is safe in the project's own log.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import urllib.request
from typing import TYPE_CHECKING

from spec_kitty_telemetry import hookimpl

if TYPE_CHECKING:
    from spec_kitty_telemetry import ExecutionEvent

PATIENCE_S = 5.0
"""How long one request may take, and how long the host's end waits for the last ones."""


class Collector:
    """The plugin: `Hooks.load()` makes one object of it."""

    def __init__(self) -> None:
        """Start nothing: most processes that load plugins never record anything."""
        self._waiting: queue.Queue[bytes] = queue.Queue()
        self._thread: threading.Thread | None = None

    @hookimpl
    def event_recorded(self, event: ExecutionEvent) -> None:
        """Hand the record on, and return at once."""
        url = os.environ.get("EXAMPLE_COLLECTOR_URL")
        if not url:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._send, args=(url,), daemon=True)
            self._thread.start()
            atexit.register(self._finish)
        self._waiting.put(event.to_json())

    def _send(self, url: str) -> None:
        while True:
            body = self._waiting.get()
            try:
                request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - the user's
                urllib.request.urlopen(request, timeout=PATIENCE_S).close()  # noqa: S310 - as above
            except (OSError, ValueError):  # the collector is down, slow or refuses, or that is no address
                pass
            finally:
                self._waiting.task_done()

    def _finish(self) -> None:
        """Wait for the last records, but never for ever."""
        sent = threading.Thread(target=self._waiting.join, daemon=True)
        sent.start()
        sent.join(PATIENCE_S)
