"""Rates of exchange: what a US dollar was worth on each day, from `telemetry-rates.yaml` beside the settings.

```yaml
EUR:
  2026-11-26: 0.8584
  2026-11-27: 0.8611
```

There are rates for business days only.  A weekend or a holiday has the rate of the business day before; a day after
the last rate has the last one, and the report names its date.  Everything else that has no rate is an error: nothing is
ever converted 1 to 1.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "telemetry-rates.yaml"
LONGEST_CLOSURE = timedelta(days=7)
"""Exchanges are never closed for longer: a greater gap between two rates means that rates are missing."""
_GREATEST = Decimal(10) ** 9
_ISO_4217 = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR
MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD
XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_ISO_4217.split())
"""The codes that are in use."""


class Rate(NamedTuple):
    """How many units of a currency a dollar was worth, and on which day."""

    value: Decimal
    day: date


class Rates:
    """The rates of one currency by day."""

    def __init__(self, currency: str, by_day: Mapping[date, Decimal]) -> None:
        """Keep the rates of `currency`; each says how many units a US dollar was worth."""
        self.currency = currency
        self._values = dict(by_day)
        self._days = sorted(by_day)
        self.last_day_used_late: date | None = None
        """The day of the last rate, once it was used for a later day."""

    def on(self, day: date) -> Rate:
        """Return the rate that counts on `day`.

        :raises SettingsError: there is none.
        """
        place = bisect_right(self._days, day)
        if not place:
            first = f"; the first is of {self._days[0]}" if self._days else ""
            raise SettingsError(f"No {self.currency} rate for {day}{first}. {_advice(self.currency)}")
        found = self._days[place - 1]
        if place == len(self._days):
            if found < day and not _is_weekend_after(found, day):
                self.last_day_used_late = found
        elif day - found > LONGEST_CLOSURE:
            raise SettingsError(
                f"No {self.currency} rate for {day}; the last before is of {found}. {_advice(self.currency)}"
            )
        return Rate(self._values[found], found)


def _is_weekend_after(friday: date, day: date) -> bool:
    return day.weekday() > friday.weekday() == 4 and day - friday < timedelta(days=3)  # noqa: PLR2004 - Friday


def _advice(currency: str) -> str:
    return f"Add it to {FILE_NAME}, or run 'rates import-ecb --currency {currency}'."


def checked_currency(name: str) -> str:
    """Return a currency's code in capitals.

    :raises SettingsError: there is no such currency.
    """
    code = name.strip().upper()
    if code not in CURRENCIES:
        raise SettingsError(f"{name[:40]!r} is no currency. Use its ISO code, such as EUR or GBP.")
    return code


def rates_in(node: object, file: str) -> dict[str, dict[date, Decimal]]:
    """Return the rates in a parsed file: currency → day → units for a US dollar.

    :raises SettingsError: something in it is no rate; the message names its place.
    """
    if not isinstance(node, dict):
        raise SettingsError(f"{file}: holds no mapping. Write a currency, and below it its rates, one a day.")
    found: dict[str, dict[date, Decimal]] = {}
    for name, days in node.items():
        code = _currency_in(str(name), file)
        if not isinstance(days, dict):
            raise SettingsError(f"{file}, {code}: has no rates. Write one a day, such as '2026-11-27: 0.8611'.")
        found[code] = {
            _day(day, f"{file}, {code}"): _rate(rate, f"{file}, {code}, {day}") for day, rate in days.items()
        }
    return found


def _currency_in(name: str, file: str) -> str:
    try:
        code = checked_currency(name)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from error
    if code == "USD":
        raise SettingsError(f"{file}: USD needs no rates, a dollar is a dollar. Remove them.")
    return code


def _day(text: object, place: str) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise SettingsError(f"{place}: {str(text)[:40]!r} is no day. Write it as 2026-11-27.") from error


def _rate(text: object, place: str) -> Decimal:
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and 0 < value < _GREATEST):
        raise SettingsError(f"{place}: {str(text)[:40]!r} is no rate. Write what a dollar was worth, such as 0.8611.")
    return value
