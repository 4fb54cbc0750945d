"""What a command changes in the process that it runs in, which may be a host's, and puts back, also after an error.

All global state that commands touch is here; nothing else in the package changes any that is not its own.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def question_marks_for_what_a_console_lacks() -> Iterator[None]:
    """Let standard output and standard error show `?` for a character they cannot encode, instead of a traceback."""
    before: list[tuple[Any, str]] = []
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a stream that a host or a test put there may lack it
            before.append((stream, stream.errors or "strict"))
            stream.reconfigure(errors="replace")
    try:
        yield
    finally:
        for stream, errors in before:
            with suppress(OSError, ValueError):  # it was closed, or whoever read it is gone
                stream.reconfigure(errors=errors)


@contextmanager
def characters_counted_by_us() -> Iterator[None]:
    """Keep tabulate from counting columns itself where wcwidth is installed: it would count our stand-ins too."""
    import tabulate  # 80 ms that JSON need not pay

    before = tabulate.WIDE_CHARS_MODE
    tabulate.WIDE_CHARS_MODE = False
    try:
        yield
    finally:
        tabulate.WIDE_CHARS_MODE = before
