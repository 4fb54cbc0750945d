"""Doubts that a record says of itself in words (`uncertain`), and which of them can only mean that more was used."""

from __future__ import annotations

from functools import lru_cache

CUT_OFF = "the run was cut off; its last request is missing"
CUT_OFF_IN_STREAM = "the run was cut off; output is at least what was streamed"
TOO_LARGE = "the agent's own files were too large to be read whole"

TOO_LOW = "too low: "
"""How a sentence of any other agent begins that says what is missing; what is only not counted ends so."""

_MISSING = (CUT_OFF, CUT_OFF_IN_STREAM, TOO_LARGE)
_NOT_COUNTED = "not counted"


@lru_cache(maxsize=256)
def only_misses(uncertain: str) -> bool:
    """Tell whether all doubts in `uncertain` say that something is missing, so that the true cost is higher.

    What is missing was used and paid for, so this makes a floor; any other doubt may go either way.
    """
    for sentence in _MISSING:
        uncertain = uncertain.replace(sentence, "")
    rest = [doubt for doubt in uncertain.split("; ") if doubt.strip(" ;")]
    return all(doubt.startswith(TOO_LOW) or doubt.endswith(_NOT_COUNTED) for doubt in rest)
