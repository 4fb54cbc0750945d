"""Which price a model had at one moment: the shipped tables, what a project or a person lays over them, and names.

`PriceBook` answers for a reported name; it never guesses: a name that is not known gives `None`, and a model without a
price is not a free one.  What a price makes of tokens is `price`'s business, what is on disk `table`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from spec_kitty_telemetry.errors import PriceTableError, reason_of
from spec_kitty_telemetry.pricing.history import Context, PriceHistory
from spec_kitty_telemetry.pricing.resolve import Found, Resolver
from spec_kitty_telemetry.pricing.table import load_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from spec_kitty_telemetry.pricing.description import ModelDescription
    from spec_kitty_telemetry.pricing.genai.importing import Imported
    from spec_kitty_telemetry.pricing.naming import Naming
    from spec_kitty_telemetry.pricing.overrides import AgentDefault, OverrideFile
    from spec_kitty_telemetry.pricing.price import Price
    from spec_kitty_telemetry.pricing.rows import Table


class OverrideUse(NamedTuple):
    """One settings file that says something about prices, and the models whose price it gave."""

    path: Path
    models: tuple[str, ...]
    """`provider/model`, in order of name; a discount names every model that it was applied to."""


class PluginUse(NamedTuple):
    """A plugin that gave prices, and the models that it gave them for."""

    origin: str
    """What its prices say that they are from."""
    models: tuple[str, ...]


class PriceBook:
    """Prices of all known models, for one project and one user."""

    def __init__(self, tables: Iterable[Table], overrides: Iterable[OverrideFile] = ()) -> None:
        """Lay `overrides` over `tables`, the later files over the earlier ones.

        Raises `PriceTableError` where an `alias_of` leads nowhere and for a provider that has no models.
        """
        self._tables = tuple(tables)
        self._files = tuple(overrides)
        self._resolver = Resolver(self._tables, self._files)
        self._defaults = {agent: (default, file.path) for file in self._files for agent, default in file.agents.items()}
        self._found: dict[tuple[str | None, str | None, str | None], PriceHistory | None] = {}
        self._used: dict[Path, set[str]] = {}
        self._from_plugins: dict[str, set[str]] = {}

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
        return cls(load_tables(), overrides_in(settings_files(project_root, user_config)))

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
    def passed_over(self) -> tuple[str, ...]:
        """A sentence for each key of the settings files that this version does not know and passed over."""
        return tuple(sentence for file in self._files for sentence in file.passed_over)

    @property
    def overrides_in_use(self) -> tuple[OverrideUse, ...]:
        """The settings files without which `find` would have given other prices so far, and for which models."""
        return tuple(OverrideUse(path, tuple(sorted(models))) for path, models in sorted(self._used.items()))

    @property
    def plugins_in_use(self) -> tuple[PluginUse, ...]:
        """Whose prices were taken instead of this book's, by what they call themselves, and for which models."""
        return tuple(PluginUse(name, tuple(sorted(models))) for name, models in sorted(self._from_plugins.items()))

    def note_plugin(self, price: Price) -> None:
        """Remember that a plugin answered with `price`."""
        self._from_plugins.setdefault(price.origin, set()).add(_called(price.model, price.provider))

    @property
    def overrides_used(self) -> dict[Path, set[str]]:
        """What `overrides_in_use` says, to be handed to another book's `note_overrides_used`."""
        return self._used

    def note_overrides_used(self, used: Mapping[Path, Iterable[str]]) -> None:
        """Add what another book over the same files, in another process, used of them."""
        for path, models in used.items():
            self._used.setdefault(path, set()).update(models)

    @property
    def digest(self) -> str:
        """Another text whenever any price, name or setting in this book is another one."""
        content = msgspec.msgpack.encode((self._tables, self._files), enc_hook=str)
        return blake2b(content, digest_size=16).hexdigest()

    @property
    def providers(self) -> tuple[str, ...]:
        """Everybody whose prices are known, in order of name."""
        return self._resolver.providers

    @cached_property
    def naming(self) -> Naming:
        """The one name of each model and of who bills for it."""
        from spec_kitty_telemetry.pricing.naming import Naming  # only reports by model or provider need it

        return Naming(self._resolver)

    def provider_called(self, name: str) -> str | None:
        """Return a provider by any of its names (`Bedrock` is `aws-bedrock`); `None` for one that is not known."""
        return self._resolver.provider_called(name)

    def default_for(self, agent: str | None) -> AgentDefault | None:
        """Return the model that the settings name for an agent that never says its own."""
        return self._defaults.get((agent or "").strip().lower(), (None, None))[0]

    def note_default(self, agent: str | None) -> Path:
        """Remember that the default of `agent` led to a price, here or at a plugin; return the file that names it."""
        default, path = self._defaults[(agent or "").strip().lower()]
        self._note_use(path, _called(default.model, default.provider))
        return path

    def find(
        self,
        model: str | None,
        provider: str | None,
        at: datetime,
        agent: str | None = None,
        context: Context | None = None,
    ) -> Price | None:
        """Return the price of `model` at the moment `at`, `None` for a model that is unknown or has no price.

        `provider` is who bills, where that was reported.  Without it, the name itself, then the `agent`, then the
        name's first word say whose table is meant.  Where `model` is `None`, the configured model of the agent is
        taken.  `context` says how the request was made (`{"processing": "batch"}`); what of it has no rates of its own
        is missing in the price's `ways`.  Raises `ValueError` for a moment
        without a time zone.
        """
        if at.tzinfo is None:
            raise ValueError(f"found {at} without a time zone, expected an aware moment in UTC")
        try:
            history = self._found[model, provider, agent]
        except KeyError:
            history = self._history(model, provider, agent)
        if history is None:
            return None
        return history.always if history.always is not None and not context else history.at(at, context)

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
        for catalog in self._resolver.catalogs():
            for entry in sorted(catalog.entries(), key=lambda entry: entry.name):
                yield description_of(self._built(Found(catalog, entry, "id"), used=False), moment)

    def billers_of(self, name: str) -> tuple[str, ...]:
        """Return the providers that have a price for a model of this name, also where the name alone has none."""
        catalogs = self._resolver.catalogs()
        return tuple(each.provider for each in catalogs if each.provider and name.strip().lower() in each.names)

    def similar(self, name: str, limit: int = 3) -> tuple[str, ...]:
        """Return known names that look like an unknown one, the most similar first."""
        from difflib import get_close_matches  # only for a message about a name that was not found

        known = {spelling for catalog in self._resolver.catalogs() for spelling in catalog.names}
        return tuple(get_close_matches(name.lower().rpartition("/")[2], sorted(known), limit))

    def _history(self, model: str | None, provider: str | None, agent: str | None) -> PriceHistory | None:
        key = (model, provider, agent)
        if key not in self._found:
            self._found[key] = self._resolve(model, provider, agent)
        return self._found[key]

    def _resolve(self, model: str | None, provider: str | None, agent: str | None) -> PriceHistory | None:
        if model is not None:
            answer = self._resolver.look_up(model, provider, agent)
            return self._built(answer) if answer else None
        default = self.default_for(agent)
        answer = self._resolver.look_up(default.model, provider or default.provider, agent) if default else None
        return self._built(answer, chosen_by=self.note_default(agent)) if answer else None

    def _built(self, answer: Found, *, used: bool = True, chosen_by: Path | None = None) -> PriceHistory:
        links = self._resolver.chain(answer)
        last = links[-1]
        model, origin = last.catalog.priced(last.entry)
        if last is not answer:
            origin += f", by alias_of in {answer.entry.path}"
        if answer.path is not None:
            origin += f", by also_called in {answer.path}"
        if chosen_by is not None:
            origin += f", by agents in {chosen_by}"
        for link in links if used else ():
            for path in link.paths():
                self._note_use(path, link.called)
        return PriceHistory(model, last.catalog.table_of(last.entry), origin=origin, matched_by=answer.how)

    def _note_use(self, path: Path, called: str) -> None:
        self._used.setdefault(path, set()).add(called)


