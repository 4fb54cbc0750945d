"""A record can be taken back, and `emit` refuses what would have to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.reports.search import query_execution_events

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"


def run(project: Project, *words: str) -> Result:
    return CliRunner().invoke(group, [*words, "--project", str(project.root)])


def emit(project: Project, *words: str) -> Result:
    return run(project, "emit", "--feature", FEATURE, "--agent", "a", "--role", "r", *words)


def test_a_record_that_was_taken_back_counts_no_more_and_is_still_there(project: Project) -> None:
    emit(project, "--cost-usd", "3")
    emit(project, "--cost-usd", "4")
    wrong = query_execution_events(project.feature_dir(FEATURE))[0]
    done = run(project, "events", "void", wrong.event_id, "--reason", "typed twice")
    assert (done.exit_code, done.stdout) == (
        0, f"Took back {wrong.event_id} of {FEATURE}; 'events --all' still shows it.\n"
    )  # fmt: skip
    assert [str(event.payload.cost_usd) for event in query_execution_events(project.feature_dir(FEATURE))] == ["4"]
    everything = run(project, "events", "--all", "--json").stdout.splitlines()
    assert len(everything) == 3
    assert sum('"voided":"typed twice"' in line for line in everything) == 1


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_is_needed(project: Project, reason: str) -> None:
    emit(project)
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    done = run(project, "events", "void", event.event_id, "--reason", reason)
    assert done.exit_code == 2
    assert "expected why the record is taken back" in done.stderr


def test_an_id_that_is_not_there_is_named(project: Project) -> None:
    done = run(project, "events", "void", "01ABC", "--reason", "x")
    assert done.exit_code == 1
    assert "'01ABC'" in done.stderr


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("--agent", " "), "--agent"),
        (("--role", ""), "--role"),
        (("--tag", "team="), "--tag"),
        (("--timestamp", (datetime.now(UTC) + timedelta(days=3)).date().isoformat()), "more than a day ahead"),
    ],
)
def test_emit_refuses_what_means_nothing(project: Project, words: tuple[str, ...], wrong: str) -> None:
    done = emit(project, *words)
    assert done.exit_code == 2
    assert wrong in done.stderr
    assert query_execution_events(project.feature_dir(FEATURE)) == []


@pytest.mark.parametrize(
    ("words", "outcome"),
    [((), None), (("--exit-code", "0"), "succeeded"), (("--exit-code", "1"), "failed"), (("--success",), "succeeded"),
     (("--error", "no network"), "failed")],
)  # fmt: skip
def test_without_a_word_about_its_end_the_outcome_of_a_run_is_unknown(
    project: Project, words: tuple[str, ...], outcome: str | None
) -> None:
    emit(project, *words)
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    assert event.payload.outcome == outcome
