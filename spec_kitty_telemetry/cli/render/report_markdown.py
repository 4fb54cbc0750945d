"""A report as a Markdown table, for a pull request or a wiki; the notes follow as a list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render import text as tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spec_kitty_telemetry.cli.render.report_notes import Note

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#!&@])")


def text(value: object) -> str:
    """Return `value` so that Markdown shows it as it is: no markup, no HTML, no new cell, no control character."""
    return _SPECIAL.sub(r"\\\1", tables.shown(value)).replace("://", ":\\//")


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], left_columns: int) -> list[str]:
    """Return the lines of a table; the first `left_columns` columns hold text, the others numbers.

    The cells are Markdown already.
    """
    rule = [":--"] * left_columns + ["--:"] * (len(headers) - left_columns)
    return [f"| {' | '.join(cells)} |" for cells in (headers, rule, *rows)]


def notes(found: Iterable[Note]) -> list[str]:
    """Return notes as a list, with what they list below them."""
    return [
        line for sentence, items in found for line in (f"- {text(sentence)}", *(f"  - {text(item)}" for item in items))
    ]
