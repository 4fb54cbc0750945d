"""Numbers and texts as a person reads them, and tables that fit the terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
from decimal import Decimal
from typing import IO, TYPE_CHECKING

from spec_kitty_telemetry.cli.output import can_show

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNKNOWN = "–"
UNLIMITED = 1_000_000
"""The width of what is no terminal."""
_UNITS = ("", "k", "M", "G", "T")
_BLOCKS = "▏▎▍▌▋▊▉█"
_GAP = 2
"""Blanks between two columns."""
_PRIVATE, _LAST_PRIVATE = 0xF0000, 0xFFFFD
"""Characters that mean nothing, and so stand in no text that is shown."""
_BARS = re.compile(f"[{_BLOCKS}]+")


def shown(text: object) -> str:
    """Return `text` without anything that could steer a terminal."""
    return "".join(character if character.isprintable() else "�" for character in str(text))


def money(amount_usd: Decimal | None, mark: str = "", *, places: int = 4) -> str:
    """Return dollars with `mark` before them and `places` decimals; a small amount is never a false zero."""
    if amount_usd is None:
        return UNKNOWN
    least = Decimal(1).scaleb(-places)
    if 0 < amount_usd < least:
        return f"{mark}<${least}"
    return f"{mark}${amount_usd:,.{places}f}"


def money_places(greatest_usd: Decimal | None) -> int:
    """Return how many decimals all amounts of a table have: cents are enough from ten dollars on."""
    return 2 if greatest_usd is not None and greatest_usd >= 10 else 4  # noqa: PLR2004


def count(number: int | None, *, compact: bool = False) -> str:
    """Return a whole number with separators, or with a unit (30.5M) when `compact`."""
    if number is None:
        return UNKNOWN
    if not compact or abs(number) < 10_000:  # noqa: PLR2004
        return f"{number:,}"
    scaled, unit = float(number), 0
    while abs(scaled) >= 999.5 and unit < len(_UNITS) - 1:  # noqa: PLR2004
        scaled, unit = scaled / 1000, unit + 1
    return f"{scaled:.3g}{_UNITS[unit]}" if scaled < 999.5 else f"{scaled:,.0f}{_UNITS[unit]}"  # noqa: PLR2004


def duration(milliseconds: int | None) -> str:
    """Return a length of time in its two greatest units."""
    if milliseconds is None:
        return UNKNOWN
    seconds = round(milliseconds / 1000)
    if milliseconds < 10_000:  # noqa: PLR2004
        return f"{milliseconds / 1000:.1f}s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {seconds:02}s" if minutes else f"{seconds}s"


def plural(number: int, noun: str) -> str:
    """Return `3 runs`, `1 run`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def percent(fraction: Decimal | None) -> str:
    """Return a share from 0 to 1 as per cent with one decimal; a small share is never a false zero."""
    if fraction is None:
        return UNKNOWN
    return "<0.1%" if 0 < fraction < Decimal("0.001") else f"{fraction * 100:.1f}%"


def bar(amount_usd: Decimal | None, longest_usd: Decimal | None, cells: int) -> str:
    """Return a bar as long as `amount_usd` is beside `longest_usd`, whose bar has `cells` characters."""
    if amount_usd is None or not longest_usd or amount_usd <= 0:
        return ""
    eighths = max(int(amount_usd * cells * 8 / longest_usd), 1)
    if not can_show(_BLOCKS):
        return "#" * max(eighths // 8, 1)
    return _BLOCKS[-1] * (eighths // 8) + _BLOCKS[: eighths % 8][-1:]


def columns_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes: a Chinese character two, an accent of its own none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width  # most texts are ASCII

    return sum(
        2 if east_asian_width(each) in "WF" else 0 if category(each) in {"Mn", "Me", "Cf"} else 1 for each in text
    )


def cut(text: str, columns: int) -> str:
    """Return `text` without its middle where it is wider than `columns`: names differ at both ends."""
    if columns_of(text) <= columns:
        return text
    end = (columns - 1) // 2
    return f"{_beginning(text, columns - 1 - end)}…{_beginning(text[::-1], end)[::-1]}"


def _beginning(text: str, columns: int) -> str:
    while columns_of(text) > columns:
        text = text[:-1]
    return text


def is_terminal(stream: IO[str] | None) -> bool:
    """Tell whether a person reads `stream`; `None` is one that was closed."""
    return stream is not None and stream.isatty()


def width() -> int:
    """Return the columns of the terminal; without one, wide enough that nothing is cut."""
    if "COLUMNS" in os.environ or is_terminal(sys.stdout):
        return shutil.get_terminal_size((80, 24)).columns
    return UNLIMITED


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

    numbers = len(headers) - left_columns - bar
    stand_ins: dict[str, str] = {}
    # With wcwidth beside it tabulate counts columns itself, of the stand-ins too; a host may want it otherwise.
    counts_columns, tabulate.WIDE_CHARS_MODE = tabulate.WIDE_CHARS_MODE, False
    # The headers go in as a row: as headers tabulate (0.10) makes every column two wider than its title.
    text = tabulate.tabulate(
        [[_as_wide_as_long(shown(cell), stand_ins) for cell in row] for row in (headers, *rows)],
        tablefmt="plain",
        disable_numparse=True,
        colalign=["left"] * left_columns + ["right"] * numbers + ["left"] * bar,
    )
    tabulate.WIDE_CHARS_MODE = counts_columns
    if stand_ins:
        text = re.sub(f"[{chr(_PRIVATE)}-{chr(_LAST_PRIVATE)}]\0*", lambda found: stand_ins[found[0]], text)
    head, *body = [line.rstrip() for line in text.splitlines()]
    rule = "-" * widest((head, *body))
    return "\n".join([head, rule, *body[:-1], rule, body[-1]] if total else [head, rule, *body])


def _as_wide_as_long(cell: str, stand_ins: dict[str, str]) -> str:
    """Return `cell`, or something of as many characters as it takes columns, which `stand_ins` then knows.

    tabulate counts characters.  With wcwidth beside it, it would count columns, and every command start 15 ms later.
    """
    columns = columns_of(cell)
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
    rules = [place for place, line in enumerate(lines) if line and not line.strip("-")]
    strong = {0, *(place + 1 for place in rules[1:])}
    return [
        click.style(line, bold=True) if place in strong else click.style(line, dim=True) if place in rules
        else _BARS.sub(lambda found: click.style(found[0], fg="cyan"), line)
        for place, line in enumerate(lines)
    ]  # fmt: skip


def wants_colour() -> bool:
    """Tell whether standard output is a terminal that shows colours, and nobody asked for none (no-color.org)."""
    return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
