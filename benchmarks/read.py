"""How long reading a log takes and how much memory it needs.

    python benchmarks/read.py [lines ...]

Each size is read in a process of its own, whose greatest resident set is taken before and after; what grows with the
log are the event ids, which are kept to count every record once.  The number of records read is checked.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from tabulate import tabulate
from ulid import ULID

from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import ExecutionEvent, encode

READ = """
import resource, sys, time
from pathlib import Path
from spec_kitty_telemetry.log.reader import scan

def peak_mebibytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)

before, began = peak_mebibytes(), time.perf_counter()
keep_unknown = sys.argv[2] == "with unknown keys"
count = sum(1 for _ in scan(Path(sys.argv[1]), keep_unknown=keep_unknown))
print(count, time.perf_counter() - began, before, peak_mebibytes())
"""


def line() -> bytes:
    """Return the line of one record as a run of Claude Code leaves it."""
    payload = ExecutionPayload(
        agent="claude-code", role="implementer", wp_id="WP01", model="claude-sonnet-4-6", input_tokens=50512,
        output_tokens=1100, cache_read_tokens=43000, duration_ms=48210, success=True, usage_source="agent-output",
        version=2,
    )  # fmt: skip
    return encode(
        ExecutionEvent(
            event_id="0" * 26, aggregate_id="001-benchmark", timestamp=datetime.now(UTC), node_id="b805cd5cee74",
            payload=payload, lamport_clock=10**6, build_id="b524fffa", correlation_id=str(ULID()), project_slug="shop",
            project_uuid="2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11",
        )
    )  # fmt: skip


def write_log(path: Path, lines: int) -> None:
    head, _, rest = line().partition(b"0" * 26)
    with path.open("wb") as file:
        file.writelines(b"%b%026d%b" % (head, number, rest) for number in range(lines))


def row(path: Path, lines: int, how: str) -> list[object]:
    done = subprocess.run([sys.executable, "-c", READ, str(path), how], capture_output=True, text=True, check=True)
    count, seconds, before, after = map(float, done.stdout.split())
    assert count == lines
    mebibytes = path.stat().st_size / 1024 / 1024
    return [how, lines, mebibytes, seconds, mebibytes / seconds, before, after]


def main(sizes: list[int]) -> None:
    rows = []
    for lines in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "execution.events.jsonl"
            write_log(path, lines)
            rows += [row(path, lines, how) for how in ("as reports read", "with unknown keys")]
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"msgspec {metadata.version('msgspec')}; {len(line())} bytes a line\n"
    )
    headers = ["reading", "lines", "MiB", "seconds", "MiB/s", "peak RSS before, MiB", "after, MiB"]
    print(tabulate(rows, headers, floatfmt=("", "", ".1f", ".2f", ".0f", ".1f", ".1f"), intfmt=","))


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [10_000, 1_000_000])
