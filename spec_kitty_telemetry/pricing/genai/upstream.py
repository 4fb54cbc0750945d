"""genai-prices' data objects, turned into entries of our own tables.

It only reads attributes of the objects, never the network.  Rates of text tokens and of web searches are taken; those
of images and audio are not.  Which entries are wanted is decided by `importing` and by `pricing/refresh.py`.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from spec_kitty_telemetry.pricing.names import spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from spec_kitty_telemetry.project.strict_yaml import Node

Entry: TypeAlias = "dict[str, Node]"

UPSTREAM_PROVIDERS = {
    "alibaba": "",
    "anthropic": "anthropic",
    "aws-bedrock": "aws",
    "azure": "azure",
    "cursor": "cursor",
    "deepseek": "deepseek",
    "github-copilot": "github-copilot",
    "google": "google",
    "google-vertex": "google",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "openai": "openai",
    "xai": "x-ai",
    "zai": "zai",
}
"""Our provider → its id in genai-prices; empty where it has none."""

RATES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}

_LEFT_OUT = {
    re.compile(
        r"image|tts|-live|realtime|audio|transcri|whisper|voxtral|voice|moderation|sonic|nano-banana|omni"
    ): "speech or pictures, which are billed apart and which no record counts",
    re.compile("embed"): "an embedding, which answers nothing",
    re.compile(r"^(?:ada|babbage|curie|davinci|text-davinci)"): "a completion model of 2022",
    re.compile(r"^ft:|\.ft-"): "a model of somebody's own, which each has another name",
}
_FRAGMENT = re.compile(r"^ft:|-20\d\d$|-0$")
_SOME_VERSION = {
    "date": "-20250101",
    "latest": "-latest",
    "default": "@default",
    "number": "-001",
    "preview": "-preview-05-20",
    "experimental": "-exp-03-25",
    "customtools": "-customtools",
}
_VERSIONS_OF = {
    "anthropic": ("latest", "default"),
    "google": ("latest", "number", "preview", "experimental", "customtools"),
    "google-vertex": ("latest", "default"),
}
"""The kinds of versions that a vendor has: upstream's rules accept any text behind some names, we only these."""
_SAFE_LITERAL = re.compile(r"\^((?:[\w.:@/-]|\\[.\[\]=]|=)+)\$")


def excluded(provider: str, model: Any) -> str | None:
    """Say why an upstream model is not in our table of `provider`; `None` if it belongs there."""
    if provider in ("google", "google-vertex") and ("claude" in model.id) != (provider == "google-vertex"):
        return "sold by the other Google table"
    for names, reason in _LEFT_OUT.items():
        if names.search(model.id.lower()):
            return reason
    if not all({"input", "output"} <= _named(price) for price in _plain_prices(model)):
        return "no price for text tokens"
    return None


def our_id(provider: str, upstream_id: str) -> str:
    """Return the id in our table: Bedrock's `regional.` mark and version are left out, they are spellings."""
    if provider != "aws-bedrock":
        return upstream_id
    return re.sub(r"-v\d+(?::\d+)?$|:\d+$", "", upstream_id.removeprefix("regional."))


def entry_of(provider: str, model: Any, find: Callable[[str], Any], rounded: list[str]) -> Entry:
    """Return one upstream model as an entry of our table.

    `find` asks upstream which model a name means, so that no alias is taken that it would give to another model.  Rates
    with more than six decimals are rounded half to even and named in `rounded`.
    """
    name = our_id(provider, model.id)
    words = [word for word in _words(model.match) if find(word) is model]
    accepted = [
        kind
        for kind in ("date", *_VERSIONS_OF.get(provider, ("latest",)))
        if any(find(word + _SOME_VERSION[kind]) is model for word in (model.id, name, *words))
    ]
    aliases = list(_needed(provider, name, accepted, words))
    entry: Entry = {"id": name}
    if aliases:
        entry["aliases"] = [*aliases]
    if "date" in accepted:
        entry["dated"] = "true"
    if kinds := [kind for kind in accepted if kind != "date"]:
        entry["versions"] = [*kinds]
    link = re.search(r"https?://[^\s)\"'>,]+", model.price_comments or "")
    if link:
        entry["source"] = link.group().rstrip(".;")
    entry["rates"] = [*_segments(model, name, rounded)]
    variants = list(_variants(model, name, rounded))
    if variants:
        entry["variants"] = [*variants]
    return entry


