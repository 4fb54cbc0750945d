"""Bring the price tables up to an installed genai-prices; for maintainers, `README.md` says when and how.

    python pricing/refresh.py --as-of 2026-11-10

`--as-of` is the day on which that genai-prices was published.  New models and dated changes are appended, history is
never edited, entries marked `pinned: true` are never touched.  A rate that changed without a date is appended with
`from_inferred: true`; the script then ends with exit code 1 until a person has found the date and removed the mark, or
has named the model in `--correct` because our rate was simply wrong.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

from spec_kitty_telemetry.pricing.genai.emitting import table_text
from spec_kitty_telemetry.pricing.genai.upstream import UPSTREAM_PROVIDERS, Entry, entry_of, excluded
from spec_kitty_telemetry.pricing.rows import RATE_KEYS
from spec_kitty_telemetry.pricing.table import COMPILED_NAME, compile_tables, yaml_files
from spec_kitty_telemetry.project.strict_yaml import Node, read_document

_PRICE_KEYS = (*RATE_KEYS, "web_search", "above", "windows")


@dataclass
class Outcome:
    """What one refresh did, and what a person has to decide."""

    done: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


def refresh(folder: Path, providers: list[Any], version: str, as_of: str, correct: frozenset[str]) -> Outcome:
    """Rewrite the tables of `folder` from the data objects of upstream's `providers`."""
    outcome = Outcome()
    by_id = {provider.id: provider for provider in providers}
    for path in yaml_files(folder):
        table = cast("dict[str, Node]", read_document(path))
        upstream = by_id.get(UPSTREAM_PROVIDERS.get(str(table["provider"]), ""))
        if upstream is None:  # checked by a person alone, and laid out by that person
            continue
        refresh_table(table, upstream, as_of, correct, outcome)
        table.update(as_of=as_of, verified_with=f"genai-prices {version}")
        path.write_text(table_text(table), encoding="utf-8", newline="\n")
    (folder / COMPILED_NAME).write_bytes(compile_tables(folder))
    return outcome


def refresh_table(table: dict[str, Node], upstream: Any, as_of: str, correct: frozenset[str], outcome: Outcome) -> None:
    """Merge what upstream knows of one provider into `table`, in order of model ids."""
    provider = str(table["provider"])
    rounded: list[str] = []
    theirs: dict[str, Entry] = {}
    for model in upstream.models:
        if excluded(provider, model) is None:
            entry = entry_of(provider, model, upstream.find_model, rounded)
            theirs[str(entry["id"])] = entry
    outcome.done += [f"{provider}: rounded {line}" for line in rounded]
    ours = {str(entry["id"]): entry for entry in cast("list[Entry]", table["models"])}
    claimed = {name: str(entry["id"]) for entry in ours.values() for name in _names(entry)}
    for name, entry in theirs.items():
        place = f"{provider}/{name}"
        entry["aliases"] = [alias for alias in _names(entry)[1:] if claimed.get(str(alias), name) == name]
        if name in ours:
            _merge(ours[name], entry, place, as_of, name in correct or place in correct, outcome)
        else:
            ours[name] = entry
            outcome.done.append(f"{place}: new")
    for name, entry in ours.items():
        if name not in theirs and "upstream" not in entry and not _is_pinned(entry):
            entry["upstream"] = "removed"
            outcome.done.append(f"{provider}/{name}: no longer listed upstream, kept")
    table["models"] = [_ordered(ours[name]) for name in sorted(ours)]


def _merge(ours: Entry, theirs: Entry, place: str, as_of: str, correct: bool, outcome: Outcome) -> None:
    """Append to `ours` what `theirs` has in addition."""
    if ours.get("pinned") == "true":
        return
    if ("rates" in ours) != ("rates" in theirs):
        outcome.questions.append(f"{place}: has {'a' if 'rates' in theirs else 'no'} price upstream; change it by hand")
        return
    ours["aliases"] = [*dict.fromkeys(_names(ours)[1:] + _names(theirs)[1:])]
    if "dated" in theirs:
        ours["dated"] = "true"
    known = [*cast("list[Node]", ours.get("versions", [])), *cast("list[Node]", theirs.get("versions", []))]
    ours["versions"] = [*dict.fromkeys(cast("list[str]", known))]
    _merge_rates(ours, theirs, place, as_of, correct, outcome)
    _merge_variants(ours, theirs, place, correct, outcome)


