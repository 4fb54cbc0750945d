"""How long `report` takes, beside DuckDB and beside plain `json` in a loop, over the same made-up records.

    python benchmarks/report.py [events ...]

Needs DuckDB (a dependency of the benchmarks alone).  All three read every log, drop the lines that are no record, count
a record that stands twice once, and add up runs, tokens and reported costs by feature; that their sums are the same is
checked before anything is timed.  `report` does more: it checks every field, prices what has no cost, and names the
lines it dropped.  DuckDB is told the columns and reads only those.

"whole" is a process from its start to its end, "inside" only the reading and adding up, without start-up.  Candidates
take turns, so that a busy moment of the machine meets all of them; ratios are of medians.  "peak" is the greatest
resident set of any one process: `report` may use several (docs/reliability.md), DuckDB uses several threads.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from corpus import Corpus, write_corpus  # type: ignore[import-not-found]  # beside this file
from tabulate import tabulate

PROGRAM = str(Path(sys.executable).parent / "spec-kitty-telemetry")
HOST = str(Path(sys.executable).parent / "spec-kitty")

DUCKDB = """
import json, sys, time
import duckdb
duckdb.execute('SET enable_progress_bar = false')
began = time.perf_counter()
rows = duckdb.execute('''
    WITH records AS (
        SELECT DISTINCT ON (event_id) aggregate_id AS feature, payload
        FROM read_ndjson(?, ignore_errors = true, columns = {
            event_id: 'VARCHAR', event_type: 'VARCHAR', aggregate_id: 'VARCHAR',
            payload: 'STRUCT(input_tokens BIGINT, output_tokens BIGINT, cost_usd DECIMAL(18, 9))'})
        WHERE event_type = 'ExecutionEvent')
    SELECT feature, count(*), sum(payload.input_tokens), sum(payload.output_tokens), sum(payload.cost_usd)
    FROM records GROUP BY feature''', [sys.argv[1] + '/kitty-specs/*/execution.events.jsonl']).fetchall()
inside = time.perf_counter() - began
print(json.dumps({'inside': inside, 'rows': {name: [*map(str, sums)] for name, *sums in rows}}))
"""

LOOP = """
import json, sys, time
from decimal import Decimal
from pathlib import Path
began = time.perf_counter()
seen, rows = set(), {}
for path in sorted(Path(sys.argv[1]).glob('kitty-specs/*/execution.events.jsonl')):
    with path.open('rb') as file:
        for line in file:
            try:
                record = json.loads(line, parse_float=Decimal)
            except ValueError:
                continue
            if record['event_type'] != 'ExecutionEvent' or record['event_id'] in seen:
                continue
            seen.add(record['event_id'])
            payload = record['payload']
            row = rows.setdefault(record['aggregate_id'], [0, 0, 0, Decimal(0)])
            row[0] += 1
            row[1] += payload['input_tokens'] or 0
            row[2] += payload['output_tokens'] or 0
            row[3] += payload['cost_usd'] or 0
inside = time.perf_counter() - began
print(json.dumps({'inside': inside, 'rows': {name: [*map(str, sums)] for name, sums in rows.items()}}))
"""

INSIDE = """
import json, sys, time
from pathlib import Path
from spec_kitty_telemetry.reports.summary import report_of
from spec_kitty_telemetry.pricing import PriceBook
from spec_kitty_telemetry.project.layout import Project
from spec_kitty_telemetry.reports.search import Search
from spec_kitty_telemetry.reports.totals import Aggregator
from spec_kitty_telemetry.reports.parallel import ParallelScan
book, search = PriceBook.shipped(), Search(Project(Path(sys.argv[1])))
began = time.perf_counter()
processes = int(sys.argv[2]) or None
with ParallelScan(search, lambda: Aggregator(('feature',), book.find), book, processes=processes) as count:
    report_of(count.totals(), ('feature',))
