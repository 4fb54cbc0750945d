"""What one append costs, and whether that depends on the size of the log.

    python benchmarks/append.py [appends [lines ...]]

Beside `FeatureLog.append` stands a bare locked write of the same bytes with the same lock (filelock, os.write,
os.fsync): the least that any log with this promise can cost.  Below stands the whole `hooks.after_invocation` with the
installed plugins, for an agent that nobody knows and for Claude Code, whose output is read: each run a session of its
own, with or without its transcript, or each resuming one session, whose totals grow.  Its own folder has 20 projects of
20 sessions, as after some months of work, and a transcript has 200 lines.  The last row is what a host waits for where
somebody else keeps the lock.  All records are read back, counted and checked afterwards.  The disk's fsync is the
machine's own and says nothing about another's.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import metadata
from itertools import count, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from filelock import FileLock
from tabulate import tabulate
from ulid import ULID

from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.log.reader import scan
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import ExecutionEvent, encode
from spec_kitty_telemetry.project.layout import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FEATURE = "001-benchmark"
HELD = 20
"""How many runs are timed while the lock is held: each waits for it as long as it may."""
CLAUDE = json.loads((Path(__file__).parents[1] / "tests/data/agent-samples/claude.json").read_text(encoding="utf-8"))


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


def timed(times: int, act: Callable[[], object]) -> tuple[float, float]:
    """Return the median and the 99th percentile of `act` in milliseconds, after a warm-up."""
    for _ in range(warm_ups(times)):
        act()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


def warm_ups(times: int) -> int:
    return max(5, times // 10)


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


def announced(project: Project, agent: str, outputs: list[str]) -> Callable[[], object]:
    hooks = Hooks.load(project.root)
    coming = iter(outputs)

    def act() -> None:
        result = InvocationResult(success=True, exit_code=0, stdout=next(coming), duration_seconds=3600)
        run = Invocation(project_root=project.root, feature=FEATURE, agent=agent, role="implementer", started_at=None)
        hooks.after_invocation(run, result)

    return act


def new_sessions(transcripts: Path | None) -> Iterator[str]:
    """Return the outputs of runs that each are a session of their own."""
    while True:
        session = str(uuid4())
        write_transcript(transcripts, session)
        yield json.dumps({**CLAUDE, "session_id": session})


def one_session(transcripts: Path) -> Iterator[str]:
    """Return the outputs of runs that resume one session, which print what it used so far."""
    write_transcript(transcripts, CLAUDE["session_id"])
    for runs in count(1):
        models = {
            model: {name: number * runs for name, number in numbers.items()}
            for model, numbers in CLAUDE["modelUsage"].items()
        }
        yield json.dumps({**CLAUDE, "total_cost_usd": CLAUDE["total_cost_usd"] * runs, "modelUsage": models})


def write_transcript(folder: Path | None, session: str) -> None:
    """Put what Claude Code writes beside a run: one line for each part of a message, here 200 of 2 KB.

    All are links to one file, which a reader cannot tell.
    """
    if folder is None:
        return
    if not (first := folder / "first").exists():
        first.parent.mkdir(parents=True, exist_ok=True)
        first.write_text(transcript(session), encoding="utf-8")
    (folder / f"{session}.jsonl").hardlink_to(first)


def transcript(session: str) -> str:
    line = {
        "type": "assistant",
        "sessionId": session,
        "version": "2.1.330",
        "timestamp": datetime.now(UTC).isoformat(),
        "message": {"id": "m", "model": "claude-sonnet-4-6", "usage": CLAUDE["usage"], "content": "x" * 1500},
    }
    return (json.dumps(line) + "\n") * 200


def claude_folder(folder: Path) -> Path:
    """Make the folder in which Claude Code keeps its sessions."""
    for project in range(20):
        (folder / "projects" / f"-home-me-shop-{project}").mkdir(parents=True)
        for _ in range(20):
            (folder / "projects" / f"-home-me-shop-{project}" / f"{uuid4()}.jsonl").write_text("{}\n", encoding="utf-8")
    return folder


def held_up(project: Project) -> tuple[float, float]:
    """Time `after_invocation` while somebody else does not give the lock back."""
    act = announced(project, "somebody", [""] * (HELD + warm_ups(HELD)))
    with FileLock(project.runtime_dir / f"{FEATURE}.lock", is_singleton=False):
        times = timed(HELD, act)
    FeatureLog.of_feature(project, FEATURE).drain(60)
    return times


def rows_at(lines: int, number_of_appends: int) -> list[list[object]]:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        project = new_project(folder, lines)
        before = sum(1 for _ in scan(project.log_path(FEATURE)))
        rows: list[list[object]] = []
        acts = 0
        for what, make in (("append", ours), ("bare locked write", bare)):
            for fsync in (False, True):
                number = number_of_appends if not fsync else max(50, number_of_appends // 5)
                rows.append([what, "yes" if fsync else "no", lines, *timed(number, make(project, fsync=fsync))])
                acts += number + warm_ups(number)
        os.environ["SPEC_KITTY_TELEMETRY_FSYNC"] = "off"
        os.environ["CLAUDE_CONFIG_DIR"] = str(claude_folder(Path(home)))
        transcripts = Path(home, "projects", re.sub(r"[^A-Za-z0-9]", "-", str(project.root)))
        for what, agent, outputs in (
            ("unknown agent", "somebody", repeat("")),
            ("Claude Code", "claude-code", new_sessions(transcripts)),
            ("Claude Code, no transcript", "claude-code", new_sessions(None)),
            ("Claude Code, resumed", "claude-code", one_session(transcripts)),
        ):
            runs = number_of_appends + warm_ups(number_of_appends)
            times = timed(number_of_appends, announced(project, agent, list(islice(outputs, runs))))
            rows.append([f"after_invocation, {what}", "no", lines, *times])
            acts += runs
        acts += HELD + warm_ups(HELD)
        rows.append(["after_invocation, the lock held by another", "no", lines, *held_up(project)])
        found = list(scan(project.log_path(FEATURE)))[before:]
        assert len(found) == acts
        assert {event.payload.input_tokens for event in found if event.payload.agent != "somebody"} == {50512}
        return rows


def main(appends: int, sizes: list[int]) -> None:
    rows = sorted(
        (row for lines in sizes for row in rows_at(lines, appends)), key=lambda row: (str(row[0]), str(row[1]))
    )
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("filelock", "msgspec", "pydantic", "pluggy"))
    size = len(encode(new_event()))
    print(f"{machine}, {versions}\n{size} bytes a line, {appends} appends a row (a fifth with fsync), milliseconds\n")
    print(tabulate(rows, ["what", "fsync", "lines before", "median", "99th percentile"], floatfmt=".3f", intfmt=","))


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1000, [int(each) for each in sys.argv[2:]] or [0, 10_000, 1_000_000]
    )
