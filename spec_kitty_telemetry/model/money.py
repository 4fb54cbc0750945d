"""Money: whole picodollars (10⁻¹² USD) inside, `Decimal` dollars at the edges, never a float.

Sums of whole numbers do not depend on their order.  The least amount any token costs is far above a picodollar.
"""

from __future__ import annotations

from decimal import Context, Decimal

PICO = 10**12
"""Picodollars in a dollar."""
EXACT = Context(prec=60)
"""Enough digits for any sum; the default of 28 would round."""

_PICO = Decimal(PICO)
_times = EXACT.multiply


def picodollars(amount_usd: Decimal) -> int:
    """Return dollars as whole picodollars, halves to even."""
    return round(_times(amount_usd, _PICO))


def dollars(amount_pico: int) -> Decimal:
    """Return picodollars as dollars, exactly."""
    return Decimal(amount_pico).scaleb(-12, EXACT)


def dollars_per_million(rate: int) -> Decimal:
    """Return a rate (picodollars a token) as it is published: dollars per million tokens, exactly."""
    return Decimal(rate).scaleb(-6, EXACT)


def share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """Return `part` of `whole` as a number from 0 to 1 with at most six decimals; `None` where either is unknown."""
    if part is None or not whole:
        return None
    return round(EXACT.divide(part, whole), 6)
