"""Run every benchmark, one after the other, and print its tables: `tox -e bench`, or `… -- append read` for some."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_BENCHMARKS = {"run", "fuzz_reader", "corpus"}


def main() -> int:
    """Return the number of benchmarks that failed: their results are checked before they are timed."""
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    failed = 0
    for name in names:
        print(f"\n=== {name}", flush=True)
        failed += subprocess.run([sys.executable, HERE / f"{name}.py"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
