"""Where a reported name leads: which provider's catalog is meant, under which name, and what an alias stands for.

Every step that a settings file made is kept, so that a report can name the file.  What is found there costs is `book`'s
business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing.by_rule import model_by_rule
from spec_kitty_telemetry.pricing.catalog import Catalog, Entry, fill_shelves
from spec_kitty_telemetry.pricing.names import family_of, take_apart
from spec_kitty_telemetry.pricing.rows import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spec_kitty_telemetry.pricing.overrides import OverrideFile

_LONGEST_ALIAS_CHAIN = 4


class Found(NamedTuple):
    """An entry that answers to a name."""

    catalog: Catalog
    entry: Entry
    how: str
    """How the name led to the entry."""
    name: str = ""
    """The name in the table that was found."""
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

    catalog: Catalog
    path: Path | None = None


class _Place(NamedTuple):
    """Where to look, and for which name."""

    billers: tuple[_Biller, ...]
    """Several for a gateway that passes on the models of several vendors; none where nobody is known by that name."""
    name: str
    is_told: bool = True
    """Whether the record, the name or the agent says who bills; else the name's first word was asked."""


class Resolver:
    """All catalogs, and the ways to them."""

    def __init__(self, tables: Iterable[Table], files: Iterable[OverrideFile]) -> None:
        """Raises `PriceTableError` where an `alias_of` leads nowhere or a provider is named that has no models."""
        files = tuple(files)
        self._shelves = fill_shelves(tables, files)
        catalogs = self._shelves.by_provider.values()
        self._called: dict[str, tuple[_Biller, ...]] = {
            name: (_Biller(catalog),) for catalog in catalogs for name in catalog.called
        }
        self._families: dict[str, tuple[_Biller, ...]] = {
            word: (_Biller(catalog),) for catalog in catalogs for word in catalog.families
        }
        self._by_agent = {agent: catalog for catalog in catalogs for agent in catalog.agents}
        for file in files:
            for other, owners in file.also_called.items():
                self._called[other] = self._gateway(other, owners, file.path)
        for catalog in self.catalogs():
            for entry in catalog.entries():
                self.chain(Found(catalog, entry, ""))

    @property
    def providers(self) -> tuple[str, ...]:
        """Everybody who has a catalog, in order of name."""
        return tuple(sorted(self._shelves.by_provider))

    def provider_called(self, name: str) -> str | None:
        """Return the provider with that name, by any name it has; `None` for one that is not known."""
        billers = self._called.get(name.strip().lower(), ())
        return billers[0].catalog.provider if billers else None

    def catalogs(self) -> tuple[Catalog, ...]:
        """Return every catalog in order of provider, and last the one of nobody in particular."""
        return (*(self._shelves.by_provider[provider] for provider in self.providers), self._shelves.anybody)

    def look_up(self, model: str, provider: str | None = None, agent: str | None = None) -> Found | None:
        """Return the entry that a reported name means, as far as its rates or the next `alias_of`."""
        return next(self._answers(model, provider, agent), None)

    def chain(self, answer: Found) -> list[Found]:
        """Return `found` and, while that is an alias, what it stands for; the last link has the rates.

        Raises `PriceTableError` for a chain that leads nowhere or back to itself.
        """
        links = [answer]
        while (name := links[-1].entry.alias_of) is not None:
            entry = links[-1].entry
            target = next((candidate for candidate in self._answers(name) if candidate.entry is not entry), None)
            if target is None or len(links) > _LONGEST_ALIAS_CHAIN:
                raise PriceTableError(
                    f"{answer.entry.path}, pricing, models, '{answer.entry.name}', alias_of: found "
                    f"'{answer.entry.alias_of}', expected the name of a model in the price tables; see "
                    "`spec-kitty telemetry prices list`"
                )
            links.append(target)
        return links

    def _gateway(self, name: str, owners: Iterable[str], path: Path) -> tuple[_Biller, ...]:
        """Return who answers to `name`: what the settings state for it themselves, then its owners as they stand."""
        own = self._shelves.by_provider.get(name)
        billers = [_Biller(own)] if own is not None and not own.table.file else []
        for owner in owners:
            catalog = self._shelves.named(owner)
            if catalog is not None and catalog is not own:
                known = any(biller.catalog is catalog for biller in self._called.get(name, ()))
                billers.append(_Biller(catalog, None if known else path))
        return tuple(billers)

    def _answers(self, model: str, provider: str | None = None, agent: str | None = None) -> Iterator[Found]:
        for place in self._places(model, provider, agent):
            for biller in place.billers:
                for catalog in _with_fallbacks(biller.catalog, self._shelves.by_provider):
                    match = catalog.look_up(place.name, efforts=place.is_told)
                    if match is not None:
                        yield Found(catalog, match.entry, match.how, match.name, biller.path)
        ruled = model_by_rule(model, provider)
        if ruled is not None:
            catalog = Catalog(Table(ruled.provider, "", "", ""))
            yield Found(catalog, Entry(ruled.model.id, ruled.model), "a rule")

    def _places(self, model: str, provider: str | None, agent: str | None) -> Iterator[_Place]:
        """Yield where to look for a reported name, the surest place first, and under which name."""
        whole = model.strip().lower()
        biller, name = take_apart(model)
        yield _Place((_Biller(self._shelves.anybody),), whole)
        named = self._called.get(biller or "", ())
        asked = self._called.get((provider or "").strip().lower(), ())
        if provider is not None and not any(known.catalog.wraps for known in named):
            yield _Place(asked, whole)
            if [known.catalog for known in named] == [known.catalog for known in asked]:
                yield _Place(asked, name)
        elif biller is not None:
            yield _Place(named, name)
            yield _Place(asked, whole)
        else:
            own = self._by_agent.get((agent or "").lower())
            yield _Place((_Biller(own),) if own else (), name)
            if own is None or not own.table.resells:  # a reseller's agent is billed by the reseller alone
                yield _Place(self._families.get(family_of(name), ()), name, is_told=False)


def _with_fallbacks(catalog: Catalog, by_provider: dict[str, Catalog]) -> Iterator[Catalog]:
    yield catalog
    yield from (catalog.borrowing(by_provider[provider]) for provider in catalog.fallback)
