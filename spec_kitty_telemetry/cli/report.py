"""`report`: what was spent, grouped by anything, and what is not known about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli.options import filter_options, json_option, search_for
from spec_kitty_telemetry.cli.output import json_money, print_json

if TYPE_CHECKING:
    from spec_kitty_telemetry.cost import CostReport, CostSummary
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.query import Search

JSON_VERSION = 1


@click.command("report")
@click.option(
    "--by", default="feature", show_default=True, metavar="DIMENSIONS",
    help="feature, wp, role, agent, model, provider, outcome, attempt, run, day, week, month, tag:<name>; "
    "several with commas.",
)  # fmt: skip
@filter_options
@json_option
def command(by: str, as_json: bool, **filters: Any) -> None:
    r"""Show what was spent.

    \b
    Examples:
      report                         every feature of this project
      report --by model              which models the money went to
      report --by wp,role --feature 43
      report --by agent --since 7d --json
    """
    from spec_kitty_telemetry.cli.prices_in_use import find_price_for
    from spec_kitty_telemetry.cli.report_table import lines
    from spec_kitty_telemetry.cost import cost_report
    from spec_kitty_telemetry.pricing import PriceBook

    search, zone = search_for(**filters)
    book = PriceBook.load(search.project.root)
    report = cost_report(search.events(), by, find_price_for(book, search.project.root), zone=zone)
    if as_json:
        print_json(document(report, search, book))
    else:
        click.echo("\n".join(lines(report, search, book)))


def document(report: CostReport, search: Search, book: PriceBook) -> dict[str, Any]:
    """Return the report as the JSON object that `docs/report.schema.json` describes."""
    filters = search.filters
    return {
        "version": JSON_VERSION,
        "by": list(report.by),
        "filters": {
            "features": list(filters.features),
            "wp_ids": list(filters.wp_ids),
            "roles": list(filters.roles),
            "agents": list(filters.agents),
            "models": list(filters.models),
            "outcomes": list(filters.outcomes),
            "since": filters.since.isoformat() if filters.since else None,
            "until": filters.until.isoformat() if filters.until else None,
        },
        "rows": [_row(row) for row in report.rows],
        "total": _numbers(report.total),
        "unknown_models": [
            {
                "model": unknown.model,
                "event_count": unknown.event_count,
                "input_tokens": unknown.input_tokens,
                "output_tokens": unknown.output_tokens,
            }
            for unknown in report.unknown_models
        ],
        "skipped_lines": [
            {"file": str(skipped.file), "line": skipped.line, "reason": skipped.reason}
            for skipped in search.report.skipped
        ],
        "skipped_line_count": search.report.skipped_count,
        "prices": {"as_of": book.as_of, "overrides": overrides_used(book)},
    }


def overrides_used(book: PriceBook) -> list[dict[str, Any]]:
    """Return which settings files gave a price that was used, and for which models."""
    return [{"file": str(use.path), "models": list(use.models)} for use in book.overrides_in_use]


def _row(row: CostSummary) -> dict[str, Any]:
    return {"group": row.group, "group_key": row.group_key, **_numbers(row)}


def _numbers(row: CostSummary) -> dict[str, Any]:
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
        "unpriced_event_count": row.unpriced_event_count,
        "no_usage_event_count": row.no_usage_event_count,
        "partial_usage_event_count": row.partial_usage_event_count,
        "duration_ms": row.duration_ms,
    }
