"""A made-up month, worked out by hand: in euros, and against the month before.

October 2026 began on a Thursday.  The rates are those of `RATES`; there is none for a weekend, and none after the 6th.

| day    | run                  |    USD | rate | of     |    EUR |
|--------|----------------------|--------|------|--------|--------|
| Thu 1  | claude-code          |  10.00 | 0.80 | Thu 1  |   8.00 |
| Fri 2  | claude-code          |  20.00 | 0.81 | Fri 2  |  16.20 |
| Sat 3  | codex                |   5.00 | 0.81 | Fri 2  |   4.05 |
| Mon 5  | codex, 1M tokens ~$2 |   2.00 | 0.82 | Mon 5  |   1.64 |
| Wed 7  | gemini               |  10.00 | 0.83 | Tue 6  |   8.30 |
|        |                      |  47.00 |      |        |  38.19 |

In September claude-code cost $12.00 (on the 2nd), pi $3.00 (on the 20th).
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.decisions.contrast import contrast
from spec_kitty_telemetry.reports.build import ReportContext
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
RATES = "EUR:\n  2026-09-01: 0.80\n  2026-10-01: 0.80\n  2026-10-02: 0.81\n  2026-10-05: 0.82\n  2026-10-06: 0.83\n"
AMOUNTS = ("before_cost", "now_cost", "change")
OCTOBER = ("--since", "2026-10", "--until", "2026-10")


def ran(project: Project, day: str, agent: str, cost_usd: str | None, **facts: Any) -> None:
    at = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    cost = None if cost_usd is None else Decimal(cost_usd)
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", agent, "implementer",
                         cost_usd=cost, timestamp=at, **facts)  # fmt: skip


@pytest.fixture
def month(project: Project) -> Project:
    project.settings_path.write_text(
        "time_zone: UTC\npricing: {models: {house-1: {input: 2, output: 2}}}\n", encoding="utf-8"
    )
    project.settings_path.with_name("telemetry-rates.yaml").write_text(RATES, encoding="utf-8")
    ran(project, "2026-09-02", "claude-code", "12")
    ran(project, "2026-09-20", "pi", "3")
    ran(project, "2026-10-01", "claude-code", "10")
    ran(project, "2026-10-02", "claude-code", "20")
    ran(project, "2026-10-03", "codex", "5")
    ran(project, "2026-10-05", "codex", None, model="house-1", input_tokens=1_000_000, output_tokens=0)
    ran(project, "2026-10-07", "gemini", "10")
    return project


def invoke(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["report", "--project", str(project.root), "--by", "agent", *arguments])


def said(project: Project, *arguments: str) -> str:
    result = invoke(project, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def document(project: Project, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(project, "--json", *arguments), parse_float=Decimal)
    return found


# In euros -----------------------------------------------------------------------------------------------------------


def test_each_run_is_converted_at_the_rate_of_its_own_day_and_dollars_stay_beside(month: Project) -> None:
    found = document(month, *OCTOBER, "--currency", "eur")
    assert {row["group_key"]: (row["total_cost_usd"], row["total_cost"]) for row in found["rows"]} == {
        "claude-code": (30, Decimal("24.2")),  # 8.00 + 16.20
        "gemini": (10, Decimal("8.3")),
        "codex": (7, Decimal("5.69")),  # 4.05 + 1.64
    }
    total = found["total"]
    assert (total["total_cost_usd"], total["total_cost"]) == (47, Decimal("38.19"))
    assert (total["reported_cost"], total["estimated_cost"]) == (Decimal("36.55"), Decimal("1.64"))
    assert found["currency"] == {"code": "EUR", "rates_end_on": "2026-10-06"}


def test_a_table_shows_the_currency_and_names_the_last_rate_that_later_days_used(month: Project) -> None:
    text = said(month, *OCTOBER, "--currency", "EUR")
    assert "~€38.19" in text
    assert "$" not in text
    assert (
        "In EUR at the rate of each run's own day; the last rate is of 2026-10-06 and counts for all later days."
    ) in text
    assert "€24\\.20" in said(month, *OCTOBER, "--currency", "EUR", "--format", "markdown").replace(
        "€24.20", "€24\\.20"
    )


def test_a_period_that_the_rates_reach_names_no_last_rate(month: Project) -> None:
    text = said(month, "--since", "2026-10-01", "--until", "2026-10-03", "--currency", "EUR")
    assert "In EUR at the rate of each run's own day.\n" in text + "\n"


def test_csv_has_both_currencies_in_columns_of_their_own(month: Project) -> None:
    rows = list(csv.DictReader(io.StringIO(said(month, *OCTOBER, "--currency", "EUR", "--format", "csv"))))
    assert [(row["agent"], row["total_cost_usd"], row["total_cost"], row["currency"]) for row in rows] == [
        ("claude-code", "30", "24.2", "EUR"), ("gemini", "10", "8.3", "EUR"), ("codex", "7", "5.69", "EUR"),
    ]  # fmt: skip


def test_the_rest_below_a_limit_is_converted_too(month: Project) -> None:
    rest = document(month, *OCTOBER, "--currency", "EUR", "--limit", "1")["rest"]
    assert (rest["total_cost_usd"], rest["total_cost"]) == (17, Decimal("13.99"))  # 8.30 + 5.69


def test_without_another_currency_nothing_is_converted(month: Project) -> None:
    found = document(month, *OCTOBER)
    assert found["currency"] is None
    assert "total_cost" not in found["total"]


def test_a_missing_rate_is_an_error_and_nothing_is_shown(month: Project) -> None:
    ran(month, "2026-08-31", "pi", "1")
    result = invoke(month, "--until", "2026-09-05", "--currency", "EUR")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: No EUR rate for 2026-08-31; the first is of 2026-09-01. "
        "Add it to telemetry-rates.yaml, or run 'rates import-ecb --currency EUR'.\n"
    )
    gap = invoke(month, "--currency", "EUR").stderr
    assert gap.startswith("Error: No EUR rate for 2026-09-20; the last before is of 2026-09-01. ")
    assert invoke(month, "--currency", "GBP").exit_code == 1


def test_an_unknown_currency_is_wrong_usage(month: Project) -> None:
    result = invoke(month, "--currency", "EURO")
    assert result.exit_code == 2
    assert "--currency: 'EURO' is no currency. Use its ISO code, such as EUR or GBP." in result.stderr


def test_rates_of_the_central_bank_are_imported_for_the_days_that_need_them(project: Project) -> None:
    pytest.importorskip("currency_converter")
    for day in ("2026-02-13", "2026-02-15"):  # a Friday and the Sunday after it
        ran(project, day, "codex", "1")
    ran(project, "2026-02-18", "codex", "1")
    project.settings_path.with_name("telemetry-rates.yaml").write_text("GBP:\n  2026-01-01: 0.75\n", encoding="utf-8")
    result = CliRunner().invoke(group, ["rates", "import-ecb", "--currency", "eur", "--project", str(project.root)])
    assert result.exit_code == 0, result.output
    text = project.settings_path.with_name("telemetry-rates.yaml").read_text(encoding="utf-8")
    # The bank's euro stood at 1.1862 and 1.1822 dollars on these days: 1 / 1.1862 = 0.8430281571.
    assert [line.split(":")[0] for line in text.splitlines()[1:]] == [
        "EUR", "  2026-02-13", "  2026-02-18", "GBP", "  2026-01-01",
    ]  # fmt: skip
    assert document(project, "--currency", "EUR")["total"]["total_cost"] > 2
    shown = CliRunner().invoke(group, ["rates", "show", "--project", str(project.root)]).stdout
    assert "  EUR: 2 days, 2026-02-13 to 2026-02-18\n" in shown


def test_a_currency_that_the_bank_does_not_publish_is_said(project: Project) -> None:
    pytest.importorskip("currency_converter")
    result = CliRunner().invoke(group, ["rates", "import-ecb", "--currency", "PKR", "--project", str(project.root)])
    assert result.exit_code == 1
    assert (
        "The European Central Bank has no rates of PKR. Write them into telemetry-rates.yaml yourself." in result.stderr
    )


# Within its budgets ------------------------------------------------------------------------------------------------


def test_the_budgets_of_the_month_are_what_the_table_above_adds_up_to(month: Project) -> None:
    budgets = (
        "{month: 2026-10, limit_usd: 50}", "{month: 2026-09, limit_usd: 15}", "{month: 2019-*, limit_usd: 1}",
        "{week: 2026-W40, limit_usd: 30}", "{agent: [codex, gemini], month: 2026-10, limit_usd: 100}",
        "{model: house-1, limit_usd: 2.5}", "{limit_usd: 62}",
    )  # fmt: skip
    with month.settings_path.open("a", encoding="utf-8") as file:
        file.write(f"budgets: [{', '.join(budgets)}]\n")
    result = CliRunner().invoke(group, ["check", "--project", str(month.root), "--json"])
    assert result.exit_code == 3
    verdicts = json.loads(result.stdout, parse_float=Decimal)["verdicts"]
    assert [(each["spent_usd"], each["state"]) for each in verdicts] == [
        (47, "warning"),  # 94 % of 50
        (15, "warning"),  # not more than 15
        (0, "within"),  # years ago nothing ran
        (35, "over"),  # 28 September to 4 October: 10 + 20 + 5
        (17, "within"),  # 5 + 2 + 10
        (2, "warning"),  # 1,000,000 tokens at $2 a million: 80 % of 2.50
        (62, "warning"),  # 47 + 15
    ]


# Against the month before -------------------------------------------------------------------------------------------


def changes(found: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    return {
        row["group"]["agent"]: (row["kind"], row["before_cost"], row["now_cost"], row["change"], row["change_share"])
        for row in found["rows"]
    }


def test_a_month_against_the_month_before_names_what_is_new_and_what_is_gone(month: Project) -> None:
    found = document(month, *OCTOBER, "--compare", "previous")
    assert changes(found) == {
        "claude-code": ("changed", 12, 30, 18, Decimal("1.5")),
        "gemini": ("new", 0, 10, 10, None),
        "codex": ("new", 0, 7, 7, None),
        "pi": ("gone", 3, 0, -3, -1),
    }
    total = found["total"]
    # 47 - 15 = 32, which is 213.3 % of 15
    assert (total["before_cost"], total["now_cost"], total["change"]) == (15, 47, 32)
    assert total["change_share"] == Decimal("2.133333")
    assert found["before"] == {"since": "2026-09-01T00:00:00+00:00", "until": "2026-10-01T00:00:00+00:00"}


def test_the_table_of_a_comparison_says_both_periods_and_every_change(month: Project) -> None:
    lines = said(month, *OCTOBER, "--compare", "2026-09").splitlines()
    assert lines[0] == "2026-10 against 2026-09"
    rows = {line.split()[0]: line.split()[1:] for line in lines[4:9] if not line.startswith("-")}
    assert rows["claude-code"] == ["$12.00", "$30.00", "+$18.00", "+150%"]
    assert rows["pi"] == ["$3.00", "–", "-$3.00", "gone"]
    assert rows["gemini"] == ["–", "$10.00", "+$10.00", "new"]
    total = next(line for line in lines if line.startswith("total"))
    assert total.split() == ["total", "$15.00", "~$47.00", "+$32.00", "+213%"]


def test_a_comparison_in_euros_converts_both_periods(month: Project) -> None:
    month.settings_path.with_name("telemetry-rates.yaml").write_text(
        RATES + "".join(f"  2026-09-{day:02}: 0.80\n" for day in range(2, 31)), encoding="utf-8"
    )
    total = document(month, *OCTOBER, "--compare", "previous", "--currency", "EUR")["total"]
    assert (total["before_cost"], total["now_cost"]) == (12, Decimal("38.19"))  # 15 × 0.80


def test_a_month_that_is_not_over_is_set_against_the_same_part_of_the_one_before(month: Project) -> None:
    context = ReportContext(Search(month), zone=month.zone())
    found = contrast(context, "agent", "previous", at=datetime(2026, 10, 3, 13, tzinfo=UTC))
    assert found.periods.is_partial
    total = found.report.total
    assert total.now is not None
    assert total.before is not None
    # October up to the 3rd at 13:00: 10 + 20 + 5; September up to the same hour of its 3rd: 12.
    assert total.now.total_cost_usd == Decimal(35)
    assert total.before.total_cost_usd == Decimal(12)


def test_a_change_that_rests_on_a_minimum_is_marked(month: Project) -> None:
    ran(month, "2026-10-08", "codex", None)
    text = said(month, *OCTOBER, "--compare", "previous")
    assert "≈+$7.00" in text
    assert "≈ the cost of one of the periods is a minimum, so the change may be another." in text


def test_the_time_since_a_branch_was_left_is_set_against_as_much_time_before(project: Project) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        stamp = {"GIT_COMMITTER_DATE": "2026-10-05T00:00:00Z", "GIT_AUTHOR_DATE": "2026-10-05T00:00:00Z"}
        subprocess.run(
            ["git", *identity, *words], cwd=project.root, check=True, capture_output=True, env={**environ, **stamp}
        )

    from os import environ

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "one")
    git("switch", "-qc", "topic")
    for day, cost in (("2026-10-01", "1"), ("2026-10-04", "2"), ("2026-10-05", "4"), ("2026-10-07", "8")):
        ran(project, day, "codex", cost)
    found = contrast(
        ReportContext(Search(project), zone=None), "agent", "main", at=datetime(2026, 10, 8, tzinfo=UTC)
    ).report.total
    assert found.now is not None
    assert found.before is not None
    assert found.now.total_cost_usd == Decimal(12)  # 5th to 8th
    assert found.before.total_cost_usd == Decimal(2)  # 2nd to 5th


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--compare", "nonsense"),
            "--compare: 'nonsense' is no period and no branch. Write previous, a month (2026-10)",
        ),
        (
            ("--compare", "previous", "--by", "month"),
            "--compare compares whole periods. Leave day, week and month out of --by.",
        ),
    ],
)
def test_what_cannot_be_compared_is_wrong_usage(month: Project, arguments: tuple[str, ...], message: str) -> None:
    result = invoke(month, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_single_records_and_the_change_of_a_month_are_in_euros_with_the_dollars_beside(month: Project) -> None:
    where = ("--project", str(month.root), "--currency", "EUR")
    listed = CliRunner().invoke(group, ["events", *where, *OCTOBER]).stdout
    assert [line.split()[-2] for line in listed.splitlines() if "€" in line] == [
        "€8.0000", "€16.2000", "€4.0500", "~€1.6400", "€8.3000"
    ]  # fmt: skip
    rates = month.settings_path.with_name("telemetry-rates.yaml")
    rates.write_text(f"{RATES}  2026-09-20: 0.50\n", encoding="utf-8")
    found = document(month, *OCTOBER, "--compare", "previous", "--currency", "EUR")["total"]
    # September was 12 × 0.80 + 3 × 0.50 = 11.10 €, and 15 $
    assert [found[name] for name in AMOUNTS] == list(map(Decimal, ("11.1", "38.19", "27.09")))
    assert [found[f"{name}_usd"] for name in AMOUNTS] == [15, 47, 32]
