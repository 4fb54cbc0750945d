"""The strict reading of a price table: from parsed YAML to rows, or an error that names file, model and field.

What is refused: an unknown key, a missing input or output, more than six decimals, dates out of order, a threshold
that goes down, a name that two models claim.  `pricing/README.md` explains the keys to those who edit them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import PriceTableError
from spec_kitty_telemetry.pricing.names import VERSIONS
from spec_kitty_telemetry.pricing.rows import Model, Table
from spec_kitty_telemetry.pricing.segments import (
    DESCRIPTION_KEYS,
    date_text,
    each,
    history_from,
    multiplier_from,
    optional_text,
    search_rate,
    variant_from,
    words,
)
from spec_kitty_telemetry.project.strict_yaml import (
    Node,
    Place,
    Said,
    flag,
    mapping,
    read_document,
    sequence,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

TABLE_KEYS = (
    *("schema", "provider", "unit", "source", "as_of", "verified_with", "note"),
    *("also_called", "families", "agents", "fallback", "resells", "web_search", "efforts", "models"),
)
MODEL_KEYS = (
    *("id", "aliases", "dated", "versions", "free", "unpriced"),
    *(*DESCRIPTION_KEYS, "pinned", "upstream", "rates", "variants", "multipliers"),
)


def read_table(path: Path) -> Table:
    """Read and check one table.

    Raises `PriceTableError` naming the file, the model and the field for anything that is not as the schema says.
    """
    place = Place(f"pricing/{path.name}")
    return table_from(read_document(path, place), place, path.name)


def table_from(document: Node, place: Place, file: str) -> Table:
    """Check a parsed table."""
    keys = mapping(document, place, TABLE_KEYS)
    for field, expected in (("schema", "1"), ("unit", "usd_per_million_tokens")):
        if keys.get(field) != expected:
            raise place.step(field).refuse(keys.get(field, ""), f"'{expected}'")
    models = sequence(keys.get("models", ""), place.step("models"))
    provider = text_of(keys.get("provider", ""), place.step("provider"))
    table = Table(
        provider=provider,
        file=file,
        source=text_of(keys.get("source", ""), place.step("source"), "a URL"),
        as_of=date_text(keys.get("as_of", ""), place.step("as_of")),
        also_called=words(keys, "also_called", place),
        families=words(keys, "families", place),
        agents=words(keys, "agents", place),
        fallback=words(keys, "fallback", place),
        resells=flag(keys.get("resells", "false"), place.step("resells")),
        web_search=search_rate(keys, place.step("web_search")),
        efforts=flag(keys.get("efforts", "false"), place.step("efforts")),
        models=tuple(model_from(node, place) for node in models),
    )
    _check_order(table.models, place)
    check_names(table.models, place)
    return table


def model_from(node: Node, place: Place) -> Model:
    """Check one entry of `models`; `place` is that of the list."""
    keys = mapping(node, place.step("a model"), MODEL_KEYS)
    name = text_of(keys.get("id", ""), place.step("a model", "id"))
    place = place.step(f"model '{name}'")
    free = flag(keys.get("free", "false"), place.step("free"))
    unpriced = keys.get("unpriced")
    if (free or unpriced is not None) == ("rates" in keys):
        raise place.refuse(
            Said("rates and free or unpriced" if "rates" in keys else "no rates"),
            "either rates, or free: true, or unpriced: with the reason",
        )
    return Model(
        id=name,
        aliases=words(keys, "aliases", place),
        dated=flag(keys.get("dated", "false"), place.step("dated")),
        free=free,
        unpriced=None if unpriced is None else text_of(unpriced, place.step("unpriced")),
        note=optional_text(keys, "note", place),
        versions=_versions(keys, place),
        rates=history_from(keys, place),
        variants=each(variant_from, keys, "variants", place),
        multipliers=each(multiplier_from, keys, "multipliers", place),
    )


def _versions(keys: dict[str, Node], place: Place) -> tuple[str, ...]:
    kinds = words(keys, "versions", place)
    known = [kind for kind in VERSIONS if kind != "date"]
    for kind in kinds:
        if kind not in known:
            raise place.step("versions").refuse(kind, "one of " + ", ".join(known))
    return kinds


def check_names(models: Iterable[Model], place: Place) -> None:
    """Refuse a name that two models of one provider claim, because then neither could be trusted."""
    owners: dict[str, str] = {}
    for model in models:
        for name in {model.id.lower(), *(alias.lower() for alias in model.aliases)}:
            if name in owners:
                here = place.step(f"model '{model.id}'", "aliases")
                raise here.refuse(name, "each name once in a provider", f"model '{owners[name]}' has it already")
            owners[name] = model.id


def _check_order(models: Sequence[Model], place: Place) -> None:
    for earlier, later in pairwise(models):
        if later.id < earlier.id:
            move = f"move '{later.id}' up, before '{earlier.id}'"
            raise PriceTableError(f"{place}: {move}; models are kept in order of id")
