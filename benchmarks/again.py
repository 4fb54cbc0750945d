"""What a report costs: cold, again, and after one more record, beside DuckDB and beside plain `json`.

    python benchmarks/again.py [events:logs:turns ...]

"cold" finds nothing kept; "again" is the same question over unchanged logs; "one more" is that question after a record
was appended.  All are whole processes.  CPU is user and system time of a process with all that it started and waited
for; candidates take turns, and the table has medians.  What `report` says again is compared with what it said cold, and
with what it says after what was kept is deleted.  DuckDB is told the columns that it needs, removes duplicates and
groups by the same dimension; it neither prices nor checks a line.
"""

from __future__ import annotations

import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from corpus import Corpus, short_line, write_corpus  # type: ignore[import-not-found]  # beside this file
from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = str(Path(sys.executable).parent / "spec-kitty-telemetry")
USUAL = ("25000:50:9", "1000000:1:3")
"""Records, logs and turns."""

DUCKDB = """
import sys, duckdb
duckdb.execute('SET enable_progress_bar = false')
print(len(duckdb.execute('''
    WITH records AS (
        SELECT DISTINCT ON (event_id) payload.wp_id AS wp, payload.role AS role, payload.model AS model, payload
        FROM read_ndjson(?, ignore_errors = true, columns = {
            event_id: 'VARCHAR', event_type: 'VARCHAR', payload: 'STRUCT(model VARCHAR, wp_id VARCHAR, role VARCHAR,
            input_tokens BIGINT, output_tokens BIGINT, cost_usd DECIMAL(18, 9))'})
        WHERE event_type = 'ExecutionEvent')
    SELECT %s, count(*), sum(payload.input_tokens), sum(payload.output_tokens), sum(payload.cost_usd)
    FROM records GROUP BY %s''', [sys.argv[1] + '/kitty-specs/*/execution.events.jsonl']).fetchall()))
"""
LOOP = """
import json, sys
from pathlib import Path
seen, rows = set(), {}
for path in sorted(Path(sys.argv[1]).glob('kitty-specs/*/execution.events.jsonl')):
    with path.open('rb') as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if record['event_type'] != 'ExecutionEvent' or record['event_id'] in seen:
                continue
            seen.add(record['event_id'])
            payload = record['payload']
            row = rows.setdefault(payload['model'], [0, 0, 0])
            row[0] += 1
            row[1] += payload['input_tokens'] or 0
            row[2] += payload['output_tokens'] or 0
print(len(rows))
"""


class Run(NamedTuple):
    cpu_s: float
    wall_s: float
    output: bytes


def run(command: list[str]) -> Run:
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, (command, process.returncode)
        output.seek(0)
        return Run(usage.ru_utime + usage.ru_stime, wall_s, output.read())


def report(root: Path, by: str) -> list[str]:
    return [PROGRAM, "report", "--by", by, "--json", "--project", str(root)]


class Project:
    """A made-up project whose reports are timed."""

    def __init__(self, corpus: Corpus) -> None:
        self.root: Path = corpus.project.root
        self._log = next(iter(sorted(corpus.project.specs_dir.glob("*/*.jsonl"))))
        self._next = corpus.event_count
        self._chance = random.Random(1)

    def forget(self) -> None:
        """Delete what is kept; once written logs are old enough to be kept."""
        shutil.rmtree(self.root / ".kittify" / "runtime", ignore_errors=True)
        time.sleep(0.1)

    def append(self) -> None:
        self._next += 1
        with self._log.open("ab") as file:
            file.write(short_line(self._chance, self._log.parent.name, self._next))

    def wait(self) -> None:
        """Do nothing before the next run."""


def without_moment(output: bytes) -> dict[str, object]:
    document: dict[str, object] = json.loads(output)
    return {name: value for name, value in document.items() if name != "generated_at"}


def check(project: Project, by: str) -> None:
    """Compare what is said cold, again, and after one more record with what reading everything says."""
    project.forget()
    cold, again = (without_moment(run(report(project.root, by)).output) for _ in range(2))
    project.append()
    more = without_moment(run(report(project.root, by)).output)
    project.forget()
    assert cold == again != more == without_moment(run(report(project.root, by)).output), by


def measured(project: Project, label: str, turns: int) -> list[list[object]]:
    root = project.root
    empty = root.with_name("empty")
    (empty / ".kittify").mkdir(parents=True, exist_ok=True)
    (empty / "kitty-specs").mkdir(exist_ok=True)
    candidates: list[tuple[str, Callable[[], None], list[str]]] = [
        ("python -c 'import click, tabulate'", project.wait, [sys.executable, "-c", "import click, tabulate"]),
        ("report in an empty project", project.wait, report(empty, "model")),
    ]
    for by in ("model", "wp,role,model"):
        check(project, by)
        candidates += [
            (f"report --by {by}, cold", project.forget, report(root, by)),
            (f"report --by {by}, again", project.wait, report(root, by)),
            (f"report --by {by}, one more", project.append, report(root, by)),
            (f"DuckDB, by {by}", project.wait, [sys.executable, "-c", DUCKDB % (by, by), str(root)]),
        ]
    candidates.append(("json in a loop", project.wait, [sys.executable, "-c", LOOP, str(root)]))
    runs: dict[str, list[Run]] = {name: [] for name, _, _ in candidates}
    for _ in range(turns):
        for name, prepare, command in candidates:
            prepare()
            runs[name].append(run(command))
    cpu_s = {name: statistics.median(one.cpu_s for one in done) for name, done in runs.items()}
    start, nothing = (cpu_s[name] for name, _, _ in candidates[:2])
    return [
        [
            label if not number else "", name, cpu_s[name], statistics.median(one.wall_s for one in done),
            cpu_s[name] / start, cpu_s[name] / nothing,
            cpu_s[name] / cpu_s[f"DuckDB, by {by}"] if (by := name.partition("--by ")[2].partition(", ")[0]) else None,
        ]
        for number, (name, done) in enumerate(runs.items())
    ]  # fmt: skip


def main(sizes: list[str]) -> None:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("msgspec", "click", "tabulate", "duckdb"))
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{platform.system()} {platform.machine()}, {cores} cores, load {load:.1f}, "
          f"Python {platform.python_version()}, {versions}\n")  # fmt: skip
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            events, logs, turns = (int(number) for number in size.split(":"))
            corpus = write_corpus(Path(folder) / size.replace(":", "-"), events, logs, "short")
            label = f"{events:,} in {logs} log(s), {corpus.size_bytes / 2**20:,.0f} MiB"
            rows += measured(Project(corpus), label, turns)
            shutil.rmtree(corpus.project.root)
    headers = ["records", "", "CPU, s", "wall, s", "÷ start", "÷ empty", "÷ DuckDB"]
    print(tabulate(rows, headers, floatfmt=("", "", ".3f", ".3f", ".2f", ".2f", ".2f")))


if __name__ == "__main__":
    main(sys.argv[1:] or list(USUAL))
