"""From what was read of a file to the little that tells whose it is."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.agents.common.store import Request
from spec_kitty_telemetry.agents.common.store_index import Outline

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.store import Fragment
    from spec_kitty_telemetry.project.file_stamp import FileStamp

_ids = msgspec.msgpack.Decoder(list[str])


def outlined(fragments: list[Fragment], stamps: list[FileStamp]) -> Outline:
    """Describe what was read of a file."""
    entries = list(chain.from_iterable(each.thread.entries for each in fragments))
    requests = [one.request_id for one in entries if isinstance(one, Request) and not one.is_copy]
    copies = [one.request_id for one in entries if isinstance(one, Request) and one.is_copy]
    moments = [one.at for one in entries]
    began = [each.began_at for each in fragments if each.began_at is not None] or moments
    folders = {one.folder: None for one in entries}
    return Outline(
        stamps=stamps,
        sessions=list(dict.fromkeys(each.session_id for each in fragments)),
        folders=[folder for folder in folders if folder],
        began=min(began).timestamp() if began else 0.0,
        ended=max(moments).timestamp() if moments else 0.0,
        count=len(requests) + len(copies),
        requests=_encoded(requests),
        copies=_encoded(copies),
    )


def ids_in(encoded: bytes) -> list[str]:
    """Return the ids of an outline's requests."""
    try:
        return _ids.decode(encoded)
    except (ValueError, RecursionError):
        return []


def _encoded(ids: list[str]) -> bytes:
    try:
        return msgspec.msgpack.encode(ids)
    except UnicodeEncodeError:
        return msgspec.msgpack.encode([one.encode("utf-8", "replace").decode() for one in ids])
