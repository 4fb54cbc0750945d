"""Finding records: by feature, by field, by time, each once, in causal order."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import (
    EventFilter,
    emit_execution_event,
    query_execution_events,
    query_project_events,
    stream_execution_events,
    stream_project_events,
)
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.errors import FilterError, LogError, ProjectError
from spec_kitty_telemetry.model.record import encode
from spec_kitty_telemetry.reports.dimensions import checked
from spec_kitty_telemetry.reports.search import Search, record_called

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

Recorder = Callable[..., None]


@pytest.fixture
def emit(project: Project) -> Recorder:
    def emit(feature: str, **facts: Any) -> None:
        facts = {"wp_id": "WP01", "agent": "a", "role": "implementer"} | facts
        folder = project.specs_dir / feature
        folder.mkdir(exist_ok=True)
        assert emit_execution_event(folder, feature, facts.pop("wp_id"), **facts)

    return emit


def test_legacy_lines_are_read_as_they_were_meant(legacy_project: Project) -> None:
    events = query_execution_events(legacy_project.feature_dir("048-full-lifecycle-telemetry-events"))
    assert [event.lamport_clock for event in events] == sorted(event.lamport_clock for event in events)
    assert len(events) == 8
    first = events[0]
    assert (first.payload.wp_id, first.payload.outcome, first.payload.version) == (None, "succeeded", 1)
    assert (first.build_id, first.payload.cost_usd, first.payload.input_tokens) == (None, None, 64163)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("043-one", ["043-one"]),
        ("43", ["043-one"]),
        ("043", ["043-one"]),
        ("04*", ["043-one", "044-two"]),
        ("*two", ["044-two"]),
    ],
)
def test_a_feature_is_found_by_slug_number_or_glob(
    project: Project, emit: Recorder, pattern: str, found: list[str]
) -> None:
    (project.specs_dir / "043-telemetry-foundation").rmdir()
    for feature in ("043-one", "044-two", "051-three"):
        emit(feature)
    events = query_project_events(project.root, EventFilter(features=(pattern,)))
    assert sorted(event.feature for event in events) == found


def test_an_unknown_feature_names_the_features_that_have_telemetry(project: Project, emit: Recorder) -> None:
    emit("043-one")
    with pytest.raises(ProjectError, match=r"found no feature '099-none' in .*; features with telemetry: 043-one"):
        query_project_events(project.root, EventFilter(features=("099-none",)))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"wp_ids": ("WP02",)}, 1),
        ({"wp_ids": ("none",)}, 1),
        ({"wp_ids": ("WP*",)}, 3),
        ({"roles": ("reviewer", "planner")}, 2),
        ({"agents": ("CODEX",)}, 1),
        ({"models": ("gpt-*",)}, 1),
        ({"outcomes": ("failed",)}, 1),
        ({"roles": ("implementer",), "outcomes": ("succeeded",)}, 1),
        ({}, 4),
    ],
)
def test_filters_of_one_field_are_alternatives_and_those_of_several_all_hold(
    project: Project, emit: Recorder, filters: dict[str, tuple[str, ...]], expected: int
) -> None:
    emit("043-one", wp_id="WP01", model="claude-sonnet-4-6")
    emit("043-one", wp_id="WP02", role="reviewer", agent="codex", model="gpt-5.2")
    emit("043-one", wp_id="WP03", success=False, exit_code=1)
    emit("043-one", wp_id=None, role="planner")
    assert len(query_project_events(project.root, EventFilter(**filters))) == expected  # type: ignore[arg-type]


def test_since_is_included_and_until_is_not(project: Project, emit: Recorder) -> None:
    hours = [datetime(2026, 8, 20, hour, tzinfo=UTC) for hour in (9, 10, 11)]
    for hour in hours:
        emit("043-one", timestamp=hour)
    found = query_project_events(project.root, EventFilter(since=hours[0], until=hours[2]))
    assert [event.timestamp for event in found] == hours[:2]


def test_a_record_in_two_logs_counts_once(project: Project, emit: Recorder) -> None:
    emit("043-one")
    line = (project.log_path("043-one")).read_bytes()
    (project.specs_dir / "044-copy").mkdir()
    project.log_path("044-copy").write_bytes(line * 3)
    assert len(query_project_events(project.root)) == 1


def test_bad_lines_are_named_and_the_others_used(project: Project, emit: Recorder) -> None:
    emit("043-one")
    good = project.log_path("043-one").read_bytes()
    project.log_path("043-one").write_bytes(good[:94] + b"\n\xff\xfe\n" + good + b'{"event_type":"Other"}\n[]\n')
    search = Search(project)
    assert len(list(search.events())) == 1
    assert [(line.line, line.reason) for line in search.report.skipped] == [
        (1, "not JSON (cut off)"),
        (2, "not UTF-8"),
        (5, "not a JSON object of the record's shape"),
    ]


def test_keys_of_a_newer_version_are_kept_for_whoever_asks(project: Project, emit: Recorder) -> None:
    emit("043-one")
    path = project.log_path("043-one")
    text = path.read_text(encoding="utf-8").replace('"version":2', '"version":9,"mood":"good"')
    path.write_text(text.replace('"data_tier":0', '"data_tier":0,"signature":[1]'), encoding="utf-8")
    (event,) = query_execution_events(path.parent)
    assert event.payload.version == 9
    assert event.unknown == {"signature": [1], "payload": {"mood": "good"}}


def test_keys_of_a_newer_version_inside_models_survive_being_written_again(project: Project, emit: Recorder) -> None:
    emit("043-one")
    path = project.log_path("043-one")
    line = path.read_bytes().replace(b'"models":[]', b'"models":[{"model":"m","mood":1},{"model":"n"}]')
    path.write_bytes(line)
    (event,) = query_execution_events(path.parent)
    assert encode(event) == line


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not stop this user")
def test_an_unreadable_log_is_an_error_and_not_a_silent_gap(project: Project, emit: Recorder) -> None:
    emit("043-one")
    project.log_path("043-one").chmod(0)
    with pytest.raises(LogError, match=r"cannot be read: permission denied; mend its permissions"):
        query_project_events(project.root)


def test_a_folder_in_place_of_a_log_is_an_error_that_says_so(project: Project) -> None:
    project.log_path("043-telemetry-foundation").mkdir()
    with pytest.raises(LogError, match=r"is a folder, expected a file|is not a regular file"):
        query_project_events(project.root)


def test_a_model_whose_name_looks_like_a_glob_is_found_by_its_name(project: Project, emit: Recorder) -> None:
    emit("043-one", model="claude-opus-4-6[1m]")
    emit("043-one", model="claude-opus-4-6")
    for asked, found in (("Claude-Opus-4-6[1m]", 1), ("claude-opus-4-6", 1), ("claude-*", 2)):
        assert len(query_project_events(project.root, EventFilter(models=(asked,)))) == found


@pytest.mark.parametrize("pattern", ["²", "٣", "9" * 5000])
def test_strange_digits_are_no_number_of_a_feature(project: Project, emit: Recorder, pattern: str) -> None:
    emit("043-one")
    with pytest.raises(ProjectError, match="cannot be a feature's name"):
        query_project_events(project.root, EventFilter(features=(pattern,)))


def test_a_text_in_a_filter_is_one_value(project: Project, emit: Recorder) -> None:
    emit("043-one", role="implementer")
    emit("043-one", role="i")
    filters = EventFilter(roles="implementer", wp_ids=["WP01"])  # type: ignore[arg-type]
    assert (filters.roles, filters.wp_ids) == (("implementer",), ("WP01",))
    assert len(query_project_events(project.root, filters)) == 1


def test_a_filter_that_can_match_nothing_is_refused() -> None:
    early, late = datetime(2026, 8, 20, tzinfo=UTC), datetime(2026, 8, 21, tzinfo=UTC)
    with pytest.raises(FilterError, match=r"since: found 2026-08-20T00:00:00 without a time zone"):
        EventFilter(since=early.replace(tzinfo=None))
    with pytest.raises(FilterError, match=r"until: found .* expected an aware datetime"):
        EventFilter(until=late.replace(tzinfo=None))
    with pytest.raises(FilterError, match=r"which is not before until .*; exchange them"):
        EventFilter(since=late, until=early)
    with pytest.raises(FilterError, match="found the outcome 'nonsense', expected one of succeeded, failed, timed_out"):
        EventFilter(outcomes=("nonsense",))
    assert EventFilter(outcomes=("FAIL*", "none")).outcomes == ("FAIL*", "none")


def test_the_records_of_one_folder_are_filtered_by_feature_too(project: Project, emit: Recorder) -> None:
    emit("043-one")
    folder = project.feature_dir("043-one")
    assert query_execution_events(folder, EventFilter(features=("zzz",))) == []
    assert len(query_execution_events(folder, EventFilter(features=("zzz", "43")))) == 1


def test_a_record_is_found_by_how_its_id_begins_in_capitals_or_not(project: Project, emit: Recorder) -> None:
    emit("043-one", event_id="01K3ZZZZZZZZZZZZZZZZZZZZZZ")
    path = project.log_path("043-one")
    path.write_text(path.read_text(encoding="utf-8").replace("01K3Z", "01k3z"), encoding="utf-8")
    assert record_called(Search(project), "01K3z").event_id == "01k3zZZZZZZZZZZZZZZZZZZZZZ"
    with pytest.raises(FilterError, match="found an empty id"):
        record_called(Search(project), " ")


def test_a_feature_without_a_record_is_named_as_such(project: Project, emit: Recorder) -> None:
    emit("043-one")
    (project.specs_dir / "002-b").mkdir()
    said = CliRunner().invoke(group, ["report", "--project", str(project.root), "--feature", "002"])
    assert said.stdout.startswith("Nothing recorded yet for 002-b.\n")


def test_a_report_by_nothing_is_refused() -> None:
    with pytest.raises(FilterError, match="found no dimension, expected at least one of feature, wp"):
        checked([])


def test_no_log_is_no_record(project: Project, tmp_path: Path) -> None:
    assert query_execution_events(project.feature_dir("043-telemetry-foundation")) == []
    assert query_execution_events(tmp_path / "nowhere") == []


def test_a_stream_has_the_records_of_the_list_in_the_order_of_the_logs(project: Project, emit: Recorder) -> None:
    times = [datetime(2026, 8, 20, hour, tzinfo=UTC) for hour in (12, 9, 10)]
    for feature, at in zip(("043-one", "043-one", "044-two"), times, strict=True):
        emit(feature, timestamp=at)

    stream = stream_project_events(project.root)
    assert next(stream).timestamp == times[0]
    assert [event.timestamp for event in stream] == times[1:]
    assert [event.timestamp for event in query_project_events(project.root)] == sorted(times)
    one = project.feature_dir("043-one")
    assert [event.timestamp for event in stream_execution_events(one)] == times[:2]
    assert list(stream_execution_events(one, EventFilter(features=("44",)))) == []


def test_a_filter_takes_times_in_words_as_the_command_line_does() -> None:
    vienna = ZoneInfo("Europe/Vienna")
    found = EventFilter.in_words(since="2026-02", until="2026-02-16", zone=vienna, roles="reviewer")
    assert found == EventFilter(
        roles=("reviewer",),
        since=datetime(2026, 1, 31, 23, tzinfo=UTC),  # midnight of 1 February in Vienna
        until=datetime(2026, 2, 16, 23, tzinfo=UTC),  # the day is taken whole
    )
    with pytest.raises(FilterError, match=r"found 'soon'; expected a date \(2026-02-16\)"):
        EventFilter.in_words(since="soon")