def import_genai_prices(target: Path, providers: Iterable[str] = ()) -> Imported:
    """Write the models that the installed genai-prices knows and our tables do not as overrides; say what was found.

    `providers` (ours, such as `openai`) limits it.  Nothing is written where there is nothing to add.  Raises
    `PriceTableError` where genai-prices is not installed, and for a `target` that a person wrote.
    """
    from spec_kitty_telemetry.pricing.genai.importing import import_genai, write_overrides

    imported = import_genai(tuple(providers))
    write_overrides(imported, target)
    return imported


def settings_files(project_root: Path | None, user_config: Path | None) -> list[Path]:
    """Return where overrides may stand, the weakest first."""
    from spec_kitty_telemetry.project.settings import user_settings_path  # finding that place costs as much as a report

    files = [user_config or user_settings_path()]
    return files if project_root is None else [*files, project_root / ".kittify" / "telemetry.yaml"]


def overrides_in(paths: Iterable[Path]) -> list[OverrideFile]:
    present = [path for path in paths if _is_there(path)]
    if not present:
        return []
    from spec_kitty_telemetry.pricing.overrides import read_overrides  # most people override nothing

    return [file for file in map(read_overrides, present) if file]


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # a folder on the way may not be entered: prices must not change without a word
        reason = reason_of(error)
        raise PriceTableError(
            f"{path} cannot be read: {reason}; mend its permissions or those of its folder"
        ) from error


def _stated(file: OverrideFile) -> Iterator[str]:
    yield from (_called(override.name, override.provider) for override in file.models)
    yield from (_called(default.model, default.provider) for default in file.agents.values())
    owners = (owner for owners in file.also_called.values() for owner in owners)
    yield from (f"{provider}/*" for provider in {*file.discounts, *file.free, *owners})


def _called(model: str, provider: str | None) -> str:
    return f"{provider}/{model}" if provider else model
