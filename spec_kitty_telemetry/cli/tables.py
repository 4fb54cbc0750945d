"""Numbers and texts as a person reads them, and tables that fit the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

UNKNOWN = "–"
_UNITS = ("", "k", "M", "G", "T")


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
    return f"{scaled:.3g}{_UNITS[unit]}" if scaled < 1000 else f"{scaled:,.0f}{_UNITS[unit]}"  # noqa: PLR2004


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


def width() -> int:
    """Return the columns of the terminal; without one, wide enough that nothing is cut."""
    if "COLUMNS" in os.environ or sys.stdout.isatty():
        return shutil.get_terminal_size((80, 24)).columns
    return 1000


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], left_columns: int, *, total: bool = False) -> str:
    """Return an aligned table; the first `left_columns` columns hold text, the others numbers.

    With `total` the last row stands below a rule of its own.
    """
    from tabulate import tabulate  # 80 ms that JSON need not pay

    # The headers go in as a row: as headers tabulate (0.10) makes every column two wider than its title.
    text = tabulate(
        [[shown(cell) for cell in row] for row in (headers, *rows)],
        tablefmt="plain",
        disable_numparse=True,
        colalign=["left"] * left_columns + ["right"] * (len(headers) - left_columns),
    )
    head, *body = [line.rstrip() for line in text.splitlines()]
    rule = "-" * max(map(len, (head, *body)))
    return "\n".join([head, rule, *body[:-1], rule, body[-1]] if total else [head, rule, *body])


def is_wider_than_terminal(text: str) -> bool:
    """Tell whether any line of `text` would be wrapped."""
    return max(map(len, text.splitlines()), default=0) > width()
