"""Opening a file of a repository without being led elsewhere or made to wait, and cutting it into lines."""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import contextmanager
from io import BytesIO
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from typing import BinaryIO

BLOCK_BYTES = 64 * 1024
"""How much of a log is read at once; not above `MAXIMUM_LINE_BYTES`, which `cut` relies on.

What a block becomes stays in a processor's cache: with 1 MiB a report took half as long again.
"""

# Windows has none of the first three and needs the last, or it would translate line ends.
_SAFELY = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


_left_alone = threading.local()


class FilesLeftAloneError(BaseException):
    """Somebody wanted to read a file that is not ours while `files_left_alone` holds."""


@contextmanager
def files_left_alone() -> Iterator[None]:
    """Let nothing in this thread read agents' files: whoever wants to (`check_that_it_may_be_read`) is stopped."""
    _left_alone.now = True
    try:
        yield
    finally:
        _left_alone.now = False


def check_that_it_may_be_read(path: Path | str) -> None:
    """Stop here while `files_left_alone` holds, if there is anything at `path`.

    :raises FilesLeftAloneError: so it is.  No `Exception`, so that no reader takes it for an unreadable file.
    """
    if getattr(_left_alone, "now", False) and os.path.lexists(path):
        raise FilesLeftAloneError


def open_regular(path: Path, flags: int) -> int:
    """Open `path` with `flags` of `os.open` and return its descriptor; a new file gets the user's umask.

    :raises LogError: it is a symlink, a folder, a pipe or anything else that is no regular file.
    :raises OSError: it cannot be opened.
    """
    if not hasattr(os, "O_NOFOLLOW"):
        _refuse_link(path)
    try:
        descriptor = os.open(path, flags | _SAFELY, 0o666)
    except FileNotFoundError:
        raise
    except OSError as error:
        _refuse_link(path, error)
        if path.is_dir():  # Windows says "permission denied" for a folder
            raise LogError(f"{path} is a folder, expected a file; move it away") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise LogError(f"{path} is not a regular file; move it away")
    return descriptor


def _refuse_link(path: Path, error: OSError | None = None) -> None:
    if path.is_symlink():
        raise LogError(f"{path} is a symlink, which telemetry does not follow; put the file itself there") from error


def new_file(path: Path) -> BinaryIO:
    """Open a file of our own to write it, in the place of whatever has its name; a link there is never followed.

    :raises OSError: it cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY
    try:
        descriptor = os.open(path, flags, 0o666)
    except FileExistsError:
        path.unlink()
        descriptor = os.open(path, flags, 0o666)
    return os.fdopen(descriptor, "wb")


def is_within(path: Path, root: Path) -> bool:
    """Tell whether `path`, with every symlink followed, lies in `root`."""
    return _is_plainly_within(path, root) or Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _is_plainly_within(path: Path, root: Path) -> bool:
    """Tell whether `path` leads down from `root` without a link: then it does not matter where the root's own lead.

    A quarter of the time that it takes to follow all of them; not on Windows, where not only symlinks lead elsewhere.
    """
    depth = len(root.parts)
    names = path.parts[depth:]
    if os.name == "nt" or not depth or path.parts[:depth] != root.parts or ".." in names:
        return False
    below = islice(accumulate(names, os.path.join, initial=str(root)), 1, None)
    return not any(map(os.path.islink, below))


def cut(begun: bytes | None, block: bytes) -> tuple[list[bytes | None], bytes | None]:
    """Return the lines that end in `block`, with their newlines, and how the next begins; `begun`: how the first began.

    `None` stands for a line, or the beginning of one, over 1 MiB: it is never held in memory.
    """
    if not block:
        return [], begun
    lines: list[bytes | None] = list(BytesIO(block).readlines())  # twice as fast as split() for long lines
    first = lines[0] or b""
    ends = first.endswith(b"\n")
    if begun is None or len(begun) + len(first) - ends > MAXIMUM_LINE_BYTES:
        lines[0] = None
    elif begun:
        lines[0] = begun + first
    if len(lines) == 1 and not ends:
        return [], lines[0]
    return lines, (b"" if block.endswith(b"\n") else lines.pop())


def open_foreign(path: Path) -> BinaryIO:
    """Open a file that an agent keeps, to read it; all else as `open_plain`.

    :raises FilesLeftAloneError: `files_left_alone` holds.
    """
    check_that_it_may_be_read(path)
    return open_plain(path)


def open_plain(path: Path) -> BinaryIO:
    """Open a file that another program or person keeps, to read it; links to files are followed.

    :raises OSError: it cannot be opened, or is no regular file: a pipe or a terminal could keep us waiting for ever.
    """
    descriptor = os.open(path, os.O_RDONLY | (_SAFELY & ~getattr(os, "O_NOFOLLOW", 0)))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def open_database(path: Path, timeout_s: float) -> sqlite3.Connection:
    """Open an SQLite file that another program keeps, to read it.

    :raises OSError: as `open_foreign`.
    :raises sqlite3.Error: it cannot be opened.
    """
    import sqlite3  # few agents have one

    open_foreign(path).close()
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=timeout_s)


def read_small_file(path: Path, most_bytes: int) -> bytes:
    """Return the beginning of a file, at most `most_bytes` and one more; symlinks to files are followed.

    :raises LogError: it is a folder, a pipe or anything else that is no regular file.
    :raises OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | (_SAFELY & ~getattr(os, "O_NOFOLLOW", 0)))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise LogError(f"{path} is not a regular file; move it away")
        return os.read(descriptor, most_bytes + 1)
    finally:
        os.close(descriptor)


def read_end(path: Path, most_bytes: int) -> bytes:
    """Return the last `most_bytes` of a file; symlinks are not followed.

    :raises LogError: it is a symlink, a folder, a pipe or anything else that is no regular file.
    :raises OSError: it cannot be read.
    """
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        os.lseek(descriptor, max(0, os.fstat(descriptor).st_size - most_bytes), os.SEEK_SET)
        return os.read(descriptor, most_bytes)
    finally:
        os.close(descriptor)


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file does; `None` where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
