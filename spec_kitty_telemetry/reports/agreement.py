"""Processes that read parts of one log agree on which of its records count (`superseding`).

Each says what the lines of its part claim; the parent joins that and tells everybody.  Only where a record's own,
plain line may come before what is claimed, each looks for such lines in a second round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.superseding import (
    Claims,
    Superseding,
    claims_in,
    join,
    plain_claims_in,
    subjects_undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from spec_kitty_telemetry.log.lines import ByteRange

    Rules = dict[Path, Superseding]
    Part = tuple[Sequence[ByteRange], Connection | None]
    """The byte ranges that one process reads of logs that others read, too; `None`: the parent looks itself."""
    Undecided = dict[Path, set[str]]


def cut_logs(shares: Iterable[Iterable[ByteRange]]) -> set[Path]:
    """Return the logs of which more than one share has a part."""
    holders: dict[Path, int] = {}
    for share in shares:
        for path in {byte_range.path for byte_range in share}:
            holders[path] = holders.get(path, 0) + 1
    return {path for path, count in holders.items() if count > 1}


def agree(parts: Sequence[Part]) -> Rules:
    """Return the rules of the logs in `parts` when every process has said its part, and tell them all."""
    claims: dict[Path, Claims] = {}
    _collect(claims, parts, {})
    undecided = {path: subjects for path, claimed in claims.items() if (subjects := subjects_undecided(claimed))}
    _tell(parts, undecided)
    if undecided:
        _collect(claims, parts, undecided)
    _tell(parts, claims)
    return {path: Superseding(claimed) for path, claimed in claims.items()}


def take_part(ranges: Sequence[ByteRange], connection: Connection) -> Rules:
    """Say what `ranges` claim, and return the rules that all agreed on; the other side of `agree`."""
    connection.send(_claims(ranges, {}))
    if undecided := connection.recv():
        connection.send(_claims(ranges, undecided))
    return {path: Superseding(claimed) for path, claimed in connection.recv().items()}


def _collect(claims: dict[Path, Claims], parts: Sequence[Part], undecided: Undecided) -> None:
    for ranges, connection in parts:
        received = _received(connection)
        for byte_range, more in zip(ranges, _claims(ranges, undecided) if received is None else received, strict=True):
            join(claims.setdefault(byte_range.path, {}), more)


def _claims(ranges: Sequence[ByteRange], undecided: Undecided) -> list[Claims]:
    return [_claims_of(byte_range, undecided.get(byte_range.path) if undecided else None) for byte_range in ranges]


def _claims_of(byte_range: ByteRange, subjects: set[str] | None) -> Claims:
    try:
        return claims_in(byte_range) if subjects is None else plain_claims_in(byte_range, subjects)
    except LogError:  # whoever reads the log for its records says so
        return {}


def _received(connection: Connection | None) -> list[Claims] | None:
    try:
        received: list[Claims] | None = connection.recv() if connection else None
    except (EOFError, OSError):  # the process ended; its share will be counted again
        return None
    return received


def _tell(parts: Sequence[Part], what: Any) -> None:
    for _, connection in parts:
        try:
            if connection is not None:
                connection.send(what)
        except OSError:  # as above
            continue
