"""Which attempt a run is: attempts of one role on one work package, retries and re-implementations included.

The host does not say.  Counting goes on from the feature's log, so that a run that is resumed in another process does
not begin again at 1.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.reader import scan

if TYPE_CHECKING:
    from pathlib import Path

_Key = tuple[str | None, str | None]


class Attempts:
    """Counts runs; each log is read once, for at most `patience_s`."""

    def __init__(self, patience_s: float = 1.0) -> None:
        """Count from nothing."""
        self._patience_s = patience_s
        self._counts: dict[Path, dict[_Key, int] | None] = {}

    def next(self, log_path: Path, wp_id: str, role: str) -> int | None:
        """Return the number of the run that begins now, from 1; `None` where the log could not be read in time."""
        if log_path not in self._counts:
            self._counts[log_path] = self._recorded(log_path)
        counts = self._counts[log_path]
        if counts is None:
            return None
        counts[wp_id, role] = counts.get((wp_id, role), 0) + 1
        return counts[wp_id, role]

    def _recorded(self, log_path: Path) -> dict[_Key, int] | None:
        deadline = time.monotonic() + self._patience_s
        counts: dict[_Key, int] = {}
        try:
            for event in scan(log_path):
                if time.monotonic() > deadline:
                    return None
                key = (event.payload.wp_id, event.payload.role)
                # An attempt that was not recorded here (another clone's, say) has still left its number.
                counts[key] = max(counts.get(key, 0) + 1, event.payload.attempt or 0)
        except LogError:
            return None
        return counts
