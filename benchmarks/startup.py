"""What the start-up file costs a program that is no host, and how long the commands take as whole processes.

    python benchmarks/startup.py [runs [host_runs]]

Needs an environment with this package and spec-kitty-cli installed.  The candidates of a table take turns, so that a
busy moment of the machine meets all of them.  The first table compares two new, otherwise empty environments: the
difference is the file's alone.  It does not show what a larger site-packages folder costs, which both would pay.
Medians are to be compared within one table of one run, not between machines; there is no threshold.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from importlib import metadata
from pathlib import Path

import spec_kitty_telemetry

PACKAGE = Path(spec_kitty_telemetry.__file__).parent
PROGRAMS = Path(sys.executable).parent
SLUG = "001-benchmark"
SWITCHED_OFF = ", switched off"


def main(runs: int = 20, host_runs: int = 7) -> None:
    """Print both tables."""
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare("python -c pass", environments(folder), ["-c", "pass"], runs)
        compare("whole processes, one feature with one record", *project(folder), host_runs)


def describe_machine() -> str:
    versions = " ".join(
        f"{name} {metadata.version(name)}" for name in ("spec-kitty-telemetry", "spec-kitty-cli", "click", "wrapt")
    )
    return f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}\n{versions}"


def environments(folder: Path) -> dict[str, list[str]]:
    """Make two empty environments, one with the start-up files and the package that they may lead to."""
    candidates = {}
    for label, with_file in (("without the start-up file", False), ("with the start-up file", True)):
        root = folder / label.split(maxsplit=1)[0]
        venv.create(root, with_pip=False, symlinks=os.name != "nt")
        python = next(path for path in (root / "bin" / "python", root / "Scripts" / "python.exe") if path.exists())
        if with_file:
            install_into(next(root.rglob("site-packages")))
        candidates[label] = [str(python)]
    return candidates


def install_into(site_packages: Path) -> None:
    shutil.copytree(PACKAGE, site_packages / PACKAGE.name, ignore=shutil.ignore_patterns("*.yaml", "demo_data"))
    # In a wheel they stand beside the package, in the source tree inside it.
    folder = next(
        each for each in (PACKAGE.parent, PACKAGE / "bridges") if (each / "spec_kitty_telemetry.pth").exists()
    )
    for suffix in (".pth", ".start"):
        shutil.copy(folder / f"spec_kitty_telemetry{suffix}", site_packages)


def project(folder: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Make a project with one record, go there, and return what is to be timed in it."""
    feature_dir = folder / "shop" / "kitty-specs" / SLUG
    feature_dir.mkdir(parents=True)
    spec_kitty_telemetry.emit_execution_event(
        feature_dir,
        SLUG,
        "WP01",
        "claude-code",
        "implementer",
        model="claude-sonnet-4-6",
        input_tokens=1,
        output_tokens=1,
    )
    os.chdir(feature_dir)
    os.environ["SPEC_KITTY_HOME"] = str(folder / "home")
    host = str(PROGRAMS / "spec-kitty")
    candidates = {
        "python -c 'import click, tabulate'": [sys.executable, "-c", "import click, tabulate"],
        "spec-kitty-telemetry report": [str(PROGRAMS / "spec-kitty-telemetry"), "report"],
        "spec-kitty telemetry report": [host, "telemetry", "report"],
        "spec-kitty --version": [host, "--version"],
        f"spec-kitty --version{SWITCHED_OFF}": [host, "--version"],
    }
    return candidates, []


def compare(title: str, candidates: dict[str, list[str]], arguments: list[str], runs: int) -> None:
    """Time each candidate `runs` times in turn, after one run each that does not count."""
    milliseconds: dict[str, list[float]] = {label: [] for label in candidates}
    for turn in range(runs + 1):
        for label, command in candidates.items():
            took_ms = timed_ms([*command, *arguments], switched_off=label.endswith(SWITCHED_OFF))
            if turn:
                milliseconds[label].append(took_ms)
    print(f"\n{title}: milliseconds, {runs} runs each\n{'':40} {'median':>9} {'min':>9} {'max':>9}")
    for label, taken in milliseconds.items():
        print(f"{label:40} {statistics.median(taken):9.1f} {min(taken):9.1f} {max(taken):9.1f}")


def timed_ms(command: list[str], *, switched_off: bool) -> float:
    environment = {**os.environ, "SPEC_KITTY_TELEMETRY": "off" if switched_off else "on"}
    began = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