def _merge_rates(ours: Entry, theirs: Entry, place: str, as_of: str, correct: bool, outcome: Outcome) -> None:
    """Append upstream's dated entries; ask where a rate changed without a date."""
    rates = cast("list[Entry]", ours["rates"])
    upstream = cast("list[Entry]", theirs["rates"])
    ends = [str(entry["from"]) for entry in upstream[1:]] + ["9999"]
    for entry, end in zip(upstream, ends, strict=True):
        current = [row for row in rates if row["from"] == "always" or str(row["from"]) < end][-1]
        if current.get("pinned") == "true" or _prices(current) == _prices(entry):
            continue
        start, last = str(entry["from"]), str(rates[-1]["from"])
        if start != "always" and (last == "always" or start > last):
            rates.append(entry)
            outcome.done.append(f"{place}: new rates from {start}")
        elif correct:
            _replace(current, entry)
            outcome.done.append(f"{place}: corrected from {current['from']}")
        elif end == "9999" and (last == "always" or as_of > last):
            rates.append({"from": as_of, "from_inferred": "true", **_prices(entry)})
        else:
            outcome.questions.append(f"{place}: the rates from {start} differ from ours; edit or --correct {place}")
    for row in rates:
        if row.get("from_inferred") == "true":
            outcome.questions.append(f"{place}: changed without a date; find it, correct 'from: {row['from']}' and "
                                     "remove from_inferred")  # fmt: skip


def _merge_variants(ours: Entry, theirs: Entry, place: str, correct: bool, outcome: Outcome) -> None:
    """Append upstream's variants."""
    rows = cast("list[Entry]", ours.get("variants", []))
    for entry in cast("list[Entry]", theirs.get("variants", [])):
        mine = next((row for row in rows if _key(row) == _key(entry)), None)
        if mine is None:
            rows.append(entry)
        elif mine.get("pinned") != "true" and _prices(mine) != _prices(entry):
            if correct:
                _replace(mine, entry)
            else:
                outcome.questions.append(f"{place}: variant {_key(entry)} changed without a date; edit or --correct it")
    ours["variants"] = [*rows]


def _key(row: Entry) -> str:
    return f"{_when(row)} {row.get('from', 'always')}"


def _when(row: Entry) -> str:
    return " ".join(f"{key}={value}" for key, value in cast("dict[str, Node]", row["when"]).items())


def _prices(row: Entry) -> Entry:
    return {key: row[key] for key in _PRICE_KEYS if key in row}


def _replace(row: Entry, prices: Entry) -> None:
    for key in _PRICE_KEYS:
        row.pop(key, None)
    row.update(_prices(prices))


def _is_pinned(entry: Entry) -> bool:
    """Whether a person wrote the whole entry, so that upstream need not know the model."""
    rates = cast("list[Entry]", entry.get("rates", []))
    return entry.get("pinned") == "true" or all(row.get("pinned") == "true" for row in rates)


def _names(entry: Entry) -> list[Node]:
    return [entry["id"], *cast("list[Node]", entry.get("aliases", []))]


def _ordered(entry: Entry) -> Entry:
    """Return `entry` with its keys in the order in which people read them, and without empty lists.

    Variants of one way of calling stand newest first, because the first that applies wins.
    """
    order = ("id", "aliases", "dated", "versions", "free", "unpriced", "pinned", "upstream", "source", "as_of", "note")
    ranks = {key: rank for rank, key in enumerate((*order, "rates", "variants", "multipliers"))}
    variants = cast("list[Entry]", entry.get("variants", []))
    newest_first = sorted(variants, key=lambda row: str(row.get("from", "")), reverse=True)
    entry = {**entry, "variants": [*sorted(newest_first, key=_when)]}
    return {key: entry[key] for key in sorted(entry, key=ranks.__getitem__) if entry[key] != []}


def main(arguments: list[str] | None = None) -> int:
    """Refresh the tables beside this file; return the exit code."""
    parser = argparse.ArgumentParser(description="Bring the price tables up to the installed genai-prices.")
    parser.add_argument("--as-of", required=True, metavar="YYYY-MM-DD", help="the day that genai-prices was published")
    parser.add_argument("--correct", action="append", default=[], metavar="PROVIDER/MODEL", help="our rate was wrong")
    options = parser.parse_args(arguments)

    from importlib.metadata import version

    from genai_prices.data import providers

    as_of = date.fromisoformat(options.as_of).isoformat()
    folder = Path(__file__).parent
    outcome = refresh(folder, providers, version("genai-prices"), as_of, frozenset(options.correct))
    print("\n".join(outcome.done + [f"needs a person: {question}" for question in outcome.questions]))
    return 1 if outcome.questions else 0


if __name__ == "__main__":
    sys.exit(main())
