"""The health of a log, and mending it without losing anything."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from filelock import FileLock

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.errors import LogError, ProjectError
from spec_kitty_telemetry.log import repair as health_module
from spec_kitty_telemetry.log.reader import ScanReport
from spec_kitty_telemetry.log.repair import LogHealth, health, repair
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.record import ExecutionEvent, encode
from spec_kitty_telemetry.project.layout import OUTSIDE

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
NewEvent = Callable[..., ExecutionEvent]
ReadBack = Callable[[Path], tuple[list[ExecutionEvent], ScanReport]]


def is_sound(found: LogHealth) -> bool:
    return not (found.problem or found.bad_line_count or found.waiting_count or found.unreadable_waiting)


def test_a_sound_log_needs_nobody(project: Project, log: FeatureLog, new_event: NewEvent) -> None:
    for _ in range(3):
        log.append(new_event())
    found = health(project, FEATURE)
    assert (found.line_count, found.event_count, found.clock, found.clocks_repeat) == (3, 3, 3, False)
    assert found.size_bytes == log.path.stat().st_size
    assert is_sound(found)
    assert repair(project, FEATURE) == []


def test_a_feature_without_a_log_is_sound(project: Project) -> None:
    assert is_sound(health(project, FEATURE))
    assert repair(project, FEATURE) == []


def test_everything_that_is_wrong_is_counted_and_nothing_is_changed(
    project: Project, log: FeatureLog, new_event: NewEvent
) -> None:
    first = log.append(new_event()).event
    with log.path.open("ab") as file:
        file.write(b"garbage\n" + encode(first) + encode(new_event(lamport_clock=1)) + b'{"torn')
    spooled = new_event()
    log.spool.put(spooled, encode(spooled))
    (log.spool.folder / "rubbish.json").write_bytes(b"x")
    before = log.path.read_bytes()
    found = health(project, FEATURE)
    assert (found.line_count, found.event_count, found.bad_line_count, found.duplicate_count) == (5, 2, 2, 1)
    assert [line.line for line in found.bad_lines] == [2, 5]
    assert (found.waiting_count, found.unreadable_waiting) == (1, [log.spool.folder / "rubbish.json"])
    assert found.clocks_repeat
    assert not is_sound(found)
    assert log.path.read_bytes() == before


def test_repair_takes_bad_lines_out_drains_the_spool_and_keeps_the_file_as_it_was(
    project: Project, log: FeatureLog, new_event: NewEvent, read_back: ReadBack
) -> None:
    good = [log.append(new_event()).event for _ in range(2)]
    with log.path.open("ab") as file:
        file.write(b"<<<<<<< HEAD\n\n" + b"x" * (1024 * 1024 + 5) + b"\n\xff\n")
    spooled = new_event()
    log.spool.put(spooled, encode(spooled))
    before = log.path.read_bytes()
    mode = log.path.stat().st_mode
    done = repair(project, FEATURE)
    (kept,) = (project.runtime_dir / "before-repair").iterdir()
    assert kept.read_bytes() == before
    assert "3 bad line(s) removed, 0 record(s) saved" in done[0]
    assert str(kept) in done[0]
    assert done[1] == f"{FEATURE}: 1 waiting record(s) moved from the spool into the log"
    events, report = read_back(log.path)
    assert [event.event_id for event in events] == [*(event.event_id for event in good), spooled.event_id]
    assert events[-1].lamport_clock == 3
    assert report.skipped_count == 0
    assert log.path.stat().st_mode == mode
    assert is_sound(health(project, FEATURE))
    assert [path.name for path in log.path.parent.iterdir()] == [log.path.name]


def test_repair_saves_every_whole_record_that_shares_a_line(
    project: Project, log: FeatureLog, new_event: NewEvent, read_back: ReadBack
) -> None:
    events = [new_event(lamport_clock=clock) for clock in range(1, 6)]
    a, b, c, d, e = (encode(event).rstrip() for event in events)
    log.path.write_bytes(a[:70] + b + c + b"\n" + d + e + a[:30] + b"\n" + a + b"\n")
    (done,) = repair(project, FEATURE)
    assert "2 bad line(s) removed, 4 record(s) saved" in done
    saved, report = read_back(log.path)
    assert [event.lamport_clock for event in saved] == [2, 3, 4, 5, 1]
    assert report.skipped_count == 0


def test_repair_leaves_other_kinds_of_events_and_unknown_keys_alone(
    project: Project, log: FeatureLog, new_event: NewEvent
) -> None:
    newer = json.loads(encode(new_event())) | {"from_the_future": [1]}
    other = {"event_type": "WPStatusChanged", "payload": {"agent": 7}}
    lines = [json.dumps(each).encode() for each in (newer, other)]
    log.path.write_bytes(b"\n".join([lines[0], b"bad", lines[1], b"", b""]))
    repair(project, FEATURE)
    assert log.path.read_bytes().splitlines() == [*lines, b""]


def test_a_log_that_is_a_folder_is_a_problem_that_repair_leaves_to_a_person(project: Project, log: FeatureLog) -> None:
    log.path.mkdir()
    found = health(project, FEATURE)
    assert "move it away" in str(found.problem)
    assert not is_sound(found)
    with pytest.raises(LogError, match="move it away"):
        repair(project, FEATURE)


def test_a_feature_name_that_is_refused_is_a_problem(project: Project) -> None:
    assert "cannot be a feature's name" in str(health(project, "../x").problem)
    with pytest.raises(ProjectError, match="cannot be a feature's name"):
        repair(project, "../x")


def test_repair_mends_the_log_of_what_belongs_to_no_mission_too(project: Project, new_event: NewEvent) -> None:
    log = FeatureLog.of_feature(project, OUTSIDE)
    log.append(new_event())
    with log.path.open("ab") as file:
        file.write(b"half a li")
    log.set_aside(new_event(), "a slow disk")
    before = CliRunner().invoke(group, ["doctor", "--json", "--project", str(project.root)])
    (found,) = json.loads(before.stdout)["logs"]
    assert (found["feature"], found["bad_line_count"], found["waiting_count"]) == ("–", 1, 1)
    CliRunner().invoke(group, ["doctor", "--repair", "--project", str(project.root)])
    mended = health(project, OUTSIDE)
    assert (mended.event_count, mended.bad_line_count, mended.waiting_count) == (2, 0, 0)


def test_repair_drains_what_waits_for_the_log_of_no_mission_though_there_is_none_yet(
    project: Project, new_event: NewEvent
) -> None:
    FeatureLog.of_feature(project, OUTSIDE).set_aside(new_event(), "a slow disk")
    done = CliRunner().invoke(group, ["doctor", "--repair", "--project", str(project.root)])
    assert "–: 1 waiting record(s) moved from the spool into the log" in done.stdout
    assert health(project, OUTSIDE).event_count == 1


def test_repair_waits_for_writers_and_gives_up_with_everything_as_it_was(
    project: Project, log: FeatureLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "_PATIENCE_S", 0.05)
    log.path.write_bytes(b"bad\n")
    project.runtime_folder()
    with (
        FileLock(project.runtime_dir / f"{FEATURE}.lock", is_singleton=False),
        pytest.raises(LogError, match="another process kept its lock for too long"),
    ):
        repair(project, FEATURE)
    assert log.path.read_bytes() == b"bad\n"


def test_repair_that_cannot_keep_a_copy_changes_nothing(project: Project, log: FeatureLog) -> None:
    log.path.write_bytes(b"bad\n")
    project.runtime_folder()
    (project.runtime_dir / "before-repair").write_bytes(b"")
    with pytest.raises(LogError, match="cannot be written: file exists"):
        repair(project, FEATURE)
    assert log.path.read_bytes() == b"bad\n"


def test_a_large_spool_is_drained_whole(project: Project, log: FeatureLog, new_event: NewEvent) -> None:
    for _ in range(450):
        event = new_event()
        log.spool.put(event, encode(event))
    assert repair(project, FEATURE) == [f"{FEATURE}: 450 waiting record(s) moved from the spool into the log"]
    shutil.rmtree(log.spool.folder)
    assert health(project, FEATURE).event_count == 450
