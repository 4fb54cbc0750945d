"""What records can be grouped by: one function for each dimension, from a record to the value it has there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import FilterError

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.model.payload import ModelPart
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing.naming import Naming

Value = str | int | None
"""`None`: the record does not say."""
Dimension = Callable[["ExecutionEvent", "ModelPart | None"], Value]
"""From a record, and the part of it that one model did where it is split by model, to a value."""
Key = Value | tuple[Value, ...]
"""The values of one group in the order of the dimensions; of one dimension the value itself, for which there is no
tuple to be made."""
KeyOfRun = Callable[["ExecutionEvent"], Key]
KeyOfPart = Callable[["ExecutionEvent", "ModelPart"], Key]

TAG_PREFIX = "tag:"
SPLITTING = frozenset({"model", "provider"})
"""Dimensions in which one record can have several values, because one run used several models."""
_ALIASES = {"mission": "feature", "wp_id": "wp", "work-package": "wp", "run_id": "run", "person": "tag:person"}


def checked(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return the dimensions' own names: `mission` is `feature`, and a text may list several, separated by commas.

    :raises FilterError: one is unknown, stands twice, or there is none.
    """
    wanted = names.split(",") if isinstance(names, str) else list(names)
    if not wanted:
        raise FilterError(f"found no dimension, expected at least one of {', '.join(NAMES)} or tag:<name>")
    chosen = tuple(own_name(name.strip()) for name in wanted)
    for name in chosen:
        if name not in NAMES and not (name.startswith(TAG_PREFIX) and len(name) > len(TAG_PREFIX)):
            raise FilterError(f"found the dimension {name!r}, expected one of {', '.join(NAMES)} or tag:<name>")
    if len(set(chosen)) != len(chosen):
        raise FilterError(f"found a dimension twice in {', '.join(chosen)!r}; name each once")
    return chosen


def kept_apart(by: tuple[str, ...]) -> tuple[str, ...]:
    """Return the dimensions that keep work packages of several features apart: every feature has a WP01."""
    return ("feature", *by) if "wp" in by and "feature" not in by else by


def own_name(name: str) -> str:
    """Return the dimension's own name: `mission` is `feature`; what is no other name stays as it is."""
    return _ALIASES.get(name, name)


def keys(by: tuple[str, ...], zone: ZoneInfo | None, naming: Naming | None = None) -> tuple[KeyOfRun, KeyOfPart]:
    """Return the functions from a run, and from one model's part of it, to its values in the dimensions `by`.

    Days, weeks and months are cut in `zone`; models and providers have the names of `naming`, else those recorded.
    """
    values = [_dimension(name, zone, naming) for name in by]
    is_recorded = all(name in _PATHS and (naming is None or name not in SPLITTING) for name in by)
    if len(values) == 1:
        (only,) = values
        return (attrgetter(_PATHS[by[0]]) if is_recorded else lambda event: only(event, None)), only

    def key_of_run(event: ExecutionEvent) -> Key:
        return tuple([value(event, None) for value in values])

    def key_of_part(event: ExecutionEvent, part: ModelPart) -> Key:
        return tuple([value(event, part) for value in values])

    if is_recorded:  # the same in half the time: it is asked for every record
        return attrgetter(*(_PATHS[name] for name in by)), key_of_part
    return key_of_run, key_of_part


def _dimension(name: str, zone: ZoneInfo | None, naming: Naming | None) -> Dimension:
    if name.startswith(TAG_PREFIX):
        tag = name.removeprefix(TAG_PREFIX)
        return lambda event, _part: event.payload.tags.get(tag)
    if name in _TIMES:
        from spec_kitty_telemetry.model.timespans import in_zone  # most reports cut no days

        write = _TIMES[name]
        return lambda event, _part: write(in_zone(event.timestamp, zone).date())
    if name in SPLITTING and naming is not None:
        named = naming.model if name == "model" else naming.biller
        return lambda event, part: named(
            part.model if part else event.payload.model,
            (part.provider if part else None) or event.payload.provider,
            event.payload.agent,
        )
    if name == "model":
        return lambda event, part: part.model if part else event.payload.model
    if name == "provider":
        return lambda event, part: (part.provider if part else None) or event.payload.provider
    get = attrgetter(_PATHS[name])
    return lambda event, _part: get(event)


def period_of(name: str, day: date) -> str:
    """Return the day, week or month (`name`) that `day` lies in, as reports write it."""
    return _TIMES[name](day)


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


# Not strftime(): it takes as long as counting the whole record.
_TIMES: dict[str, Callable[[date], str]] = {
    "day": lambda day: day.isoformat(),
    "week": _week,
    "month": lambda day: day.isoformat()[:7],
}
_PATHS = {
    "feature": "aggregate_id", "wp": "payload.wp_id", "role": "payload.role", "agent": "payload.agent",
    "model": "payload.model", "provider": "payload.provider", "outcome": "payload.outcome",
    "attempt": "payload.attempt", "run": "payload.run_id", "project": "project_slug",
}  # fmt: skip
"""The dimensions that are a field of the record, and where a run says its value."""
TIMES = tuple(_TIMES)
NAMES = (*_PATHS, *_TIMES)
"""All dimensions but the tags, as help and messages list them."""
