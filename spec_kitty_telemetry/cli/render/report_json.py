"""A report as a JSON object: what `docs/report.schema.json` describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.output import json_money, json_text
from spec_kitty_telemetry.model.money import share
from spec_kitty_telemetry.reports.filters import ALTERNATIVES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from spec_kitty_telemetry.cli.formats import ReportRequest
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.costing import UnknownModel
    from spec_kitty_telemetry.reports.filters import EventFilter
    from spec_kitty_telemetry.reports.search import Search
    from spec_kitty_telemetry.reports.summary import CostSummary
    from spec_kitty_telemetry.reports.view import View

JSON_VERSION = 1


def write(request: ReportRequest) -> str:
    """Return the report as JSON text."""
    return json_text(document(request))


def document(request: ReportRequest) -> dict[str, Any]:
    """Return the report as a JSON object."""
    view, context = request.usd_view or request.view, request.context
    search, zone = context.search, context.zone
    local = Converted(request)
    whole = view.total.total_cost_usd
    return {
        "version": JSON_VERSION,
        "by": list(view.by),
        "filters": filters_used(search.filters),
        "cost": context.cost,
        "time_zone": zone.key if zone else None,
        "sort": {"column": view.order.name, "ascending": view.order.ascending},
        "limit": view.limit,
        "rows": [{**_group(row, view), **numbers(row, whole), **local.row(row)} for row in view.rows],
        "rest": {"group_count": view.rest_count, **numbers(view.rest, whole), **local.rest()} if view.rest else None,
        "total": {**numbers(view.total, whole), **local.total()},
        "currency": local.document(),
        "unknown_models": unknown_models(view.report.unknown_models),
        "contradictory_event_count": view.total.contradictory_event_count,
        "repeated_event_count": view.report.repeated_event_count,
        "outside_missions": outside(context),
        **skipped(search),
        "prices": prices_used(context.book),
    }


class Converted:
    """What the rows of a report cost in another currency, where one was asked for: said beside the dollars."""

    def __init__(self, request: ReportRequest) -> None:
        """Know the amounts of a report that has `usd_view`; any other has none."""
        self._request = request
        view = request.view if request.usd_view is not None else None
        self._rows = {} if view is None else {tuple(row.group.values()): row for row in view.report.rows}
        self._view = view

    def row(self, row: CostSummary) -> dict[str, Any]:
        """Return the amounts of one row in dollars in the other currency."""
        return {} if self._view is None else _amounts(self._rows[tuple(row.group.values())])

    def rest(self) -> dict[str, Any]:
        """Return the amounts of the rows that are left out."""
        if self._view is None or self._request.usd_view is None:
            return {}
        shown = {tuple(row.group.values()) for row in self._request.usd_view.rows}
        return _amounts(self._view.report.sum_of(row for key, row in self._rows.items() if key not in shown))

    def total(self) -> dict[str, Any]:
        """Return the amounts of all runs."""
        return {} if self._view is None else _amounts(self._view.total)

    def document(self) -> dict[str, Any] | None:
        """Return which currency it is; `None`: there are only dollars."""
        if self._view is None:
            return None
        day = self._request.rates_end_on
        return {"code": self._request.currency, "rates_end_on": day.isoformat() if day else None}


def _amounts(row: CostSummary) -> dict[str, Any]:
    return {
        "total_cost": json_money(row.total_cost_usd),
        "reported_cost": json_money(row.reported_cost_usd),
        "estimated_cost": json_money(row.estimated_cost_usd),
    }


def _group(row: CostSummary, view: View) -> dict[str, Any]:
    group = {"group": row.group, "group_key": row.group_key}
    recorded = view.report.recorded_models.get(tuple(row.group.values()), ())
    return {**group, "recorded_models": list(recorded)} if "model" in view.by else group


def numbers(row: CostSummary, whole_usd: Decimal | None) -> dict[str, Any]:
    """Return the numbers of one row; its share is that of `whole_usd`."""
    return {
        "event_count": row.event_count,
        "succeeded_event_count": row.succeeded_event_count,
        "failed_event_count": row.failed_event_count,
        "rejected_event_count": row.rejected_event_count,
        "total_input_tokens": row.total_input_tokens,
        "cache_read_tokens": row.cache_read_tokens,
        "cache_write_tokens": row.cache_write_tokens,
        "total_output_tokens": row.total_output_tokens,
        "reasoning_tokens": row.reasoning_tokens,
        "total_cost_usd": json_money(row.total_cost_usd),
        "reported_cost_usd": json_money(row.reported_cost_usd),
        "estimated_cost_usd": json_money(row.estimated_cost_usd),
        "cost_is_estimated": row.estimated_cost_usd is not None,
        "cost_is_floor": row.is_lower_bound,
        "cost_is_in_doubt": row.is_in_doubt,
        "known_cost_usd": json_money(row.known_cost_usd),
        "cost_is_known": row.cost_is_known,
        "share_of_total_cost": json_money(share(row.total_cost_usd, whole_usd)),
        "unpriced_event_count": row.unpriced_event_count,
        "no_usage_event_count": row.no_usage_event_count,
        "partial_usage_event_count": row.partial_usage_event_count,
        "uncertain_event_count": row.uncertain_event_count,
        "base_rate_event_count": row.base_rate_event_count,
        "incomplete_event_count": row.incomplete_event_count,
        "unpriced_search_event_count": row.unpriced_search_event_count,
        "dearer_rate_event_count": row.dearer_rate_event_count,
        "cheaper_rate_event_count": row.cheaper_rate_event_count,
        "duration_ms": row.duration_ms,
    }


def outside(context: ReportContext) -> dict[str, Any] | None:
    """Return the part of the total that is outside of all missions; `None` where there is none."""
    from spec_kitty_telemetry.reports.outside import outside_spend  # most projects have none

    spend = outside_spend(context) if context.search.includes_outside else None
    if spend is None:
        return None
    return {
        "event_count": spend.cost.event_count,
        "session_count": spend.session_count,
        "total_cost_usd": json_money(spend.cost.total_cost_usd),
    }


def filters_used(filters: EventFilter) -> dict[str, Any]:
    """Return the filters as they were used; moments with their offset."""
    return {
        **{name: list(getattr(filters, name)) for name in ALTERNATIVES},
        "since": filters.since.isoformat() if filters.since else None,
        "until": filters.until.isoformat() if filters.until else None,
    }


def unknown_models(models: Iterable[UnknownModel]) -> list[dict[str, Any]]:
    """Return the models without a price, with what they were used for."""
    return [
        {
            "model": unknown.model,
            "provider": unknown.provider,
            "event_count": unknown.event_count,
            "input_tokens": unknown.input_tokens,
            "output_tokens": unknown.output_tokens,
        }
        for unknown in models
    ]


def skipped(search: Search) -> dict[str, Any]:
    """Return the lines that could not be read (the first thousand by name, and how many there are), and whole logs."""
    return {
        "skipped_lines": [
            {"file": str(line.file), "line": line.line, "reason": line.reason} for line in search.report.skipped
        ],
        "skipped_line_count": search.report.skipped_count,
        "unread_logs": [{"file": str(log.file), "reason": log.reason} for log in search.report.unread],
    }


def prices_used(book: PriceBook) -> dict[str, Any]:
    """Return the day of the price tables, and which settings files and plugins gave a price that was used."""
    return {
        "as_of": book.as_of,
        "overrides": [{"file": str(use.path), "models": list(use.models)} for use in book.overrides_in_use],
        "passed_over": list(book.passed_over),
        "plugins": [{"origin": use.origin, "models": list(use.models)} for use in book.plugins_in_use],
    }
