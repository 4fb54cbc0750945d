"""The clock: above everything in the log, whatever happened to log and clock file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.log import checkpoint
from spec_kitty_telemetry.model.record import ExecutionEvent, encode
from spec_kitty_telemetry.project.files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.log.writer import FeatureLog
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
NewEvent = Callable[..., ExecutionEvent]


def catch_up(path: Path, mark: checkpoint.Checkpoint, seconds: float = 60) -> tuple[checkpoint.Checkpoint, list[str]]:
    seen: list[str] = []

    def note(event_id: str, _revision: int) -> None:
        seen.append(event_id)

    descriptor = open_regular(path, os.O_RDONLY)
    try:
        return checkpoint.catch_up(descriptor, mark, time.monotonic() + seconds, note), seen
    finally:
        os.close(descriptor)


def test_an_append_reads_only_what_was_added_since_the_last_one(log: FeatureLog, new_event: NewEvent) -> None:
    for _ in range(3):
        log.append(new_event())
    mark, _ = catch_up(log.path, checkpoint.Checkpoint())
    with log.path.open("ab") as file:
        file.write(encode(other := new_event(lamport_clock=90)))
    mark, seen = catch_up(log.path, mark)
    assert (mark.clock, seen) == (90, [other.event_id])
    assert catch_up(log.path, mark) == (mark, [])


@pytest.mark.parametrize("first", [True, False])
def test_after_another_writers_lines_came_in_the_next_clock_is_above_them(
    log: FeatureLog, new_event: NewEvent, first: bool
) -> None:
    log.append(new_event())
    ours, theirs = log.path.read_bytes(), encode(new_event(lamport_clock=70))
    log.path.write_bytes(theirs + ours if first else ours + theirs)
    assert log.append(new_event()).event.lamport_clock == 71


def test_a_byte_order_mark_before_the_first_line_hides_no_clock(log: FeatureLog, new_event: NewEvent) -> None:
    """An editor may put one there; the line behind it has the greatest clock here."""
    log.path.write_bytes(
        b"\xef\xbb\xbf" + encode(first := new_event(lamport_clock=70)) + encode(new_event(lamport_clock=3))
    )
    mark, seen = catch_up(log.path, checkpoint.Checkpoint())
    assert (mark.clock, seen[0]) == (70, first.event_id)
    assert log.append(new_event()).event.lamport_clock == 71


def test_lines_of_the_same_length_in_place_of_ours_are_noticed(log: FeatureLog, new_event: NewEvent) -> None:
    same = {"timestamp": new_event().timestamp, "correlation_id": "01K3AAAAAAAAAAAAAAAAAAAAAA"}
    log.append(new_event(**same))
    ours = log.path.read_bytes()
    theirs = encode(new_event(lamport_clock=8, **same))
    assert len(theirs) == len(ours)
    log.path.write_bytes(theirs)
    assert log.append(new_event()).event.lamport_clock == 9


def test_a_log_that_was_rolled_back_does_not_give_the_same_clocks_out_again(
    log: FeatureLog, new_event: NewEvent
) -> None:
    log.append(new_event())
    short = log.path.read_bytes()
    for _ in range(4):
        log.append(new_event())
    log.path.write_bytes(short)
    assert log.append(new_event()).event.lamport_clock == 6


def test_a_clock_that_is_a_lie_is_not_believed(log: FeatureLog, new_event: NewEvent) -> None:
    log.path.write_bytes(encode(new_event(lamport_clock=2**53 - 1)) + encode(new_event(lamport_clock=5)))
    assert log.append(new_event()).event.lamport_clock == 6


def test_above_the_greatest_clock_that_is_believed_clocks_still_differ(log: FeatureLog, new_event: NewEvent) -> None:
    log.path.write_bytes(encode(new_event(lamport_clock=2**52)))
    clocks = [log.append(new_event()).event.lamport_clock for _ in range(3)]
    assert clocks == [2**52 + 1, 2**52 + 2, 2**52 + 3]


def test_a_log_that_cannot_be_read_in_time_is_read_on_by_the_next_append(log: FeatureLog, new_event: NewEvent) -> None:
    line = encode(new_event(lamport_clock=3))
    with log.path.open("wb") as file:
        for _ in range(5):
            file.write(line * 2000)
    mark, calls = checkpoint.Checkpoint(), 0
    while calls == 0 or not mark.complete:
        before, (mark, _) = mark, catch_up(log.path, mark, seconds=0)
        calls += 1
        assert mark.size > before.size
    assert calls > 2
    assert mark == catch_up(log.path, checkpoint.Checkpoint())[0]


@pytest.mark.parametrize("length", [1024 * 1024, 1024 * 1024 + 1, 5 * 1024 * 1024])
def test_a_very_long_line_is_passed_over_also_when_it_is_read_bit_by_bit(
    log: FeatureLog, new_event: NewEvent, length: int
) -> None:
    hidden = encode(new_event(lamport_clock=500)).strip()  # in the long line's last part, where a block may begin
    log.path.write_bytes(b"x" * (length - len(hidden)) + hidden + b"\n" + encode(new_event(lamport_clock=4)))
    mark = checkpoint.Checkpoint()
    while not (mark := catch_up(log.path, mark, seconds=0)[0]).complete:
        pass
    assert mark.clock == 4
    assert log.append(new_event()).event.lamport_clock == 5


def test_a_clock_file_is_as_long_as_ever_so_that_one_write_replaces_it(
    project: Project, log: FeatureLog, new_event: NewEvent
) -> None:
    sizes = set()
    for _ in range(12):
        log.append(new_event())
        sizes.add((project.runtime_dir / f"{FEATURE}.clock").stat().st_size)
    assert len(sizes) == 1


@given(text=st.binary(max_size=300))
def test_any_bytes_as_a_clock_file_are_a_mark_that_can_be_counted_on(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "clock"
    path.write_bytes(text)
    mark = checkpoint.load(path)
    assert 0 <= mark.clock < 2**53 - 2**50
    checkpoint.save(path, mark)
    assert checkpoint.load(path) == mark


@pytest.mark.parametrize(
    ("kept", "believed"),
    [
        (checkpoint.Checkpoint(clock=-1), False),
        (checkpoint.Checkpoint(clock=5, size=-1), False),
        (checkpoint.Checkpoint(clock=2**52 + 2**51 + 1), False),
        (checkpoint.Checkpoint(clock=2**52 + 2**51), True),
        (checkpoint.Checkpoint(clock=0, size=3), True),
        (checkpoint.Checkpoint(clock=7, size=0), True),
    ],
)
def test_a_kept_mark_that_cannot_be_is_none(tmp_path: Path, kept: checkpoint.Checkpoint, believed: bool) -> None:
    path = tmp_path / "clock.json"
    checkpoint.save(path, kept)
    assert checkpoint.load(path) == (kept if believed else checkpoint.Checkpoint())


def test_a_mark_moves_on_by_what_was_appended() -> None:
    mark = checkpoint.Checkpoint(clock=9, size=5, tail=b"1234\n").after(b"abc\n", 3)
    assert mark == checkpoint.Checkpoint(clock=9, size=9, tail=b"1234\nabc\n")


def test_a_line_that_says_no_clock_raises_none(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'{"event_id": "a"}\n')
    mark, seen = catch_up(tmp_path / "log", checkpoint.Checkpoint())
    assert (mark.clock, seen) == (0, ["a"])


@pytest.mark.parametrize(
    ("line", "revision"),
    [
        (b'{"event_id":"x","payload":{"revision":2}}', 2),
        (b'{"event_id":"x","payload":{"revision":0}}', 0),
        (b'{"event_id":"x","payload":{}}', 1),
        (b'{"event_id":"x"}', 1),
    ],
)
def test_a_line_says_how_far_its_record_has_got_else_it_is_the_usual_one(line: bytes, revision: int) -> None:
    assert checkpoint.numbered(line).revision == revision
