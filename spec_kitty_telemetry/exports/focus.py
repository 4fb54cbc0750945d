"""FOCUS 1.3 (the FinOps Open Cost and Usage Specification): a row for each day, dimension and token class.

The rows are list prices alone, or reported costs alone, so that nobody adds the two up: a reported cost cannot be
divided into token classes.  A run whose cost is not known has no row, because a bill has no other word for unknown than
0; it is counted in `Missing`.  Days, and months as billing periods, are UTC's, as the specification asks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from spec_kitty_telemetry.exports.runs import exact_usd
from spec_kitty_telemetry.reports.billing import counts_for_price, says_anything, ways_of
from spec_kitty_telemetry.reports.costing import Costing, UnknownModel, unknown_models
from spec_kitty_telemetry.reports.totals import Totals, counts_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.costing import Cost

FocusRow = dict[str, str | Decimal | None]
"""The columns of the specification, in its order, then ours, which begin with `x_`."""

COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd",
    "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost",
    "HostProviderName", "InvoiceIssuerName", "ListCost", "ListUnitPrice", "PricingCategory", "PricingQuantity",
    "PricingUnit", "ProviderName", "PublisherName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory",
    "ServiceName", "ServiceProviderName", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceId", "SubAccountId",
    "SubAccountName", "Tags", "x_Agent", "x_CostSource", "x_Role", "x_RunCount", "x_TokenClass", "x_WorkPackage",
)  # fmt: skip
"""Their names.  What we know nothing of (regions, commitments, invoices) has no column."""

Source = Literal["calculated", "reported"]
"""What the rows say: what everything costs at list prices, or what agents and hosts said that it cost."""

_UNKNOWN = "unknown"
"""What stands in a column that must not be blank."""
_SOURCES = {"calculated": "list price", "reported": "reported"}


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """What has no row, or not all of it, because nobody knows what it cost."""

    models: list[UnknownModel]
    """Models without a price."""
    unpriced_count: int
    """Runs of such models, runs whose counts cannot all be true; of reported costs those that reported none."""
    contradictory_count: int
    """Those of them whose counts cannot all be true."""
    no_usage_count: int
    """Runs that say neither tokens nor a cost."""
    partial_count: int
    """Runs of which only a part is there."""


class _Key(NamedTuple):
    """What one row is about; the order is that of the rows."""

    day: datetime
    feature: str
    wp: str | None
    role: str | None
    agent: str | None
    provider: str | None
    model: str | None
    token_class: str
    rate: int
    tags: str

    def in_order(self) -> tuple[tuple[bool, str], ...]:
        return tuple((value is None, f"{value:030}" if isinstance(value, int) else str(value)) for value in self)


class _Amount:
    __slots__ = ("cost", "quantity", "runs")

    def __init__(self) -> None:
        self.cost = self.quantity = self.runs = 0


def focus_rows(context: ReportContext, source: Source) -> tuple[list[FocusRow], Missing]:
    """Return the rows of all wanted records of a search, and what is not in them.

    Of list prices the sum of `ListCost` is that of `report --cost calculated`, to the last digit; of reported costs it
    is that of `report --cost reported`.

    :raises TelemetryError: as `Search.events`.
    """
    bill = _Bill(context, source)
    for event in context.search.events():
        bill.add(event)
    return bill.rows(), bill.missing()


class _Bill:
    def __init__(self, context: ReportContext, source: Source) -> None:
        self._costing = Costing(context.find_price, source)
        self._source = source
        self._wanted = context.search.filters.wanted_model()
        self._naming = context.book.naming
        self._account = _account_of(context)
        self._amounts: dict[_Key, _Amount] = {}
        self._sums = Totals()

    def add(self, event: ExecutionEvent) -> None:
        payload, cost = event.payload, self._costing.cost_of(event)
        members = list(zip(payload.models, cost.parts, strict=True))
        wanted = [each for each in members if self._wanted is None or self._wanted(each[0].model)]
        counts, cost_wanted = counts_together(event, cost, wanted) if members else (payload, cost)
        self._sums.add(payload, counts)
        self._sums.add_cost(cost_wanted)
        if self._source == "reported":
            self._add_reported(event, wanted, counts, cost_wanted)
        elif any(says_anything(part) for part in payload.models):
            for part, _ in wanted:
                self._add_lines(event, part)
        elif len(wanted) == len(members):  # only the whole was counted, and it cannot be divided
            self._add_lines(event, payload)

    def _add_lines(self, event: ExecutionEvent, counts: ExecutionPayload | ModelPart) -> None:
        price = self._costing.price_of(event, counts, ways_of(counts))
        if price is None:
            return
        try:
            lines = price.lines(*counts_for_price(counts))
        except ValueError:  # counts that cannot all be true, which the sums have noted
            return
        for line in lines:
            key = self._key(event, counts, line.token_class, line.rate)
            self._add(key._replace(model=price.model, provider=price.provider or key.provider), line.cost, line.tokens)

    def _add_reported(
        self,
        event: ExecutionEvent,
        wanted: list[tuple[ModelPart, Cost]],
        counts: ExecutionPayload | ModelPart,
        cost: Cost,
    ) -> None:
        if all(own.reported is not None for _, own in wanted) and wanted:
            for part, own in wanted:
                self._add(self._key(event, part, "all", 0), own.reported or 0, 1)
        elif cost.reported is not None:
            self._add(self._key(event, counts, "all", 0), cost.reported, 1)

    def _add(self, key: _Key, cost: int, quantity: int) -> None:
        amount = self._amounts.get(key)
        if amount is None:
            amount = self._amounts[key] = _Amount()
        amount.cost += cost
        amount.quantity += quantity
        amount.runs += 1

    def _key(self, event: ExecutionEvent, counts: ExecutionPayload | ModelPart, token_class: str, rate: int) -> _Key:
        payload = event.payload
        biller = counts.provider or payload.provider
        return _Key(
            day=event.timestamp.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
            feature=event.feature,
            wp=payload.wp_id,
            role=payload.role,
            agent=payload.agent,
            provider=self._naming.biller(counts.model, biller, payload.agent),
            model=self._naming.model(counts.model, biller, payload.agent),
            token_class=token_class,
            rate=rate,
            tags=msgspec.json.encode(payload.tags, order="sorted").decode() if payload.tags else "{}",
        )

    def rows(self) -> list[FocusRow]:
        make: Callable[[_Key, _Amount], FocusRow] = self._row
        return [make(key, self._amounts[key]) for key in sorted(self._amounts, key=_Key.in_order)]

    def _row(self, key: _Key, amount: _Amount) -> FocusRow:
        account_id, account_name = self._account
        provider, model = key.provider or _UNKNOWN, key.model or _UNKNOWN
        cost = exact_usd(amount.cost)
        is_list = self._source == "calculated"
        unit_price = exact_usd(key.rate) if is_list else None
        unit = "Runs" if not is_list else "Searches" if key.token_class == "web search" else "Tokens"  # noqa: S105
        month = key.day.replace(day=1)
        what = f"{model}, {key.token_class}" if is_list else f"{model}, as reported"
        return {
            "BilledCost": cost,
            "BillingAccountId": account_id,
            "BillingAccountName": f"{account_name} ({'list prices, not a bill' if is_list else 'as agents reported'})",
            "BillingCurrency": "USD",
            "BillingPeriodEnd": _moment((month + timedelta(days=32)).replace(day=1)),
            "BillingPeriodStart": _moment(month),
            "ChargeCategory": "Usage",
            "ChargeClass": None,
            "ChargeDescription": what,
            "ChargeFrequency": "Usage-Based",
            "ChargePeriodEnd": _moment(key.day + timedelta(days=1)),
            "ChargePeriodStart": _moment(key.day),
            "ConsumedQuantity": Decimal(amount.quantity),
            "ConsumedUnit": unit,
            "ContractedCost": cost,
            "ContractedUnitPrice": unit_price,
            "EffectiveCost": cost,
            "HostProviderName": provider,
            "InvoiceIssuerName": provider,
            "ListCost": cost,
            "ListUnitPrice": unit_price,
            "PricingCategory": "Standard",
            "PricingQuantity": Decimal(amount.quantity),
            "PricingUnit": unit,
            "ProviderName": provider,
            "PublisherName": provider,
            "ResourceId": f"{key.feature}/{key.wp or '-'}",
            "ResourceName": key.wp or key.feature,
            "ResourceType": "work package" if key.wp else "mission",
            "ServiceCategory": "AI and Machine Learning",
            "ServiceName": model,
            "ServiceProviderName": provider,
            "ServiceSubcategory": "Generative AI",
            "SkuId": f"{provider}/{model}/{key.token_class}",
            "SkuMeter": key.token_class,
            "SkuPriceId": f"{provider}/{model}/{key.token_class}/{unit_price:f}" if unit_price is not None else None,
            "SubAccountId": key.feature,
            "SubAccountName": key.feature,
            "Tags": key.tags,
            "x_Agent": key.agent,
            "x_CostSource": _SOURCES[self._source],
            "x_Role": key.role,
            "x_RunCount": Decimal(amount.runs),
            "x_TokenClass": key.token_class,
            "x_WorkPackage": key.wp,
        }

    def missing(self) -> Missing:
        return Missing(
            models=unknown_models(self._costing.unknown, self._wanted),
            unpriced_count=self._sums.unpriced,
            contradictory_count=self._sums.contradictory,
            no_usage_count=self._sums.no_usage,
            partial_count=self._sums.partial,
        )


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _account_of(context: ReportContext) -> tuple[str, str]:
    from spec_kitty_telemetry.project.identity import identity_of  # reads YAML, which other exports do not need

    identity = identity_of(context.search.project.root)
    return identity.project_uuid, identity.project_slug


def days_to_come(rows: list[FocusRow], now: datetime) -> Iterator[str]:
    """Yield the days that are not over at `now`: readers of bills refuse what ends in the future."""
    for end in sorted({(str(row["ChargePeriodEnd"]), str(row["ChargePeriodStart"])) for row in rows}):
        if end[0] > _moment(now):
            yield end[1][:10]
