"""Stands in for an agent's command-line program in a real mission; copied under the name of the program.

It does what the prompt's work package asks for, prints what its namesake prints, and notes that it ran.  What it prints
and how it exits is in `<folder of this file>/<name>.json`: `{"output": path, "exit_codes": [for each run, the last one
for all further runs]}`.
"""

import json
import subprocess
import sys
from pathlib import Path


def main() -> int:
    here = Path(sys.argv[0]).absolute()
    plan = json.loads(here.with_name(here.name + ".json").read_text())
    sys.stdin.read()
    notes = here.with_name(here.name + ".runs")
    earlier = len(notes.read_text().splitlines()) if notes.exists() else 0
    with notes.open("a") as file:
        file.write(f"{Path.cwd()}\n")
    if plan["implements"]:
        implement(plan["mission"], earlier + 1)
    print(Path(plan["output"]).read_text(encoding="utf-8"), end="")
    exit_codes = plan["exit_codes"]
    return int(exit_codes[min(earlier, len(exit_codes) - 1)])


def implement(mission: str, run: int) -> None:
    target = Path("src/greeting.py")
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"# run {run}\ndef greeting() -> str:\n    return 'hello'\n")
    for command in (
        ["git", "add", "src/greeting.py"],
        ["git", "commit", "--quiet", "--message", f"feat(WP01): greeting, run {run}"],
        ["spec-kitty", "agent", "tasks", "mark-status", "T001", "--status", "done", "--mission", mission, "--json"],
    ):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
