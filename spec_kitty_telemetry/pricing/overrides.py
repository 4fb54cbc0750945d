"""Prices that a project or a person states for themselves, laid over the shipped tables.

They stand under `pricing:` in the project's `.kittify/telemetry.yaml`, which wins, and in the user's own
`telemetry.yaml`.  Every override knows its file, so that a report can say which prices are not the published ones.
`docs/prices.md` shows the keys; this module reads and checks them, `pricing` applies them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from spec_kitty_telemetry.pricing.checking import check_names, model_from
from spec_kitty_telemetry.pricing.rows import RATE_KEYS, Model
from spec_kitty_telemetry.project.strict_yaml import (
    Node,
    Place,
    Said,
    flag,
    mapping,
    read_document,
    sequence,
    text_of,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PRICING_KEYS = ("models", "providers", "agents")
SHORT_MODEL_KEYS = (
    *("provider", "alias_of", "aliases", "dated", "versions", "free", "unpriced"),
    *("source", "as_of", "note", "rates", "above", "variants", "multipliers", "web_search", *RATE_KEYS),
)
PROVIDER_KEYS = ("discount", "also_called", "free", "models")
AGENT_KEYS = ("model", "provider")

_DISCOUNT = re.compile(r"0(?:\.(\d{1,6}))?|1(?:\.0{1,6})?")


@dataclass(frozen=True, slots=True)
class ModelOverride:
    """A price that somebody states: an own `model`, or a name that means another one (`alias_of`)."""

    name: str
    provider: str | None
    """Whose model it is; `None`: whoever bills it."""
    model: Model | None
    alias_of: str | None


@dataclass(frozen=True, slots=True)
class AgentDefault:
    """What an agent that never says its model is known to use."""

    model: str
    provider: str | None


@dataclass(frozen=True, slots=True)
class OverrideFile:
    """Everything that one settings file says about prices."""

    path: Path
    models: tuple[ModelOverride, ...] = ()
    discounts: dict[str, int] = field(default_factory=dict)
    """Provider → what is taken off, in millionths (0.15 is 150000)."""
    also_called: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Another name → the providers whose list prices count under it, in the order of the file."""
    free: tuple[str, ...] = ()
    """Providers that bill nobody."""
    agents: dict[str, AgentDefault] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()
    """A sentence for each key that this version does not know."""

    def __bool__(self) -> bool:
        return bool(self.passed_over or self.models or self.discounts or self.also_called or self.free or self.agents)


def read_overrides(path: Path) -> OverrideFile:
    """Return what the settings file at `path` says about prices; it is false where that is nothing.

    Other keys than `pricing` belong to other parts of the program and are not looked at; an unknown key under it
    that is no slip is passed over and named.  Raises `PriceTableError`.
    """
    passed_over: list[str] = []
    place = Place(str(path), passed_over=passed_over)
    document = mapping(read_document(path), place)
    overrides = overrides_from(document.get("pricing", {}), place.step("pricing"), path)
    return replace(overrides, passed_over=tuple(passed_over))


def overrides_from(node: Node, place: Place, path: Path) -> OverrideFile:
    """Check the content of `pricing:`."""
    keys = mapping(node or {}, place, PRICING_KEYS)
    named = _named_models(keys.get("models", {}) or {}, place.step("models"))
    models = [_short_model(name, entry, place.step("models", f"'{name}'")) for name, entry in named]
    discounts: dict[str, int] = {}
    also_called: dict[str, tuple[str, ...]] = {}
    free: list[str] = []
    for name, entry in mapping(keys.get("providers", {}) or {}, place.step("providers")).items():
        provider, here = name.lower(), place.step("providers", f"'{name}'")
        settings = mapping(entry, here, PROVIDER_KEYS)
        if "discount" in settings:
            discounts[provider] = _discount(settings["discount"], here.step("discount"))
        if flag(settings.get("free", "false"), here.step("free")):
            free.append(provider)
            if "discount" in settings:
                raise here.refuse(Said("free and discount"), "one of the two", "nothing can be taken off nothing")
        for other in texts(settings.get("also_called", []), here.step("also_called")):
            also_called[other.lower()] = (*also_called.get(other.lower(), ()), provider)
        models += _provider_models(provider, settings.get("models", []), here.step("models"))
    _check_twice(models, place)
    agents = {
        agent.lower(): _agent(entry, place.step("agents", f"'{agent}'"))
        for agent, entry in mapping(keys.get("agents", {}) or {}, place.step("agents")).items()
    }
    return OverrideFile(path, tuple(models), discounts, also_called, tuple(free), agents)


