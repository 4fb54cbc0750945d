"""One door for opening files, one for output: whoever goes around them is named here, with the reason.

What stands in a clone or in an agent's folder is hostile: a pipe that never ends, a link to elsewhere.  What stands in
a record is hostile too: codes that steer a terminal.  `project/files.py` and `cli/output.py` know both.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import spec_kitty_telemetry

PACKAGE = Path(spec_kitty_telemetry.__file__).parent

OPENERS = frozenset({"open", "read_text", "read_bytes", "write_text", "write_bytes", "scandir", "connect", "fopen"})
"""Functions and methods that open what a path leads to."""

MAY_OPEN = {
    "project/files.py": "the door",
    "agents/common/files.py": "lists folders of agents; their files go through the door",
    "agents/common/store_files.py": "lists folders of agents; their files go through the door",
    "agents/common/session_totals.py": "lists a folder of our own",
    "agents/common/store_index.py": "a database of our own in the user's folder of caches",
    "agents/common/sqlite_files.py": "databases whose files the door has looked at, and a copy in a new folder",
    "bridges/evidence.py": "source that the host's process runs anyway, looked at in each of its starts",
    "cli/commands/check.py": "the summary of a GitHub job, which the environment names",
    "cli/output.py": "writes where the user says, be it a device",
    "cli/tee.py": "/dev/tty, whose foreground group is asked for",
    "decisions/statusline.py": "runs before anything is imported; reads a file of our own, writes new ones only",
    "exports/otlp/endpoint.py": "an address, no file",
    "exports/parquet.py": "a folder that the user names",
    "exports/tables.py": "a database in memory, filled from a new folder",
    "log/flushing.py": "a folder, opened to be flushed",
    "log/repair.py": "writes new files only",
    "pricing/__main__.py": "compiles the shipped tables, in a build",
    "pricing/table.py": "the shipped tables",
    "pricing/genai/importing.py": "writes where the user says",
    "project/host_notes.py": "runs in every process of the host before anything is imported; waits for nothing",
    "project/layout.py": "lists a folder of the project",
    "reports/answers.py": "lists a folder of the project",
    "recording/apart.py": "/dev/null",
}

PRINTERS = frozenset({"print", "echo", "secho", "pprint", "echo_via_pager", "write", "writelines"})
"""Functions that print; `write` counts where it is a standard stream's."""

MAY_PRINT = {
    "bridges/budget_warnings.py": "one sentence on a host's stderr, where the command line is not imported",
    "cli/output.py": "the door",
    "cli/progress.py": "a number of our own, with codes that clear its line",
    "cli/commands/status.py": "the code that clears the screen, before what the door prints",
    "__main__.py": "the status line, kept without anything that is not printable",
}

Calls = list[tuple[str, int]]
"""Module and line of each call."""


def the_package() -> dict[str, str]:
    return {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def name_of(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def opens(call: ast.Call) -> bool:
    return name_of(call) in OPENERS


def prints(call: ast.Call) -> bool:
    whose = ast.unparse(call.func).rpartition(".")[0]
    is_stream = whose.startswith(("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"))
    return name_of(call) in PRINTERS and (not name_of(call).startswith("write") or is_stream)


def calls(modules: dict[str, str], is_meant: object) -> Calls:
    assert callable(is_meant)
    return [
        (module, node.lineno)
        for module, source in modules.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and is_meant(node)
    ]


@pytest.mark.parametrize(("is_meant", "allowed"), [(opens, MAY_OPEN), (prints, MAY_PRINT)])
def test_nobody_goes_around_the_door_who_is_not_named_with_a_reason(is_meant: object, allowed: dict[str, str]) -> None:
    found = calls(the_package(), is_meant)
    assert [f"{module}:{line}" for module, line in found if module not in allowed] == []


@pytest.mark.parametrize(("is_meant", "allowed"), [(opens, MAY_OPEN), (prints, MAY_PRINT)])
def test_nobody_is_named_who_uses_the_door_by_now(is_meant: object, allowed: dict[str, str]) -> None:
    assert set(allowed) - {module for module, _ in calls(the_package(), is_meant)} == set()


@pytest.mark.parametrize(
    "line",
    [
        "open('a')",
        "with os.open(path, os.O_RDONLY) as file: pass",
        "path.open('rb')",
        "(folder / 'name').read_text(encoding='utf-8')",
        "Path(name).write_bytes(b'')",
        "sqlite3.connect(path)",
        "os.scandir(folder)",
    ],
)
def test_a_planted_way_around_the_door_for_files_is_found(line: str) -> None:
    assert calls({"reports/totals.py": f"def f():\n    {line}\n"}, opens) == [("reports/totals.py", 2)]


@pytest.mark.parametrize(
    "line", ["print('a')", "click.echo(name)", "sys.stdout.write(name)", "sys.stderr.buffer.write(name)", "echo(name)"]
)
def test_a_planted_way_around_the_door_for_output_is_found(line: str) -> None:
    assert calls({"reports/totals.py": f"def f():\n    {line}\n"}, prints) == [("reports/totals.py", 2)]


def test_what_only_looks_like_a_way_around_is_none() -> None:
    assert calls({"m.py": "file.write(b'')\nopen_plain(path)\nos.fdopen(3)\nnew_file(path)\n"}, opens) == []
    assert calls({"m.py": "file.write(b'')\nsay(text)\ncomplain(text)\n"}, prints) == []


def test_a_process_of_ours_never_takes_modules_from_the_folder_it_stands_in() -> None:
    started = [
        (module, [ast.unparse(word) for word in node.elts])
        for module, source in the_package().items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.List) and node.elts and ast.unparse(node.elts[0]) == "sys.executable"
    ]
    assert started
    assert [module for module, words in started if words[1:2] != ["'-P'"]] == []  # a clone may hold a `click.py`
