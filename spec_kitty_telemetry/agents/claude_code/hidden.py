"""The requests of a Claude Code session that no line of its transcript has, from the totals that it keeps itself.

A total's base holds copied history after `--fork-session` but not after `/branch`, and requests of a sub-agent in the
background may be counted or not yet: of what can be taken off, that is taken which fits.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.store import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from spec_kitty_telemetry.agents.common.store import Fragment, RunningTotal, StoredSession

DOUBT = "no line of the transcript has these requests; they are what the session's own totals hold beyond its messages"
_COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
)
_Sums = dict[str, list[int]]
"""Of each model, the sums of `_COUNTS`."""


def with_hidden(session: StoredSession, fragments: Iterable[Fragment]) -> StoredSession:
    """Add an entry for each model of which the session's totals hold more than its messages."""
    totals = [total for fragment in fragments if fragment.session_id == session.session_id for total in fragment.totals]
    main = next((thread for thread in session.threads if not thread.is_subagent), None)
    if not totals or main is None:
        return session
    hidden = _fitting(session, totals)
    at = {total.model: total.at for total in totals}
    folder = next((one.folder for one in reversed(main.entries) if one.folder), None)
    for model, counts in sorted(hidden.items()):
        if any(counts):
            whole, read, write, hour, output = counts
            main.entries.append(
                Request(
                    request_id=f"{session.session_id} hidden {model}",
                    at=at[model],
                    model=model,
                    folder=folder,
                    input_tokens=whole,
                    cache_read_tokens=read,
                    cache_write_tokens=write,
                    cache_write_1h_tokens=hour,
                    output_tokens=output,
                    is_hidden=True,
                    doubt=DOUBT,
                )
            )
    return session


def _fitting(session: StoredSession, totals: list[RunningTotal]) -> _Sums:
    """Return what the totals hold beyond the messages; nothing where they hold less, whatever is taken off."""
    written: _Sums = {}
    for total in totals:  # a model with a longer context has a line of its own
        before = written.get(total.model, [0] * len(_COUNTS))
        written[total.model] = [have + getattr(total, name) for have, name in zip(before, _COUNTS, strict=True)]
    until = max(total.at for total in totals)
    fitting = [rest for taken in _candidates(session, until) if (rest := _less(written, taken)) is not None]
    exact = (rest for rest in fitting if not any(map(any, rest.values())))
    return next(exact, next(iter(fitting), {}))


def _candidates(session: StoredSession, until: datetime) -> Iterator[_Sums]:
    """Yield what may have been counted: with the copied history or without, with late sub-agents or without."""
    is_marked = session.forked_from is not None
    for with_copies, with_late in product((not is_marked, is_marked), (True, False)):
        yield _summed(
            entry
            for thread in session.threads
            for entry in thread.entries
            if isinstance(entry, Request)
            and (with_copies or not entry.is_copy)
            and (entry.at <= until or (with_late and thread.is_subagent))
        )


def _summed(requests: Iterable[Request]) -> _Sums:
    sums: _Sums = {}
    for request in requests:
        counts = sums.setdefault(request.model or "", [0] * len(_COUNTS))
        for place, name in enumerate(_COUNTS):
            counts[place] += getattr(request, name) or 0
    return sums


def _less(written: _Sums, taken: _Sums) -> _Sums | None:
    rest = {}
    for model in written.keys() | taken.keys():
        nothing = [0] * len(_COUNTS)
        rest[model] = [
            have - used for have, used in zip(written.get(model, nothing), taken.get(model, nothing), strict=True)
        ]
    return None if any(min(counts) < 0 for counts in rest.values()) else rest
