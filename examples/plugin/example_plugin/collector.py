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
from http.client import HTTPException
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
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
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
        while (body := self._waiting.get()) is not None:
            try:
                request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - the user's
                urllib.request.urlopen(request, timeout=PATIENCE_S).close()  # noqa: S310 - as above
            except (OSError, HTTPException, ValueError):  # it is down, slow, refuses or babbles, or that is no address
                pass

    def _finish(self) -> None:
        """Wait for the last records, but never for ever."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(PATIENCE_S)
