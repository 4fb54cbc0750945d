"""A sign of life for a person who waits, and for nobody else."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from spec_kitty_telemetry.cli import progress
from spec_kitty_telemetry.log.reader import ScanReport


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, *, quiet_s: float = 0.0) -> Terminal:
    # No fixture: pytest puts its own stderr in place again before the test itself begins.
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "QUIET_S", quiet_s)
    monkeypatch.setattr(progress, "_EVERY_S", 0.01)
    return screen


def wait_for_a_word(terminal: Terminal) -> None:
    until = time.monotonic() + 30
    while not terminal.getvalue() and time.monotonic() < until:
        time.sleep(0.01)


def fail_late(terminal: Terminal) -> None:
    wait_for_a_word(terminal)
    raise KeyError


def test_a_long_report_says_how_far_it_is_and_clears_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    report = ScanReport(event_count=1234)
    with progress.progress(lambda: report.event_count):
        wait_for_a_word(terminal)
    assert re.match("\r\x1b\\[KReading … 1,234 records, [0-9]+ s", terminal.getvalue())
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_short_report_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch, quiet_s=60)
    with progress.progress(lambda: 0):
        pass
    assert terminal.getvalue() == ""


def test_a_report_that_fails_leaves_no_line_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    with pytest.raises(KeyError), progress.progress(lambda: 0):
        fail_late(terminal)
    assert terminal.getvalue().startswith("\r\x1b[KReading")
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_without_a_terminal_nothing_is_ever_said(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "QUIET_S", 0.0)
    with progress.progress(lambda: 0):
        time.sleep(0.05)
    assert screen.getvalue() == ""
