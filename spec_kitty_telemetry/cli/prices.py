"""`prices`: what the tables say, how a cost came about, and which models have no price."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.cli import tables
from spec_kitty_telemetry.cli.options import filter_options, json_option, project_option, search_for
from spec_kitty_telemetry.cli.output import print_json
from spec_kitty_telemetry.errors import PriceTableError, ProjectError
from spec_kitty_telemetry.pricing import dollars_per_million

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.charge import UnknownModel
    from spec_kitty_telemetry.pricing import Price, PriceBook, Rates
    from spec_kitty_telemetry.pricing.description import ModelDescription

_RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
_TITLES = ("input", "output", "cache read", "write 5m", "write 1h")


@click.group("prices")
def command() -> None:
    """Look at prices: list, show, explain a record's cost, find models without a price."""


@command.command("list")
@click.argument("name", required=False)
@click.option("--provider", metavar="NAME", help="Only this provider, such as anthropic or aws-bedrock.")
@project_option
@json_option
def list_prices(name: str | None, provider: str | None, project_folder: Path | None, as_json: bool) -> None:
    """List today's prices of all models, or of those whose name contains NAME.

    US dollars per million tokens; the whole history of one model is in 'prices show'.
    """
    book = _book(project_folder)
    found = [
        model
        for model in book.models()
        if (provider is None or model.provider == provider) and (name is None or name.lower() in model.model.lower())
    ]
    if as_json:
        print_json({"version": 1, "as_of": book.as_of, "models": [_summary(model) for model in found]})
        return
    rows = [[model.provider or "", model.model, *_rate_cells(model.now, model.unpriced)] for model in found]
    click.echo(tables.table(["provider", "model", *_TITLES], rows, 2) if rows else "No model matches.")
    click.echo(f"\nUS dollars per million tokens; tables of {book.as_of}, {tables.plural(len(found), 'model')}.")


@command.command("show")
@click.argument("model")
@click.option("--provider", metavar="NAME", help="Who bills, where the name alone does not say it.")
@click.option("--at", "moment", metavar="WHEN", help="The price of that day instead of today's.")
@project_option
@json_option
def show(model: str, provider: str | None, moment: str | None, project_folder: Path | None, as_json: bool) -> None:
    """Show all that is known about the price of MODEL, by any name that agents use for it."""
    from spec_kitty_telemetry.moments import span

    book = _book(project_folder)
    at = span(moment)[0] if moment else None
    found = book.describe(model, provider, at)
    if found is None:
        close = ", ".join(book.similar(model))
        raise PriceTableError(
            f"no price for the model {model!r}"
            + (f"; did you mean {close}?" if close else "")
            + "; add it under 'pricing:' in .kittify/telemetry.yaml (docs/prices.md)"
        )
    if as_json:
        print_json({"version": 1, **_everything(found)})
    else:
        click.echo("\n".join(_described(found, moment)))


@command.command("explain")
@click.argument("event_id")
@project_option
@json_option
def explain(event_id: str, project_folder: Path | None, as_json: bool) -> None:
    """Show how the cost of the record EVENT_ID comes about: every token class times its rate, exactly.

    The first characters of an id are enough where they name one record.
    """
    from spec_kitty_telemetry.cli.explanation import explained, lines
    from spec_kitty_telemetry.query import record_called

    search, _ = search_for(project_folder=project_folder)
    explanation = explained(record_called(search, event_id), _book(project_folder), search.project.root)
    if as_json:
        print_json({"version": 1, **explanation})
    else:
        click.echo("\n".join(lines(explanation)))


@command.command("lint")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_context
def lint(context: click.Context, files: tuple[Path, ...]) -> None:
    """Check price tables and settings files; without FILES the shipped tables and the overrides in force."""
    from spec_kitty_telemetry.pricing import checked_files, lint

    problems = 0
    for path in files or checked_files(_project_root(None)):
        problem = lint(path) if path.exists() else f"{path}: found no such file"
        problems += problem is not None
        click.echo(tables.shown(problem or f"{path}: no problem"), err=problem is not None)
    if problems:
        context.exit(1)


@command.command("unknown")
@filter_options
@json_option
def unknown(as_json: bool, **filters: Any) -> None:
    """List the models in this project's logs that have no price, and what to write to give them one."""
    from spec_kitty_telemetry.cli.prices_in_use import find_price_for
    from spec_kitty_telemetry.cost import cost_report

    search, zone = search_for(**filters)
    book = _book(search.project.root)
    find_price = find_price_for(book, search.project.root)
    report = cost_report(search.events(), "model", find_price, cost="calculated", zone=zone)
    if as_json:
        rows = [{"model": each.model, "event_count": each.event_count, "input_tokens": each.input_tokens,
                 "output_tokens": each.output_tokens} for each in report.unknown_models]  # fmt: skip
        print_json({"version": 1, "unknown_models": rows})
    else:
        click.echo("\n".join(_unknown_lines(report.unknown_models, search.project.settings_path)))


