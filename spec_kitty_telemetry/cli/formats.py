"""The formats of a report: each is a module in `render/` with the function `write`, and one line here.

The command line, its help and the reports themselves read this list; nothing else names a format.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from datetime import date

    from spec_kitty_telemetry.reports.build import ReportContext
    from spec_kitty_telemetry.reports.columns import Column
    from spec_kitty_telemetry.reports.view import View

FORMATS = {
    "table": "report_table",
    "json": "report_json",
    "csv": "report_csv",
    "markdown": "report_markdown",
    "html": "report_html",
}
"""What `--format` takes → its module in `render/`; the first is the default."""
ENDINGS = {".json": "json", ".csv": "csv", ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html"}
"""How the name of a file ends → the format that is meant where nobody says one."""


class ReportRequest(NamedTuple):
    """A report that is to be written."""

    context: ReportContext
    view: View
    """The rows that are shown."""
    to_file: bool
    """Whether it goes to a file, which is as wide as it needs to be and has no colours."""
    currency: str = "USD"
    """What the amounts of `view` are in."""
    usd_view: View | None = None
    """The same rows in dollars, for formats that say both, where `view` is in another currency."""
    rates_end_on: date | None = None
    """The day of the last rate, where it was used for later days."""
    projects: tuple[str, ...] = ()
    """The projects of a report about several."""
    columns: tuple[Column, ...] = ()
    """The columns that somebody chose; none: those that the format has by itself."""


class Format(Protocol):
    """A module of `render/` that writes reports."""

    def write(self, request: ReportRequest) -> str:
        """Return the report as text, without a newline at its end."""
        ...


def format_called(name: str) -> Format:
    """Import the module that writes the format `name`."""
    return cast("Format", import_module(f"spec_kitty_telemetry.cli.render.{FORMATS[name]}"))
