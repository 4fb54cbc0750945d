"""Records, logs and programs that several tests of the log need."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ulid import ULID

from spec_kitty_telemetry.log.reader import ScanReport, scan
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import ExecutionEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"


@pytest.fixture
def new_event() -> Callable[..., ExecutionEvent]:
    """Make a record of its own; any field can be set."""

    def make(**fields: Any) -> ExecutionEvent:
        facts: dict[str, Any] = {
            "event_id": str(ULID()),
            "aggregate_id": FEATURE,
            "timestamp": datetime.now(UTC),
            "node_id": "b805cd5cee74",
            "build_id": "b524fffa",
            "correlation_id": str(ULID()),
            "project_uuid": "2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11",
            "payload": ExecutionPayload(
                agent="claude-code", role="implementer", outcome="succeeded", success=True, version=2
            ),
        }
        return ExecutionEvent(**(facts | fields))

    return make


@pytest.fixture
def log(project: Project) -> FeatureLog:
    """The log of the project's one feature, not flushed to the disk."""
    return FeatureLog.of_feature(project, FEATURE, fsync=False)


@pytest.fixture
def read_back() -> Callable[[Path], tuple[list[ExecutionEvent], ScanReport]]:
    """Read a log: its records, and what was passed over."""

    def read(path: Path) -> tuple[list[ExecutionEvent], ScanReport]:
        report = ScanReport()
        return list(scan(path, report)), report

    return read


@pytest.fixture
def raw_ids() -> Callable[[Path], list[str]]:
    """Read the event id of every line as it stands in the file, duplicates included."""
    return lambda path: [json.loads(line)["event_id"] for line in path.read_bytes().splitlines() if line.strip()]


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a Python program; its arguments are `sys.argv[1:]`.  What still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(program: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()
