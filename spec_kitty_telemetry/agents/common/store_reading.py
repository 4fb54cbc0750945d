"""Reading one agent's session store: every session whole, every request in the one session that made it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.agents.common.outlining import ids_in
from spec_kitty_telemetry.agents.common.store import Request
from spec_kitty_telemetry.agents.common.tokens import join_doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.file_reading import FileReading, ReadFile
    from spec_kitty_telemetry.agents.common.store import Signal, StoredSession

_FUTURE = timedelta(days=1)
_IN_FUTURE = "its time lies in the future: a clock was wrong"


class SessionOutline(NamedTuple):
    """What is known of a session before it is put together."""

    agent: str
    session_id: str
    folders: frozenset[str]
    ended_at: datetime
    """Its last entry."""
    state: str
    """Another text whenever one of its files is another: what has the same state has the same content."""


class StoreReading:
    """One reading of one agent's store."""

    def __init__(self, agent: str, reading: FileReading) -> None:
        self._agent = agent
        self._reading = reading
        self._files: list[ReadFile] = []
        self._owners: Owners | None = None
        """Made when the first session is wanted: mostly none is, because nothing changed."""

    def sessions(
        self, context: AgentContext, wanted: Callable[[SessionOutline], bool] | None = None
    ) -> Iterator[StoredSession]:
        """Yield the sessions, those that are `wanted`."""
        self._files = list(self._reading.files(context))
        by_session: dict[str, list[int]] = {}
        for number, file in enumerate(self._files):
            for session in file.outline.sessions:
                by_session.setdefault(session, []).append(number)
        for session, numbers in by_session.items():
            if wanted is None or wanted(self._outline(session, numbers)):
                yield from self._joined(session, numbers)

    def _outline(self, session: str, numbers: list[int]) -> SessionOutline:
        outlines = [self._files[number].outline for number in numbers]
        state = sorted(f"{stamp.size}-{stamp.tail.hex()}" for one in outlines for stamp in one.stamps)
        folders = frozenset(folder for one in outlines for folder in one.folders)
        ended = max(one.ended for one in outlines)
        return SessionOutline(self._agent, session, folders, datetime.fromtimestamp(ended, UTC), " ".join(state))

    def _joined(self, session: str, numbers: list[int]) -> Iterator[StoredSession]:
        if self._owners is None:
            self._owners = Owners([*self._files, *self._reading.gone(self._files)])
        contents = (self._reading.content(self._files[number]) for number in numbers)
        fragments = [one for content in contents for one in content if one.session_id == session]
        for joined in self._reading.store.sessions(fragments):
            self._owners.take_copies_out(joined, frozenset(numbers))
            _doubt_the_future(joined)
            yield joined


class Owners:
    """Which file each request belongs to: where it is not marked as a copy, else the one that was begun first."""

    def __init__(self, files: list[ReadFile]) -> None:
        self._files = files
        order = sorted(range(len(files)), key=lambda number: _rank(files[number]), reverse=True)
        self._owner: dict[str, int] = {}
        for number in order:  # who is written last stays
            self._owner.update(dict.fromkeys(ids_in(files[number].outline.copies), number))
        for number in order:
            self._owner.update(dict.fromkeys(ids_in(files[number].outline.requests), number))
        self._owned = Counter(self._owner.values())

    def take_copies_out(self, session: StoredSession, numbers: frozenset[int]) -> None:
        """Leave out of a session what files of another one own, and what two of its own files say; say whose it was."""
        if all(self._owned[number] == self._files[number].outline.count for number in numbers):
            return
        seen: set[str] = set()
        for thread in session.threads:
            kept = []
            for entry in thread.entries:
                name = entry.request_id if isinstance(entry, Request) else None
                owner = self._owner.get(name) if name is not None else None
                if owner is not None and owner not in numbers:
                    session.forked_from = session.forked_from or self._files[owner].outline.sessions[0]
                elif name is None or name not in seen:
                    kept.append(entry)
                    seen.update([name] if name is not None else ())
            thread.entries = kept


def _rank(file: ReadFile) -> tuple[float, float, str]:
    return file.outline.began, file.outline.ended, str(file.path)


def _doubt_the_future(session: StoredSession) -> None:
    latest = datetime.now(UTC) + _FUTURE
    for thread in session.threads:
        if any(entry.at > latest for entry in thread.entries):
            thread.entries = [_doubted(entry, latest) for entry in thread.entries]


def _doubted(entry: Request | Signal, latest: datetime) -> Request | Signal:
    if not isinstance(entry, Request) or entry.at <= latest:
        return entry
    return msgspec.structs.replace(entry, doubt=join_doubts(entry.doubt, _IN_FUTURE))