@command.command("import-genai")
@click.option("--provider", "providers", multiple=True, metavar="NAME", help="Only this provider; repeatable.")
@click.option("--output", type=click.Path(path_type=Path), help="Write there instead of to the user settings folder.")
def import_genai(providers: tuple[str, ...], output: Path | None) -> None:
    """Write the prices of an installed genai-prices as an override, for models that are newer than our tables."""
    from spec_kitty_telemetry.pricing import import_genai_prices
    from spec_kitty_telemetry.settings import user_settings_path

    target = output or user_settings_path()
    written = import_genai_prices(target, providers)
    click.echo(f"Wrote {tables.plural(written, 'price')} to {target}; reports name the file where they use it.")


def _project_root(folder: Path | None) -> Path | None:
    from spec_kitty_telemetry.project import find_project

    try:
        return find_project(folder).root
    except ProjectError:
        if folder is not None:
            raise
        return None


def _book(folder: Path | None) -> PriceBook:
    from spec_kitty_telemetry.pricing import PriceBook

    return PriceBook.load(_project_root(folder))


def rate(rate_pico: int) -> str:
    """Return a rate as it is published: dollars per million tokens, without trailing zeros."""
    text = f"{dollars_per_million(rate_pico):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def day(moment: str | None) -> str | None:
    """Return the day of a moment (ISO 8601, UTC) that is a midnight, else the moment."""
    return moment.removesuffix("T00:00:00+00:00") if moment else None


def _rate_cells(price: Price | None, unpriced: str | None = None) -> list[str]:
    if price is None:
        return [tables.UNKNOWN if unpriced is None else "no price", *[""] * (len(_RATES) - 1)]
    return ["free" if price.free else rate(getattr(price, name)) for name in _RATES]


def _rates_of(rates: Rates) -> dict[str, Decimal]:
    return {name: Decimal(rate(getattr(rates, name))) for name in _RATES}


def _summary(model: ModelDescription) -> dict[str, Any]:
    return {
        "provider": model.provider,
        "model": model.model,
        "unpriced": model.unpriced,
        "usd_per_million_tokens": _rates_of(model.now) if model.now else None,
    }


def _everything(model: ModelDescription) -> dict[str, Any]:
    def price(found: Price) -> dict[str, Any]:
        return {
            "valid_from": found.valid_from,
            "usd_per_million_tokens": _rates_of(found),
            "above": [{"input_tokens": tier.input_tokens, **_rates_of(tier)} for tier in found.above],
            "source": found.source,
            "as_of": found.as_of,
            "note": found.note,
        }

    return {
        **_summary(model),
        "aliases": list(model.aliases),
        "matched_by": model.matched_by,
        "origin": model.origin,
        "history": [price(each) for each in model.history],
        "variants": [{"when": each.when, **price(each.price)} for each in model.variants],
    }


def _described(model: ModelDescription, moment: str | None) -> list[str]:
    lines = [
        f"{model.provider or 'any provider'} / {model.model}   (matched by {model.matched_by}; from {model.origin})",
        f"also called: {', '.join(model.aliases)}" if model.aliases else "no other name",
        "",
    ]
    if model.unpriced:
        return [*lines, f"It has no price: {model.unpriced}"]
    rows = []
    for each in model.history:
        rows.append([day(each.valid_from) or "the beginning", *_rate_cells(each)])
        rows += [[f"  above {tier.input_tokens:,} tokens", *map(rate, _tier(tier))] for tier in each.above]
    for variant in model.variants:
        rows.append([", ".join(f"{key}={value}" for key, value in variant.when.items()), *_rate_cells(variant.price)])
    for hours in model.hours:
        rows.append([hours.hours, *_rate_cells(hours.price)])
    lines += [tables.table(["from", *_TITLES], rows, 1), "", "US dollars per million tokens."]
    if model.now:
        lines.append(f"In force {'on ' + moment if moment else 'now'}: input {rate(model.now.input)}, "
                     f"output {rate(model.now.output)}.")  # fmt: skip
        lines.append(f"Source: {model.now.source or 'not said'}, checked {model.now.as_of or 'at a time nobody noted'}")
    lines += [f"Note: {each.note}" for each in model.history if each.note]
    return [tables.shown(line) if "\n" not in line else line for line in lines]


def _tier(tier: Rates) -> list[int]:
    return [getattr(tier, name) for name in _RATES]


def _unknown_lines(models: Iterable[UnknownModel], settings_path: Path) -> list[str]:
    found = list(models)
    if not found:
        return ["Every model in these records has a price."]
    rows = [[each.model or "(not said)", f"{each.event_count:,}", f"{each.input_tokens:,}", f"{each.output_tokens:,}"]
            for each in found]  # fmt: skip
    lines = [tables.table(["model", "runs", "input", "output"], rows, 1), ""]
    if named := [each.model for each in found if each.model]:
        lines += [f"To give them a price, put this into {settings_path} and fill in dollars per million tokens:", ""]
        lines += ["pricing:", "  models:", *(line for model in named for line in _entry(model))]
    if any(each.model is None for each in found):
        lines += ["", "For an agent that never says its model, name the one it uses:", "",
                  "pricing:", "  agents:", "    codex: {model: gpt-6-sol}"]  # fmt: skip
    return lines


def _entry(model: str) -> list[str]:
    import json

    quoted = json.dumps(tables.shown(model))  # JSON strings are YAML strings
    return [f"    - id: {quoted}", "      rates:", "        - {input: , output: , cache_read: , cache_write_5m: }"]
