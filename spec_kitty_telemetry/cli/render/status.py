"""How things stand, for a person at a terminal, as JSON, and as one short line."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.output import json_money
from spec_kitty_telemetry.cli.render import tables, terminal, wording
from spec_kitty_telemetry.cli.render.check import spent

if TYPE_CHECKING:
    from spec_kitty_telemetry.decisions.now import Snapshot
    from spec_kitty_telemetry.decisions.verdict import Verdict
    from spec_kitty_telemetry.reports.summary import CostSummary

JSON_VERSION = 1
_RUNNING = ["running", "wp", "role", "agent", "for"]
_BUDGETS = ["budget", "limit", "spent", "used", "verdict"]
_LONGEST_NAME = 32


def lines(found: Snapshot) -> list[str]:
    """Return how things stand for a person."""
    text = [f"Today: {_cost(found.today)} in {wording.plural(found.today.event_count, 'run')}."]
    if found.mission is not None and found.mission_cost is not None:
        runs = wording.plural(found.mission_cost.event_count, "run")
        said = f": {_cost(found.mission_cost)} in {runs}."
        text.append(wording.cut(wording.shown(found.mission), max(terminal.width() - len(said), 12)) + said)
    text += ["", *(_running(found) if found.running else ["Nothing is running."])]
    if found.budgets:
        text += ["", *_fitting(_BUDGETS, [_budget_cells(each) for each in found.budgets])]
    if found.waiting_count:
        records = wording.plural(found.waiting_count, "record")
        text += ["", f"{records} still to be written; the next run adds them."]
    return text


def _running(found: Snapshot) -> list[str]:
    rows = [
        [
            wording.shown(run.feature),
            wording.shown(run.wp_id or wording.UNKNOWN),
            wording.shown(run.role or wording.UNKNOWN),
            wording.shown(run.agent or wording.UNKNOWN),
            wording.duration(max(int((found.at - run.began).total_seconds() * 1000), 0)),
        ]
        for run in found.running
    ]
    return _fitting(_RUNNING, rows, 4)


def _budget_cells(each: Verdict) -> list[str]:
    used = wording.UNKNOWN if each.part is None else f"{each.part:.0%}"
    limit = wording.money(each.budget.limit_usd, places=2)
    return [wording.shown(each.name), limit, spent(each), used, each.state]


def _fitting(titles: list[str], rows: list[list[str]], left: int = 1) -> list[str]:
    text = tables.table(titles, rows, left).splitlines()
    too_wide = tables.widest(text) - terminal.width()
    if too_wide > 0:
        longest = max(wording.columns_of(row[0]) for row in rows)
        room = max(longest - too_wide, 12)
        text = tables.table(titles, [[wording.cut(row[0], room), *row[1:]] for row in rows], left).splitlines()
    return tables.coloured(text)


def _cost(row: CostSummary) -> str:
    if row.total_cost_usd is None:
        return "an unknown amount" if row.event_count else "$0.00"
    marks = wording.cost_marks(is_floor=row.is_lower_bound, is_estimated=bool(row.estimated_cost_usd))
    return wording.money(row.total_cost_usd, marks, places=2)


def line(found: Snapshot, project_name: str) -> str:
    """Return how things stand in one short line: `user-login WP02 · ≥~$1.27 of $25`."""
    if found.mission is None or found.mission_cost is None:
        return f"{wording.cut(wording.shown(project_name), _LONGEST_NAME)} · {_cost(found.today)} today"
    name = " ".join([mission_name(found.mission), *([wording.shown(found.wp_id)] if found.wp_id else [])])
    verdict = _budget_of_mission(found)
    if verdict is not None:
        return f"{name} · {spent(verdict)} of {_limit(verdict.budget.limit_usd)}"
    worst = next((each for each in found.budgets if each.state == "over"), None)
    over = f" · over budget: {wording.cut(wording.shown(worst.name), _LONGEST_NAME)}" if worst else ""
    return f"{name} · {_cost(found.mission_cost)}{over}"


def mission_name(slug: str) -> str:
    """Return the part of a mission's slug that a person would say: without its number and the end of its id."""
    name = re.sub(r"-[0-9A-HJKMNP-TV-Z]{8}$", "", re.sub(r"^\d{1,4}-", "", slug))
    return wording.cut(wording.shown(name or slug), _LONGEST_NAME)


def _budget_of_mission(found: Snapshot) -> Verdict | None:
    """Return the verdict that is about the whole mission and nothing else."""
    for each in found.budgets:
        dimensions = {condition.dimension for condition in each.budget.conditions}
        if each.whose == found.mission and not dimensions:
            return each
        if dimensions == {"feature"} and each.budget.per is None and each.budget.is_about_any([found.mission or ""]):
            return each
    return None


def _limit(amount_usd: Decimal) -> str:
    is_whole = amount_usd == amount_usd.to_integral_value()
    return wording.money(amount_usd, places=0 if is_whole else 2)


def document(found: Snapshot) -> dict[str, Any]:
    """Return how things stand as a JSON object."""
    return {
        "version": JSON_VERSION,
        "at": found.at.isoformat(),
        "running": [
            {
                "feature": run.feature,
                "wp_id": run.wp_id,
                "role": run.role,
                "agent": run.agent,
                "began": run.began.isoformat(),
            }
            for run in found.running
        ],
        "today": _numbers(found.today),
        "mission": None
        if found.mission is None or found.mission_cost is None
        else {"feature": found.mission, "wp_id": found.wp_id, **_numbers(found.mission_cost)},
        "budgets": [
            {
                "name": each.name,
                "state": each.state,
                "limit_usd": json_money(each.budget.limit_usd),
                "spent_usd": json_money(each.spent_usd),
                "cost_is_floor": each.spent.is_lower_bound,
            }
            for each in found.budgets
        ],
        "waiting_count": found.waiting_count,
    }


def _numbers(row: CostSummary) -> dict[str, Any]:
    return {
        "event_count": row.event_count,
        "total_cost_usd": json_money(row.total_cost_usd if row.event_count else Decimal(0)),
        "cost_is_estimated": bool(row.estimated_cost_usd),
        "cost_is_floor": row.is_lower_bound,
    }
