"""Tables that fit a terminal: the one place that decides what a narrow one leaves out, and what it never loses.

Names are shortened first, in their middle.  Then columns go, in the order that each says of itself; what is left of the
names shrinks until the table fits.  Numbers are never cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from spec_kitty_telemetry.cli.render import tables, wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAME_WIDTHS = (None, 24, 16)
"""How wide names may be while there is a column that a narrow table can do without."""
_LAST_NAME_WIDTHS = (*_NAME_WIDTHS, 12, 9, 7)
"""How wide names may be before a column goes that matters more than whole names."""
ESSENTIAL = 7
"""From this `given_up` on a column matters more than whole names."""
_GAP = 2


class ScreenColumn(NamedTuple):
    """One column of a table."""

    title: str
    cells: Sequence[str]
    kind: Literal["name", "text", "number", "bar"] = "number"
    """A `name` is left-aligned and may be shortened, a `text` is left-aligned and may not."""
    given_up: int = 0
    """When a narrow table leaves it out: 1 first, 0 never."""

    def shortened(self, columns: int | None, whole_rows: frozenset[int]) -> ScreenColumn:
        """Return the column with names of at most `columns`, but for those in `whole_rows`."""
        if self.kind != "name" or columns is None:
            return self
        cells = [each if place in whole_rows else wording.cut(each, columns) for place, each in enumerate(self.cells)]
        return self._replace(title=wording.cut(self.title, columns), cells=cells)

    @property
    def width(self) -> int:
        """How many columns of a terminal it takes."""
        return tables.width_of([[self.title, *self.cells]])


def fit(columns: Sequence[ScreenColumn], width: int, whole_rows: frozenset[int] = frozenset()) -> list[ScreenColumn]:
    """Return as many of `columns`, with names as long, as `width` columns of a terminal hold.

    The names in `whole_rows` are never cut: they say what is left out of the table.
    """
    chosen = list(columns)
    for chosen in _fewer_and_fewer(columns):
        is_bare = not any(0 < each.given_up < ESSENTIAL for each in chosen)
        for limit in _LAST_NAME_WIDTHS if is_bare else _NAME_WIDTHS:
            shorter = [each.shortened(limit, whole_rows) for each in chosen]
            if _width(shorter) <= width:
                return shorter
    return _squeezed(chosen, width, whole_rows)


def _fewer_and_fewer(columns: Sequence[ScreenColumn]) -> Iterator[list[ScreenColumn]]:
    for given_up in (0, *sorted({each.given_up for each in columns} - {0})):
        yield [each for each in columns if not 0 < each.given_up <= given_up]


def _width(columns: Sequence[ScreenColumn]) -> int:
    return sum(each.width for each in columns) + _GAP * (len(columns) - 1)


def _squeezed(columns: Sequence[ScreenColumn], width: int, whole_rows: frozenset[int]) -> list[ScreenColumn]:
    """Return the columns with the widest name cut, and again, until they fit or no name has anything left."""
    limits = [each.width if each.kind == "name" else 0 for each in columns]
    excess = _width(columns) - width
    while excess > 0 and max(limits) > 1:
        limits[limits.index(max(limits))] -= 1
        excess -= 1
    return [each.shortened(limit, whole_rows) for each, limit in zip(columns, limits, strict=True)]


def drawn(columns: Sequence[ScreenColumn], *, has_total: bool = False) -> list[str]:
    """Return the lines of the table; with `has_total` the last row is the sum of the others."""
    left = sum(each.kind in {"name", "text"} for each in columns)
    rows = list(zip(*(each.cells for each in columns), strict=True))
    titles = [each.title for each in columns]
    has_bar = columns[-1].kind == "bar"
    return tables.table(titles, rows, left, total=has_total, bar=has_bar).splitlines()
