"""Ids of records: ULIDs (github.com/ulid/spec), which sort by the time at which they were made.

Made here and not by a library: the usual one holds a lock, and a process that is forked while another thread holds it
waits for ever.
"""

from __future__ import annotations

import os
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BYTES = 10
_CHARACTERS = 26


def new_id() -> str:
    """Return a new ULID: 48 bits of milliseconds since 1970 and 80 random bits."""
    milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
    number = milliseconds << 80 | int.from_bytes(os.urandom(_RANDOM_BYTES), "big")
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_CHARACTERS)))
