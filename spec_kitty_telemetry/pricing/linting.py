"""Checking the files that prices come from, exactly as reports read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.errors import PriceTableError, SettingsError
from spec_kitty_telemetry.pricing.book import PriceBook, overrides_in, settings_files
from spec_kitty_telemetry.pricing.table import load_tables, tables_folder, yaml_files

if TYPE_CHECKING:
    from pathlib import Path


class Checked(NamedTuple):
    """What is wrong with a file, and what in it is passed over."""

    problem: str | None = None
    passed_over: tuple[str, ...] = ()


def lint(path: Path, project_root: Path | None = None, user_config: Path | None = None) -> Checked:
    """Check a price table or a settings file with overrides.

    A settings file in force is laid over those that a report lays it over, so that both accept the same.
    """
    from spec_kitty_telemetry.pricing.checking import table_from
    from spec_kitty_telemetry.project.settings import said_in
    from spec_kitty_telemetry.project.strict_yaml import Place, read_document

    try:
        document = read_document(path)
        if isinstance(document, dict) and "schema" in document:
            table_from(document, Place(str(path)), path.name)
            return Checked()
        in_force = settings_files(project_root, user_config)
        together = in_force[: in_force.index(path) + 1] if path in in_force else [path]
        files = overrides_in(together)
        PriceBook(load_tables(), files)
        said_in(path)  # what is no price in there must be a setting
        return Checked(None, tuple(key for file in files if file.path == path for key in file.passed_over))
    except (PriceTableError, SettingsError) as exc:
        return Checked(str(exc))


def checked_files(project_root: Path | None = None, user_config: Path | None = None) -> tuple[Path, ...]:
    """Return the files that prices come from: the shipped tables and the settings files that exist."""
    settings = [path for path in settings_files(project_root, user_config) if path.is_file()]
    return (*yaml_files(tables_folder()), *settings)
