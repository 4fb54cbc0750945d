"""Reading the notes of the host's commands, and putting them into the sessions that ran them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec

from spec_kitty_telemetry.agents.common.store import Signal, StoredSession
from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.log.lines import numbered_lines
from spec_kitty_telemetry.project.files import is_within
from spec_kitty_telemetry.project.host_notes import FOLDER, KEPT_DAYS, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.store import Request, Thread
    from spec_kitty_telemetry.project.layout import Project

_MONTH = timedelta(days=31)
_ONE_CALL = timedelta(seconds=60)
"""How long after a tool was called the host's command may note itself."""
_Name = Annotated[str, msgspec.Meta(max_length=200)]


class Note(msgspec.Struct, frozen=True, gc=False):
    """One of the host's commands, as it noted itself."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    verb: _Name
    mission: _Name | None = None
    wp_id: _Name | None = None
    lane: _Name | None = None
    agent: _Name | None = None
    cwd: str | None = None
    session_agent: _Name | None = None
    session_id: _Name | None = None
    call_id: _Name | None = None
    run_id: _Name | None = None


_decode = msgspec.json.Decoder(Note).decode


def notes_of(project: Project) -> dict[str, list[Note]]:
    """Return the notes of a project by session, each list in the order of time; those of no session are left out."""
    found: dict[str, list[Note]] = {}
    folder = project.runtime_dir.joinpath(*FOLDER)
    if not folder.is_dir() or not is_within(folder, project.root):
        return found
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        for note in _read(path):
            if note.session_id:
                found.setdefault(note.session_id, []).append(note)
    for notes in found.values():
        notes.sort(key=lambda note: note.at)
    return found


def _read(path: Path) -> list[Note]:
    found = []
    with suppress(TelemetryError):
        for _, line in numbered_lines(path):
            with suppress(ValueError, RecursionError):
                found.append(_decode(line or b""))
    return found


def forget_old(project: Project, now: datetime | None = None) -> None:
    """Remove the months whose last note is older than `KEPT_DAYS`."""
    oldest = (now or datetime.now(UTC)) - timedelta(days=KEPT_DAYS)
    folder = project.runtime_dir.joinpath(*FOLDER)
    if not folder.is_dir() or not is_within(folder, project.root):
        return
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(ValueError, OSError):
            if datetime.strptime(path.stem, "%Y-%m").replace(tzinfo=UTC) + _MONTH < oldest:
                path.unlink()


def with_notes(session: StoredSession, notes: Iterable[Note]) -> StoredSession:
    """Return `session` with the notes of its commands: each in the thread whose call it was, else in the main one."""
    signals: dict[int, list[Signal]] = {}
    for note in notes:
        if (place := _thread_of(session.threads, note)) is not None:
            signals.setdefault(place, []).append(_signal(note))
    if not signals:
        return session
    threads = [
        msgspec.structs.replace(thread, entries=_merged(thread.entries, signals.get(place, [])))
        for place, thread in enumerate(session.threads)
    ]
    return msgspec.structs.replace(session, threads=threads)


def _thread_of(threads: Sequence[Thread], note: Note) -> int | None:
    for place, thread in enumerate(threads):
        if any(_is_call_of(entry, note) for entry in thread.entries if isinstance(entry, Signal)):
            return place
    return next((place for place, thread in enumerate(threads) if not thread.is_subagent), None)


def _is_call_of(signal: Signal, note: Note) -> bool:
    if signal.kind != "command":
        return False
    if note.call_id is not None:
        return signal.call_id == note.call_id
    return signal.verb == note.verb and signal.wp_id == note.wp_id and signal.at <= note.at <= signal.at + _ONE_CALL


def _signal(note: Note) -> Signal:
    return Signal(
        kind="note",
        at=note.at.astimezone(UTC),
        call_id=note.call_id,
        verb=note.verb,
        mission=note.mission,
        wp_id=note.wp_id,
        lane=note.lane,
        agent=note.agent,
        folder=note.cwd,
    )


def _merged(entries: Sequence[Request | Signal], notes: Sequence[Signal]) -> list[Request | Signal]:
    """Return the entries with each note before the first one that is later; the entries keep their order."""
    merged: list[Request | Signal] = []
    waiting = list(notes)
    for entry in entries:
        while waiting and waiting[0].at < entry.at:
            merged.append(waiting.pop(0))
        merged.append(entry)
    return [*merged, *waiting]
