"""Many writers at once, and writers that are killed: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from spec_kitty_events import Event

from spec_kitty_telemetry.log.reader import ScanReport
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.record import ExecutionEvent

if TYPE_CHECKING:
    import subprocess

    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
ReadBack = Callable[[Path], tuple[list[ExecutionEvent], ScanReport]]
Start = Callable[..., "subprocess.Popen[str]"]

PREPARE = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from ulid import ULID
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.project.layout import Project
from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import ExecutionEvent

log = FeatureLog.of_feature(Project(Path(sys.argv[1])), sys.argv[2], fsync=False)

def append():
    event = ExecutionEvent(
        event_id=str(ULID()), aggregate_id=sys.argv[2], timestamp=datetime.now(UTC), node_id="n", build_id="b",
        correlation_id=str(ULID()), project_uuid="2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11",
        payload=ExecutionPayload(agent="claude-code", role="implementer", success=True, version=2))
    appended = log.append(event)
    assert appended.place != "warning", appended
    return event.event_id
"""
WRITE = PREPARE + "print(*[append() for _ in range(int(sys.argv[3]))])"

# Forks a writer, lets it tell each record that it appended, and kills it at a random moment after it told 0 to 3.
# To wait for what it told, and not for a time alone, holds on a slow machine too. A told line is 27 bytes.
KILL = (
    PREPARE
    + """
import random, signal
random.seed(8)
for turn in range(int(sys.argv[3])):
    receive, send = os.pipe()
    writer = os.fork()
    if writer == 0:
        while True:
            os.write(send, (append() + "\\n").encode())
    os.close(send)
    told = b"".join(os.read(receive, 27) for _ in range(turn % 4))
    time.sleep(random.uniform(0, 0.012))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    while block := os.read(receive, 65536):
        told += block
    os.close(receive)
    print(told.decode(), end="")
"""
)


def drained(log: FeatureLog) -> FeatureLog:
    while log.drain(10):
        pass
    return log


def test_eight_processes_and_eight_threads_lose_nothing_and_number_everything(
    project: Project, log: FeatureLog, new_event: Callable[..., ExecutionEvent], start: Start, read_back: ReadBack
) -> None:
    writers = [start(WRITE, project.root, FEATURE, 250) for _ in range(8)]
    ids: list[str] = []

    def write() -> None:
        own = FeatureLog.of_feature(project, FEATURE, fsync=False)
        for _ in range(250):
            appended = own.append(new_event())
            assert appended.place != "warning"
            ids.append(appended.event.event_id)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        output, errors = writer.communicate(timeout=60)
        assert errors == ""
        ids += output.split()

    events, report = read_back(drained(log).path)
    assert len(ids) == report.line_count == 4000
    assert {event.event_id for event in events} == set(ids)
    assert [event.lamport_clock for event in events] == list(range(1, 4001))
    assert (report.skipped_count, report.duplicate_count) == (0, 0)
    for line in log.path.read_bytes().splitlines():
        Event(**json.loads(line))


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither fork nor SIGKILL")
def test_writers_killed_at_200_random_moments_lose_nothing_that_was_acknowledged(
    project: Project, log: FeatureLog, new_event: Callable[..., ExecutionEvent], start: Start, read_back: ReadBack
) -> None:
    others = [start(WRITE, project.root, FEATURE, 1500) for _ in range(2)]
    killer = start(KILL, project.root, FEATURE, 200)
    told, errors = killer.communicate(timeout=120)
    assert errors == ""
    acknowledged = set(told.split())
    assert len(acknowledged) >= 50 * (0 + 1 + 2 + 3)
    for other in others:
        acknowledged |= set(other.communicate(timeout=60)[0].split())
    assert len(acknowledged) >= 300 + 2 * 1500

    after = drained(log).append(new_event()).event
    events, report = read_back(log.path)
    assert acknowledged <= {event.event_id for event in events}
    assert report.skipped_count <= 200
    assert report.duplicate_count == 0
    assert events[-1] == after
    clocks = [event.lamport_clock for event in events]
    assert clocks == sorted(set(clocks))


TAKE_TURNS = PREPARE + "\nfor _ in sys.stdin:\n    print(append(), flush=True)\n"


def test_processes_that_take_turns_count_on_from_each_other(
    project: Project, log: FeatureLog, start: Start, read_back: ReadBack
) -> None:
    writers = [start(TAKE_TURNS, project.root, FEATURE) for _ in range(2)]
    order = []
    for turn in range(10):
        writer = writers[turn % 2]
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write("now\n")
        writer.stdin.flush()
        order.append(writer.stdout.readline().strip())
    for writer in writers:
        writer.communicate(timeout=30)
    events, _ = read_back(log.path)
    assert [(event.event_id, event.lamport_clock) for event in events] == [
        (each, i + 1) for i, each in enumerate(order)
    ]
