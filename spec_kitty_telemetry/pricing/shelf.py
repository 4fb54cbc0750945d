"""The models of one provider by name: what is shipped, with what a project or a person states in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.pricing.history import discounted
from spec_kitty_telemetry.pricing.names import spellings
from spec_kitty_telemetry.pricing.rows import Model, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spec_kitty_telemetry.pricing.overrides import ModelOverride, OverrideFile


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One model under the names it has: shipped (`path` is `None`) or stated by a settings file."""

    name: str
    model: Model | None
    alias_of: str | None = None
    path: Path | None = None


class Match(NamedTuple):
    """An entry that answers to a name, and how the name led to it."""

    entry: Entry
    how: str


@dataclass(slots=True)
class Shelf:
    """One provider's models by lower-case name."""

    table: Table
    names: dict[str, Entry] = field(default_factory=dict)
    discount: int = 0
    """What the settings take off the published rates, in millionths."""
    discount_path: Path | None = None

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

    def look_up(self, name: str) -> Match | None:
        """Return the model that `name` (lower case) means here."""
        for spelling in spellings(name, bedrock=self.provider == "aws-bedrock"):
            entry = self.names.get(spelling.name)
            if entry is None or (spelling.dated and not (entry.model and entry.model.dated)):
                continue
            kind = "id" if spelling.name == entry.name.lower() else f"alias '{spelling.name}'"
            return Match(entry, kind if spelling.how == "as given" else f"{kind}, {spelling.how}")
        return None

    def entries(self) -> Iterator[Entry]:
        """Yield every entry once."""
        yield from {id(entry): entry for entry in self.names.values()}.values()

    def priced(self, entry: Entry) -> tuple[Model, str]:
        """Return the entry's model with this provider's discount, and where its rates come from."""
        model = entry.model or Model(id=entry.name, unpriced="an alias")
        if entry.path is not None:
            return model, str(entry.path)
        origin = f"pricing/{self.table.file}"
        if not self.discount:
            return model, origin
        return discounted(model, self.discount), f"{origin}, with the discount in {self.discount_path}"

    def table_of(self, entry: Entry) -> Table:
        """Return the table whose source and date count for `entry`: an override has neither."""
        return self.table if entry.path is None else msgspec.structs.replace(self.table, source="", as_of="")

    def borrowing(self, other: Shelf) -> Shelf:
        """Return `other` as billed by this provider: with this one's discount instead of its own."""
        return Shelf(other.table, other.names, self.discount, self.discount_path)

    def put(self, override: ModelOverride, path: Path) -> None:
        """Let `override` answer to its own name and, where it replaces a model, to all names of that one."""
        before = self.names.get(override.name.lower())
        shipped = before.model if before else None
        model = override.model
        if model is not None and shipped is not None:
            aliases = tuple(dict.fromkeys((*model.aliases, *shipped.aliases)))
            model = msgspec.structs.replace(model, id=shipped.id, aliases=aliases, dated=model.dated or shipped.dated)
        entry = Entry(shipped.id if shipped else override.name, model, override.alias_of, path)
        for name in {override.name.lower(), *_names(shipped), *_names(model)}:
            if before is None or self.names.get(name, before) is before:
                self.names[name] = entry


def fill_shelves(tables: Iterable[Table], files: Iterable[OverrideFile]) -> tuple[dict[str, Shelf], Shelf]:
    """Return the providers' shelves, and one for models that were stated without a provider."""
    shelves = {table.provider: _shelf(table) for table in tables}
    anybody = Shelf(Table("", "", "", ""))
    for file in files:
        for provider in {*file.discounts, *file.also_called.values(), *(each.provider for each in file.models)}:
            if provider and provider not in shelves:
                shelves[provider] = Shelf(Table(provider, "", "", ""))
        for provider, millionths in file.discounts.items():
            shelves[provider].discount = millionths
            shelves[provider].discount_path = file.path
        for override in file.models:
            if override.provider:
                shelves[override.provider].put(override, file.path)
                continue
            anybody.put(override, file.path)
            for shelf in shelves.values():
                if override.name.lower() in shelf.names:
                    shelf.put(override, file.path)
    return shelves, anybody


def _shelf(table: Table) -> Shelf:
    shelf = Shelf(table)
    for model in table.models:
        entry = Entry(model.id, model)
        shelf.names.update(dict.fromkeys(_names(model), entry))
    return shelf


def _names(model: Model | None) -> Iterator[str]:
    if model is not None:
        yield model.id.lower()
        yield from (alias.lower() for alias in model.aliases)
