"""From what was read of a file to the little that tells whose it is."""

from __future__ import annotations

import sys
from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING

from spec_kitty_telemetry.agents.common.store import Request
from spec_kitty_telemetry.agents.common.store_index import Outline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.agents.common.store import Fragment
    from spec_kitty_telemetry.project.file_stamp import FileStamp

ID_BYTES = 8


def outlined(fragments: list[Fragment], stamps: list[FileStamp]) -> Outline:
    """Describe what was read of a file."""
    requests = [one for each in fragments for one in each.thread.entries if isinstance(one, Request)]
    moments = [one.at.timestamp() for each in fragments for one in each.thread.entries]
    began = [each.began_at.timestamp() for each in fragments if each.began_at is not None]
    folders = (entry.folder for each in fragments for entry in each.thread.entries)
    return Outline(
        stamps=stamps,
        sessions=list(dict.fromkeys(each.session_id for each in fragments)),
        folders=list(dict.fromkeys(folder for folder in folders if folder)),
        began=min(began or moments, default=0.0),
        ended=max(moments, default=0.0),
        requests=_ids(one for one in requests if not one.is_copy),
        copies=_ids(one for one in requests if one.is_copy),
    )


def id_of(request: Request) -> int:
    """Return what tells a request from all others of its agent."""
    return int.from_bytes(_digest(request), sys.byteorder)


def numbers_of(ids: bytes) -> array[int]:
    """Return the numbers that `id_of` gives, of an outline's requests."""
    return array("Q", ids)


def _ids(requests: Iterable[Request]) -> bytes:
    return b"".join(map(_digest, requests))


def _digest(request: Request) -> bytes:
    return blake2b(request.request_id.encode("utf-8", "replace"), digest_size=ID_BYTES).digest()