def _check_twice(models: Iterable[ModelOverride], place: Place) -> None:
    """Refuse a second price for one name at one provider, of which one could not count."""
    stated: set[tuple[str | None, str]] = set()
    for model in models:
        key = (model.provider, model.name.lower())
        if key in stated:
            here = place.step("models", f"'{model.name}'")
            raise here.refuse(Said("a second price"), "one price for each name at a provider", "remove one of them")
        stated.add(key)


def _named_models(node: Node, place: Place) -> list[tuple[str, Node]]:
    """Return names and entries of `models`: a mapping of names, or a list of entries with an `id` as in a table."""
    if not isinstance(node, list):
        return list(mapping(node, place).items())
    named: list[tuple[str, Node]] = []
    for item in node:
        entry = dict(mapping(item, place.step("a model")))
        named.append((text_of(entry.pop("id", ""), place.step("a model", "id")), entry))
    return named


def _short_model(name: str, node: Node, place: Place) -> ModelOverride:
    """Check one entry of `models`, where the rates may stand without a list when they never changed."""
    name = text_of(name, place, "the name of a model")
    keys = dict(mapping(node, place, SHORT_MODEL_KEYS))
    provider = text_of(keys.pop("provider"), place.step("provider")).lower() if "provider" in keys else None
    if "alias_of" in keys:
        if len(keys) > 1:
            raise place.refuse(Said(", ".join(keys)), "alias_of alone", "an alias has the rates of the other model")
        return ModelOverride(name, provider, None, text_of(keys["alias_of"], place.step("alias_of")))
    inline = {key: keys.pop(key) for key in (*RATE_KEYS, "web_search", "above") if key in keys}
    if inline and "rates" in keys:
        raise place.refuse(Said("rates and " + ", ".join(inline)), "either the rates themselves or the list rates")
    if inline:
        keys["rates"] = [inline]
    keys |= _always(keys.get("rates"))
    return ModelOverride(name, provider, model_from({"id": name, **keys}, place), None)


def _always(rates: Node | None) -> dict[str, Node]:
    """Let the first entry of `rates` count always where it does not say since when."""
    if not isinstance(rates, list) or not rates or not isinstance(rates[0], dict) or "from" in rates[0]:
        return {}
    return {"rates": [{"from": "always", **rates[0]}, *rates[1:]]}


def _provider_models(provider: str, node: Node, place: Place) -> list[ModelOverride]:
    """Check a provider's `models`, written as in a shipped table."""
    models = [model_from(item, place) for item in sequence(node, place)]
    check_names(models, place)
    return [ModelOverride(model.id, provider, model, None) for model in models]


def _agent(node: Node, place: Place) -> AgentDefault:
    keys = mapping(node, place, AGENT_KEYS)
    provider = text_of(keys["provider"], place.step("provider")).lower() if "provider" in keys else None
    return AgentDefault(text_of(keys.get("model", ""), place.step("model"), "the name of a model"), provider)


def _discount(node: Node, place: Place) -> int:
    """Return a share such as `0.15` in millionths."""
    match = _DISCOUNT.fullmatch(node) if isinstance(node, str) else None
    if match is None:
        raise place.refuse(node, "a share from 0 to 1, such as 0.15 for 15 percent off, with at most 6 decimals")
    return 1_000_000 if str(node).startswith("1") else int((match.group(1) or "0").ljust(6, "0"))
