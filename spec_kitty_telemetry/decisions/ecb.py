"""Rates of the European Central Bank, from the copy inside the installed `currencyconverter`; nothing is downloaded."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.decisions.rates import FILE_NAME, LONGEST_CLOSURE
from spec_kitty_telemetry.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DIGITS = Context(prec=10)
"""The bank publishes five or six."""


def ecb_rates(currency: str, days: Iterable[date]) -> dict[date, Decimal]:
    """Return the rates that `days` need: each business day's own, for other days that of the business day before.

    Days after the bank's last rate have that one; days before its first have none.

    :raises SettingsError: `currencyconverter` is not installed, or the bank has no rates of `currency`.
    """
    converter = _converter()
    if currency not in converter.currencies:
        raise SettingsError(
            f"The European Central Bank has no rates of {currency}. Write them into {FILE_NAME} yourself."
        )
    last = min(converter.bounds["USD"].last_date, _last_day(converter, currency))
    found: dict[date, Decimal] = {}
    for day in days:
        if (rate := _rate(converter, currency, min(day, last))) is not None:
            found[rate[0]] = rate[1]
    return found


def _converter() -> Any:
    try:
        from currency_converter import CurrencyConverter  # an extra: few reports are in another currency
    except ImportError as error:
        raise SettingsError(
            "Rates of the European Central Bank need currencyconverter. "
            "Install it: pip install 'spec-kitty-telemetry[currency]'"
        ) from error
    return CurrencyConverter(decimal=True)


def _last_day(converter: Any, currency: str) -> date:
    last: date = date.max if currency == "EUR" else converter.bounds[currency].last_date
    return last


def _rate(converter: Any, currency: str, day: date) -> tuple[date, Decimal] | None:
    from currency_converter import RateNotFoundError

    for days in range(LONGEST_CLOSURE.days + 1):
        try:
            rate = converter.convert(Decimal(1), "USD", currency, date=day - timedelta(days=days))
        except RateNotFoundError:
            continue
        return day - timedelta(days=days), _DIGITS.plus(rate)
    return None


def rates_text(rates: Mapping[str, Mapping[date, Decimal]]) -> str:
    """Return a file of rates."""
    lines = ["# What a US dollar was worth on each business day. 'rates import-ecb' writes this file anew."]
    for currency, by_day in sorted(rates.items()):
        lines += [f"{currency}:", *(f"  {day}: {rate:f}" for day, rate in sorted(by_day.items()))]
    return "\n".join(lines)
