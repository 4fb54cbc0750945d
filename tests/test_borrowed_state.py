"""What a command changes in its process, which may be a host's, is as it was afterwards, also after an error."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
import tabulate
from click import ClickException

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.cli.borrowed import question_marks_for_what_a_console_lacks
from spec_kitty_telemetry.cli.render import tables

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project


def ascii_console(monkeypatch: pytest.MonkeyPatch) -> io.TextIOWrapper:
    """Make a console that knows ASCII alone a host's standard output; not in a fixture, where pytest would undo it."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="xmlcharrefreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def test_standard_output_is_as_it_was_after_a_command(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    console = ascii_console(monkeypatch)
    group.main(["report", "--project", str(project.root)], standalone_mode=False)
    assert console.errors == "xmlcharrefreplace"


def test_standard_output_is_as_it_was_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = ascii_console(monkeypatch)
    with pytest.raises(ClickException, match="no spec-kitty project around"):
        group.main(["report", "--project", str(tmp_path)], standalone_mode=False)
    assert console.errors == "xmlcharrefreplace"


def test_a_character_that_the_console_lacks_is_a_question_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = ascii_console(monkeypatch)
    with question_marks_for_what_a_console_lacks():
        print("≥ $1")
    console.flush()
    assert console.buffer.getvalue() == b"? $1\n"  # type: ignore[attr-defined]


def test_a_stream_that_was_closed_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    console = ascii_console(monkeypatch)
    with question_marks_for_what_a_console_lacks():
        console.close()


@pytest.mark.parametrize("mode", [True, False])
def test_tabulates_own_way_to_count_is_as_it_was_also_where_tabulate_raises(
    monkeypatch: pytest.MonkeyPatch, mode: object
) -> None:
    monkeypatch.setattr(tabulate, "WIDE_CHARS_MODE", mode)
    assert tables.table(["a"], [["1"]], 1).splitlines() == ["a", "-", "1"]
    assert tabulate.WIDE_CHARS_MODE is mode

    def fails(*_: object, **__: object) -> str:
        raise MemoryError

    monkeypatch.setattr(tabulate, "tabulate", fails)
    with pytest.raises(MemoryError):
        tables.table(["a"], [["1"]], 1)
    assert tabulate.WIDE_CHARS_MODE is mode
