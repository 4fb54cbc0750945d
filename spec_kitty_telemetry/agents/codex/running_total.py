"""A thread's running total, and which lines that speak of it are a request of the thread's own.

One rule for the file of a run (`thread`) and for a store of many sessions (`store`).  A request has a record of its
own, makes the total grow, or both, in either order: it counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.codex.lines import Usage

COPYING = timedelta(seconds=1)
"""How long a version that copies its parent's history takes to begin a file; no request is answered in that time."""


@dataclass(slots=True)
class RunningTotal:
    """What a thread has used so far."""

    usage: Usage | None = None
    """`None`: no line has said it yet."""

    def record(self, used: Usage, running: Usage | None) -> bool:
        """Take in the record of one response; `False`: the total had grown by it before, so it is counted already."""
        if running is None:
            self.usage = used if self.usage is None else self.usage.plus(used)
            return True
        if self.is_at(running):
            return False
        self.usage = running
        return True

    def grow(self, running: Usage, last: Usage | None, *, goes_on: bool) -> Usage | None:
        """Return what one response used that the total grew by; `None` where it cannot be told.

        A total that `goes_on` from another thread's does not say where that one ended: `last` is its first request.
        """
        before, self.usage = self.usage, running
        if before is None:
            return last if goes_on and last is not None else running
        if last is not None and running.is_after(before, last):
            return last
        return running.since(before) or last

    def is_at(self, running: Usage) -> bool:
        """Tell whether the total stands there already; a class of tokens that is not said is 0 here."""
        if self.usage is None or (self.usage.input_tokens or 0) != (running.input_tokens or 0):
            return False  # as nearly always
        pairs = zip(self.usage.counts, running.counts, strict=True)
        return all((one or 0) == (other or 0) for one, other in pairs)


def is_billed_search(action: object) -> bool:
    """Tell whether a web search call that did this is billed: opening a page is not; older versions do not say."""
    return action in (None, "search")
