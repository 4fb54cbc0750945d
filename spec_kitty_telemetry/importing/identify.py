"""Ids of imported records: the same on every machine, for every import of the same requests.

A segment is known by its agent, its session, its first request and the mission it is recorded in.  Ids have the shape
of a ULID: 48 bits of time in milliseconds, and 80 that are a hash here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MOST_MS = 2**48 - 1


def segment_id(agent: str, session_id: str, request_id: str, scope: str, at: datetime, moves: int = 0) -> str:
    """Return the id of the segment whose first request was `request_id`, made `at`, in the mission `scope`.

    `moves` is how often it was taken back there because it moved to another mission.
    """
    return _ulid(at, "segment", agent, session_id, request_id, scope, *([str(moves)] if moves else []))


def revision_id(subject: str, revision: int, at: datetime) -> str:
    """Return the id of the record that brings the segment `subject` up to date."""
    return _ulid(at, "revision", subject, str(revision))


def _ulid(at: datetime, *names: str) -> str:
    digest = hashlib.sha256("\0".join(names).encode("utf-8", errors="surrogatepass")).digest()
    milliseconds = min(max(0, int(at.timestamp() * 1000)), _MOST_MS)
    number = milliseconds << 80 | int.from_bytes(digest[:10])
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
