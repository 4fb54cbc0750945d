"""`export focus`: a bill that adds up to the report, in the columns that FinOps tools read."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import pytest
from builders import new_project, record
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.reports.build import ReportContext, build_report
from spec_kitty_telemetry.reports.filters import EventFilter
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.costing import CostMode
    from spec_kitty_telemetry.reports.summary import CostSummary

RATES = """\
pricing:
  models:
    house-1: {input: "2", output: "10", cache_read: "0.5", cache_write_5m: "3", cache_write_1h: "4", reasoning: "20"}
    house-2: {input: "0.7", output: "3.3", cache_read: "0.07"}
"""
FEATURE = "043-telemetry-foundation"
MODES: tuple[CostMode, ...] = ("auto", "reported", "calculated")
COUNTS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens",
)  # fmt: skip
REQUIRED = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart",
    "ContractedCost", "EffectiveCost", "HostProviderName", "InvoiceIssuerName", "ListCost", "PricingQuantity",
    "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ServiceProviderName",
)  # fmt: skip
"""What a row must say (FOCUS 1.3, "allows nulls: false"), and what Datadog refuses to have blank."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return with_rates(new_project(tmp_path / "shop"))


def with_rates(project: Project) -> Project:
    project.settings_path.write_text(RATES, encoding="utf-8")
    return project


def invoked(project: Project, *arguments: str) -> Result:
    done = CliRunner().invoke(group, [*arguments, "--project", str(project.root)])
    assert done.exit_code == 0, done.output
    return done


def bill(project: Project, *arguments: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(invoked(project, "export", "focus", *arguments).stdout)))


def test_a_run_has_a_row_for_each_token_class_with_its_rate(project: Project) -> None:
    record(
        project, model="house-1", input_tokens=1_000_000, cache_read_tokens=400_000, output_tokens=1_000,
        cost_usd=Decimal(99),
    )  # fmt: skip
    rows = {row["x_TokenClass"]: (row["ConsumedQuantity"], row["ListUnitPrice"], row["ListCost"])
            for row in bill(project)}  # fmt: skip
    assert rows == {
        "input": ("600000", "0.000002", "1.2"),
        "cache read": ("400000", "0.0000005", "0.2"),
        "output": ("1000", "0.00001", "0.01"),
    }


def test_reported_costs_are_a_bill_of_their_own(project: Project) -> None:
    record(project, model="house-1", input_tokens=1_000_000, output_tokens=0, cost_usd=Decimal("1.25"))
    (row,) = bill(project, "--cost", "reported")
    assert (row["BilledCost"], row["x_CostSource"], row["ListUnitPrice"]) == ("1.25", "reported", "")
    (row,) = bill(project)
    assert (row["ListCost"], row["x_CostSource"]) == ("2", "list price")


def test_runs_of_unknown_cost_have_no_row_and_are_named_on_standard_error(project: Project) -> None:
    record(project, model="nobody-knows", input_tokens=1_200, output_tokens=34)
    record(project, model="house-1")
    record(project, model="house-1", input_tokens=1, output_tokens=1, reasoning_tokens=7)
    done = invoked(project, "export", "focus")
    assert len(done.stdout.splitlines()) == 1  # the names of the columns
    assert done.stderr == (
        "Not in it, or not all of it: 2 runs without a price.\n"
        "No price for nobody-knows: 1 run, 1,200 input and 34 output tokens.\n"
        "Counts that cannot all be true: 1 run.\n"
        "Not in it: 1 run with neither tokens nor a cost.\n"
    )


def test_a_day_that_is_not_over_is_said_because_some_tools_refuse_it(project: Project) -> None:
    record(project, model="house-1", input_tokens=1, output_tokens=0)
    today = datetime.now(UTC)
    said = invoked(project, "export", "focus").stderr
    assert "Some tools refuse such days; --until yesterday leaves them out." in said
    assert f"{today:%Y-%m-}" in said


# The same sums ------------------------------------------------------------------------------------------------------

tokens = st.none() | st.just(0) | st.integers(0, 10**15)
names = st.sampled_from([None, "house-1", "house-2", "nobody-knows"])
money = st.none() | st.integers(0, 10**9 * 10**9).map(lambda number: Decimal(number).scaleb(-9))


