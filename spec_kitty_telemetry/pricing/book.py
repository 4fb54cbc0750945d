"""Which price a model had at one moment: the shipped tables, what a project or a person lays over them, and names.

`PriceBook` answers for a reported name; it never guesses: a name that is not known gives `None`, and a model without a
price is not a free one.  What a price makes of tokens is `price`'s business, what is on disk `table`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing.history import Context, PriceHistory
from spec_kitty_telemetry.pricing.shelf import fill_shelves
from spec_kitty_telemetry.pricing.table import load_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spec_kitty_telemetry.pricing.description import ModelDescription
    from spec_kitty_telemetry.pricing.overrides import AgentDefault, OverrideFile
    from spec_kitty_telemetry.pricing.price import Price
    from spec_kitty_telemetry.pricing.rows import Table
    from spec_kitty_telemetry.pricing.shelf import Entry, Shelf

_LONGEST_ALIAS_CHAIN = 4


class OverrideUse(NamedTuple):
    """One settings file that says something about prices, and the models whose price it gave."""

    path: Path
    models: tuple[str, ...]
    """`provider/model`, in order of name; a discount names every model that it was applied to."""


class PriceBook:
    """Prices of all known models, for one project and one user."""

    def __init__(self, tables: Iterable[Table], overrides: Iterable[OverrideFile] = ()) -> None:
        """Lay `overrides` over `tables`, the later files over the earlier ones.

        Raises `PriceTableError` where an `alias_of` leads nowhere.
        """
        self._tables = tuple(tables)
        self._files = tuple(overrides)
        self._shelves, self._anybody = fill_shelves(self._tables, self._files)
        self._called = {name: shelf for shelf in self._shelves.values() for name in shelf.called}
        self._families = {word: shelf for shelf in self._shelves.values() for word in shelf.families}
        self._by_agent = {agent: shelf for shelf in self._shelves.values() for agent in shelf.agents}
        self._defaults: dict[str, AgentDefault] = {}
        for file in self._files:
            self._called.update((other, self._shelves[own]) for other, own in file.also_called.items())
            self._defaults.update(file.agents)
        self._found: dict[tuple[str | None, str | None, str | None], PriceHistory | None] = {}
        self._used: dict[Path, set[str]] = {}
        self._check_aliases()

    @classmethod
    def shipped(cls) -> PriceBook:
        """Load the shipped tables alone, whatever a project or the user states."""
        return cls(load_tables())

    @classmethod
    def load(cls, project_root: Path | None = None, user_config: Path | None = None) -> PriceBook:
        """Load the shipped tables and the overrides of a project and of the user.

        `user_config` is the user's own settings file; `None` means the usual place.  The project's overrides win over
        the user's.
        Raises `PriceTableError` for a table or an override that cannot be trusted.
        """
        return cls(load_tables(), _overrides(_settings_files(project_root, user_config)))

    @property
    def as_of(self) -> str | None:
        """The day (ISO 8601) on which the shipped prices were last compared with their sources.

        Of several tables it is the oldest day, so that it is true for all of them.
        """
        return min((table.as_of for table in self._tables), default=None)

    @property
    def overrides(self) -> tuple[OverrideUse, ...]:
        """The settings files that say something about prices, and every model that each one states."""
        return tuple(OverrideUse(file.path, tuple(sorted(_stated(file)))) for file in self._files)

    @property
    def overrides_in_use(self) -> tuple[OverrideUse, ...]:
        """The settings files whose prices were really given by `find` so far, and for which models."""
        return tuple(OverrideUse(path, tuple(sorted(models))) for path, models in sorted(self._used.items()))

    def default_model(self, agent: str | None) -> str | None:
        """Return the model that the settings name for an agent that never says its own."""
        default = self._defaults.get(agent or "")
        return default.model if default else None

    def find(
        self,
        model: str | None,
        provider: str | None,
        at: datetime,
        agent: str | None = None,
        *,
        context: Context | None = None,
    ) -> Price | None:
        """Return the price of `model` at the moment `at`, `None` for a model that is unknown or has no price.

        `provider` is who bills, where that was reported.  Without it, the name itself, then the `agent`, then the
        name's first word say whose table is meant.  Where `model` is `None`, the configured model of the agent is
        taken.  `context` says how the request was made (`{"processing": "batch"}`).  Raises `ValueError` for a moment
        without a time zone.
        """
        if at.tzinfo is None:
            raise ValueError(f"found {at} without a time zone, expected an aware moment in UTC")
        key = (model, provider, agent)
        history = self._found[key] if key in self._found else self._history(model, provider, agent)
        return None if history is None else history.at(at, context)

    def describe(
        self, model: str, provider: str | None = None, at: datetime | None = None, agent: str | None = None
    ) -> ModelDescription | None:
        """Return all that is known about a model's price; `at` (default: now) chooses the price in `now`."""
        from spec_kitty_telemetry.pricing.description import description_of  # reports never describe a model

        history = self._history(model, provider, agent)
        return description_of(history, at or datetime.now(UTC)) if history is not None else None

    def models(self, at: datetime | None = None) -> Iterator[ModelDescription]:
        """Yield every listed model, provider by provider, in order of names."""
        from spec_kitty_telemetry.pricing.description import description_of

        moment = at or datetime.now(UTC)
        for shelf in (*(self._shelves[provider] for provider in sorted(self._shelves)), self._anybody):
            for entry in sorted(shelf.entries(), key=lambda entry: entry.name):
                yield description_of(self._built(entry, shelf, "id", used=False), moment)

    def similar(self, name: str, limit: int = 3) -> tuple[str, ...]:
        """Return known names that look like an unknown one, the most similar first."""
        from difflib import get_close_matches  # only for a message about a name that was not found

        shelves = (*self._shelves.values(), self._anybody)
        known = {spelling for shelf in shelves for spelling in shelf.names}
        return tuple(get_close_matches(name.lower().rpartition("/")[2], sorted(known), limit))

    def _history(self, model: str | None, provider: str | None, agent: str | None) -> PriceHistory | None:
        key = (model, provider, agent)
        if key not in self._found:
            self._found[key] = self._resolve(model, provider, agent)
        return self._found[key]

    def _resolve(self, model: str | None, provider: str | None, agent: str | None) -> PriceHistory | None:
        if model is None:
            default = self._defaults.get(agent or "")
            return self._resolve(default.model, provider or default.provider, agent) if default else None
        for shelf, name in self._places(model, provider, agent):
            match = shelf.look_up(name)
            if match is not None:
                return self._built(match.entry, shelf, match.how)
        return None

    def _places(self, model: str, provider: str | None, agent: str | None) -> Iterator[tuple[Shelf, str]]:
        """Yield where to look for a reported name, the surest place first, and under which name."""
        from spec_kitty_telemetry.pricing.names import family_of, take_apart

        whole = model.strip().lower()
        biller, name = take_apart(model)
        yield self._anybody, whole
        named = self._called.get(biller or "")
        if provider is not None and (named is None or not named.wraps):
            asked = self._called.get(provider.strip().lower())
            yield from self._with_fallbacks(asked, whole)
            if named is asked:
                yield from self._with_fallbacks(asked, name)
        elif biller is not None:
            yield from self._with_fallbacks(named, name)
        else:
            own = self._by_agent.get((agent or "").lower())
            yield from self._with_fallbacks(own, name)
            if own is None or not own.table.resells:  # a reseller's agent is billed by the reseller alone
                yield from self._with_fallbacks(self._families.get(family_of(name)), name)

    def _with_fallbacks(self, shelf: Shelf | None, name: str) -> Iterator[tuple[Shelf, str]]:
        if shelf is not None:
            yield shelf, name
            for provider in shelf.fallback:
                yield shelf.borrowing(self._shelves[provider]), name

    def _built(self, entry: Entry, shelf: Shelf, how: str, *, used: bool = True) -> PriceHistory:
        if entry.alias_of is not None:
            target = self._alias_target(entry)
            history = PriceHistory(
                target.model, target.table, origin=f"{target.origin}, by alias_of in {entry.path}", matched_by=how
            )
        else:
            model, origin = shelf.priced(entry)
            history = PriceHistory(model, shelf.table_of(entry), origin=origin, matched_by=how)
        if used:
            self._note_use(entry, shelf)
        return history

    def _alias_target(self, entry: Entry) -> PriceHistory:
        """Follow `alias_of`; a chain that leads nowhere or back to itself is an error that says where it began."""
        followed = entry
        for _ in range(_LONGEST_ALIAS_CHAIN):
            for shelf, name in self._places(followed.alias_of or "", None, None):
                match = shelf.look_up(name)
                if match is not None and match.entry is not followed:
                    break
            else:
                break
            if match.entry.alias_of is None:
                model, origin = shelf.priced(match.entry)
                return PriceHistory(model, shelf.table_of(match.entry), origin=origin, matched_by=match.how)
            followed = match.entry
        raise PriceTableError(
            f"{entry.path}, pricing, models, '{entry.name}', alias_of: found '{entry.alias_of}', expected the name of "
            "a model in the price tables; see `spec-kitty telemetry prices list`"
        )

    def _note_use(self, entry: Entry, shelf: Shelf) -> None:
        for path in (entry.path, shelf.discount_path if entry.path is None else None):
            if path is not None:
                called = f"{shelf.provider}/{entry.name}" if shelf.provider else entry.name
                self._used.setdefault(path, set()).add(called)

    def _check_aliases(self) -> None:
        for shelf in (*self._shelves.values(), self._anybody):
            for entry in shelf.entries():
                if entry.alias_of is not None:
                    self._alias_target(entry)


