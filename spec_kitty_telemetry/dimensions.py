"""What records can be grouped by: one function for each dimension, from a record to the value it has there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.moments import in_zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.record import ExecutionEvent, ModelPart

Value = str | int | None
"""`None`: the record does not say."""
Dimension = Callable[["ExecutionEvent", "ModelPart | None"], Value]
"""From a record, and the part of it that one model did where it is split by model, to a value."""

TAG_PREFIX = "tag:"
NAMES = (
    "feature", "wp", "role", "agent", "model", "provider", "outcome", "attempt", "run", "day", "week", "month",
)  # fmt: skip
SPLITTING = frozenset({"model", "provider"})
"""Dimensions in which one record can have several values, because one run used several models."""
_ALIASES = {"mission": "feature", "wp_id": "wp", "work-package": "wp", "run_id": "run"}


def checked(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return the dimensions' own names: `mission` is `feature`, and a text may list several, separated by commas.

    :raises FilterError: one is unknown, stands twice, or there is none.
    """
    wanted = names.split(",") if isinstance(names, str) else list(names)
    if not wanted:
        raise FilterError(f"found no dimension, expected at least one of {', '.join(NAMES)} or tag:<name>")
    chosen = tuple(_ALIASES.get(name.strip(), name.strip()) for name in wanted)
    for name in chosen:
        if name not in NAMES and not (name.startswith(TAG_PREFIX) and len(name) > len(TAG_PREFIX)):
            raise FilterError(f"found the dimension {name!r}, expected one of {', '.join(NAMES)} or tag:<name>")
    if len(set(chosen)) != len(chosen):
        raise FilterError(f"found a dimension twice in {', '.join(chosen)!r}; name each once")
    return chosen


def dimension(name: str, zone: ZoneInfo | None) -> Dimension:
    """Return the function for the dimension `name`; days, weeks and months are cut in `zone`."""
    if name.startswith(TAG_PREFIX):
        tag = name.removeprefix(TAG_PREFIX)
        return lambda event, _part: event.payload.tags.get(tag)
    if name in _TIMES:
        write = _TIMES[name]
        return lambda event, part: in_zone(event.timestamp, zone).strftime(write)
    return _PLAIN[name]


_TIMES = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
_PLAIN: dict[str, Dimension] = {
    "feature": lambda event, part: event.aggregate_id,
    "wp": lambda event, part: event.payload.wp_id,
    "role": lambda event, part: event.payload.role,
    "agent": lambda event, part: event.payload.agent,
    "model": lambda event, part: part.model if part else event.payload.model,
    "provider": lambda event, part: (part.provider if part else None) or event.payload.provider,
    "outcome": lambda event, part: event.payload.outcome,
    "attempt": lambda event, part: event.payload.attempt,
    "run": lambda event, part: event.payload.run_id,
}
