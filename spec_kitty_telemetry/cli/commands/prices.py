"""`prices`: what the tables say, how a cost came about, and which models have no price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli.commands.lint import command as lint
from spec_kitty_telemetry.cli.options import filter_options, json_option, project_option, search_for
from spec_kitty_telemetry.cli.output import print_json, say
from spec_kitty_telemetry.cli.render import tables, wording
from spec_kitty_telemetry.errors import PriceTableError, ProjectError

if TYPE_CHECKING:
    from spec_kitty_telemetry.pricing import PriceBook
    from spec_kitty_telemetry.pricing.genai.importing import Imported


@click.group("prices", short_help="List, show and explain prices.")
def command() -> None:
    """Look at prices: list, show, explain a record's cost, find models without a price.

    \b
    Examples:
      prices list sonnet
      prices show claude-sonnet-4-6
      prices unknown
    """  # noqa: D301 - \b is click's mark


@command.command("list")
@click.argument("name", required=False)
@click.option("--provider", metavar="NAME", help="Only this provider, by any of its names.")
@project_option
@json_option
def list_prices(name: str | None, provider: str | None, project_folder: Path | None, as_json: bool) -> None:
    """List today's prices of all models, or of those whose name contains NAME.

    US dollars per million tokens; the whole history of one model is in 'prices show'.

    \b
    Examples:
      prices list sonnet
      prices list --provider openai --json
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render import prices as price_view

    book = _book(project_folder)
    provider = _provider(book, provider)
    found = [
        model
        for model in book.models()
        if (provider is None or model.provider == provider) and (name is None or name.lower() in model.model.lower())
    ]
    if as_json:
        print_json({"version": 1, "as_of": book.as_of, "models": [price_view.summary(model) for model in found]})
        return
    rows = [[model.provider or "", model.model, *price_view.rate_cells(model.now, model.unpriced)] for model in found]
    say(tables.table(["provider", "model", *price_view.TITLES], rows, 2) if rows else "No model matches.")
    say(f"\nUS dollars per million tokens; tables of {book.as_of}, {wording.plural(len(found), 'model')}.")


@command.command("show")
@click.argument("model", callback=lambda _context, _option, text: _not_empty(text))
@click.option("--provider", metavar="NAME", help="Who bills, where the name alone does not say it.")
@click.option("--at", "moment", metavar="WHEN", help="The price of that day (UTC) instead of today's.")
@project_option
@json_option
def show(model: str, provider: str | None, moment: str | None, project_folder: Path | None, as_json: bool) -> None:
    """Show all that is known about the price of MODEL, by any name that agents use for it.

    \b
    Examples:
      prices show claude-sonnet-4.5
      prices show gpt-5.2-codex --at 2026-02-16
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render import prices as price_view
    from spec_kitty_telemetry.hooks.discovery import other_plugins

    book = _book(project_folder)
    at = _end_of(moment) if moment else None
    _provider(book, provider)
    found = book.describe(model, provider, at)
    if found is None:
        if provider is None and (billers := book.billers_of(model)):
            raise PriceTableError(
                f"the model {model!r} has a price only where it is said who bills: add --provider {billers[0]}"
                + "".join(f", or {other}" for other in billers[1:])
                + "; a run that does not say it has none (docs/prices.md)"
            )
        close = ", ".join(each for each in book.similar(model) if each != model.lower())
        raise PriceTableError(
            f"no price for the model {model!r}"
            + (f"; did you mean {close}?" if close else "")
            + "; add it under 'pricing:' in .kittify/telemetry.yaml (docs/prices.md)"
            + ("; plugins are not asked here, 'prices explain ID' shows what they say" if other_plugins() else "")
        )
    if as_json:
        print_json({"version": 1, **price_view.everything(found)})
    else:
        say("\n".join(price_view.described(found, at)))


@command.command("explain")
@click.argument("event_id")
@project_option
@json_option
def explain(event_id: str, project_folder: Path | None, as_json: bool) -> None:
    """Show how the cost of the record EVENT_ID comes about: every token class times its rate, exactly.

    The first characters of an id are enough where they name one record.

    \b
    Example:
      prices explain 01KHJVJWDK    ids are in 'events'
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render.explanation import explained, lines
    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.search import record_called

    search, _ = search_for(project_folder=project_folder)
    explanation = explained(record_called(search, event_id), ReportContext(search).find_price)
    if as_json:
        print_json({"version": 1, **explanation})
    else:
        say("\n".join(lines(explanation)))


command.add_command(lint)  # its name before it looked at budgets and rates as well


@command.command("unknown")
@filter_options
@json_option
def unknown(as_json: bool, **filters: Any) -> None:
    """List the models in this project's logs that have no price, and what to write to give them one.

    \b
    Examples:
      prices unknown
      prices unknown --since 30d --json
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.cli.render import unknown_prices
    from spec_kitty_telemetry.cli.render.report_json import unknown_models
    from spec_kitty_telemetry.reports.build import ReportContext, build_unknown_models

    search, zone = search_for(**filters)
    context = ReportContext(search, zone=zone)
    found = build_unknown_models(context)
    if as_json:
        print_json({"version": 1, "unknown_models": unknown_models(found)})
    else:
        say("\n".join(unknown_prices.lines(found, search.project.settings_path, context.book)))


@command.command("import-genai")
@click.option("--provider", "providers", multiple=True, metavar="NAME", help="Only this provider; repeatable.")
@click.option("--output", type=click.Path(path_type=Path), help="Write there instead of to the user settings folder.")
def import_genai(providers: tuple[str, ...], output: Path | None) -> None:
    """Write the prices of an installed genai-prices as an override, for models that are newer than our tables.

    Models that our tables have keep their prices, whatever genai-prices says.

    \b
    Examples:
      prices import-genai --provider openai
      prices import-genai --output .kittify/telemetry.yaml
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.pricing import import_genai_prices
    from spec_kitty_telemetry.project.settings import user_settings_path

    target = output or user_settings_path()
    say("\n".join(_imported(import_genai_prices(target, providers), target)))


def _imported(imported: Imported, target: Path) -> list[str]:
    many = len(imported.models)
    text = [
        f"Wrote {wording.plural(many, 'price')} to {wording.shown(target)}; reports name the file where they use it."
        if many
        else f"Nothing to add: our tables have every model of genai-prices {imported.version}; no file was written."
    ]
    if imported.kept:
        left_out = wording.plural(len(imported.kept), "model")
        text.append(f"Left out {left_out} that our tables have with other rates; ours count.")
    return text


def _not_empty(model: str) -> str:
    if not model.strip():
        raise click.BadParameter("found nothing, expected the name of a model")
    return model


def _provider(book: PriceBook, name: str | None) -> str | None:
    """Return the provider with that name, by any name it has; one that nobody has is an error."""
    if name is None:
        return None
    provider = book.provider_called(name)
    if provider is None:
        raise PriceTableError(f"found no provider {name!r}, expected one of {', '.join(book.providers)}")
    return provider


def _end_of(moment: str) -> datetime:
    """Return the last moment of a day or month (UTC: prices change by UTC days); a moment is itself."""
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.model.timespans import span

    start, end = span(moment, ZoneInfo("UTC"))
    return (start if start == end else end - timedelta(microseconds=1)).astimezone(UTC)


def _project_root(folder: Path | None) -> Path | None:
    from spec_kitty_telemetry.project.locate import find_project

    try:
        return find_project(folder).root
    except ProjectError:
        if folder is not None:
            raise
        return None


def _book(folder: Path | None) -> PriceBook:
    from spec_kitty_telemetry.pricing import PriceBook

    return PriceBook.load(_project_root(folder))
