"""How one record's cost comes about: every token class times its rate, what was reported, and which of them counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.render import tables, wording
from spec_kitty_telemetry.cli.render.prices import day
from spec_kitty_telemetry.pricing import dollars, dollars_per_million
from spec_kitty_telemetry.reports.costing import Costing, counts_for_price, says_anything

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing import Price
    from spec_kitty_telemetry.reports.costing import Cost, FindPrice


_NO_PRICE = "no price for this model"


def explained(event: ExecutionEvent, find_price: FindPrice) -> dict[str, Any]:
    """Return the explanation of one record's cost as a JSON object; money is exact."""
    payload = event.payload
    in_reports = Costing(find_price, "auto").cost_of(event)
    calculated = Costing(find_price, "calculated").cost_of(event)
    counted: Sequence[tuple[ExecutionPayload | ModelPart, Cost]] = [(payload, calculated)]
    if any(says_anything(part) for part in payload.models) or not calculated.has_usage:
        counted = list(zip(payload.models, calculated.parts, strict=True))
    reported_usd = _usd(in_reports.reported) if payload.cost_usd is None else payload.cost_usd
    calculated_usd = _usd(calculated.estimated)
    return {
        "event_id": event.event_id,
        "feature": event.feature,
        "wp_id": payload.wp_id,
        "role": payload.role,
        "agent": payload.agent,
        "timestamp": event.timestamp.isoformat(),
        "usage_source": payload.usage_source,
        "uncertain": payload.uncertain,
        "parts": [_part(event, part, charge, find_price) for part, charge in counted],
        "reported_cost_usd": reported_usd,
        "calculated_cost_usd": calculated_usd,
        "calculated_cost_is_floor": calculated.unpriced or calculated.partial,
        "unpriced_models": [part.model for part, charge in counted if charge.unpriced],
        "difference_usd": None if reported_usd is None or calculated_usd is None else calculated_usd - reported_usd,
        "counts_in_reports": "reported" if in_reports.reported is not None
                             else "calculated" if in_reports.estimated is not None else "unknown",
    }  # fmt: skip


def _usd(amount: int | None) -> Decimal | None:
    return None if amount is None else dollars(amount)


def _part(
    event: ExecutionEvent, counts: ExecutionPayload | ModelPart, charge: Cost, find_price: FindPrice
) -> dict[str, Any]:
    provider = counts.provider or event.payload.provider
    price = find_price(counts.model, provider, event.timestamp, event.payload.agent)
    told: dict[str, Any] = {
        "model": counts.model,
        "reported_cost_usd": counts.cost_usd,
        "calculated_cost_usd": _usd(charge.estimated),
    }
    if price is None:
        return {**told, "price": None, "lines": [], "problem": None if charge.estimated == 0 else _NO_PRICE}
    origin = {
        "model": price.model, "provider": price.provider, "matched_by": price.matched_by, "origin": price.origin,
        "valid_from": price.valid_from, "source": price.source, "as_of": price.as_of,
    }  # fmt: skip
    if not charge.has_usage:
        return {**told, "price": origin, "lines": [], "problem": "nobody said how many tokens it used"}
    try:
        lines = price.lines(*counts_for_price(counts))
    except ValueError as error:
        return {**told, "price": origin, "lines": [], "problem": str(error)}
    return {
        **told,
        "price": origin,
        "lines": [
            {
                "token_class": line.token_class,
                "tokens": line.tokens,
                "usd_per_million_tokens": dollars_per_million(line.rate),
                "cost_usd": dollars(line.cost),
            }
            for line in lines
        ],
        "problem": _gap(counts, price),
    }


def _gap(counts: ExecutionPayload | ModelPart, price: Price) -> str | None:
    if counts.input_tokens is None or counts.output_tokens is None:
        return "only a part of the tokens is known, so this cost is a floor"
    if price.above and counts.input_tokens > price.above[0].input_tokens:
        return "long-context rates are not applied: sizes of requests are unknown"
    return None


def plain(amount_usd: Decimal | None) -> str:
    """Return every digit of an amount."""
    if amount_usd is None:
        return "unknown"
    return f"{'-' if amount_usd < 0 else ''}${abs(amount_usd).normalize():f}"


def lines(explanation: dict[str, Any]) -> list[str]:
    """Return the explanation for a person."""
    what = (
        f"{explanation['role'] or 'a run'} of {explanation['wp_id'] or 'no work package'} in {explanation['feature']}"
    )
    who = explanation["agent"] or "an agent without a name"
    text = [
        f"Record {explanation['event_id']}: {what}, by {who}, {explanation['timestamp']}",
        f"The tokens are from: {explanation['usage_source'] or 'the first version, which did not say'}",
    ]
    if explanation["uncertain"]:
        text.append(f"They may be off: {explanation['uncertain']}")
    for part in explanation["parts"]:
        text += ["", *_part_lines(part)]
    is_floor = explanation["calculated_cost_is_floor"] and explanation["calculated_cost_usd"] is not None
    text += ["", f"reported:   {plain(explanation['reported_cost_usd'])}"]
    text.append(f"calculated: {plain(explanation['calculated_cost_usd'])}"
                + (" (a floor)" if is_floor else ""))  # fmt: skip
    if explanation["difference_usd"]:
        text.append(f"difference: {plain(explanation['difference_usd'])} (calculated less reported)")
    text.append(f"In reports counts: {explanation['counts_in_reports']}")
    return [wording.shown(line) if "\n" not in line else line for line in text]


def _part_lines(part: dict[str, Any]) -> list[str]:
    model = part["model"] or "(the agent did not say its model)"
    price = part["price"]
    if price is None:
        missing = f"{part['problem']}; 'prices unknown' says what to write"
        return [f"{model}: {missing if part['problem'] else 'nothing was used, which costs nothing'}"]
    since = f", in force since {day(price['valid_from'])}" if price["valid_from"] else ""
    text = [f"{model}: price of {price['model']} (matched by {price['matched_by']}; from {price['origin']}{since})"]
    if price["source"]:
        text.append(f"  source: {price['source']}, checked {price['as_of'] or 'at a time nobody noted'}")
    rows = [[line["token_class"], f"{line['tokens']:,}", "x", f"${line['usd_per_million_tokens'].normalize():f}/M",
             "=", plain(line["cost_usd"])] for line in part["lines"]]  # fmt: skip
    if rows:
        total = ["together", "", "", "", "=", plain(part["calculated_cost_usd"])]
        text.append(tables.table(["tokens", "count", "", "rate", "", "cost"], [*rows, total], 1))
    if part["problem"]:
        text.append(f"  note: {part['problem']}")
    return text
