"""What a report could not read or cannot say is said in it, and the total is marked as a floor."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.record import ExecutionEvent, ModelPart, encode, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.project import Project


def run(project: Project, *words: str) -> Result:
    return CliRunner().invoke(group, [words[0], "--project", str(project.root), *words[1:]])


def record(project: Project, feature: str, **facts: Any) -> Path:
    folder = project.feature_dir(feature)
    folder.mkdir(exist_ok=True)
    emit_execution_event(folder, feature, "WP01", "agent", "implementer", **facts)
    return project.log_path(feature)


def rewrite(path: Path, change: Callable[[ExecutionEvent], ExecutionEvent]) -> None:
    path.write_bytes(b"".join(encode(change(parse(line))) for line in path.read_bytes().splitlines()))


def with_parts(path: Path, *parts: ModelPart) -> None:
    """Let the one record of a log say what each model used."""
    from msgspec.structs import replace

    rewrite(path, lambda event: replace(event, payload=replace(event.payload, models=list(parts))))


def a_folder(project: Project, feature: str) -> None:
    project.log_path(feature).mkdir(parents=True)


def a_way_out(project: Project, feature: str) -> None:
    (project.root.parent / "elsewhere").mkdir()
    project.specs_dir.joinpath(feature).symlink_to(project.root.parent / "elsewhere")
    (project.root.parent / "elsewhere" / "execution.events.jsonl").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (a_folder, "is not a regular file; move it away"),
        (a_way_out, "leads out of the project"),
    ],
)
def test_a_log_that_cannot_be_read_is_named_and_the_others_are_reported(
    project: Project, spoil: Callable[[Project, str], None], reason: str
) -> None:
    record(project, "043-good", cost_usd=Decimal(2))
    spoil(project, "044-bad")

    text = run(project, "report")
    document = json.loads(run(project, "report", "--json").stdout)

    assert text.exit_code == 0
    assert "Whole logs that could not be read, so the total is a floor (≥):" in text.stdout
    assert reason in text.stdout
    (unread,) = document["unread_logs"]
    assert reason in unread["reason"]
    assert [row["cost_is_floor"] for row in document["rows"]] == [False]
    assert document["total"]["cost_is_floor"]


def test_the_only_log_that_was_asked_for_is_an_error_when_it_cannot_be_read(project: Project) -> None:
    record(project, "043-good", cost_usd=Decimal(2))
    a_folder(project, "044-bad")
    result = run(project, "report", "--feature", "44")
    assert result.exit_code == 1
    assert "is not a regular file; move it away" in result.stderr


def test_events_and_lifecycle_go_on_without_a_log_that_cannot_be_read(project: Project) -> None:
    record(project, "043-good", cost_usd=Decimal(2))
    a_way_out(project, "044-bad")

    events, lifecycle = run(project, "events"), run(project, "lifecycle")

    assert (events.exit_code, lifecycle.exit_code) == (0, 0)
    assert "043-good" in events.stdout
    assert "Left out: " in events.stderr
    assert "leads out of the project" in events.stderr
    assert "leads out of the project" in lifecycle.stdout


def test_a_line_that_could_not_be_read_makes_the_total_a_floor_but_no_row(project: Project) -> None:
    path = record(project, "043-good", cost_usd=Decimal(2))
    path.write_bytes(path.read_bytes() + b"{torn\n")

    record(project, "044-more", cost_usd=Decimal(1))

    text = run(project, "report").stdout

    assert "1 line could not be read, so the total is a floor (≥):" in text
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith(("043", "044", "total"))}
    assert "≥$3.0000" in rows["total"]
    assert ["≥" in rows[name] for name in ("043-good", "044-more")] == [False, False]


def test_rows_that_count_a_run_twice_say_so(project: Project) -> None:
    path = record(project, "043-good", cost_usd=Decimal(3))
    with_parts(path, ModelPart(model="a", cost_usd=Decimal(1)), ModelPart(model="b", cost_usd=Decimal(2)))
    record(project, "043-good", cost_usd=Decimal(4), model="b")

    by_model = run(project, "report", "--by", "model").stdout
    document = json.loads(run(project, "report", "--by", "model", "--json").stdout)

    assert "A run counts in the row of each model that it used: 1 run more in the rows than in the total." in by_model
    assert document["repeated_event_count"] == 1
    assert sum(row["event_count"] for row in document["rows"]) == 3
    assert document["total"]["event_count"] == 2
    assert "A run counts" not in run(project, "report").stdout


def test_counts_that_cannot_all_be_true_are_named_as_the_reason_for_a_missing_cost(project: Project) -> None:
    path = record(project, "043-good", model="claude-opus-4-6", input_tokens=10, output_tokens=1)
    rewrite(path, lambda event: parse(encode(event).replace(b'"cache_read_tokens":null', b'"cache_read_tokens":99')))

    text = run(project, "report").stdout

    assert "1 run said counts that cannot all be true, so they have no cost; 'prices explain ID' shows them." in text
    assert "unknown" in text


def test_a_renamed_feature_is_reported_under_its_new_name(project: Project) -> None:
    record(project, "043-old-name", cost_usd=Decimal(2))
    project.feature_dir("043-old-name").rename(project.feature_dir("043-new-name"))
    (project.feature_dir("043-new-name") / "status.events.jsonl").write_text(
        json.dumps({"wp_id": "WP01", "from_lane": "for_review", "to_lane": "done", "at": "2199-01-01T00:00:00+00:00"})
    )

    report = json.loads(run(project, "report", "--json").stdout)
    lifecycle = json.loads(run(project, "lifecycle", "--json").stdout)

    assert [row["group_key"] for row in report["rows"]] == ["043-new-name"]
    (package,) = lifecycle["work_packages"]
    assert (package["feature"], package["lane"], package["total"]["event_count"]) == ("043-new-name", "done", 1)


def test_runs_whose_counts_or_rates_are_in_doubt_are_counted_below_the_table(project: Project) -> None:
    from msgspec.structs import replace

    path = record(project, "043-good", model="gpt-5.5", input_tokens=400_000, output_tokens=1)
    record(project, "043-good", model="gpt-5.5", input_tokens=1_000, output_tokens=1)
    rewrite(path, lambda event: replace(event, payload=replace(event.payload, uncertain="the output was cut off")))

    text = run(project, "report").stdout

    assert "2 runs may be off in their counts; 'events --json' says why under 'uncertain'." in text
    assert "1 run may have reached long-context prices; base rates were taken, so they may cost more." in text
    assert '"uncertain":"the output was cut off"' in run(project, "events", "--json").stdout
