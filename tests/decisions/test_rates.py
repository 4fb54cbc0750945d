"""Rates of exchange: a business day's own, a weekend's from the day before, never 1 to 1."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from spec_kitty_telemetry.decisions.rates import Rates, checked_currency, rates_in
from spec_kitty_telemetry.errors import SettingsError

# 2026-10-01 is a Thursday.
OCTOBER = {date(2026, 10, day): Decimal(rate) for day, rate in ((1, "0.80"), (2, "0.81"), (5, "0.82"), (6, "0.83"))}


@pytest.mark.parametrize(
    ("day", "rate", "of"),
    [(1, "0.80", 1), (2, "0.81", 2), (3, "0.81", 2), (4, "0.81", 2), (5, "0.82", 5), (6, "0.83", 6), (9, "0.83", 6)],
)
def test_a_day_without_a_rate_has_that_of_the_business_day_before(day: int, rate: str, of: int) -> None:
    assert Rates("EUR", OCTOBER).on(date(2026, 10, day)) == (Decimal(rate), date(2026, 10, of))


def test_a_day_after_the_last_rate_has_that_one_and_its_date_is_known() -> None:
    rates = Rates("EUR", OCTOBER)
    rates.on(date(2026, 10, 6))
    assert rates.last_day_used_late is None
    rates.on(date(2026, 10, 7))
    assert rates.last_day_used_late == date(2026, 10, 6)


def test_the_weekend_after_the_last_rate_is_not_late() -> None:
    rates = Rates("EUR", {date(2026, 10, 2): Decimal("0.81")})
    rates.on(date(2026, 10, 4))
    assert rates.last_day_used_late is None
    rates.on(date(2026, 10, 5))
    assert rates.last_day_used_late == date(2026, 10, 2)


def test_a_day_before_the_first_rate_is_an_error_and_never_one_to_one() -> None:
    with pytest.raises(SettingsError) as raised:
        Rates("EUR", OCTOBER).on(date(2026, 9, 30))
    assert str(raised.value) == (
        "No EUR rate for 2026-09-30; the first is of 2026-10-01. "
        "Add it to telemetry-rates.yaml, or run 'rates import-ecb --currency EUR'."
    )
    with pytest.raises(SettingsError, match=r"No EUR rate for 2026-09-30\. Add it"):
        Rates("EUR", {}).on(date(2026, 9, 30))


def test_a_gap_longer_than_any_holiday_is_an_error() -> None:
    rates = Rates("EUR", {date(2026, 10, 1): Decimal(1), date(2026, 11, 2): Decimal(1)})
    assert rates.on(date(2026, 10, 8)).day == date(2026, 10, 1)
    with pytest.raises(SettingsError, match="No EUR rate for 2026-10-09; the last before is of 2026-10-01"):
        rates.on(date(2026, 10, 9))


def test_a_file_has_currencies_and_their_rates_by_day() -> None:
    assert rates_in({"eur": {"2026-10-01": "0.8"}}, "f") == {"EUR": {date(2026, 10, 1): Decimal("0.8")}}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ([], "f: holds no mapping. Write a currency, and below it its rates, one a day."),
        ({"EURO": {}}, "f: 'EURO' is no currency. Use its ISO code, such as EUR or GBP."),
        ({"USD": {"2026-10-01": "1"}}, "f: USD needs no rates, a dollar is a dollar. Remove them."),
        ({"EUR": "0.9"}, "f, EUR: has no rates. Write one a day, such as '2026-11-27: 0.8611'."),
        ({"EUR": {"October": "0.9"}}, "f, EUR: 'October' is no day. Write it as 2026-11-27."),
        ({"EUR": {"2026-10-01": "0"}}, "2026-10-01: '0' is no rate. Write what a dollar was worth, such as 0.8611."),
        ({"EUR": {"2026-10-01": "-1"}}, "'-1' is no rate. Write what a dollar was worth, such as 0.8611."),
        ({"EUR": {"2026-10-01": "Infinity"}}, "'Infinity' is no rate. Write what a dollar was worth, such as 0.8611."),
    ],
)  # fmt: skip
def test_what_is_no_rate_is_one_sentence_with_its_place(node: Any, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        rates_in(node, "f")
    assert str(raised.value).endswith(message)


def test_a_currency_has_its_iso_code() -> None:
    assert checked_currency(" eur") == "EUR"
    with pytest.raises(SettingsError, match=r"'XYZ' is no currency\. Use its ISO code, such as EUR or GBP\."):
        checked_currency("XYZ")
