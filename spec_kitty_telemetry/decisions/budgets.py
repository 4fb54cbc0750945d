"""Budgets as people write them under `budgets:` in a settings file, and which runs each of them counts.

A budget counts the runs that meet all of its conditions.  A condition is a name, a glob or a list of them; all that
match share one limit, except that `month` and `week` start anew with each month or week, and that `per` gives each
feature (or agent, …) a limit of its own.  Pure: it opens nothing and prints nothing.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import SettingsError
from spec_kitty_telemetry.model.payload import MAXIMUM_COST_USD
from spec_kitty_telemetry.project.missions import is_called
from spec_kitty_telemetry.reports.filters import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spec_kitty_telemetry.reports.dimensions import Value

SCOPES = ("feature", "wp", "role", "agent", "model", "tag", "month", "week")
"""What a budget can be about."""
PERIODS = {"month": re.compile(r"\d{4}-(0[1-9]|1[0-2])"), "week": re.compile(r"\d{4}-W([0-4]\d|5[0-3])")}
DEFAULT_WARNING = Decimal("0.8")
"""The part of a limit from which on a budget warns."""
_PER = ("feature", "wp", "role", "agent", "model")
_OTHERS = ("limit_usd", "warn_at", "name", "per")
_MOST = 200
_GLOB = re.compile(r"[*?\[]")


class Condition(msgspec.Struct, frozen=True):
    """One thing that a run must be to count: `dimension` has a value that one of `patterns` means."""

    dimension: str
    """A dimension of reports; `tag:<name>` for a tag."""
    patterns: tuple[str, ...]

    def accepts(self, value: Value) -> bool:
        """Tell whether a run with this value in the dimension counts."""
        text = None if value is None else str(value)
        if self.dimension == "feature" and text is not None:  # a mission has several names
            return any(is_called(text, pattern) for pattern in self.patterns)
        return matches(text, self.patterns)

    def is_open(self, group: Mapping[str, Value], now: Mapping[str, str]) -> bool:
        """Tell whether a row's month or week is to be looked at: one that was named, or the current one."""
        value = group[self.dimension]
        return self.dimension not in PERIODS or value in self.patterns or value == now[self.dimension]

    def in_period(self, now: Mapping[str, str]) -> Condition:
        """Return the condition with the current month or week for a glob."""
        is_glob = self.dimension in now and any(_GLOB.search(pattern) for pattern in self.patterns)
        return Condition(self.dimension, (now[self.dimension],)) if is_glob else self

    def __str__(self) -> str:
        name, _, tag = self.dimension.partition(":")
        return f"{name} {', '.join(f'{tag}={pattern}' if tag else pattern for pattern in self.patterns)}"


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A limit in US dollars for some runs."""

    limit_usd: Decimal
    warn_at: Decimal = DEFAULT_WARNING
    """The part of the limit, from 0 to 1, from which on it warns."""
    conditions: tuple[Condition, ...] = ()
    """All must be met; without any every run counts."""
    per: str | None = None
    """The dimension each value of which has the limit for itself."""
    given_name: str | None = None
    file: str | None = None
    """The settings file that it is from; `None`: it was typed."""

    @property
    def name(self) -> str:
        """What it is called in tables and messages: its own name, else what it counts."""
        words = " · ".join(str(condition) for condition in self.conditions) or "everything"
        return self.given_name or (f"{words}, each {self.per}" if self.per else words)

    @property
    def period(self) -> str | None:
        """`month` or `week` where it starts anew with each of them."""
        return next(
            (each.dimension for each in self.conditions if each.in_period(dict.fromkeys(PERIODS, "")) is not each), None
        )

    def name_in(self, now: Mapping[str, str], whose: str | None = None) -> str:
        """Return its name with the month or week that it is about `now`, and with what has this limit for itself."""
        if whose is not None:
            return f"{self.per} {whose}" if self.given_name is None else f"{self.given_name}: {whose}"
        here = tuple(each.in_period(now) for each in self.conditions)
        return msgspec.structs.replace(self, conditions=here).name

    @property
    def dimensions(self) -> frozenset[str]:
        """The dimensions that a report must have so that its rows can be matched."""
        return frozenset({each.dimension for each in self.conditions} | ({self.per} if self.per else set()))

    def accepts(self, group: Mapping[str, Value], now: Mapping[str, str]) -> bool:
        """Tell whether the runs of a report's row count: `group` is the row's, `now` the current month and week.

        Of several months that a glob means only the current one counts: a month that is over cannot be mended.
        """
        return all(each.accepts(group[each.dimension]) and each.is_open(group, now) for each in self.conditions)

    def is_about_any(self, features: Iterable[str]) -> bool:
        """Tell whether runs of one of `features` can count."""
        wanted = [each for each in self.conditions if each.dimension == "feature"]
        return not wanted or any(each.accepts(slug) for each in wanted for slug in features)


def budgets_in(node: object, file: str) -> list[Budget]:
    """Return the budgets under `budgets:` of one settings file, parsed to texts, lists and mappings.

    :raises SettingsError: one cannot be meant: what was found, what is wrong and what to do, with its place.
    """
    if not isinstance(node, list):
        raise SettingsError(f"{file}, budgets: found {_shown(node)}. Write a list, such as '- month: \"*\"'.")
    if len(node) > _MOST:
        raise SettingsError(f"{file}, budgets: found {len(node)}. At most {_MOST} are read; use globs or 'per'.")
    return [_budget(each, file, f"{file}, budgets, number {place}") for place, each in enumerate(node, 1)]


def _budget(node: object, file: str, place: str) -> Budget:
    if not isinstance(node, dict):
        raise SettingsError(f"{place}: found {_shown(node)}. Write keys and values, such as 'limit_usd: 500'.")
    if strange := [str(key) for key in node if key not in SCOPES and key not in _OTHERS]:
        raise SettingsError(f"{place}: unknown key {strange[0]!r}. Choose from {', '.join((*SCOPES, *_OTHERS))}.")
    if "limit_usd" not in node:
        raise SettingsError(f"{place}: no limit_usd. Add one, such as 'limit_usd: 25'.")
    conditions = tuple(each for scope in SCOPES if scope in node for each in _conditions(scope, node[scope], place))
    if len([each for each in conditions if each.dimension in PERIODS]) > 1:
        raise SettingsError(f"{place}: has both a month and a week. Make two budgets of it.")
    return Budget(
        limit_usd=money_in(node["limit_usd"], f"{place}, limit_usd"),
        warn_at=_part(node["warn_at"], f"{place}, warn_at") if "warn_at" in node else DEFAULT_WARNING,
        conditions=conditions,
        per=_per(node["per"], place) if "per" in node else None,
        given_name=_text(node["name"], f"{place}, name") if "name" in node else None,
        file=file,
    )


def _conditions(scope: str, node: object, place: str) -> Iterable[Condition]:
    patterns = [_text(each, f"{place}, {scope}") for each in (node if isinstance(node, list) else [node])]
    if not patterns:
        raise SettingsError(f"{place}, {scope}: an empty list matches nothing. Name something, or remove the key.")
    if scope == "tag":
        return _tags(patterns, place)
    if scope in PERIODS:
        patterns = [each.upper() for each in patterns]
        for each in patterns:
            if not _GLOB.search(each) and not PERIODS[scope].fullmatch(each):
                example = "2026-10" if scope == "month" else "2026-W44"
                raise SettingsError(f"{place}, {scope}: {each!r} is no {scope}. Write {example} or '*'.")
    return [Condition(scope, tuple(patterns))]


def _tags(patterns: Sequence[str], place: str) -> list[Condition]:
    named: dict[str, list[str]] = {}
    for each in patterns:
        name, sign, value = each.partition("=")
        if not (name.strip() and sign and value.strip()):
            raise SettingsError(f"{place}, tag: found {each!r}. Write name=value, such as 'team=payments' or 'team=*'.")
        named.setdefault(name.strip(), []).append(value.strip())
    return [Condition(f"tag:{name}", tuple(values)) for name, values in named.items()]


def money_in(node: object, place: str) -> Decimal:
    """Return an amount in dollars that was written by a person: 0 or more.

    :raises SettingsError: it is none.
    """
    text = str(node).strip().removeprefix("$").replace("_", "") if isinstance(node, str) else ""
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise SettingsError(f"{place}: {_shown(node)} is no amount. Write dollars, such as 25 or 12.50.") from error
    if amount.is_nan() or not amount.is_finite() or amount > MAXIMUM_COST_USD:
        raise SettingsError(f"{place}: {_shown(node)} is no amount. Write dollars, such as 25 or 12.50.")
    if amount < 0:
        raise SettingsError(f"{place}: {text} is negative. A limit is 0 or more dollars.")
    return amount


def _part(node: object, place: str) -> Decimal:
    text = node.strip() if isinstance(node, str) else ""
    try:
        part = Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except InvalidOperation:
        part = Decimal(-1)
    if not (part.is_finite() and 0 < part <= 1):
        raise SettingsError(f"{place}: {_shown(node)} is no part of the limit. Write 0.8 or 80%.")
    return part


def _per(node: object, place: str) -> str:
    if node not in _PER:
        more = " A month or week starts anew by itself: write 'month: \"*\"'." if node in PERIODS else ""
        raise SettingsError(f"{place}, per: unknown {_shown(node)}. Choose from {', '.join(_PER)}.{more}")
    return str(node)


def _text(node: object, place: str) -> str:
    if not isinstance(node, str) or not node.strip():
        raise SettingsError(f"{place}: found {_shown(node)}. Write a name or a glob.")
    return node.strip()


def _shown(node: object) -> str:
    if isinstance(node, dict):
        return "a mapping"
    if isinstance(node, list):
        return "a list"
    return repr(str(node)[:80]) if node not in (None, "") else "nothing"
