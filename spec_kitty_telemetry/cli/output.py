"""JSON for programs: UTF-8, indented, money as numbers that no float has touched."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click


def print_json(document: dict[str, Any]) -> None:
    """Print `document`; its `Decimal`s become JSON numbers."""
    import msgspec

    encoded = msgspec.json.Encoder(decimal_format="number").encode(document)
    click.echo(msgspec.json.format(encoded, indent=2) + b"\n", nl=False)


def json_money(amount_usd: Decimal | None) -> Decimal | None:
    """Return an amount with at most nine decimals, without trailing zeros and without an exponent."""
    if amount_usd is None:
        return None
    rounded = round(amount_usd, 9).normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded
