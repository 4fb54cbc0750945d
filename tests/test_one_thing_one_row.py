"""One thing is one row and has one answer: however it was spelt, wherever somebody asks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import cost_summary, emit_execution_event, query_project_events
from spec_kitty_telemetry.agents import NAMES
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.errors import FilterError
from spec_kitty_telemetry.model.labels import agent_name, role_name, work_package_name
from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
from spec_kitty_telemetry.model.record import ExecutionEvent, encode
from spec_kitty_telemetry.model.timespans import span
from spec_kitty_telemetry.reports.empty_rows import spans_without_records
from spec_kitty_telemetry.reports.filters import EventFilter

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

COUNTS: dict[str, Any] = {"input_tokens": 1_000_000, "output_tokens": 0}


def run(project: Project, *words: str) -> Result:
    return CliRunner().invoke(group, [words[0], "--project", str(project.root), *words[1:]])


def report(project: Project, *words: str) -> dict[str, Any]:
    result = run(project, "report", "--json", *words)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout, parse_float=Decimal)
    return document


def log(project: Project, *payloads: dict[str, Any], feature: str = "043-shop", day: int = 1) -> None:
    """Write records as an earlier version did, whatever they say."""
    folder = project.feature_dir(feature)
    folder.mkdir(exist_ok=True)
    with project.log_path(feature).open("ab") as file:
        for place, facts in enumerate(payloads):
            file.write(encode(ExecutionEvent(
                event_id=f"{feature[:3]}{day:03}{place:020}", aggregate_id=feature, node_id="n",
                timestamp=datetime(2026, 11, day, 12, place, tzinfo=UTC), payload=ExecutionPayload(**facts),
            )))  # fmt: skip


def keys(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(row["group"].values()) for row in document["rows"]]


def test_old_lines_are_read_with_the_one_name_of_role_agent_and_work_package(project: Project) -> None:
    log(
        project,
        {"role": "implementer", "agent": "claude-code", "wp_id": "WP01", **COUNTS},
        {"role": "Implementer", "agent": "claude", "wp_id": "wp01", **COUNTS},
        {"role": "implement", "agent": "Claude_Code", "wp_id": "WP01", **COUNTS},
        {"role": "REVIEW", "agent": "auggie", "wp_id": "wp-02", **COUNTS},
    )

    assert sorted(keys(report(project, "--by", "role,agent,wp"))) == [
        ("implementer", "claude-code", "WP01"),
        ("reviewer", "augment", "WP02"),
    ]
    for words in (["--role", "implement"], ["--agent", "claude"], ["--wp", "wp01"], ["--role", "IMPL*"]):
        assert report(project, *words)["total"]["event_count"] == 3
    for filters in (
        EventFilter(roles=("Implementer",)),
        EventFilter(agents=("claude",)),
        EventFilter(wp_ids=("wp01",)),
    ):
        assert len(query_project_events(project.root, filters)) == 3
    told = json.loads(run(project, "lifecycle", "--json").stdout)
    assert [each["wp_id"] for each in told["work_packages"]] == ["WP01", "WP02"]


def test_new_records_are_written_with_the_one_name(project: Project) -> None:
    folder = project.feature_dir("043-shop")
    folder.mkdir(exist_ok=True)
    emit_execution_event(folder, "043-shop", "wp03", "auggie", "Review", **COUNTS)

    payload = json.loads(project.log_path("043-shop").read_bytes())["payload"]
    assert (payload["agent"], payload["role"], payload["wp_id"]) == ("augment", "reviewer", "WP03")


def test_what_has_no_other_name_keeps_its_own() -> None:
    assert [role_name(said) for said in ("Architect", "second-opinion", None)] == ["Architect", "second-opinion", None]
    assert [agent_name(said) for said in ("codex_nonKitty", "my claude", None)] == ["codex_nonKitty", "my claude", None]
    assert [work_package_name(said) for said in ("WP1", "wp001", "wp", "phase 1")] == ["WP1", "WP001", "wp", "phase 1"]


def test_every_name_of_an_agent_whose_output_is_read_means_that_agent() -> None:
    for module, names in NAMES.items():
        for name in names:
            assert agent_name(name) == ("kilocode" if name.startswith("kilo") else names[0]), module


def test_models_that_are_only_spelt_differently_are_one_row_and_json_keeps_what_was_recorded(project: Project) -> None:
    spelt = ["claude-sonnet-4-5-20250929", "claude-sonnet-4.5", "anthropic/claude-sonnet-4-5", "claude-sonnet-4-5[1m]"]
    log(project, *({"model": name, **COUNTS} for name in (*spelt, "gpt-5.2-codex", "gpt-5.2", "house-1", "House-1")))

    document = report(project, "--by", "model")
    rows = {row["group"]["model"]: row for row in document["rows"]}
    assert rows.keys() == {"claude-sonnet-4-5", "gpt-5.2-codex", "gpt-5.2", "house-1", "House-1"}
    assert rows["claude-sonnet-4-5"]["event_count"] == 4
    assert rows["claude-sonnet-4-5"]["recorded_models"] == sorted(spelt)
    assert "4-5-20250929" not in run(project, "report", "--by", "model").stdout


def test_models_of_split_runs_are_one_row_too(project: Project) -> None:
    parts = [ModelPart(model=name, **COUNTS) for name in ("claude-opus-4-8", "claude-opus-4.8", "gpt-5.5")]
    log(project, {"models": parts, "input_tokens": 3_000_000, "output_tokens": 0})

    rows = {row["group"]["model"]: row for row in report(project, "--by", "model")["rows"]}
    assert {name: row["total_cost_usd"] for name, row in rows.items()} == {"claude-opus-4-8": 10, "gpt-5.5": 5}
    assert rows["claude-opus-4-8"]["recorded_models"] == ["claude-opus-4-8", "claude-opus-4.8"]


def test_by_provider_says_who_bills_by_the_price_that_was_used(project: Project) -> None:
    log(
        project,
        {"model": "gpt-5.5", **COUNTS},
        {"model": "gpt-5.5", "provider": "openai", **COUNTS},
        {"model": "us.anthropic.claude-opus-4-6-v1:0", **COUNTS},
        {"model": "claude-opus-4-6", "provider": "bedrock", **COUNTS},
        {"model": "glm-4.6", "agent": "claude-code", **COUNTS},
        {"model": "ollama/qwen3-coder", **COUNTS},
        {"model": "nobody-knows", **COUNTS},
        {"model": "x", "provider": "My-Gateway", **COUNTS},
    )

    rows = {row["group"]["provider"]: row["event_count"] for row in report(project, "--by", "provider")["rows"]}
    assert rows == {"openai": 2, "aws-bedrock": 2, "zai": 1, "ollama": 1, None: 1, "my-gateway": 1}


def test_work_packages_of_several_features_are_kept_apart(project: Project) -> None:
    log(project, {"wp_id": "WP01", "model": "gpt-5.5", **COUNTS})
    assert keys(report(project, "--by", "wp")) == [("WP01",)]
    log(project, {"wp_id": "WP01", "model": "gpt-5.5", **COUNTS}, feature="044-cart")

    document = report(project, "--by", "wp")
    assert document["by"] == ["feature", "wp"]
    assert sorted(keys(document)) == [("043-shop", "WP01"), ("044-cart", "WP01")]
    assert keys(report(project, "--by", "wp", "--feature", "044")) == [("WP01",)]
    python = cost_summary(query_project_events(project.root), "wp")
    assert sorted(row.group_key for row in python) == ["043-shop / WP01", "044-cart / WP01"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--by", "day"], ["2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06"]),
        (["--by", "day", "--since", "2026-11-01"], [f"2026-11-0{day}" for day in range(3, 7)]),
        (["--by", "day", "--until", "2026-11-07"], [f"2026-11-0{day}" for day in range(3, 7)]),
        (["--by", "day,agent"], ["2026-11-03", "2026-11-06"]),
        (["--by", "day", "--role", "nobody"], []),
    ],
)
def test_a_span_without_records_is_a_row_with_nothing_in_it(
    project: Project, words: list[str], expected: list[str]
) -> None:
    for day in (3, 6):
        log(project, {"model": "gpt-5.5", **COUNTS}, day=day)
    document = report(project, *words, "--tz", "UTC")

    assert [key[0] for key in keys(document)] == expected
    for row in document["rows"]:
        if not row["event_count"]:
            assert (row["total_cost_usd"], row["total_input_tokens"], row["cost_is_floor"]) == (None, None, False)
            assert (row["known_cost_usd"], row["cost_is_known"]) == (0, True)


def test_weeks_and_months_without_records_are_rows_and_a_day_that_never_was_is_none() -> None:
    assert spans_without_records("week", ["2026-W52", "2027-W02"], None) == ["2026-W53", "2027-W01"]
    assert spans_without_records("month", ["2026-11", "2027-02"], None) == ["2026-12", "2027-01"]
    apia = ZoneInfo("Pacific/Apia")
    assert spans_without_records("day", ["2011-12-28", "2011-12-31"], apia) == ["2011-12-29"]
    assert spans_without_records("day", ["0001-01-01", "9999-12-31"], None) == []  # more than anybody looks at
    assert spans_without_records("day", [], None) == []


def test_an_empty_day_has_no_unknown_cost_in_the_table(project: Project) -> None:
    for day in (3, 5):
        log(project, {"model": "gpt-5.5", **COUNTS}, day=day)

    (empty,) = [
        line for line in run(project, "report", "--by", "day", "--tz", "UTC").stdout.splitlines() if "11-04" in line
    ]
    assert "unknown" not in empty


def test_the_list_of_records_shows_estimates_and_floors_as_reports_do(project: Project) -> None:
    log(
        project,
        {"model": "gpt-5.5", "input_tokens": 1_000, "output_tokens": 0},
        {"model": "gpt-5.5", "input_tokens": 1_000},
        {"model": "gpt-5.5", "cost_usd": Decimal("0.5"), **COUNTS},
        {"model": "nobody-knows", **COUNTS},
    )

    listed = run(project, "events").stdout
    for shown in (" ~$0.0050 ", " ≥~$0.0050 ", " $0.5000 ", " unknown "):
        assert shown in listed


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_floor_is_marked_where_its_sign_cannot_be_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    log(
        project,
        {"wp_id": "WP01", "role": "implementer", "model": "gpt-5.4", "input_tokens": 100_000, "output_tokens": 0},
    )
    log(project, {"wp_id": "WP01", "role": "implementer", "model": "no-such-model", **COUNTS}, day=2)
    for words in (["report"], ["report", "--format", "markdown"], ["lifecycle"]):
        result = CliRunner(charset=encoding).invoke(group, [words[0], "--project", str(project.root), *words[1:]])

        assert result.exit_code == 0
        assert b">=~$0.2500" in result.stdout_bytes
        assert b"?" not in result.stdout_bytes


@pytest.mark.parametrize("text", ["3m", "90M", "1 m"])
def test_m_alone_is_refused_with_both_readings(text: str) -> None:
    number = text.lower().removesuffix("m").strip()
    with pytest.raises(FilterError, match=f"found '{text}', which may mean {number} minutes or {number} months; write"):
        span(text)


def test_minutes_and_months_ago_are_written_out() -> None:
    now = datetime(2026, 5, 31, 12, tzinfo=UTC)

    assert span("90min", ZoneInfo("UTC"), now)[0] == now - timedelta(minutes=90)
    assert span("3mo", ZoneInfo("UTC"), now)[0] == datetime(2026, 2, 28, 12, tzinfo=UTC)  # February has no 31st
    assert span("17mo", ZoneInfo("Europe/Vienna"), now)[0] == datetime(2024, 12, 31, 13, tzinfo=UTC)  # 14:00 in winter


@pytest.mark.parametrize("name", ["last-month", "last-week", "Last-Month"])
def test_a_span_that_has_ended_ends_where_it_says(name: str) -> None:
    zone = ZoneInfo("Europe/Vienna")
    alone, both = (EventFilter.in_words(since=name, until=until, zone=zone) for until in (None, name))

    assert (alone.since, alone.until) == (both.since, both.until)
    assert EventFilter.in_words(since=name, until="today", zone=zone).until != alone.until
    assert EventFilter.in_words(since="this-month", zone=zone).until is None


def test_times_that_exclude_each_other_are_quoted_as_they_were_typed() -> None:
    with pytest.raises(FilterError, match=r"found since 'today' .*not before until '2026-02' .*exchange them"):
        EventFilter.in_words(since="today", until="2026-02", zone=ZoneInfo("UTC"))
