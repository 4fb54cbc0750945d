"""A sign of life for a person who waits, and for nobody else."""

from __future__ import annotations

import io
import sys
import time

import pytest

from spec_kitty_telemetry.cli import progress
from spec_kitty_telemetry.scan import ScanReport


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    # No fixture: pytest puts its own stderr in place again before the test itself begins.
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "QUIET_S", 0.05)
    monkeypatch.setattr(progress, "_EVERY_S", 0.01)
    return screen


def fail_late() -> None:
    time.sleep(0.1)
    raise KeyError


def test_a_long_report_says_how_far_it_is_and_clears_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    report = ScanReport()
    with progress.progress(lambda: report.event_count):
        report.event_count = 1234
        time.sleep(0.2)
    assert "\r\x1b[KReading … 1,234 records, 0 s" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_short_report_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    with progress.progress(lambda: 0):
        pass
    assert terminal.getvalue() == ""


def test_a_report_that_fails_leaves_no_line_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    with pytest.raises(KeyError), progress.progress(lambda: 0):
        fail_late()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_without_a_terminal_nothing_is_ever_said(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "QUIET_S", 0.0)
    with progress.progress(lambda: 0):
        time.sleep(0.05)
    assert screen.getvalue() == ""
