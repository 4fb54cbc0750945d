"""Where a reported name leads: which provider's catalog is meant, under which name, and what an alias stands for.

Every step that a settings file made is kept, so that a report can name the file.  What is found there costs is `book`'s
business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing.catalog import fill_shelves
from spec_kitty_telemetry.pricing.names import family_of, take_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spec_kitty_telemetry.pricing.catalog import Catalog, Entry
    from spec_kitty_telemetry.pricing.overrides import OverrideFile
    from spec_kitty_telemetry.pricing.rows import Table

_LONGEST_ALIAS_CHAIN = 4


class Found(NamedTuple):
    """An entry that answers to a name."""

    catalog: Catalog
    entry: Entry
    how: str
    """How the name led to the entry."""
    path: Path | None = None
    """The settings file whose `also_called` led to the catalog."""

    @property
    def called(self) -> str:
        """`provider/model`."""
        return f"{self.catalog.provider}/{self.entry.name}" if self.catalog.provider else self.entry.name

    def paths(self) -> Iterator[Path]:
        """Yield the settings files without which this would not have been found, or not at this price."""
        stated = self.catalog.discount_path if self.entry.path is None else self.entry.path
        yield from (path for path in (stated, self.path) if path is not None)


class _Biller(NamedTuple):
    """A provider by one of its names, and the settings file that gave it this name."""

    catalog: Catalog | None = None
    path: Path | None = None


_NOBODY = _Biller()


class Resolver:
    """All catalogs, and the ways to them."""

    def __init__(self, tables: Iterable[Table], files: Iterable[OverrideFile]) -> None:
        """Raises `PriceTableError` where an `alias_of` leads nowhere or a provider is named that has no models."""
        files = tuple(files)
        self._shelves = fill_shelves(tables, files)
        catalogs = self._shelves.by_provider.values()
        self._called = {name: _Biller(catalog) for catalog in catalogs for name in catalog.called}
        self._families = {word: catalog for catalog in catalogs for word in catalog.families}
        self._by_agent = {agent: catalog for catalog in catalogs for agent in catalog.agents}
        for file in files:
            for other, own in file.also_called.items():
                catalog = self._shelves.named(own)
                if self._called.get(other, _NOBODY).catalog is not catalog:
                    self._called[other] = _Biller(catalog, file.path)
        for catalog in self.catalogs():
            for entry in catalog.entries():
                self.chain(Found(catalog, entry, ""))

    @property
    def providers(self) -> tuple[str, ...]:
        """Everybody who has a catalog, in order of name."""
        return tuple(sorted(self._shelves.by_provider))

    def provider_called(self, name: str) -> str | None:
        """Return the provider with that name, by any name it has; `None` for one that is not known."""
        catalog = self._called.get(name.strip().lower(), _NOBODY).catalog
        return catalog.provider if catalog is not None else None

    def catalogs(self) -> tuple[Catalog, ...]:
        """Return every catalog in order of provider, and last the one of nobody in particular."""
        return (*(self._shelves.by_provider[provider] for provider in self.providers), self._shelves.anybody)

    def look_up(self, model: str, provider: str | None = None, agent: str | None = None) -> Found | None:
        """Return the entry that a reported name means, as far as its rates or the next `alias_of`."""
        return next(self._answers(model, provider, agent), None)

    def chain(self, found: Found) -> list[Found]:
        """Return `found` and, while that is an alias, what it stands for; the last link has the rates.

        Raises `PriceTableError` for a chain that leads nowhere or back to itself.
        """
        links = [found]
        while (name := links[-1].entry.alias_of) is not None:
            entry = links[-1].entry
            target = next((each for each in self._answers(name) if each.entry is not entry), None)
            if target is None or len(links) > _LONGEST_ALIAS_CHAIN:
                raise PriceTableError(
                    f"{found.entry.path}, pricing, models, '{found.entry.name}', alias_of: found "
                    f"'{found.entry.alias_of}', expected the name of a model in the price tables; see "
                    "`spec-kitty telemetry prices list`"
                )
            links.append(target)
        return links

    def _answers(self, model: str, provider: str | None = None, agent: str | None = None) -> Iterator[Found]:
        for biller, name in self._places(model, provider, agent):
            for catalog in _with_fallbacks(biller.catalog, self._shelves.by_provider):
                match = catalog.look_up(name)
                if match is not None:
                    yield Found(catalog, match.entry, match.how, biller.path)

    def _places(self, model: str, provider: str | None, agent: str | None) -> Iterator[tuple[_Biller, str]]:
        """Yield where to look for a reported name, the surest place first, and under which name."""
        whole = model.strip().lower()
        biller, name = take_apart(model)
        yield _Biller(self._shelves.anybody), whole
        named = self._called.get(biller or "", _NOBODY)
        asked = self._called.get((provider or "").strip().lower(), _NOBODY)
        if provider is not None and (named.catalog is None or not named.catalog.wraps):
            yield asked, whole
            if named.catalog is asked.catalog:
                yield asked, name
        elif biller is not None:
            yield named, name
            yield asked, whole
        else:
            own = self._by_agent.get((agent or "").lower())
            yield _Biller(own), name
            if own is None or not own.table.resells:  # a reseller's agent is billed by the reseller alone
                yield _Biller(self._families.get(family_of(name))), name


def _with_fallbacks(catalog: Catalog | None, by_provider: dict[str, Catalog]) -> Iterator[Catalog]:
    if catalog is not None:
        yield catalog
        yield from (catalog.borrowing(by_provider[provider]) for provider in catalog.fallback)
