"""How one record's cost comes about: every token class times its rate, what was reported, and which of them counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.render import tables, wording
from spec_kitty_telemetry.cli.render.prices import day
from spec_kitty_telemetry.model.doubts import only_misses
from spec_kitty_telemetry.pricing import dollars, dollars_per_million
from spec_kitty_telemetry.reports.billing import counts_for_price, says_anything, unrated_ways, ways_of
from spec_kitty_telemetry.reports.costing import Costing

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
    in_parts = payload.cost_usd is None or payload.guessed_cost_usd is not None
    reported_usd = _usd(in_reports.reported) if in_parts else payload.cost_usd
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
        "parts": [_part(event, part, cost, find_price) for part, cost in counted],
        "reported_cost_usd": reported_usd,
        "guessed_cost_usd": payload.guessed_cost_usd,
        "calculated_cost_usd": calculated_usd,
        "calculated_cost_is_floor": calculated.is_floor or only_misses(payload.uncertain or "uncertain"),
        "unpriced_models": [part.model for part, cost in counted if cost.unpriced],
        "difference_usd": None if reported_usd is None or calculated_usd is None else calculated_usd - reported_usd,
        "counts_in_reports": "reported and calculated" if None not in (in_reports.reported, in_reports.estimated)
                             else "reported" if in_reports.reported is not None
                             else "calculated" if in_reports.estimated is not None else "unknown",
        "cost_in_reports_usd": _usd(in_reports.known),
    }  # fmt: skip


def _usd(amount: int | None) -> Decimal | None:
    return None if amount is None else dollars(amount)


def _part(
    event: ExecutionEvent, counts: ExecutionPayload | ModelPart, cost: Cost, find_price: FindPrice
) -> dict[str, Any]:
    provider = counts.provider or event.payload.provider
    ways = ways_of(counts)
    price = find_price(counts.model, provider, event.timestamp, event.payload.agent, ways)
    if price is None and counts.requested_model is not None:
        price = find_price(counts.requested_model, provider, event.timestamp, event.payload.agent, ways)
    told: dict[str, Any] = {
        "model": counts.model,
        "requested_model": counts.requested_model,
        "billed_as": ways,
        "reported_cost_usd": counts.cost_usd,
        "guessed_cost_usd": counts.guessed_cost_usd,
        "calculated_cost_usd": _usd(cost.estimated),
    }
    if price is None:
        return {**told, "price": None, "lines": [], "problem": None if cost.estimated == 0 else _NO_PRICE}
    origin = {
        "model": price.model, "provider": price.provider, "matched_by": price.matched_by, "origin": price.origin,
        "valid_from": price.valid_from, "source": price.source, "as_of": price.as_of,
    }  # fmt: skip
    if not cost.has_usage:
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
    found = []
    if counts.input_tokens is None or counts.output_tokens is None:
        found.append("only a part of the tokens is known, so this cost is a floor")
    elif price.above and counts.input_tokens > price.above[0].input_tokens:
        found.append("long-context rates are not applied: sizes of requests are unknown")
    if counts.web_search_requests and price.web_search is None:
        found.append(f"web searches have no known price here, and there were {counts.web_search_requests:,}")
    for way, value in unrated_ways(price, ways_of(counts)).items():
        found.append(f"no rates are known for {way} {value}: standard ones were taken")
    return "; ".join(found) or None


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
    if explanation["guessed_cost_usd"] is not None:
        text.append(f"guessed:    {plain(explanation['guessed_cost_usd'])} (by the agent, at rates that are not this "
                    "model's; not counted)")  # fmt: skip
    text.append(f"calculated: {plain(explanation['calculated_cost_usd'])}"
                + (" (a floor)" if is_floor else ""))  # fmt: skip
    if explanation["difference_usd"]:
        text.append(f"difference: {plain(explanation['difference_usd'])} (calculated less reported)")
    text.append(f"In reports counts: {explanation['counts_in_reports']}")
    return [wording.shown(line) if "\n" not in line else line for line in text]


def _part_lines(part: dict[str, Any]) -> list[str]:
    model = part["model"] or "(the agent did not say its model)"
    if part["requested_model"]:
        model += f" (asked for as {part['requested_model']})"
    if part["billed_as"]:
        model += f", {', '.join(f'{way} {value}' for way, value in part['billed_as'].items())}"
    price = part["price"]
    if price is None:
        missing = f"{part['problem']}; 'prices unknown' says what to write"
        return [f"{model}: {missing if part['problem'] else 'nothing was used, which costs nothing'}"]
    since = f", in force since {day(price['valid_from'])}" if price["valid_from"] else ""
    text = [f"{model}: price of {price['model']} (matched by {price['matched_by']}; from {price['origin']}{since})"]
    if price["source"]:
        text.append(f"  source: {price['source']}, checked {price['as_of'] or 'at a time nobody noted'}")
    rows = [[line["token_class"], f"{line['tokens']:,}", "x", _rate(line), "=", plain(line["cost_usd"])]
            for line in part["lines"]]  # fmt: skip
    if rows:
        total = ["together", "", "", "", "=", plain(part["calculated_cost_usd"])]
        text.append(tables.table(["tokens", "count", "", "rate", "", "cost"], [*rows, total], 1))
    if part["problem"]:
        text.append(f"  note: {part['problem']}")
    return text


def _rate(line: dict[str, Any]) -> str:
    is_search = str(line["token_class"]) == "web search"
    rate = line["usd_per_million_tokens"] / (1_000 if is_search else 1)
    return f"${rate.normalize():f}/{'k' if is_search else 'M'}"
