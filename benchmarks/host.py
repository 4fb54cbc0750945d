"""What living with the host costs its commands: the bridge, and the line in a clone's `info/exclude`.

    python benchmarks/host.py [runs [clones]]

Needs Linux or macOS and an environment with this package and spec-kitty-cli installed.  The bridge: the processor time
of a command of the host with telemetry on and off, in turns; that is what it adds, however busy the machine is.  The
line: what the first record of a clone waits for it, the first one of a process after that, and any other.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from spec_kitty_telemetry.project.ignoring import exclude_path, ignore_logs, ignore_logs_once
from spec_kitty_telemetry.project.layout import LOG_NAME, Project

SLUG = "user-login-01M8FXYR"
COMMANDS = (("--version",), ("merge", "--help"))


def main(runs: int = 9, clones: int = 100) -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(new_clone(folder, "bridged").root)
        bridge(runs)
        exclude_line(folder, clones)


def bridge(runs: int) -> None:
    print(f"a command of the host, milliseconds of processor time, median of {runs} in turns: telemetry on / off")
    for command in COMMANDS:
        took: dict[str, list[float]] = {"on": [], "off": []}
        for turn in range(runs + 1):
            for state, times in took.items():
                milliseconds = timed_ms(command, state)
                if turn:
                    times.append(milliseconds)
        on, off = (statistics.median(times) for times in took.values())
        print(f"  spec-kitty {' '.join(command):30} {on:9.0f} {off:9.0f}")


def timed_ms(command: tuple[str, ...], state: str) -> float:
    program = str(Path(sys.executable).parent / "spec-kitty")
    environment = {**os.environ, "SPEC_KITTY_TELEMETRY": state, "SPEC_KITTY_NO_UPGRADE_CHECK": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, *command], env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def exclude_line(folder: Path, count: int) -> None:
    projects = [new_clone(folder, str(number)) for number in range(count)]
    first = [timed_us(lambda project=project: ignore_logs(project, 1.0)) for project in projects]
    for project in projects:
        path = exclude_path(project)
        assert path is not None
        assert path.read_text().endswith("execution.events.jsonl\n")
    logs = [project.specs_dir / SLUG / LOG_NAME for project in projects]
    for project in projects:
        project.runtime_folder()
    once = list(zip(projects, logs, strict=True))
    new_process = [timed_us(lambda each=each: ignore_logs_once(*each)) for each in once]
    later = [timed_us(lambda each=each: ignore_logs_once(*each)) for each in once]
    print(f"\nthe line in info/exclude, microseconds, median of {count} clones")
    for label, times in (("first record of a clone", first), ("first of a process", new_process), ("any other", later)):
        print(f"  {label:30} {statistics.median(times):9.1f}")


def timed_us(action: object) -> float:
    assert callable(action)
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1_000_000


def new_clone(folder: Path, name: str) -> Project:
    root = (folder / name).resolve()
    (root / "kitty-specs" / SLUG).mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    return Project(root)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
