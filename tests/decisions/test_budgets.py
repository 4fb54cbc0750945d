"""Budgets as they are written in a settings file, what they count, and what is said about one that cannot be meant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from spec_kitty_telemetry.decisions.budgets import SCOPES, Budget, budgets_in
from spec_kitty_telemetry.errors import SettingsError

NOW = {"month": "2026-10", "week": "2026-W44"}
EVERYTHING = {
    "feature": "043-user-login", "wp": "WP02", "role": "reviewer", "agent": "codex", "model": "gpt-5.2-codex",
    "tag:team": "payments", "month": "2026-10", "week": "2026-W44",
}  # fmt: skip


def budget(**keys: Any) -> Budget:
    (found,) = budgets_in([{"limit_usd": "25", **keys}], "telemetry.yaml")
    return found


def budget_of(limit_usd: object = "5", **keys: object) -> dict[str, object]:
    return {"limit_usd": limit_usd, **keys}


@pytest.mark.parametrize(
    ("keys", "counts"),
    [
        ({}, True),
        ({"feature": "043-user-login"}, True),
        ({"feature": "043"}, True),
        ({"feature": "43"}, True),
        ({"feature": "*-user-*"}, True),
        ({"feature": "user-login"}, True),
        ({"feature": ["001-x", "04*"]}, True),
        ({"feature": "04"}, False),
        ({"wp": "wp02"}, True),
        ({"role": "reviewer", "agent": "claude*"}, False),
        ({"role": "reviewer", "agent": "cod*"}, True),
        ({"model": "gpt-5.2-*"}, True),
        ({"tag": "team=payments"}, True),
        ({"tag": "team=pay*"}, True),
        ({"tag": ["team=ops", "team=payments"]}, True),
        ({"tag": "team=ops"}, False),
        ({"month": "2026-10"}, True),
        ({"month": "2026-09"}, False),
        ({"week": "*"}, True),
    ],
)
def test_a_budget_counts_the_runs_that_meet_all_of_its_conditions(keys: dict[str, Any], counts: bool) -> None:
    found = budget(**keys)
    group = {**EVERYTHING, "tag:team": "payments"}
    assert found.accepts(group, NOW) is counts


def test_a_month_written_as_a_glob_counts_only_the_current_month_and_a_named_one_always() -> None:
    last_month = {**EVERYTHING, "month": "2026-09"}
    assert not budget(month="*").accepts(last_month, NOW)
    assert budget(month="2026-09").accepts(last_month, NOW)
    assert budget(month=["2026-09", "2026-10"]).accepts(last_month, NOW)


def test_a_run_without_a_work_package_counts_only_where_none_is_asked_for() -> None:
    without = {**EVERYTHING, "wp": None}
    assert not budget(wp="*").accepts(without, NOW)
    assert budget(wp="none").accepts(without, NOW)


def test_a_budget_is_called_by_its_name_or_by_what_it_counts() -> None:
    assert budget(feature="04*", tag="team=ops", name="spring").name == "spring"
    assert budget(feature="04*", tag="team=ops").name == "feature 04* · tag team=ops"
    assert budget(per="feature").name == "everything, each feature"


@pytest.mark.parametrize(
    ("written", "part"), [("0.8", "0.8"), ("80%", "0.8"), ("1", "1"), ("12.5 %".replace(" ", ""), "0.125")]
)
def test_a_warning_is_a_part_of_the_limit(written: str, part: str) -> None:
    assert budget(warn_at=written).warn_at == Decimal(part)


def test_a_limit_is_exact_and_may_be_written_with_a_dollar_sign() -> None:
    assert budget(limit_usd="0.1").limit_usd == Decimal("0.1")
    assert budget(limit_usd="$1_000.50").limit_usd == Decimal("1000.50")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("500", "telemetry.yaml, budgets: found '500'. Write a list, such as '- month: \"*\"'."),
        (["500"], "budgets, number 1: found '500'. Write keys and values, such as 'limit_usd: 500'."),
        ([{"month": "*"}], "budgets, number 1: no limit_usd. Add one, such as 'limit_usd: 25'."),
        ([{"limit": "5"}], f"unknown key 'limit'. Choose from {', '.join(SCOPES)}, limit_usd, warn_at, name, per."),
        ([budget_of("-5")], "number 1, limit_usd: -5 is negative. A limit is 0 or more dollars."),
        ([budget_of("lots")], "number 1, limit_usd: 'lots' is no amount. Write dollars, such as 25 or 12.50."),
        ([budget_of("NaN")], "number 1, limit_usd: 'NaN' is no amount. Write dollars, such as 25 or 12.50."),
        ([budget_of("1e99")], "number 1, limit_usd: '1e99' is no amount. Write dollars, such as 25 or 12.50."),
        ([budget_of(["1"])], "number 1, limit_usd: a list is no amount. Write dollars, such as 25 or 12.50."),
        ([budget_of(warn_at="80")], "number 1, warn_at: '80' is no part of the limit. Write 0.8 or 80%."),
        ([budget_of(warn_at="0")], "number 1, warn_at: '0' is no part of the limit. Write 0.8 or 80%."),
        ([budget_of(month="October")], "number 1, month: 'OCTOBER' is no month. Write 2026-10 or '*'."),
        ([budget_of(week="44")], "number 1, week: '44' is no week. Write 2026-W44 or '*'."),
        ([budget_of(tag="team")], "tag: found 'team'. Write name=value, such as 'team=payments' or 'team=*'."),
        ([budget_of(feature=[])], "feature: an empty list matches nothing. Name something, or remove the key."),
        ([budget_of(feature="")], "number 1, feature: found nothing. Write a name or a glob."),
        ([budget_of(month="*", week="*")], "number 1: has both a month and a week. Make two budgets of it."),
        ([budget_of(per="month")], "A month or week starts anew by itself: write 'month: \"*\"'."),
        ([budget_of(), budget_of(per="user")], "per: unknown 'user'. Choose from feature, wp, role, agent, model."),
    ],
)  # fmt: skip
def test_a_budget_that_cannot_be_meant_is_one_sentence_with_its_place(node: object, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        budgets_in(node, "telemetry.yaml")
    assert str(raised.value).endswith(message)
    assert str(raised.value).startswith("telemetry.yaml, budgets")