def lint(path: Path) -> str | None:
    """Check a price table or a settings file with overrides; return what is wrong with it, `None` if nothing is."""
    from spec_kitty_telemetry.pricing.checking import table_from
    from spec_kitty_telemetry.pricing.document import Place, read_document

    try:
        document = read_document(path)
        if isinstance(document, dict) and "schema" in document:
            table_from(document, Place(str(path)), path.name)
        else:
            PriceBook(load_tables(), _overrides([path]))
    except PriceTableError as exc:
        return str(exc)
    return None


def checked_files(project_root: Path | None = None, user_config: Path | None = None) -> tuple[Path, ...]:
    """Return the files that prices come from: the shipped tables and the settings files that exist."""
    from spec_kitty_telemetry.pricing.table import tables_folder, yaml_files

    settings = [path for path in _settings_files(project_root, user_config) if path.is_file()]
    return (*yaml_files(tables_folder()), *settings)


def import_genai_prices(target: Path, providers: Iterable[str] = ()) -> int:
    """Write what the installed genai-prices knows beyond our tables as overrides; return the number of models.

    `providers` (ours, such as `openai`) limits it.  Nothing is written where there is nothing to add.  Raises
    `PriceTableError` where genai-prices is not installed, and for a `target` that a person wrote.
    """
    from spec_kitty_telemetry.pricing.importing import import_genai, write_overrides

    return write_overrides(import_genai(tuple(providers)), target)


def _settings_files(project_root: Path | None, user_config: Path | None) -> list[Path]:
    """Return where overrides may stand, the weakest first."""
    from spec_kitty_telemetry.settings import user_settings_path  # finding that place costs as much as a report

    files = [user_config or user_settings_path()]
    return files if project_root is None else [*files, project_root / ".kittify" / "telemetry.yaml"]


def _overrides(paths: Iterable[Path]) -> list[OverrideFile]:
    present = [path for path in paths if path.is_file()]
    if not present:
        return []
    from spec_kitty_telemetry.pricing.overrides import read_overrides  # most people override nothing

    return [file for file in map(read_overrides, present) if file]


def _stated(file: OverrideFile) -> Iterator[str]:
    for override in file.models:
        yield f"{override.provider}/{override.name}" if override.provider else override.name
    for provider in file.discounts:
        yield f"{provider}/*"
