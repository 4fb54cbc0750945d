"""Tables for a terminal: aligned, as wide as they need to be, with colours where they are wanted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.render.terminal import wants_colour, width
from spec_kitty_telemetry.cli.render.wording import BLOCKS, columns_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = 2
"""Blanks between two columns."""
_PRIVATE, _LAST_PRIVATE = 0xF0000, 0xFFFFD
"""Characters that mean nothing, and so stand in no text that is shown."""
_BARS = re.compile(f"[{BLOCKS}]+")


def widest(lines: Sequence[str]) -> int:
    """Return the columns that the longest of `lines` needs."""
    return max(map(columns_of, lines), default=0)


def width_of(columns: Iterable[Sequence[str]]) -> int:
    """Return the columns of a terminal that a `table` of these columns, each with its heading, needs."""
    widths = [max(map(columns_of, cells)) for cells in columns]
    return sum(widths) + _GAP * (len(widths) - 1)


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], left_columns: int, *, total: bool = False, bar: bool = False
) -> str:
    """Return an aligned table; the first `left_columns` columns hold text, the others numbers.

    With `total` the last row stands below a rule of its own; with `bar` the last column holds bars.
    """
    import tabulate  # 80 ms that JSON need not pay

    from spec_kitty_telemetry.cli.borrowed import characters_counted_by_us

    numbers = len(headers) - left_columns - bar
    stand_ins: dict[str, str] = {}
    cells = [[_as_wide_as_long(shown(cell), stand_ins) for cell in row] for row in (headers, *rows)]
    with characters_counted_by_us():
        # The headers go in as a row: as headers tabulate (0.10) makes every column two wider than its title.
        text = tabulate.tabulate(
            cells,
            tablefmt="plain",
            disable_numparse=True,
            colalign=["left"] * left_columns + ["right"] * numbers + ["left"] * bar,
        )
    if stand_ins:
        text = re.sub(f"[{chr(_PRIVATE)}-{chr(_LAST_PRIVATE)}]\0*", lambda found: stand_ins[found[0]], text)
    head, *body = [line.replace("\0", " ").rstrip() for line in text.splitlines()]
    rule = "-" * widest((head, *body))
    return "\n".join([head, rule, *body[:-1], rule, body[-1]] if total else [head, rule, *body])


def _as_wide_as_long(cell: str, stand_ins: dict[str, str]) -> str:
    """Return `cell`, or something of as many characters as it takes columns, which `stand_ins` then knows.

    tabulate counts characters.  With wcwidth beside it, it would count columns, and every command start 15 ms later.
    """
    columns = columns_of(cell)
    if columns == len(cell) and cell[:1] == " ":
        return cell.replace(" ", "\0", len(cell) - len(cell.lstrip(" ")))  # tabulate would strip an indent
    if columns == len(cell) or not columns or len(stand_ins) > _LAST_PRIVATE - _PRIVATE:
        return cell
    stand_in = chr(_PRIVATE + len(stand_ins)).ljust(columns, "\0")  # neither can be in what is `shown`
    stand_ins[stand_in] = cell
    return stand_in


def is_wider_than_terminal(text: str) -> bool:
    """Tell whether any line of `text` would be wrapped."""
    return widest(text.splitlines()) > width()


def coloured(lines: Sequence[str]) -> list[str]:
    """Return the lines of a table (of `table`) with its heading and its total bold and its rules and bars dim.

    Only for a terminal that shows colours and a person who wants them (NO_COLOR); for all else nothing changes.
    """
    import click

    if not wants_colour():
        return list(lines)
    rules = [index for index, line in enumerate(lines) if line and not line.strip("-")]
    strong = {0, *(index + 1 for index in rules[1:])}
    return [
        click.style(line, bold=True) if index in strong else click.style(line, dim=True) if index in rules
        else _BARS.sub(lambda found: click.style(found[0], fg="cyan"), line)
        for index, line in enumerate(lines)
    ]  # fmt: skip
