"""What one append costs, and whether that depends on the size of the log.

    python benchmarks/append.py [appends [lines ...]]

Beside `FeatureLog.append` stands a bare locked write of the same bytes with the same lock (filelock, os.write,
os.fsync): the least that any log with this promise can cost.  Below stands the whole `hooks.after_invocation` with the
installed plugins, for an agent that nobody knows and for one whose output is read.  All records are read back
and counted afterwards.  The disk's fsync is the machine's own and says nothing about another's.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from tabulate import tabulate
from ulid import ULID

from spec_kitty_telemetry.host import Hooks
from spec_kitty_telemetry.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.log import FeatureLog
from spec_kitty_telemetry.project import Project
from spec_kitty_telemetry.record import ExecutionEvent, ExecutionPayload, encode
from spec_kitty_telemetry.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable

FEATURE = "001-benchmark"
CLAUDE = (
    '{"type":"result","subtype":"success","is_error":false,"session_id":"3f0c1c52-7f2f-4d8e-9a52-0a4f6f9b1c11",'
    '"duration_ms":48210,"total_cost_usd":0.051086,"usage":{"input_tokens":12,"output_tokens":900},"modelUsage":'
    '{"claude-sonnet-4-6":{"inputTokens":12,"outputTokens":900,"cacheReadInputTokens":40000,'
    '"cacheCreationInputTokens":6000,"costUSD":0.048036}}}'
)


def new_event(number: int = 0, event_id: str | None = None) -> ExecutionEvent:
    payload = ExecutionPayload(
        agent="claude-code", role="implementer", wp_id="WP01", model="claude-sonnet-4-6", input_tokens=50512,
        output_tokens=1100, cache_read_tokens=43000, duration_ms=48210, success=True, usage_source="agent-output",
        version=2,
    )  # fmt: skip
    return ExecutionEvent(
        event_id=event_id or str(ULID()), aggregate_id=FEATURE, timestamp=datetime.now(UTC), node_id="b805cd5cee74",
        payload=payload, lamport_clock=number, build_id="b524fffa", correlation_id=str(ULID()), project_slug="shop",
        project_uuid="2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11",
    )  # fmt: skip


def new_project(folder: str, lines: int) -> Project:
    """Make a project whose log has `lines` records, and let its clock be known."""
    project = Project(Path(os.path.realpath(folder)))
    project.feature_dir(FEATURE).mkdir(parents=True)
    (project.root / ".kittify").mkdir()
    (project.root / ".kittify" / "config.yaml").write_text("project:\n  slug: shop\n  node_id: b805cd5cee74\n")
    if lines:
        head, id_, rest = encode(new_event(lines)).partition(b'"event_id":"')
        with project.log_path(FEATURE).open("wb") as file:
            file.writelines(b"%b%b%026d%b" % (head, id_, number, rest[26:]) for number in range(lines))
    FeatureLog.of_feature(project, FEATURE).append(new_event())
    while FeatureLog.of_feature(project, FEATURE).drain(60):
        pass
    return project


def timed(count: int, act: Callable[[], object]) -> tuple[float, float]:
    """Return the median and the 99th percentile of `act` in milliseconds, after a warm-up."""
    for _ in range(max(5, count // 10)):
        act()
    took = []
    for _ in range(count):
        began = time.perf_counter()
        act()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


def ours(project: Project, *, fsync: bool) -> Callable[[], object]:
    def act() -> None:
        appended = FeatureLog.of_feature(project, FEATURE, fsync=fsync).append(new_event())
        assert appended.place == "log", appended

    return act


def bare(project: Project, *, fsync: bool) -> Callable[[], object]:
    path, lock_path = project.log_path(FEATURE), project.runtime_folder() / "bare.lock"

    def act() -> None:
        line = encode(new_event(10**6))
        with FileLock(lock_path, is_singleton=False).acquire(timeout=0.25, poll_interval=0.005):
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, line)
            if fsync:
                os.fsync(descriptor)
            os.close(descriptor)

    return act


def announced(project: Project, agent: str, stdout: str) -> Callable[[], object]:
    hooks = Hooks.load(project.root)
    result = InvocationResult(success=True, exit_code=0, stdout=stdout, duration_seconds=1.5)

    def act() -> None:
        run = Invocation(project_root=project.root, feature=FEATURE, agent=agent, role="implementer", started_at=None)
        hooks.after_invocation(run, result)

    return act


def rows_at(lines: int, count: int) -> list[list[object]]:
    with tempfile.TemporaryDirectory() as folder:
        project = new_project(folder, lines)
        before = sum(1 for _ in scan(project.log_path(FEATURE)))
        rows: list[list[object]] = []
        acts = 0
        for what, make in (("append", ours), ("bare locked write", bare)):
            for fsync in (False, True):
                number = count if not fsync else max(50, count // 5)
                rows.append([what, "yes" if fsync else "no", lines, *timed(number, make(project, fsync=fsync))])
                acts += number + max(5, number // 10)
        os.environ["SPEC_KITTY_TELEMETRY_FSYNC"] = "off"
        for what, agent, stdout in (("unknown agent", "somebody", ""), ("claude-code", "claude-code", CLAUDE)):
            times = timed(count, announced(project, agent, stdout))
            rows.append([f"after_invocation, {what}", "no", lines, *times])
            acts += count + max(5, count // 10)
        assert sum(1 for _ in scan(project.log_path(FEATURE))) == before + acts
        return rows


def main(count: int, sizes: list[int]) -> None:
    rows = sorted((row for lines in sizes for row in rows_at(lines, count)), key=lambda row: (str(row[0]), str(row[1])))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("filelock", "msgspec", "pydantic", "pluggy"))
    size = len(encode(new_event()))
    print(f"{machine}, {versions}\n{size} bytes a line, {count} appends a row (a fifth with fsync), milliseconds\n")
    print(tabulate(rows, ["what", "fsync", "lines before", "median", "99th percentile"], floatfmt=".3f", intfmt=","))


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1000, [int(each) for each in sys.argv[2:]] or [0, 10_000, 1_000_000]
    )
