"""The models of one provider by name: what is shipped, with what a project or a person states in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.pricing.history import discounted
from spec_kitty_telemetry.pricing.names import respellings, spellings
from spec_kitty_telemetry.pricing.rows import Model, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spec_kitty_telemetry.errors import TelemetryError
    from spec_kitty_telemetry.pricing.overrides import ModelOverride, OverrideFile


class Entry(msgspec.Struct, frozen=True, eq=False):
    """One model under the names it has: shipped (`path` is `None`) or stated by a settings file."""

    name: str
    model: Model | None
    alias_of: str | None = None
    path: Path | None = None
    versions: frozenset[str] = frozenset()
    """The kinds of versions (of `names.VERSIONS`) that may follow one of its names."""


class Match(NamedTuple):
    """An entry that answers to a name, and how the name led to it."""

    entry: Entry
    how: str
    name: str
    """The name in the table."""


class Catalog(msgspec.Struct, eq=False):
    """One provider's models by lower-case name."""

    table: Table
    names: dict[str, Entry] = {}
    discount: int = 0
    """What the settings take off the published rates, in millionths."""
    discount_path: Path | None = None
    free_path: Path | None = None
    """The settings file that says that this provider bills nobody."""

    @property
    def provider(self) -> str:
        """Who bills; empty for models that were stated without a provider."""
        return self.table.provider

    @property
    def called(self) -> tuple[str, ...]:
        """Every name under which this provider is known."""
        return (self.provider, *self.table.also_called)

    @property
    def families(self) -> tuple[str, ...]:
        """First words of model names that this vendor owns; none for a reseller."""
        return self.table.families

    @property
    def agents(self) -> tuple[str, ...]:
        """Agents that are billed by this provider unless something else is said."""
        return self.table.agents

    @property
    def fallback(self) -> tuple[str, ...]:
        """Providers whose list prices this one bills for models that it does not list itself."""
        return self.table.fallback

    @property
    def wraps(self) -> bool:
        """Whether a name's shape alone shows that this provider served it (a Bedrock id, a Vertex path)."""
        return self.provider in ("aws-bedrock", "google-vertex")

    def look_up(self, name: str, *, efforts: bool = False) -> Match | None:
        """Return the model that `name` (lower case) means here; `efforts`: an effort may stand behind it."""
        for spelling in spellings(name, bedrock=self.provider == "aws-bedrock", efforts=efforts and self.table.efforts):
            entry = self.names.get(spelling.name)
            if entry is None or (spelling.version is not None and spelling.version not in entry.versions):
                continue
            if self.free_path is not None and entry.path is None:
                break
            kind = "id" if spelling.name == entry.name.lower() else f"alias '{spelling.name}'"
            how = kind if spelling.how == "as given" else f"{kind}, {spelling.how}"
            return Match(entry, how, spelling.name)
        if self.free_path is None or not name:
            return None
        note = f"{self.free_path} says that {self.provider} bills nobody"
        return Match(Entry(name, Model(id=name, free=True, note=note), path=self.free_path), "free: true", name)

    def entries(self) -> Iterator[Entry]:
        """Yield every entry once."""
        yield from {id(entry): entry for entry in self.names.values()}.values()

    def priced(self, entry: Entry) -> tuple[Model, str]:
        """Return the entry's model with this provider's discount, and where its rates come from."""
        model = entry.model or Model(id=entry.name, unpriced="an alias")
        if entry.path is not None:
            return model, str(entry.path)
        origin = f"pricing/{self.table.file}" if self.table.file else "a rule (docs/prices.md)"
        if not self.discount:
            return model, origin
        return discounted(model, self.discount), f"{origin}, with the discount in {self.discount_path}"

    def table_of(self, entry: Entry) -> Table:
        """Return the table whose source and date count for `entry`: an override has neither."""
        return self.table if entry.path is None else msgspec.structs.replace(self.table, source="", as_of="")

    def borrowing(self, other: Catalog) -> Catalog:
        """Return `other` as billed by this provider: with this one's discount instead of its own."""
        return Catalog(other.table, other.names, self.discount, self.discount_path, self.free_path)

    def same(self, name: str) -> Entry | None:
        """Return the entry that a person means who states a price for `name`: so spelt, or with `4.5` for `4-5`.

        A date, a region or `[1m]` in `name` is meant: that price is for this name alone.
        """
        return next((self.names[form] for form in respellings(name.lower()) if form in self.names), None)

    def put(self, override: ModelOverride, path: Path, *, versions: frozenset[str] = frozenset()) -> None:
        """Let `override` answer to its own name and, where it replaces a model, to all names of that one."""
        before = self.same(override.name)
        model = override.model
        versions = versions | _versions(model) | (before.versions if before else frozenset())
        if model is not None:
            name, known = (before.name, before.model) if before else (model.id, None)
            aliases = tuple(dict.fromkeys((*model.aliases, *(known.aliases if known else ()))))
            kinds = tuple(sorted(versions - {"date"}))
            model = msgspec.structs.replace(model, id=name, aliases=aliases, dated="date" in versions, versions=kinds)
        entry = Entry(before.name if before else override.name, model, override.alias_of, path, versions)
        replaced = [name for name, owner in self.names.items() if owner is before]
        for name in {*respellings(override.name.lower()), *replaced, *_names(model)}:
            if before is None or self.names.get(name, before) is before:
                self.names[name] = entry


