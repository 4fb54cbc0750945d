"""How far each log was sent to an endpoint.

A shortcut, never the truth: where it is lost, or the log was rewritten before that point, the log is sent again, and
receivers know its spans by their ids.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import TelemetryError, reason_of
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES
from spec_kitty_telemetry.project.files import new_file, open_regular, read_small_file

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

_FOLDER = "exports"
_TAIL_BYTES = 1024
_MOST_BYTES = 8 * 1024 * 1024


class Place(msgspec.Struct, frozen=True):
    """A point of a log: all lines before it were sent."""

    size: int = 0
    tail: str = ""
    """A digest of the last bytes before it: where they still stand, what is before them was not rewritten."""


class Cursor:
    """The places of all logs of a project for one endpoint, kept in one small file."""

    def __init__(self, project: Project, url: str) -> None:
        """Read what is known; a file that is lost or broken knows nothing."""
        self._project = project
        self._name = f"otlp-{blake2b(url.encode(), digest_size=8).hexdigest()}.json"
        self._places = _read(project.runtime_dir / _FOLDER / self._name)

    def start_of(self, path: Path) -> int:
        """Return from which byte on the log is still to be sent."""
        place = self._places.get(_key(path))
        return place.size if place and place.size and _place(path, place.size) == place else 0

    def move(self, path: Path, size: int) -> None:
        """Remember that a log was sent up to `size`.

        :raises TelemetryError: that cannot be written.
        """
        place = _place(path, size)
        if place is None:
            return
        self._places[_key(path)] = place
        try:
            target = self._project.runtime_folder(_FOLDER) / self._name
            temporary = target.with_suffix(f".{os.getpid()}.tmp")
            with new_file(temporary) as file:
                file.write(msgspec.json.encode(self._places, order="sorted"))
            temporary.replace(target)
        except OSError as error:
            raise TelemetryError(f"how far {path} was sent cannot be kept: {reason_of(error)}") from error


def end_of_lines(path: Path) -> int:
    """Return the size of a log up to the end of its last whole line: another process may be writing the next one.

    :raises LogError: it is no regular file.
    :raises OSError: it cannot be read.
    """
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        start = max(0, size - MAXIMUM_LINE_BYTES)
        os.lseek(descriptor, start, os.SEEK_SET)
        return start + os.read(descriptor, size - start).rfind(b"\n") + 1
    finally:
        os.close(descriptor)


def _key(path: Path) -> str:
    return path.parent.name


def _place(path: Path, size: int) -> Place | None:
    """Return the point `size` of a log as it is now; `None`: the log is shorter, or cannot be read."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (OSError, TelemetryError):
        return None
    try:
        start = max(0, size - _TAIL_BYTES)
        os.lseek(descriptor, start, os.SEEK_SET)
        tail = os.read(descriptor, size - start)
    finally:
        os.close(descriptor)
    return Place(size, blake2b(tail, digest_size=16).hexdigest()) if len(tail) == size - start else None


def _read(path: Path) -> dict[str, Place]:
    try:
        return msgspec.json.decode(read_small_file(path, _MOST_BYTES), type=dict[str, Place])
    except (OSError, ValueError, TelemetryError):
        return {}
