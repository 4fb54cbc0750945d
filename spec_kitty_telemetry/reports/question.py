"""What a report was asked, as one short text that is another one whenever the answer could be another one.

The logs are not in it (`log_stamps`), nor is anything that is relative to now: a filter says moments.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.project.files import open_plain
from spec_kitty_telemetry.reports.dimensions import TIMES
from spec_kitty_telemetry.reports.search import Search
from spec_kitty_telemetry.reports.totals import Totals
from spec_kitty_telemetry.version import __version__

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports.costing import CostMode

VERSION = 1
"""Goes up whenever the same records and prices add up to something else, or are kept in another form."""
_LOCAL_ZONE = Path("/etc/localtime")
_DAYS = frozenset(TIMES)


class Question(NamedTuple):
    """A report that is asked for."""

    search: Search
    book: PriceBook
    by: tuple[str, ...]
    cost: CostMode
    zone: ZoneInfo | None

    def digest(self) -> str | None:
        """Return the text; `None` where the answer depends on something that cannot be told to be the same."""
        search = self.search
        if type(search) is not Search or search.everything:  # one of another kind may change records
            return None
        zone = "no days" if _DAYS.isdisjoint(self.by) else _zone(self.zone)
        if zone is None:
            return None
        asked = (VERSION, __version__, Totals.__slots__, self.by, self.cost, zone, search.filters, search.with_outside,
                 search.goes_on, self.book.digest)  # fmt: skip
        return blake2b(msgspec.json.encode(asked), digest_size=16).hexdigest()


def _zone(zone: ZoneInfo | None) -> str | None:
    """Return what days are cut by: a zone and the content of its rules, which are revised now and then."""
    if zone is None:
        if sys.platform == "win32" or os.environ.get("TZ"):
            return None
        name, paths = "local", [_LOCAL_ZONE]
    else:
        from zoneinfo import TZPATH  # most reports cut no days

        name, paths = zone.key, [Path(folder) / zone.key for folder in TZPATH]
    for path in paths:
        try:
            with open_plain(path) as file:
                return f"{name} {blake2b(file.read(), digest_size=16).hexdigest()}"
        except OSError:
            continue
    return "local UTC" if zone is None else None
