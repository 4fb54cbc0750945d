"""Running totals of agents' sessions: what was last seen, so that the difference can be recorded.

A Codex thread prints the whole thread's tokens after every turn, and so do resumed sessions of some other agents.  The
last totals of the newest sessions are kept in one small JSON file in the project's runtime folder.  It is a memory, not
a record: if it is lost, unreadable or read-only, what the agent printed is taken as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.usage import members
from spec_kitty_telemetry.usage.counts import NUMBER_FIELDS, Counts
from spec_kitty_telemetry.usage.values import count, dollars

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.invocation import Invocation

Totals = Mapping[str, Counts]
"""By model; the key is empty where the agent does not tell models apart."""

NOT_SEEN_BEFORE = "the session was resumed, so its totals may hold earlier runs that were not seen"
MOST_SESSIONS = 500
_FILE = "sessions.json"
_MOST_RUNS = 8
"""Runs remembered for a session, so that announcing one of them again changes nothing."""
_MOST_BYTES = 8 << 20
_LOCK_WAIT_SECONDS = 0.05
_LOCK_IS_STALE_SECONDS = 10
_one_at_a_time = threading.Lock()


def exchange(folder: Path | None, agent: str, session_id: str | None, run: str, totals: Totals) -> Totals | None:
    """Remember the `totals` that `run` printed for a session, and return those that the run before it had printed.

    `None`: nothing is known from before.  The same run may ask again and gets the same answer.  Never raises.
    """
    if folder is None or not session_id:
        return None
    path = folder / _FILE
    with _one_at_a_time, _lock(folder):
        sessions = _read(path)
        name = f"{agent} {session_id}"
        runs = _runs(sessions.pop(name, None))
        earlier = _totals_before(run, runs)
        if run not in {known for known, _ in runs}:
            runs = [*runs, (run, {model: _as_json(counts) for model, counts in totals.items()})][-_MOST_RUNS:]
        sessions[name] = [{"run": known, "totals": printed} for known, printed in runs]
        _write(path, dict(list(sessions.items())[-MOST_SESSIONS:]))
    return earlier


def is_known(folder: Path | None, agent: str, session_id: str | None) -> bool:
    """Whether a run of the session was seen before."""
    return folder is not None and bool(session_id) and f"{agent} {session_id}" in _read(folder / _FILE)


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


def _runs(found: Any) -> list[tuple[str, Any]]:
    entries = found if isinstance(found, list) else []
    return [
        (entry["run"], entry.get("totals"))
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("run"), str)
    ]


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


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        found = members.decode(text.decode()) if len(text) <= _MOST_BYTES else None
    except (OSError, ValueError):
        return {}
    sessions = found.get("sessions") if isinstance(found, dict) else None
    return sessions if isinstance(sessions, dict) else {}


def _write(path: Path, sessions: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"version": 1, "sessions": sessions}, default=str), encoding="utf-8")
        temporary.replace(path)
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Keep other processes out for a moment; go on without the lock where it cannot be had."""
    path = folder / "sessions.lock"
    held = _take(path)
    try:
        yield
    finally:
        if held:
            with contextlib.suppress(OSError):
                path.unlink()


def _take(path: Path) -> bool:
    give_up = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            _remove_if_stale(path)
        except OSError:
            return False
        else:
            return True
        if time.monotonic() > give_up:
            return False
        time.sleep(0.005)


def _remove_if_stale(path: Path) -> None:
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > _LOCK_IS_STALE_SECONDS:
            path.unlink()
