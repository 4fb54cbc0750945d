"""Reports in another currency: each run's cost at the rate of the day on which it ended.

The search gives records whose reported cost is converted, and the prices give costs that are, so that every report that
is made from them is in that currency, to the last picounit, without knowing it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.decisions.rates import FILE_NAME, Rates, checked_currency, rates_in
from spec_kitty_telemetry.errors import SettingsError
from spec_kitty_telemetry.model.money import EXACT
from spec_kitty_telemetry.model.timespans import in_zone
from spec_kitty_telemetry.project.settings import user_settings_path
from spec_kitty_telemetry.reports.build import ReportContext
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.log.lines import ByteRange
    from spec_kitty_telemetry.log.reader import ScanReport, SeenIds
    from spec_kitty_telemetry.log.superseding import Superseding
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing import Price
    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.costing import FindPrice


def rates_path(project: Project) -> Path:
    """Return the project's own file of rates, which need not exist."""
    return project.settings_path.with_name(FILE_NAME)


def rates_of_file(path: Path) -> dict[str, dict[date, Decimal]]:
    """Return the rates in one file, which need not exist.

    :raises SettingsError: it cannot be read, or something in it is no rate.
    """
    if not path.exists():
        return {}
    from spec_kitty_telemetry.project.strict_yaml import Place, read_document  # only where there is a file

    return rates_in(read_document(path, Place(str(path), error=SettingsError)), str(path))


def rates_of(project: Project, currency: str) -> Rates:
    """Return the rates of `currency`: the project's, and those of the user for other days.

    :raises SettingsError: there is no such currency, or a file of rates cannot be used.
    """
    code = checked_currency(currency)
    found: dict[date, Decimal] = {}
    for path in (user_settings_path().with_name(FILE_NAME), rates_path(project)):
        found |= rates_of_file(path).get(code, {})
    return Rates(code, found)


def converted(context: ReportContext, rates: Rates) -> ReportContext:
    """Return a context like `context` whose costs are in the currency of `rates`."""
    search = context.search
    wanted = ConvertedSearch(
        search.project,
        search.filters,
        goes_on=search.goes_on,
        with_outside=search.with_outside,
        rates=rates,
        zone=context.zone,
    )
    found = ReportContext(wanted, cost=context.cost, zone=context.zone)
    found.find_price = _converted_prices(context.find_price, rates, context.zone)
    return found


class ConvertedSearch(Search):
    """A search whose records say what they cost in another currency."""

    rates: Rates | None = None
    """Each says what a dollar was worth; `None`: the records stay as they are."""
    zone: ZoneInfo | None = None
    """The zone that the days of rates are cut in."""

    def blocks(
        self,
        byte_range: ByteRange,
        report: ScanReport,
        seen: SeenIds,
        rule: Superseding | None = None,
        *,
        keep_unknown: bool = False,
    ) -> Iterator[list[ExecutionEvent]]:
        """Yield the wanted records as `Search.blocks`, their costs converted."""
        for events in super().blocks(byte_range, report, seen, rule, keep_unknown=keep_unknown):
            yield [self.converted(event) for event in events]

    def converted(self, event: ExecutionEvent) -> ExecutionEvent:
        """Return the record with the costs that it reports in the currency of `rates`.

        :raises SettingsError: there is no rate for its day.
        """
        payload, rates = event.payload, self.rates
        if rates is None:
            return event
        if payload.cost_usd is None and all(part.cost_usd is None for part in payload.models):
            return event
        rate = rate_on(rates, event.timestamp, self.zone)
        parts = [
            msgspec.structs.replace(part, cost_usd=part.cost_usd and EXACT.multiply(part.cost_usd, rate))
            for part in payload.models
        ]
        cost = payload.cost_usd and EXACT.multiply(payload.cost_usd, rate)
        return msgspec.structs.replace(event, payload=msgspec.structs.replace(payload, cost_usd=cost, models=parts))


class ConvertedPrice:
    """A price whose costs are converted; all else is the price's own."""

    __slots__ = ("_price", "_rate")

    def __init__(self, price: Price, rate: Decimal) -> None:
        """Let the costs of `price` be multiplied by `rate`."""
        self._price, self._rate = price, rate

    def cost(self, *counts: int) -> int:
        """Return the cost of some tokens in picounits of the currency."""
        return round(EXACT.multiply(Decimal(self._price.cost(*counts)), self._rate))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._price, name)


def rate_on(rates: Rates, moment: datetime, zone: ZoneInfo | None) -> Decimal:
    """Return the rate that counts at `moment`, whose day is cut in `zone`.

    :raises SettingsError: there is none.
    """
    return rates.on(in_zone(moment, zone).date()).value


def _converted_prices(find_price: FindPrice, rates: Rates, zone: ZoneInfo | None) -> FindPrice:
    def find(
        model: str | None,
        provider: str | None,
        at: datetime,
        agent: str | None,
        context: Mapping[str, str] | None = None,
        /,
    ) -> Price | None:
        price = find_price(model, provider, at, agent, context)
        if price is None:
            return None
        found: Any = ConvertedPrice(price, rate_on(rates, at, zone))
        return found  # type: ignore[no-any-return]

    return find
