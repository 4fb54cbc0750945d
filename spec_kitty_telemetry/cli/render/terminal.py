"""The terminal: whether there is one, how wide it is, and whether it shows colours."""

from __future__ import annotations

import os
import shutil
import sys
from typing import IO

UNLIMITED = 1_000_000
"""The width of what is no terminal."""


def is_terminal(stream: IO[str] | None) -> bool:
    """Tell whether a person reads `stream`; `None` is one that was closed."""
    return stream is not None and stream.isatty()


def width() -> int:
    """Return the columns of the terminal; without one, wide enough that nothing is cut."""
    if "COLUMNS" in os.environ or is_terminal(sys.stdout):
        return shutil.get_terminal_size((80, 24)).columns
    return UNLIMITED


def wants_colour() -> bool:
    """Tell whether standard output is a terminal that shows colours, and nobody asked for none (no-color.org)."""
    return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
