"""What one append promises: one whole valid line, the next clock, the user's umask."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_kitty_events import Event

from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.log.reader import ScanReport
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES, ExecutionEvent

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

NewEvent = Callable[..., ExecutionEvent]
ReadBack = Callable[[Path], tuple[list[ExecutionEvent], ScanReport]]
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no umask, and its symlinks need a privilege")


def test_each_append_is_one_line_with_the_next_clock(log: FeatureLog, new_event: NewEvent, read_back: ReadBack) -> None:
    places = [log.append(new_event()) for _ in range(5)]
    assert [each.place for each in places] == ["log"] * 5
    events, report = read_back(log.path)
    assert events == [each.event for each in places]
    assert [event.lamport_clock for event in events] == [1, 2, 3, 4, 5]
    assert report.line_count == log.path.read_bytes().count(b"\n") == 5


def test_every_line_that_is_written_is_an_event_of_the_host_family(log: FeatureLog, new_event: NewEvent) -> None:
    log.append(new_event())
    log.append(new_event(payload=ExecutionPayload()))
    for line in log.path.read_bytes().splitlines():
        document = json.loads(line)
        assert Event(**document).event_id == document["event_id"]
        assert list(document) == sorted(document)


@pytest.mark.parametrize("torn", [b'{"aggregate_id":"043', b"\x00" * 700, b"\xff\xfe", b"x" * (MAXIMUM_LINE_BYTES + 9)])
def test_a_line_torn_by_a_crash_does_not_swallow_the_next_one(
    log: FeatureLog, new_event: NewEvent, read_back: ReadBack, torn: bytes
) -> None:
    first = log.append(new_event()).event
    with log.path.open("ab") as file:
        file.write(torn)
    second = log.append(new_event()).event
    third = log.append(new_event()).event
    events, report = read_back(log.path)
    assert events == [first, second, third]
    assert [(line.file, line.line) for line in report.skipped] == [(log.path, 2)]


def test_a_whole_last_line_without_its_newline_is_kept_and_counted_on_from(
    log: FeatureLog, new_event: NewEvent, read_back: ReadBack
) -> None:
    log.append(new_event())
    log.append(new_event())
    log.path.write_bytes(log.path.read_bytes().rstrip(b"\n"))
    assert log.append(new_event()).event.lamport_clock == 3
    events, report = read_back(log.path)
    assert [event.lamport_clock for event in events] == [1, 2, 3]
    assert report.skipped_count == 0


@pytest.mark.parametrize("fsync", [True, False])
def test_a_flushed_append_reads_like_one_that_is_not(
    project: Project, new_event: NewEvent, read_back: ReadBack, fsync: bool
) -> None:
    log = FeatureLog.of_feature(project, "001-new", fsync=fsync)
    written = [log.append(new_event(aggregate_id="001-new")).event for _ in range(3)]
    assert read_back(log.path)[0] == written


def test_a_record_too_long_for_any_reader_is_told_in_a_warning_and_kept_out_of_the_log(
    log: FeatureLog, new_event: NewEvent, read_back: ReadBack, caplog: pytest.LogCaptureFixture
) -> None:
    long = new_event(payload=ExecutionPayload(tags={"note": "x" * MAXIMUM_LINE_BYTES}))
    appended = log.append(long)
    assert appended.place == "warning"
    assert "longer than 1048576 bytes" in str(appended.reason)
    assert long.event_id in caplog.text
    assert log.append(new_event()).place == "log"
    assert read_back(log.path)[1].skipped_count == 0


def test_a_record_that_cannot_be_written_as_json_is_told_in_a_warning(
    log: FeatureLog, new_event: NewEvent, caplog: pytest.LogCaptureFixture
) -> None:
    appended = log.append(new_event(payload=ExecutionPayload(agent="\ud800")))
    assert appended.place == "warning"
    assert appended.event.event_id in caplog.text
    assert not log.path.read_bytes()


@on_posix
@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o002, 0o664)])
def test_new_files_get_the_users_umask_and_never_more(
    project: Project, new_event: NewEvent, umask: int, mode: int
) -> None:
    earlier = os.umask(umask)
    try:
        FeatureLog.of_feature(project, "001-new").append(new_event())
    finally:
        os.umask(earlier)
    made = [project.log_path("001-new"), *(path for path in project.runtime_dir.rglob("*") if path.is_file())]
    assert {path.suffix for path in made} >= {".jsonl", ".clock"}  # some versions of filelock remove the lock
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in made} == {oct(mode)}


@on_posix
def test_a_feature_folder_that_leads_out_of_the_project_is_refused(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.specs_dir / "001-link").symlink_to(outside)
    with pytest.raises(ProjectError, match="leads out of the project"):
        FeatureLog.of_feature(project, "001-link")
    with pytest.raises(ProjectError, match=r"leads out of the project .*; replace the link by a real folder"):
        FeatureLog.of_feature_dir(project.specs_dir / "001-link")


@on_posix
def test_a_feature_folder_that_is_a_link_within_the_project_is_followed(
    project: Project, log: FeatureLog, new_event: NewEvent
) -> None:
    (project.specs_dir / "001-alias").symlink_to(log.path.parent)
    assert FeatureLog.of_feature_dir(project.specs_dir / "001-alias").path == log.path
    assert FeatureLog.of_feature(project, "001-alias").append(new_event()).place == "log"
    assert log.append(new_event()).event.lamport_clock == 2


@on_posix
@pytest.mark.parametrize("link", [".kittify/runtime", ".kittify/runtime/telemetry", ".kittify/runtime/telemetry/spool"])
def test_nothing_is_written_through_a_runtime_folder_that_leads_out_of_the_project(
    project: Project, new_event: NewEvent, tmp_path: Path, link: str, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_STATE_DIR", f"{os.devnull}/none")
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.root / link).parent.mkdir(parents=True, exist_ok=True)
    (project.root / link).symlink_to(outside)
    (project.specs_dir / "001-x" / "execution.events.jsonl").mkdir(parents=True)  # so that the spool is wanted
    event = new_event()
    appended = FeatureLog.of_feature(project, "001-x").append(event)
    assert appended.place == "warning"
    assert event.event_id in caplog.text
    assert list(outside.iterdir()) == []


SLUGS = st.text(alphabet="abcABC019._-/\\ \n\0é", max_size=140) | st.text(max_size=20)


@given(slug=SLUGS)
def test_whatever_a_feature_is_called_its_log_is_in_its_own_folder_or_refused(project: Project, slug: str) -> None:
    try:
        path = FeatureLog.of_feature(project, slug).path
    except ProjectError:
        return
    assert path.parent.parent == project.specs_dir
    assert os.path.realpath(path) == str(path)


def test_keys_of_a_newer_version_survive_reading_and_writing(log: FeatureLog, new_event: NewEvent) -> None:
    from spec_kitty_telemetry.model.record import encode, parse

    document: dict[str, Any] = json.loads(encode(new_event()))
    document["new"] = {"a": [1, 2.5]}
    document["payload"]["newer"] = "x"
    log.append(parse(json.dumps(document).encode()))
    (line,) = log.path.read_bytes().splitlines()
    written = json.loads(line)
    assert (written["new"], written["payload"]["newer"]) == ({"a": [1, 2.5]}, "x")