class Catalogs(NamedTuple):
    """Every provider's catalog, and what does not belong to one."""

    by_provider: dict[str, Catalog]
    anybody: Catalog
    """Models that were stated without a provider: whoever bills."""
    also_called: dict[str, str]
    """Another name of a provider → the provider, from the tables and, where it is one's alone, from the settings."""

    def named(self, provider: str) -> Catalog | None:
        """Return the catalog of a provider by any of its names (lower case); a gateway of several has none."""
        return self.by_provider.get(provider) or self.by_provider.get(self.also_called.get(provider, ""))

    def new(self, provider: str) -> Catalog:
        """Return an empty catalog for a provider that only the settings know."""
        self.by_provider[provider] = catalog = Catalog(Table(provider, "", "", ""))
        return catalog


def fill_shelves(tables: Iterable[Table], files: Iterable[OverrideFile]) -> Catalogs:
    """Lay what `files` state over `tables`.

    Raises `PriceTableError` for a discount or another name of a provider that has no models.
    """
    by_provider = {table.provider: _shelf(table) for table in tables}
    also_called = {name: catalog.provider for catalog in by_provider.values() for name in catalog.called}
    catalogs = Catalogs(by_provider, Catalog(Table("", "", "", "")), also_called)
    files = tuple(files)
    for file in files:
        for other, owners in file.also_called.items():
            also_called[other] = owners[0] if len(owners) == 1 else ""
        for override in file.models:
            _put(override, file.path, catalogs)
        for provider in file.free:
            (catalogs.named(provider) or catalogs.new(provider)).free_path = file.path
    for file in files:
        for provider in (*file.discounts, *(own for owners in file.also_called.values() for own in owners)):
            if catalogs.named(provider) is None:
                raise _no_models(provider, file.path, catalogs)
        for provider, millionths in file.discounts.items():
            catalog = catalogs.named(provider)
            if catalog is not None:
                catalog.discount, catalog.discount_path = millionths, file.path
    return catalogs


def _put(override: ModelOverride, path: Path, catalogs: Catalogs) -> None:
    if override.provider:
        (catalogs.named(override.provider) or catalogs.new(override.provider)).put(override, path)
        return
    replaced = [catalog for catalog in catalogs.by_provider.values() if catalog.same(override.name)]
    known = [entry.versions for catalog in replaced if (entry := catalog.same(override.name))]
    for catalog in (catalogs.anybody, *replaced):
        catalog.put(override, path, versions=frozenset().union(*known))


def _no_models(provider: str, path: Path, catalogs: Catalogs) -> TelemetryError:
    from difflib import get_close_matches  # these two only for a message

    from spec_kitty_telemetry.project.strict_yaml import Place, Said

    known = sorted(catalogs.by_provider)
    close = get_close_matches(provider, sorted({*known, *catalogs.also_called} - {provider}), 1)
    place = Place(str(path), "pricing", "providers", f"'{provider}'")
    return place.refuse(
        Said("a provider without models"),
        "one of " + ", ".join(known),
        f"did you mean '{close[0]}'?" if close else "or one with models of its own",
    )


def _shelf(table: Table) -> Catalog:
    catalog = Catalog(table)
    for model in table.models:
        entry = Entry(model.id, model, versions=_versions(model))
        catalog.names.update(dict.fromkeys(_names(model), entry))
    return catalog


def _versions(model: Model | None) -> frozenset[str]:
    if model is None:
        return frozenset()
    return frozenset((*model.versions, "date")) if model.dated else frozenset(model.versions)


def _names(model: Model | None) -> Iterator[str]:
    if model is not None:
        yield model.id.lower()
        yield from (alias.lower() for alias in model.aliases)
