"""Prices of an installed genai-prices for models that our tables do not have, as a settings file of overrides.

A model that we have is left as it is, whatever genai-prices says of it: its history was checked, and yesterday's work
keeps yesterday's price.  genai-prices is imported nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing.catalog import fill_shelves
from spec_kitty_telemetry.pricing.checking import model_from
from spec_kitty_telemetry.pricing.genai.emitting import block_text
from spec_kitty_telemetry.pricing.genai.upstream import UPSTREAM_PROVIDERS, Entry, entry_of, excluded
from spec_kitty_telemetry.pricing.table import load_tables, tables_folder
from spec_kitty_telemetry.project.strict_yaml import Place, read_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from spec_kitty_telemetry.pricing.catalog import Catalog
    from spec_kitty_telemetry.pricing.rows import Model
    from spec_kitty_telemetry.project.strict_yaml import Node

WRITTEN_HERE = "# Written by `prices import-genai` from genai-prices"


class Imported(NamedTuple):
    """What an installed genai-prices knows beyond our tables, as a settings file for overrides."""

    text: str
    models: tuple[str, ...]
    """`provider/model` of every entry in `text`."""
    version: str
    kept: tuple[str, ...] = ()
    """`provider/model` of those that it has with other rates: they were left out, because we have them."""


def import_genai(only: Collection[str] = ()) -> Imported:
    """Return overrides with the models that the installed genai-prices has and we do not.

    `only` limits it to these of our providers.  Raises `PriceTableError` where genai-prices is not installed.
    """
    try:
        from importlib.metadata import version

        from genai_prices.data import providers
    except ImportError as exc:
        raise PriceTableError("genai-prices is not installed here; install it with: pip install genai-prices") from exc
    unknown = sorted(set(only) - set(UPSTREAM_PROVIDERS))
    if unknown:
        known = ", ".join(name for name, upstream in UPSTREAM_PROVIDERS.items() if upstream)
        raise PriceTableError(f"found no provider '{unknown[0]}', expected one of {known}")
    return overrides_from(providers, version("genai-prices"), only)


def write_overrides(imported: Imported, target: Path) -> int:
    """Write `imported` to `target` and return the number of models; with none nothing is written.

    A file that this did not write itself is never replaced: it may hold other settings.
    """
    if not imported.models:
        return 0
    if target.exists() and not target.read_text(encoding="utf-8", errors="replace").startswith(WRITTEN_HERE):
        raise PriceTableError(f"{target}: found a file that people wrote, expected none; choose another with --output")
    target.parent.mkdir(parents=True, exist_ok=True)
    head = f"{WRITTEN_HERE} {imported.version}; remove it to use the shipped prices alone.\n"
    target.write_text(head + imported.text, encoding="utf-8", newline="\n")
    return len(imported.models)


def overrides_from(providers: Iterable[Any], version: str, only: Collection[str] = ()) -> Imported:
    """Return what upstream's `providers` know beyond the shipped tables; `only` names providers of ours."""
    by_id = {provider.id: provider for provider in providers}
    on_purpose = _on_purpose()
    models: dict[str, Node] = {}
    names: list[str] = []
    kept: list[str] = []
    for ours, shelf in fill_shelves(load_tables(), ()).by_provider.items():
        upstream = by_id.get(UPSTREAM_PROVIDERS.get(ours, ""))
        if upstream is None or (only and ours not in only):
            continue
        entries = list(_news(shelf, upstream))
        if entries:
            models[ours] = {"models": [*entries]}
            names += [f"{ours}/{entry['id']}" for entry in entries]
        kept += [f"{ours}/{model}" for model in _priced_otherwise(shelf, upstream) if (ours, model) not in on_purpose]
    return Imported(block_text({"pricing": {"providers": models}}), tuple(names), version, tuple(kept))


def _entries(shelf: Catalog, upstream: Any) -> Iterator[Entry]:
    """Yield the entries of one provider that belong into our table of it, whether we have them or not."""
    for model in upstream.models:
        if excluded(shelf.provider, model) is None:
            yield entry_of(shelf.provider, model, upstream.find_model, [])


def _news(shelf: Catalog, upstream: Any) -> Iterator[Entry]:
    """Yield the entries of one provider that our table does not have under any spelling."""
    for entry in _entries(shelf, upstream):
        if shelf.look_up(str(entry["id"]).lower()) is None:
            aliases = cast("list[str]", entry.get("aliases", []))
            entry["aliases"] = [alias for alias in aliases if shelf.look_up(alias.lower()) is None]
            yield {key: value for key, value in entry.items() if value != []}


def _priced_otherwise(shelf: Catalog, upstream: Any) -> Iterator[str]:
    """Yield our names of the models that we have with other rates than upstream."""
    for entry in _entries(shelf, upstream):
        match = shelf.look_up(str(entry["id"]).lower())
        if match is not None and match.entry.model is not None:
            theirs = model_from(entry, Place("genai-prices"))
            if _rates_of(match.entry.model) != _rates_of(theirs):
                yield match.entry.name


def _rates_of(model: Model) -> object:
    """Return what a model costs, without where that is known from."""
    segments = [(row.start, row.rates, row.above, row.windows) for row in model.rates]
    variants = {(str(row.when), row.start): (row.rates, row.above) for row in model.variants}
    return segments, variants


def _on_purpose() -> set[tuple[str, str]]:
    document = cast("dict[str, list[dict[str, str]]]", read_document(tables_folder() / "divergences.yaml"))
    return {(entry["provider"], entry["model"]) for entry in document["divergences"]}
