"""The plugins that are installed, by their entry points; none is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib import metadata

GROUP = "spec_kitty"
"""Pluggy's project name and the entry-point group of plugins."""


def plugin_entry_points() -> list[metadata.EntryPoint]:
    """Return the entry points of all installed plugins, ours first: another one of its name must not keep it out."""
    from importlib import metadata  # a tenth of what reading session stores again costs, which asks no plugin

    try:
        return sorted(metadata.entry_points(group=GROUP), key=lambda found: not _is_ours(found))
    except Exception as error:  # noqa: BLE001 - one broken distribution must not stop a host
        import logging  # a report does not log

        logging.getLogger(__name__).warning("installed plugins could not be listed: %s", error)
        return []


def other_plugins() -> list[metadata.EntryPoint]:
    """Return the entry points of plugins that are not ours."""
    return [found for found in plugin_entry_points() if not _is_ours(found)]


def _is_ours(found: metadata.EntryPoint) -> bool:
    return found.module.startswith("spec_kitty_telemetry.")
