"""Reading each file of a session store once: again only where it changed, and only what was added where it grew."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from spec_kitty_telemetry.agents.common.outlining import outlined
from spec_kitty_telemetry.agents.common.store_files import LineBlocks, opened
from spec_kitty_telemetry.project.file_stamp import FileStamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import Fragment
    from spec_kitty_telemetry.agents.common.store_index import Outline, StoreIndex

_MOST_HELD = 60_000
"""How many entries of files that were just read are kept in memory, about 30 MB; others are taken from the index."""

log = logging.getLogger(__name__)


class ReadFile(NamedTuple):
    """A file of a store, and what is known of it."""

    path: Path
    outline: Outline
    fragments: list[Fragment] | None
    """What was read, where it is in memory still."""


class FileReading:
    """Reads files with an agent's `store` module.

    The module has `FORMAT`, `session_files(context)`, `sessions(fragments)` and `reader(path, fragments)` for files of
    lines, or `read_file(path)` for others; where it has both, `read_file` answers `None` for files of lines.  It may
    have `companions(path)`: files that are read with it.
    """

    def __init__(self, agent: str, store: Any, index: StoreIndex) -> None:
        self.store = store
        self._index = index
        self._kind = f"{agent} {store.FORMAT}"
        self._held = 0

    def files(self, context: AgentContext) -> Iterator[ReadFile]:
        """Yield the files that hold anything; one that cannot be read is passed over."""
        for path in self.store.session_files(context):
            try:
                found = self._file(path)
            except Exception:
                log.warning("%s could not be read", path, exc_info=True)
                continue
            if found is not None and found.outline.sessions:
                yield found

    def gone(self, files: list[ReadFile]) -> list[ReadFile]:
        """Return files that are there no more, of sessions that are nowhere else: what they had was theirs."""
        live = {session for file in files for session in file.outline.sessions}
        found = self._index.gone(self._kind, [file.path for file in files])
        return [ReadFile(path, outline, []) for path, outline in found if live.isdisjoint(outline.sessions)]

    def content(self, file: ReadFile) -> list[Fragment]:
        """Return what was read of a file."""
        if file.fragments is not None:
            return file.fragments
        kept = self._index.content(file.path)
        if kept is not None:
            return kept
        again = self._read(file.path, None)  # the index lost it in the meantime
        return again[1] if again else []

    def _file(self, path: Path) -> ReadFile | None:
        known = self._index.outline(path, self._kind)
        if known is not None and self._is_unchanged(path, known):
            return ReadFile(path, known, None)
        read = self._read(path, known)
        if read is None:
            return None
        stamps, fragments = read
        fragments = [one for one in fragments if one.thread.entries or one.totals or one.carried]
        outline = outlined(fragments, stamps)
        is_kept = self._index.keep(path, self._kind, outline, fragments)
        size = sum(len(one.thread.entries) for one in fragments)
        self._held += size
        return ReadFile(path, outline, None if is_kept and self._held > _MOST_HELD else fragments)

    def _companions(self, path: Path) -> list[Path]:
        named = getattr(self.store, "companions", None)
        return [path, *(named(path) if named else ())]

    def _is_unchanged(self, path: Path, known: Outline) -> bool:
        present = 0
        for each in self._companions(path):
            with opened(each) as descriptor:
                if descriptor is None:
                    continue
                if present == len(known.stamps):
                    return False
                if not known.stamps[present].is_unchanged(descriptor, os.fstat(descriptor)):
                    return False
                present += 1
        return present == len(known.stamps) > 0

    def _read(self, path: Path, known: Outline | None) -> tuple[list[FileStamp], list[Fragment]] | None:
        if hasattr(self.store, "read_file"):
            stamps = self._stamps(path)
            fragments = self.store.read_file(path) if stamps else []
            if fragments is not None:
                return (stamps, fragments) if stamps else None
        with opened(path) as descriptor:
            return None if descriptor is None else self._read_lines(path, descriptor, known)

    def _stamps(self, path: Path) -> list[FileStamp]:
        """Describe a file, and those that are read with it, before they are read."""
        with ExitStack() as stack:
            descriptors = [stack.enter_context(opened(each)) for each in self._companions(path)]
            if descriptors[0] is None:
                return []
            return [FileStamp.of(one, os.fstat(one), 0) for one in descriptors if one is not None]

    def _read_lines(self, path: Path, descriptor: int, known: Outline | None) -> tuple[list[FileStamp], list[Fragment]]:
        status = os.fstat(descriptor)
        grown = known is not None and known.stamps[0].has_grown(descriptor, status)
        before = self._index.content(path) if grown else None
        start = known.stamps[0].read_to if known is not None and before else 0
        reader = self.store.reader(path, before or [])
        blocks = LineBlocks(descriptor, start)
        for block in blocks:
            reader.take(block)
        read_to = blocks.position
        if blocks.rest.rstrip().endswith(b"}"):  # whole, all but its line break: read again from the beginning later
            reader.take(blocks.rest + b"\n")
            read_to = 0
        return [FileStamp.of(descriptor, status, read_to)], reader.fragments