@st.composite
def counts(draw: st.DrawFn) -> dict[str, Any]:
    said: dict[str, Any] = {name: draw(tokens) for name in COUNTS}
    if draw(st.integers(0, 9)):  # nearly always parts fit into their whole
        said["cache_write_tokens"] = (said["cache_write_tokens"] or 0) + (said["cache_write_1h_tokens"] or 0)
        cached = (said["cache_read_tokens"] or 0) + said["cache_write_tokens"]
        said["input_tokens"] = None if said["input_tokens"] is None else said["input_tokens"] + cached
        said["output_tokens"] = None if said["output_tokens"] is None else said["output_tokens"] + (
            said["reasoning_tokens"] or 0
        )  # fmt: skip
    return said | {"cost_usd": draw(money)}


@st.composite
def payloads(draw: st.DrawFn) -> dict[str, Any]:
    parts = [
        {"model": draw(names.filter(bool)), **draw(counts())} for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3])))
    ]
    return {
        "version": 2,
        "agent": draw(st.sampled_from([None, "claude-code", "codex"])),
        "role": draw(st.sampled_from([None, "implementer", "reviewer"])),
        "wp_id": draw(st.sampled_from([None, "WP01", "WP02"])),
        "model": draw(names),
        "provider": draw(st.sampled_from([None, "house"])),
        "tags": draw(st.dictionaries(st.sampled_from(["team", "x"]), st.sampled_from(["red", "blue"]), max_size=2)),
        "models": parts,
        **draw(counts()),
    }


def log_of(runs: list[dict[str, Any]]) -> str:
    first = datetime(2026, 8, 20, 10, tzinfo=UTC)
    lines = []
    for number, payload in enumerate(runs):
        envelope = {
            "aggregate_id": FEATURE,
            "event_id": f"{number:026}",
            "event_type": "ExecutionEvent",
            "lamport_clock": number,
            "node_id": "n",
            "timestamp": (first + timedelta(hours=7 * number)).isoformat(),
            "payload": payload,
        }
        lines.append(json.dumps(envelope, default=str))
    return "".join(f"{line}\n" for line in lines)


def total(project: Project, cost: CostMode, *models: str) -> CostSummary:
    search = Search(project, EventFilter(models=models))
    return build_report(ReportContext(search, cost=cost), "feature").total


def added(amounts: list[str]) -> Decimal | None:
    known = [Decimal(amount) for amount in amounts if amount]
    with localcontext(prec=60):
        return sum(known, Decimal(0)) if known else None


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return with_rates(new_project(tmp_path_factory.mktemp("made-up") / "shop"))


@given(runs=st.lists(payloads(), max_size=8), model=st.sampled_from([None, "house-*", "nobody-knows"]))
def test_the_sums_of_every_export_are_those_of_the_report(
    made_up: Project, runs: list[dict[str, Any]], model: str | None
) -> None:
    made_up.log_path(FEATURE).write_text(log_of(runs), encoding="utf-8")
    models = () if model is None else (model,)
    only = [] if model is None else ["--model", model]
    automatic, reported, listed = (total(made_up, cost, *models) for cost in MODES)

    rows = list(csv.DictReader(io.StringIO(invoked(made_up, "export", "csv", *only).stdout)))
    assert len(rows) == automatic.event_count
    for name in ("reported_cost_usd", "estimated_cost_usd", "total_cost_usd", "total_input_tokens", "reasoning_tokens"):
        assert added([row[name] for row in rows]) == getattr(automatic, name)
    assert added([row["list_cost_usd"] for row in rows]) == listed.total_cost_usd
    for name in ("no_usage_event_count", "unpriced_event_count", "partial_usage_event_count"):
        assert sum(name in row["gaps"] for row in rows) == getattr(automatic, name)

    objects = [
        json.loads(line, parse_float=Decimal) for line in invoked(made_up, "export", "jsonl", *only).stdout.splitlines()
    ]
    assert [each["total_cost_usd"] for each in objects] == [
        None if row["total_cost_usd"] == "" else Decimal(row["total_cost_usd"]) for row in rows
    ]

    costs = added([row["ListCost"] for row in bill(made_up, *only)])
    assert (costs or 0) == listed.known_cost_usd
    said = added([row["BilledCost"] for row in bill(made_up, "--cost", "reported", *only)])
    assert (said or 0) == reported.known_cost_usd


@given(runs=st.lists(payloads(), min_size=1, max_size=5))
def test_no_required_column_is_blank_and_each_row_is_its_quantity_times_its_price(
    made_up: Project, runs: list[dict[str, Any]]
) -> None:
    made_up.log_path(FEATURE).write_text(log_of(runs), encoding="utf-8")
    for row in bill(made_up):
        assert all(row[name] for name in REQUIRED)
        assert Decimal(row["PricingQuantity"]) * Decimal(row["ListUnitPrice"]) == Decimal(row["ListCost"])
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
    for row in bill(made_up, "--cost", "reported"):
        assert all(row[name] for name in REQUIRED)