def _segments(model: Any, name: str, rounded: list[str]) -> list[Entry]:
    """Return the dated entries, oldest first; hours of the day become `windows` of every one of them."""
    segments: list[Entry] = []
    windows: list[Node] = []
    for constraint, price in _prices(model):
        if hasattr(constraint, "start_time"):
            hours = f"{constraint.start_time:%H:%M}-{constraint.end_time:%H:%M}"
            windows.append({"daily_utc": hours, **_rates(price, name, rounded)})
            continue
        start = constraint.start_date.isoformat() if constraint is not None else "always"
        searches = _web_search(price, name, rounded)
        segment: Entry = {"from": start, **_rates(price, name, rounded), **searches, **_above(price, name, rounded)}
        if not segments or _without_start(segments[-1]) != _without_start(segment):
            segments.append(segment)
    if windows:
        for segment in segments:
            segment["windows"] = windows
    return segments


def _variants(model: Any, name: str, rounded: list[str]) -> Iterator[Entry]:
    for variant in model.price_variants or ():
        rates = _rates(variant.prices, name, rounded)
        if not rates:
            continue
        entry: Entry = {"when": dict(variant.when)}
        if variant.constraint is not None:
            entry["from"] = variant.constraint.start_date.isoformat()
        yield {**entry, **rates, **_above(variant.prices, name, rounded)}


def _prices(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the (constraint, price) pairs of a model; upstream leaves the list out where there is one price."""
    if not isinstance(model.prices, list):
        yield None, model.prices
        return
    for conditional in model.prices:
        yield conditional.constraint, conditional.prices


def _plain_prices(model: Any) -> Iterator[Any]:
    return (price for _, price in _prices(model))


def _named(price: Any) -> set[str]:
    return {ours for ours, theirs in RATES.items() if getattr(price, theirs, None) is not None}


def _rates(price: Any, name: str, rounded: list[str]) -> dict[str, Node]:
    return {ours: _text(_at(getattr(price, RATES[ours]), 0), name, rounded) for ours in RATES if ours in _named(price)}


def _web_search(price: Any, name: str, rounded: list[str]) -> dict[str, Node]:
    rate = getattr(price, "web_searches_kcount", None)
    return {} if rate is None else {"web_search": _text(Decimal(rate), name, rounded)}


def _above(price: Any, name: str, rounded: list[str]) -> dict[str, Node]:
    named = [ours for ours in RATES if ours in _named(price)]
    values = [getattr(price, RATES[ours]) for ours in named]
    sizes = sorted({tier.start for value in values for tier in getattr(value, "tiers", ())})
    tiers: list[Node] = []
    for size in sizes:
        rates = {ours: _text(_at(value, size + 1), name, rounded) for ours, value in zip(named, values, strict=True)}
        tiers.append({"input_tokens": str(size), **rates})
    return {"above": tiers} if tiers else {}


def _at(value: Any, input_tokens: int) -> Decimal:
    """Return the rate of a request with that many prompt tokens."""
    if not hasattr(value, "tiers"):
        return Decimal(value)
    rate = value.base
    for tier in value.tiers:
        if input_tokens > tier.start:
            rate = tier.price
    return Decimal(rate)


def _text(rate: Decimal, name: str, rounded: list[str]) -> str:
    exact = rate.quantize(Decimal("0.000001"), rounding=ROUND_HALF_EVEN)
    if exact != rate:
        rounded.append(f"{name}: {rate} became {exact}")
    text = format(exact, "f").rstrip("0").rstrip(".")
    return text or "0"


def _words(clause: Any) -> Iterator[str]:
    """Yield the exact names that a matching rule of upstream stands for, as far as they are names."""
    if hasattr(clause, "or_"):
        for inner in clause.or_:
            yield from _words(inner)
    elif hasattr(clause, "and_"):
        yield from _words(clause.and_[0])
    elif hasattr(clause, "regex"):
        match = _SAFE_LITERAL.fullmatch(clause.regex)
        if match:
            yield match.group(1).replace("\\", "").lower()
    else:
        word = next(iter(vars(clause).values())).lower().strip("@/-")
        if hasattr(clause, "equals") or not _FRAGMENT.search(word):  # other rules may end in the middle of a name
            yield word


def _needed(provider: str, name: str, versions: Collection[str], words: Iterable[str]) -> Iterator[str]:
    """Yield those of `words` that our own spellings of the names so far would not find."""
    known = {name.lower()}
    foreign_style = re.compile(r"\d-\d" if "." in name else r"\d\.\d")
    for word in sorted(words, key=lambda word: (bool(foreign_style.search(word)), word)):
        forms = spellings(word, bedrock=provider == "aws-bedrock")
        reached = any(form.name in known and (form.version is None or form.version in versions) for form in forms)
        if not reached and "/" not in word:
            known.add(word)
            yield word


def _without_start(segment: Entry) -> Entry:
    return {key: value for key, value in segment.items() if key != "from"}
