"""What is wrong with the budgets and rates of a project, one sentence each: for `lint`."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING

from spec_kitty_telemetry.decisions.budgets import PERIODS
from spec_kitty_telemetry.decisions.currency import rates_of_file, rates_path
from spec_kitty_telemetry.decisions.rates import FILE_NAME
from spec_kitty_telemetry.decisions.spending import budgets_of_file
from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.project.settings import said_in, user_settings_path
from spec_kitty_telemetry.reports.build import ReportContext, build_report
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from spec_kitty_telemetry.decisions.budgets import Budget, Condition
    from spec_kitty_telemetry.project.layout import Project


def problems_in_file(path: Path) -> list[str]:
    """Return what is wrong in one settings file or file of rates, whatever the project."""
    if path.name == FILE_NAME:
        return _errors_of(lambda: rates_of_file(path))
    problems = _errors_of(lambda: said_in(path)) or _errors_of(lambda: budgets_of_file(path))
    return problems or contradictions(budgets_of_file(path))


def problems_of(project: Project) -> list[str]:
    """Return what is wrong with the budgets and rates of a project and its user, also beside its records."""
    mine, ours = user_settings_path(), project.settings_path
    files = [ours, mine, rates_path(project), mine.with_name(FILE_NAME)]
    problems = [problem for path in files for problem in problems_in_file(path)]
    return problems or [*_errors_of(project.settings), *_names_of_nothing(project, budgets_of_file(ours))]


def _errors_of(look: Callable[[], object]) -> list[str]:
    try:
        look()
    except TelemetryError as error:
        return [str(error)]
    return []


def contradictions(budgets: Sequence[Budget]) -> list[str]:
    """Return which budgets of one file cannot both be meant."""
    found = []
    for (one_number, one), (other_number, other) in combinations(enumerate(budgets, 1), 2):
        if _scope(one) == _scope(other) and one.per == other.per:
            if one.limit_usd != other.limit_usd:
                found.append(
                    f"{one.file}, budgets, numbers {one_number} and {other_number}: the same runs are limited to "
                    f"${one.limit_usd} and to ${other.limit_usd}. Keep one."
                )
            continue
        for number, narrow, wide_number, wide in (
            (one_number, one, other_number, other),
            (other_number, other, one_number, one),
        ):
            if wide.per is None and _scope(narrow) > _scope(wide) and narrow.limit_usd > wide.limit_usd:
                found.append(
                    f"{narrow.file}, budgets, number {number}: its ${narrow.limit_usd} can never be reached: number "
                    f"{wide_number} limits these and more runs to ${wide.limit_usd}. Lower it, or raise the other."
                )
    return found


def _scope(budget: Budget) -> frozenset[tuple[str, frozenset[str]]]:
    return frozenset(
        (each.dimension, frozenset(pattern.lower() for pattern in each.patterns)) for each in budget.conditions
    )


def _names_of_nothing(project: Project, budgets: Sequence[Budget]) -> list[str]:
    """Return the names in budgets that no mission and no record here has; of an empty project nothing is said."""
    wanted = sorted({name for budget in budgets for name in budget.dimensions} - {*PERIODS})
    if not wanted:
        return []
    try:
        rows = build_report(ReportContext(Search(project, goes_on=True)), wanted).rows
    except TelemetryError as error:
        return [str(error)]
    if not rows:
        return []
    values = {name: {str(row.group[name]) for row in rows if row.group[name] is not None} for name in wanted}
    if "feature" in values:
        values["feature"] |= {*project.features()}
    return [
        problem
        for number, budget in enumerate(budgets, 1)
        for condition in budget.conditions
        if condition.dimension in values
        for problem in _unknown_names(condition, values, f"{budget.file}, budgets, number {number}")
    ]


def _unknown_names(condition: Condition, values: Mapping[str, Iterable[str]], place: str) -> list[str]:
    name, _, tag = condition.dimension.partition(":")
    known = sorted(values[condition.dimension])
    found = []
    for pattern in condition.patterns:
        single = type(condition)(condition.dimension, (pattern,))
        if pattern == "none" or any(single.accepts(value) for value in known):
            continue
        close = get_close_matches(pattern, known, 1)
        hint = f" Did you mean {close[0]!r}?" if close else " Nothing that is recorded here matches."
        written = f"{tag}={pattern}" if tag else pattern
        found.append(f"{place}, {name}: {written!r} names nothing that exists.{hint}")
    return found
