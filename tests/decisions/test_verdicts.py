"""Within, warning, over, or cannot tell: a lower bound proves that a limit was passed, never that it was kept."""

from __future__ import annotations

from decimal import Decimal

import pytest

from spec_kitty_telemetry.decisions.budgets import Budget
from spec_kitty_telemetry.decisions.verdict import State, Unknown, Verdict, exit_code, judged
from spec_kitty_telemetry.reports.summary import CostSummary, summary_of
from spec_kitty_telemetry.reports.totals import Totals

TEN = Budget(limit_usd=Decimal(10))


def spent(cost_usd: str | None, *, unknown_runs: int = 0) -> CostSummary:
    totals = Totals()
    if cost_usd is not None:
        totals.reported = int(Decimal(cost_usd) * 10**12)
        totals.reported_zeros = int(not totals.reported)
        totals.events += 1
    totals.no_usage = unknown_runs
    totals.events += unknown_runs
    return summary_of(totals)


@pytest.mark.parametrize(
    ("cost_usd", "unknown_runs", "state"),
    [
        (None, 0, "within"),  # nothing ran, so nothing was spent
        ("0", 0, "within"),
        ("7.99", 0, "within"),
        ("8", 0, "warning"),
        ("10", 0, "warning"),
        ("10.000000000001", 0, "over"),
        ("11", 1, "over"),
        ("9", 1, "cannot tell"),
        (None, 1, "cannot tell"),
    ],
)
def test_a_limit_of_ten_dollars_that_warns_at_eight(cost_usd: str | None, unknown_runs: int, state: State) -> None:
    assert judged(TEN, None, spent(cost_usd, unknown_runs=unknown_runs)).state == state


def test_with_unknown_allowed_what_is_known_is_taken_for_all_there_is() -> None:
    assert judged(TEN, None, spent("7", unknown_runs=1), "allow").state == "within"
    assert judged(TEN, None, spent("9", unknown_runs=1), "allow").state == "warning"


def test_a_limit_of_nothing_is_kept_by_spending_nothing() -> None:
    nothing = Budget(limit_usd=Decimal(0))
    assert judged(nothing, None, spent("0")).state == "within"
    assert judged(nothing, None, spent("0.01")).state == "over"
    assert judged(nothing, None, spent("0")).part is None


def verdict(cost_usd: str, unknown_runs: int = 0) -> Verdict:
    return judged(TEN, None, spent(cost_usd, unknown_runs=unknown_runs))


@pytest.mark.parametrize(
    ("verdicts", "unknown", "code"),
    [
        ([verdict("1"), verdict("9")], "warn", 0),
        ([verdict("1"), verdict("11")], "warn", 3),
        ([verdict("1", 1)], "warn", 0),
        ([verdict("1", 1)], "fail", 4),
        ([verdict("1", 1), verdict("11")], "fail", 3),
        ([verdict("11", 1)], "allow", 3),
    ],
)
def test_over_fails_and_cannot_tell_fails_where_it_must(verdicts: list[Verdict], unknown: Unknown, code: int) -> None:
    assert exit_code(verdicts, unknown) == code


def test_a_verdict_says_what_is_left_and_how_many_runs_are_unknown() -> None:
    found = verdict("4", 2)
    assert (found.spent_usd, found.left_usd, found.part) == (Decimal(4), Decimal(6), Decimal("0.4"))
    assert found.unknown_run_count == 2
    assert judged(Budget(limit_usd=Decimal(1), per="feature"), "043-x", spent("1")).name == "feature 043-x"
