"""Which records are wanted: one `EventFilter`, made by a program or from the words of a command line."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self

import msgspec

from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.model.labels import agent_name, role_name, work_package_name
from spec_kitty_telemetry.model.payload import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.model.record import ExecutionEvent


class EventFilter(msgspec.Struct, frozen=True):
    """Which records are wanted.  An empty field asks for nothing; several values of one field are alternatives.

    A text in place of a tuple is one value.

    :raises FilterError: there is no such outcome, a time is without its zone, or `since` is not before `until`.
    """

    features: tuple[str, ...] = ()
    """Slugs, numbers (`43`) or globs (`04*`)."""
    wp_ids: tuple[str, ...] = ()
    """Work packages; `none` asks for records without one.  This and the four below take globs."""
    roles: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    since: datetime | None = None
    """Aware; records from this moment on."""
    until: datetime | None = None
    """Aware; records before this moment."""

    @classmethod
    def in_words(
        cls, *, since: str | None = None, until: str | None = None, zone: ZoneInfo | None = None, **others: Any
    ) -> Self:
        """Return a filter whose times are said as on the command line: `7d`, `yesterday`, `2026-02` (see `moments`).

        Days are those of `zone`, by default the machine's own; `until` a day or a month takes it whole, and so does
        `since` `last-week` or `last-month` alone.  `others` are the other fields.

        :raises FilterError: a time means nothing; else as the class.
        """
        if not (since or until):
            return cls(**others)
        from spec_kitty_telemetry.model.timespans import is_over_by_name, span  # most filters ask for no time

        start, end = (span(since, zone) if since else None), (span(until, zone) if until else None)
        if start and until is None and is_over_by_name(since or ""):
            end = start  # last month is a month, not all time since
        if start and end and start[0] >= end[1]:
            raise FilterError(
                f"found since {since!r} ({start[0].isoformat()}), which is not before until {until!r} "
                f"({end[1].isoformat()}): no record can match; exchange them"
            )
        return cls(since=start[0] if start else None, until=end[1] if end else None, **others)

    def __post_init__(self) -> None:
        """Refuse what can match nothing."""
        for name in ALTERNATIVES:
            value = getattr(self, name)
            patterns = (value,) if isinstance(value, str) else tuple(value)
            if name in _ONE_NAME:
                patterns = tuple(_ONE_NAME[name](pattern) or pattern for pattern in patterns)
            msgspec.structs.force_setattr(self, name, patterns)
        _check_outcomes(self.outcomes)
        _check_times(self.since, self.until)

    def accepts(self, event: ExecutionEvent) -> bool:
        """Tell whether `event` is wanted, whatever its feature."""
        return all(wanted(event) for wanted in self.conditions())

    def wanted_model(self) -> Callable[[str | None], bool] | None:
        """Return the test for a model's name; `None`: every model is wanted."""
        return (lambda name: matches(name, self.models)) if self.models else None

    def conditions(self) -> list[Callable[[ExecutionEvent], bool]]:
        """Return one test for each field that asks for something, features apart."""
        tests: list[Callable[[ExecutionEvent], bool]] = []
        since, until = self.since, self.until
        if since is not None:
            tests.append(lambda event: event.timestamp >= since)
        if until is not None:
            tests.append(lambda event: event.timestamp < until)
        for name, values_of in VALUES.items():
            if patterns := getattr(self, name):
                tests.append(_any_matches(values_of, patterns))
        return tests


def _models(event: ExecutionEvent) -> list[str | None]:
    return [part.model for part in event.payload.models] or [event.payload.model]


VALUES: dict[str, Callable[[ExecutionEvent], list[str | None]]] = {
    "wp_ids": lambda event: [event.payload.wp_id],
    "roles": lambda event: [event.payload.role],
    "agents": lambda event: [event.payload.agent],
    "models": _models,
    "outcomes": lambda event: [event.payload.outcome],
}
"""Field of `EventFilter` → what a record says there: it is wanted where one of the two sides' values fit."""
ALTERNATIVES = ("features", *VALUES)
"""The fields that take several values."""


_ONE_NAME = {"wp_ids": work_package_name, "roles": role_name, "agents": agent_name}
"""Fields in which a thing has one name, whatever it is called by whoever asks: records are read with that."""


def _any_matches(
    values_of: Callable[[ExecutionEvent], list[str | None]], patterns: tuple[str, ...]
) -> Callable[[ExecutionEvent], bool]:
    return lambda event: any(matches(value, patterns) for value in values_of(event))


def _check_outcomes(patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        if pattern != "none" and not any(matches(outcome, (pattern,)) for outcome in OUTCOMES):
            raise FilterError(f"found the outcome {pattern!r}, expected one of {', '.join(OUTCOMES)} or none")


def _check_times(since: datetime | None, until: datetime | None) -> None:
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.utcoffset() is None:
            raise FilterError(f"{name}: found {moment.isoformat()} without a time zone, expected an aware datetime")
    if since is not None and until is not None and since >= until:
        raise FilterError(
            f"found since {since.isoformat()}, which is not before until {until.isoformat()}: "
            "no record can match; exchange them"
        )


def matches(value: str | None, patterns: tuple[str, ...]) -> bool:
    """Tell whether any of `patterns` (names or globs, in capitals or not; `none` for `None`) means `value`."""
    if value is None:
        return "none" in patterns
    lower = value.lower()
    # A name may itself look like a glob: claude-opus-4-6[1m].
    return any(lower == pattern.lower() or fnmatchcase(lower, pattern.lower()) for pattern in patterns)
