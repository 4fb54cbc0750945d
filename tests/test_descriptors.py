"""Nothing leaks a file: what is open after a record, a report or an error is what was open before."""

from __future__ import annotations

import os
import socket
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import FEATURE, new_run, record
from click.testing import CliRunner

from spec_kitty_telemetry import (
    Hooks,
    InvocationResult,
    cost_summary,
    stream_project_events,
)
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.log.repair import health, repair
from spec_kitty_telemetry.pricing import PriceBook
from spec_kitty_telemetry.reports.follow import LogFollower
from spec_kitty_telemetry.reports.parallel import ParallelScan
from spec_kitty_telemetry.reports.search import Search
from spec_kitty_telemetry.reports.totals import Aggregator

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.project.layout import Project

OPEN = Path("/proc/self/fd")

pytestmark = pytest.mark.skipif(not OPEN.is_dir(), reason="this system does not list what a process has open")


def open_files() -> list[str]:
    found = []
    for name in os.listdir(OPEN):
        try:
            found.append(f"{name} -> {(OPEN / name).readlink()}")
        except FileNotFoundError:  # that of the listing itself
            continue
    return sorted(found)


def announce(project: Project) -> None:
    hooks = Hooks.load(project.root)
    invocation = new_run(project)
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, InvocationResult(success=True, stdout='{"type": "result"}'))


def command(*words: str) -> Callable[[Project], None]:
    def run(project: Project) -> None:
        CliRunner().invoke(group, [*words, "--project", str(project.root)])

    return run


def stream_a_part(project: Project) -> None:
    events = stream_project_events(project.root)
    next(iter(events))
    del events


def summarize(project: Project) -> None:
    cost_summary(stream_project_events(project.root), "model")


def follow(project: Project) -> None:
    follower = LogFollower(Search(project))
    record(project)
    assert len(list(follower.new())) == 1


def scan_with_three_processes(project: Project) -> None:
    book = PriceBook.shipped()
    scan = ParallelScan(
        Search(project), lambda: Aggregator(("wp",), book.find), book, processes=3, share_bytes=1
    )  # fmt: skip
    with scan:
        scan.totals()


def mend(project: Project) -> None:
    with project.log_path(FEATURE).open("ab") as file:
        file.write(b"{torn\n")
    health(project, FEATURE)
    repair(project, FEATURE)


@pytest.mark.parametrize(
    "do",
    [
        record,
        announce,
        stream_a_part,
        summarize,
        follow,
        scan_with_three_processes,
        mend,
        command("report"),
        command("lifecycle"),
        command("doctor"),
        command("events", "--json"),
    ],
)
def test_what_is_open_afterwards_is_what_was_open_before(project: Project, do: Callable[[Project], None]) -> None:
    for _ in range(3):
        record(project)
    do(project)  # what is opened once and for all, as by an import, is open now
    before = open_files()
    for _ in range(3):
        do(project)
    assert open_files() == before


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one, chdir(path.parent):  # a socket's path must be short
        one.bind(path.name)


def a_link(path: Path) -> None:
    path.symlink_to(path.with_name("moved"))


@pytest.mark.parametrize("spoil", [a_folder, a_pipe, a_socket, a_link])
@pytest.mark.parametrize("do", [record, announce, command("report"), command("doctor"), command("events")])
def test_a_log_that_is_refused_is_closed_again(
    project: Project, spoil: Callable[[Path], None], do: Callable[[Project], None]
) -> None:
    record(project)
    path = project.log_path(FEATURE)
    path.rename(path.with_name("moved"))
    spoil(path)
    do(project)
    before = open_files()
    do(project)
    assert open_files() == before
