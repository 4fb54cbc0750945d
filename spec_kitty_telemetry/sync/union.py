"""The union of one log: what is in the branch comes into the local log, and the other way round.

Lines are moved, never interpreted: which of several records of one run counts is for readers to say.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.known_ids import KnownIds
from spec_kitty_telemetry.log.lines import numbered_lines
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.log.writer import FeatureLog

_PATIENCE_S = 10.0


class Key(NamedTuple):
    """Which record a line is.  A killed run and its later result share an id, not a revision."""

    event_id: str
    revision: int


class _Payload(msgspec.Struct, gc=False):
    revision: int = 1


class _Line(msgspec.Struct, gc=False):
    event_id: str = ""
    lamport_clock: int = 0
    payload: _Payload | None = None


_decoder = msgspec.json.Decoder(_Line)

Records = dict[Key, bytes]
"""Lines without their newlines, each record once, in the order in which they were found."""


class Union(NamedTuple):
    """What became of one log."""

    content: bytes | None
    """What the branch has to hold; `None`: its first side has all of it."""
    came: int
    """Records that were appended to the local log."""
    went: int
    """Records that no side of the branch had."""


def unite(sides: list[bytes], log: FeatureLog | None) -> Union:
    """Unite the `sides` of the branch with the local `log`, and append to that what it lacks.

    :raises LogError: the local log cannot be read or written; what was appended before that stays.
    """
    read = [records_in(side.split(b"\n")) for side in sides]
    in_branch = _joined(read)
    local = _local_records(log) if log else {}
    came = _append(log, [line for key, line in in_branch.items() if key not in local]) if log else 0
    every = _joined([in_branch, local])
    if read and len(read[0]) == len(every):
        return Union(None, came, 0)
    return Union(b"".join(line + b"\n" for line in every.values()), came, len(every) - len(in_branch))


def records_in(lines: Iterable[bytes | None]) -> Records:
    """Return the records in `lines`; what is no record stays where it is."""
    found: Records = {}
    for line in lines:
        if line is not None and len(line) < MAXIMUM_LINE_BYTES and (key := _key(line)):
            found.setdefault(key, line.rstrip(b"\r\n"))
    return found


def _key(line: bytes) -> Key | None:
    try:
        said = _decoder.decode(line)
    except (ValueError, RecursionError):
        return None
    return Key(said.event_id, said.payload.revision if said.payload else 1) if said.event_id else None


def _joined(parts: Iterable[Records]) -> Records:
    """Return all records of `parts`: of two with one key the first."""
    joined: Records = {}
    for part in parts:
        for key, line in part.items():
            joined.setdefault(key, line)
    return joined


def _local_records(log: FeatureLog) -> Records:
    with suppress(LogError):  # what cannot be drained waits on, and goes with the next sync
        log.drain(_PATIENCE_S)
    return records_in(line for _, line in numbered_lines(log.path))


def _append(log: FeatureLog, lines: list[bytes]) -> int:
    """Append `lines` one by one: a run that ends meanwhile must not have to wait for a colleague's whole history."""
    known = KnownIds()
    if lines:
        log.make_folder()  # of a mission that only others have yet
    return sum(log.append_once(line + b"\n", known, _PATIENCE_S) for line in lines)
