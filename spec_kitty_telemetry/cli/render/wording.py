"""Numbers and texts as a person reads them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from spec_kitty_telemetry.cli.output import can_show, on_screen, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN = "unknown"
"""What stands for a number or a name that nobody knows."""
NONE = "–"
"""What stands where there is nothing: no failed run, no reported cost, no work package."""
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}
_UNITS = ("", "k", "M", "B", "T")
BLOCKS = "▏▎▍▌▋▊▉█"


def shown(text: object) -> str:
    """Return `text` without anything that could steer a terminal."""
    return visible(text)


def money(amount: Decimal | None, mark: str = "", *, places: int = 4, currency: str = "USD") -> str:
    """Return an amount with `mark` before it and `places` decimals; a small amount is never a false zero."""
    if amount is None:
        return UNKNOWN
    sign = symbol(currency)
    least = Decimal(1).scaleb(-places)
    if 0 < amount < least:
        return f"{mark}<{sign}{least}"
    return f"{mark}{sign}{amount:,.{places}f}"


def symbol(currency: str) -> str:
    """Return what stands before an amount: a sign that is known and can be shown, else the code."""
    sign = _SIGNS.get(currency)
    return sign if sign and can_show(sign) else f"{currency} "


def money_places(greatest_usd: Decimal | None) -> int:
    """Return how many decimals all amounts of a table have: cents are enough from ten dollars on."""
    return 2 if greatest_usd is not None and greatest_usd >= 10 else 4  # noqa: PLR2004


def count(number: int | None, *, compact: bool = False) -> str:
    """Return a whole number with separators, or with a unit (30.5M) when `compact`."""
    if number is None:
        return UNKNOWN
    if not compact or abs(number) < 1000:  # noqa: PLR2004
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


def cost_marks(*, is_floor: bool, is_estimated: bool) -> str:
    """Return what qualifies an amount: `≥` (`>=` where that cannot be shown) a floor, `~` has estimates in it."""
    return (on_screen("≥") if is_floor else "") + ("~" if is_estimated else "")


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
    if not can_show(BLOCKS):
        return "#" * max(eighths // 8, 1)
    return BLOCKS[-1] * (eighths // 8) + BLOCKS[: eighths % 8][-1:]


def legend(lines: Iterable[str]) -> list[str]:
    """Return the line that explains the signs for what is not known and for nothing, where `lines` have any."""
    signs = {cell for line in lines for cell in line.replace("*", "").split()}
    meanings = ((NONE, f"{NONE} none"), (UNKNOWN, f"{UNKNOWN}: nobody recorded it, or it has no price"))
    said = [meaning for sign, meaning in meanings if sign in signs]
    return ["; ".join(said)] if said else []


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
    taken = 0
    for place, character in enumerate(text):
        taken += columns_of(character)
        if taken > columns:
            return text[:place]
    return text
