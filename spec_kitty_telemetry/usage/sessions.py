"""Running totals of agents' sessions: what was last seen, so that the difference can be recorded.

A Codex thread prints the whole thread's tokens after every turn, and so do resumed sessions of some other agents.  The
last totals of the newest sessions are kept in the project's runtime folder, in a small file for each, so that
remembering costs the same however many there are.  It is a memory, not a record: if it is lost, unreadable or
read-only, what the agent printed is taken as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.usage import members
from spec_kitty_telemetry.usage.counts import NUMBER_FIELDS, Counts
from spec_kitty_telemetry.usage.values import count, dollars

if TYPE_CHECKING:
    from spec_kitty_telemetry.invocation import Invocation

Totals = Mapping[str, Counts]
"""By model; the key is empty where the agent does not tell models apart."""

NOT_SEEN_BEFORE = "the session was resumed, so its totals may hold earlier runs that were not seen"
MOST_SESSIONS = 500
_MOST_RUNS = 8
"""Runs remembered for a session, so that announcing one of them again changes nothing."""
_MOST_BYTES = 1 << 20


def exchange(folder: Path | None, agent: str, session_id: str | None, run: str, totals: Totals) -> Totals | None:
    """Remember the `totals` that `run` printed for a session, and return those that the run before it had printed.

    `None`: nothing is known from before.  The same run may ask again and gets the same answer.  Never raises.
    """
    if folder is None or not session_id:
        return None
    path = _path(folder, agent, session_id)
    runs = _read(path)
    if run not in {known for known, _ in runs}:
        printed = {model: _as_json(counts) for model, counts in totals.items()}
        _write(path, [*runs, (run, printed)][-_MOST_RUNS:])
        if not runs and path.name.startswith("0"):  # one new session in sixteen pays for looking at all of them
            _forget_oldest(path.parent)
    return _totals_before(run, runs)


def is_known(folder: Path | None, agent: str, session_id: str | None) -> bool:
    """Whether a run of the session was seen before."""
    return folder is not None and session_id is not None and bool(_read(_path(folder, agent, session_id)))


def since_last_run(
    invocation: Invocation, folder: Path | None, agent: str, session_id: str | None, totals: Totals
) -> tuple[Totals, str | None]:
    """Return what this run added to an agent's running `totals`, and a doubt where earlier runs were not seen."""
    before = exchange(folder, agent, session_id, invocation.invocation_id, totals)
    if before is None:
        return totals, NOT_SEEN_BEFORE if invocation.session_id else None
    added = difference(totals, before)
    return (totals if added is None else added), None


def difference(now: Totals, before: Totals) -> dict[str, Counts] | None:
    """Return what was added since `before`; `None` where a counter fell or vanished, so that it is a new start."""
    if any(_fell(now.get(model), counts) for model, counts in before.items()):
        return None
    added = {model: _minus(counts, before.get(model, Counts())) for model, counts in now.items()}
    return {
        model: counts for model, counts in added.items() if not model or _is_something(counts) or model not in before
    }


def stood_still(now: Totals, before: Totals) -> bool:
    """Tell whether nothing was added since `before`: if the run used tokens, `now` is no running total then."""
    added = difference(now, before)
    return added is not None and not any(_is_something(counts) for counts in added.values())


def _fell(now: Counts | None, before: Counts) -> bool:
    for name in NUMBER_FIELDS:
        old, new = getattr(before, name), getattr(now, name, None)
        if old and (new is None or new < old):
            return True
    return False


def _minus(now: Counts, before: Counts) -> Counts:
    rest = {}
    for name in NUMBER_FIELDS:
        new, old = getattr(now, name), getattr(before, name)
        rest[name] = None if new is None else new - (old or 0)
    return Counts(**rest, doubt=now.doubt).checked()


def _is_something(counts: Counts) -> bool:
    return any(getattr(counts, name) for name in NUMBER_FIELDS)


def _totals_before(run: str, runs: list[tuple[str, Any]]) -> Totals | None:
    earlier: Any = None
    for known, printed in runs:
        if known == run:
            break
        earlier = printed
    if not isinstance(earlier, dict):
        return None
    return {str(model): _from_json(counts) for model, counts in earlier.items() if isinstance(counts, dict)}


def _as_json(counts: Counts) -> dict[str, int | str]:
    values = {name: getattr(counts, name) for name in NUMBER_FIELDS}
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in values.items() if value is not None
    }


def _from_json(found: dict[str, Any]) -> Counts:
    numbers: dict[str, Any] = {name: count(found, name) for name in NUMBER_FIELDS if name != "cost_usd"}
    with contextlib.suppress(InvalidOperation, ValueError, TypeError):
        numbers["cost_usd"] = dollars({"cost": Decimal(found["cost_usd"])}, "cost") if "cost_usd" in found else None
    return Counts(**numbers)


def _path(folder: Path, agent: str, session_id: str) -> Path:
    """Return the session's file; agents choose the ids, so their hash is the name."""
    name = hashlib.sha256(f"{agent} {session_id}".encode("utf-8", "replace")).hexdigest()[:32]
    return folder / "sessions" / f"{name}.json"


def _read(path: Path) -> list[tuple[str, Any]]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        found = members.decode(text.decode()) if len(text) <= _MOST_BYTES else None
    except (OSError, ValueError):
        return []
    entries = found.get("runs") if isinstance(found, dict) else None
    return [
        (entry["run"], entry.get("totals"))
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("run"), str)
    ]


def _write(path: Path, runs: list[tuple[str, Any]]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
    text = json.dumps({"version": 1, "runs": [{"run": run, "totals": totals} for run, totals in runs]}, default=str)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _forget_oldest(folder: Path) -> None:
    """Keep the newest sessions."""
    with contextlib.suppress(OSError):
        with os.scandir(folder) as entries:
            found = list(entries)
        if len(found) > MOST_SESSIONS:
            found.sort(key=lambda entry: entry.stat().st_mtime_ns)
            for entry in found[:-MOST_SESSIONS]:
                Path(entry).unlink(missing_ok=True)
