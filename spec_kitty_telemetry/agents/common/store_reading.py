"""Reading one agent's session store: every session whole, every request in the one session that made it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.agents.common.outlining import ID_BYTES, id_of, numbers_of
from spec_kitty_telemetry.agents.common.store import Request
from spec_kitty_telemetry.agents.common.tokens import join_doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.file_reading import FileReading, ReadFile
    from spec_kitty_telemetry.agents.common.store import Fragment, StoredSession, Thread

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
        self._owners = Owners([])

    def sessions(
        self, context: AgentContext, wanted: Callable[[SessionOutline], bool] | None = None
    ) -> Iterator[StoredSession]:
        """Yield the sessions, those that are `wanted`."""
        self._files = list(self._reading.files(context))
        self._owners = Owners(self._files)
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
        fragments: list[Fragment] = []
        files: dict[int, int] = {}
        for number in numbers:
            found = [one for one in self._reading.content(self._files[number]) if one.session_id == session]
            files |= {id(one.thread): number for one in found}
            fragments += found
        for joined in self._reading.store.sessions(fragments):
            for thread in joined.threads:
                origin = self._owners.take_copies_out(thread, files.get(id(thread), numbers[0]))
                joined.forked_from = joined.forked_from or origin
                _doubt_the_future(thread)
            yield joined


class Owners:
    """Which file each request belongs to: where it is not marked as a copy, else the one that was begun first."""

    def __init__(self, files: list[ReadFile]) -> None:
        self._files = files
        order = sorted(range(len(files)), key=lambda number: _rank(files[number]), reverse=True)
        self._owner: dict[int, int] = {}
        for number in order:  # who is written last stays
            self._owner.update(dict.fromkeys(numbers_of(files[number].outline.copies), number))
        for number in order:
            self._owner.update(dict.fromkeys(numbers_of(files[number].outline.requests), number))
        self._owned = Counter(self._owner.values())

    def take_copies_out(self, thread: Thread, number: int) -> str | None:
        """Leave out of a thread what another file owns, and return the session of that file."""
        outline = self._files[number].outline
        if self._owned[number] == (len(outline.requests) + len(outline.copies)) // ID_BYTES:
            return None
        origins = []
        kept = []
        for entry in thread.entries:
            owner = self._owner.get(id_of(entry), number) if isinstance(entry, Request) else number
            if owner == number:
                kept.append(entry)
            else:
                origins += self._files[owner].outline.sessions[:1]
        thread.entries = kept
        own = set(outline.sessions)
        return next((origin for origin in reversed(origins) if origin not in own), None)


def _rank(file: ReadFile) -> tuple[float, float, str]:
    return file.outline.began, file.outline.ended, str(file.path)


def _doubt_the_future(thread: Thread) -> None:
    latest = datetime.now(UTC) + _FUTURE
    if any(entry.at > latest for entry in thread.entries):
        thread.entries = [
            msgspec.structs.replace(entry, doubt=join_doubts(entry.doubt, _IN_FUTURE))
            if isinstance(entry, Request) and entry.at > latest
            else entry
            for entry in thread.entries
        ]