print(json.dumps({'inside': time.perf_counter() - began}))
"""


class Run(NamedTuple):
    whole_s: float
    peak_mib: float
    output: str


def run(command: list[str]) -> Run:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    whole_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (command, process.returncode)
    return Run(whole_s, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024), output)


def python(program: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", program, *map(str, arguments)]


def ours(corpus: Corpus) -> list[str]:
    return [PROGRAM, "report", "--json", "--project", str(corpus.project.root)]


def check(corpus: Corpus) -> None:
    """Compare what the three find, before anything is timed."""
    document = json.loads(run(ours(corpus)).output, parse_float=Decimal)
    found = {row["group_key"]: sums(row) for row in document["rows"]}
    assert sum(row[0] for row in found.values()) == corpus.event_count == document["total"]["event_count"]
    assert document["skipped_line_count"] == corpus.cut_off_count
    for program in (DUCKDB, LOOP):
        rows = json.loads(run(python(program, corpus.project.root)).output)["rows"]
        others = {name: tuple(Decimal(each) for each in numbers) for name, numbers in rows.items()}
        assert others == found, program


def sums(row: dict[str, Any]) -> tuple[Decimal, ...]:
    names = ("event_count", "total_input_tokens", "total_output_tokens", "reported_cost_usd")
    return tuple(Decimal(row[name] or 0) for name in names)


def compared(corpus: Corpus, label: str, runs: int) -> list[list[object]]:
    root = corpus.project.root
    candidates = {"report": ours(corpus), "DuckDB": python(DUCKDB, root), "json": python(LOOP, root)}
    taken: dict[str, list[Run]] = {name: [] for name in candidates}
    inside: dict[str, list[float]] = {name: [] for name in (*candidates, "alone")}
    for turn in range(runs + 1):
        for name, command in candidates.items():
            done = run(command)
            if turn:
                taken[name].append(done)
        for name, command in {
            "report": python(INSIDE, root, 0), "alone": python(INSIDE, root, 1),
            "DuckDB": candidates["DuckDB"], "json": candidates["json"],
        }.items():  # fmt: skip
            if turn:
                inside[name].append(json.loads(run(command).output)["inside"])
    whole = {name: statistics.median(each.whole_s for each in done) for name, done in taken.items()}
    return [
        [
            label if name == "report" else "", name, whole[name], min(each.whole_s for each in done),
            max(each.whole_s for each in done), statistics.median(inside[name]),
            max(each.peak_mib for each in done), whole[name] / whole["DuckDB"],
        ]
        for name, done in taken.items()
    ] + [["", "report, one process", None, None, None, statistics.median(inside["alone"]), None, None]]  # fmt: skip


def start_up_table(folder: Path, runs: int) -> None:
    """The figure for everyday size: 25,000 records in 50 features, beside what nobody can be faster than."""
    candidates = {"python -c 'import click, tabulate'": python("import click, tabulate")}
    for shape in ("short", "full"):
        corpus = write_corpus(folder / f"everyday-{shape}", 25_000, 50, shape)
        check(corpus)
        root = str(corpus.project.root)
        size = f"{shape}, {corpus.size_bytes / 2**20:.0f} MiB"
        candidates[f"spec-kitty-telemetry report ({size})"] = [PROGRAM, "report", "--project", root]
        if Path(HOST).exists():
            candidates[f"spec-kitty telemetry report ({size})"] = [HOST, "telemetry", "report", "--project", root]
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(runs + 1):
        for name, command in candidates.items():
            if turn:
                taken[name].append(run(command).whole_s * 1000)
            else:
                run(command)
    least = statistics.median(next(iter(taken.values())))
    rows = [
        [name, statistics.median(ms), min(ms), max(ms), statistics.median(ms) / least] for name, ms in taken.items()
    ]
    print(f"25,000 records in 50 features, whole processes, {runs} runs in turns, milliseconds\n")
    print(tabulate(rows, ["", "median", "min", "max", "ratio"], floatfmt=("", ".0f", ".0f", ".0f", ".2f")), flush=True)


def main(sizes: list[int]) -> None:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("msgspec", "click", "tabulate", "duckdb"))
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    print(f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}, {versions}\n")
    with tempfile.TemporaryDirectory() as name:
        start_up_table(Path(name), runs=15)
        rows = []
        for size in sizes:
            for shape, features in (("short", 50), ("full", 50), *([("short", 1)] if size >= 1_000_000 else [])):
                corpus = write_corpus(Path(name) / f"{shape}-{features}-{size}", size, features, shape)
                check(corpus)
                label = f"{size:,} {shape}, {features} log(s), {corpus.size_bytes / 2**20:,.0f} MiB"
                rows += compared(corpus, label, runs=5 if size >= 1_000_000 else 9)
                for path in corpus.project.specs_dir.glob("*/*.jsonl"):
                    path.unlink()
    headers = ["records", "", "whole, s", "min", "max", "inside, s", "peak, MiB", "whole / DuckDB"]
    print("\n" + tabulate(rows, headers, floatfmt=("", "", ".2f", ".2f", ".2f", ".2f", ".0f", ".2f")))


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
