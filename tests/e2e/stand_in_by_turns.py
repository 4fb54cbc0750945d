"""Stands in for an agent's command-line program that does something else at every run; copied under the program's name.

What it does is in `<folder of this file>/<name>.json`: `{"mission": slug, "turns": [one for each run, in order]}`.  A
turn may have `transcript` (a path below the home folder and lines for it), `stdout`, `stderr`, `implements` (write the
file of the work package and commit it), and at last `ends`: an exit code, "hangs" or "is killed".  In texts `{folder}`
is the working folder and `{now}` the time.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path


def main() -> int:
    here = Path(sys.argv[0]).absolute()
    plan = json.loads(here.with_name(here.name + ".json").read_text(encoding="utf-8"))
    sys.stdin.read()
    notes = here.with_name(here.name + ".runs")
    earlier = len(notes.read_text(encoding="utf-8").splitlines()) if notes.exists() else 0
    with notes.open("a", encoding="utf-8") as file:
        file.write(f"{Path.cwd()}\n")
    turn = plan["turns"][earlier]
    if "transcript" in turn:
        name, lines = turn["transcript"]
        path = Path.home() / filled(name, re.sub(r"[^A-Za-z0-9]", "-", str(Path.cwd())))
        path.parent.mkdir(parents=True)
        path.write_text("".join(f"{filled(line, str(Path.cwd()))}\n" for line in lines), encoding="utf-8")
    if turn.get("implements"):
        implement(plan["mission"], earlier + 1)
    print(turn.get("stdout", ""), end="", flush=True)
    print(turn.get("stderr", ""), end="", file=sys.stderr, flush=True)
    if turn["ends"] == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    while turn["ends"] == "hangs":
        time.sleep(1)
    return int(turn["ends"])


def filled(text: str, folder: str) -> str:
    return text.replace("{folder}", folder).replace("{now}", datetime.now(UTC).isoformat())


def implement(mission: str, run: int) -> None:
    target = Path("src/greeting.py")
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"# run {run}\ndef greeting() -> str:\n    return 'hello'\n", encoding="utf-8")
    for command in (
        ["git", "add", "src/greeting.py"],
        ["git", "commit", "--quiet", "--message", f"feat(WP01): greeting, run {run}"],
        ["spec-kitty", "agent", "tasks", "mark-status", "T001", "--status", "done", "--mission", mission, "--json"],
    ):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
