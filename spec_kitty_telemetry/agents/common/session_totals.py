"""Running totals of agents' sessions: what was last seen, so that the difference can be recorded.

A Codex thread prints the whole thread's tokens after every turn, and so do resumed sessions of some other agents.  The
last totals of the newest sessions are kept in the project's runtime folder, in a small file for each, with a line for
each run, so that remembering costs the same however many there are.  It is a memory, not a record: if it is lost,
unreadable or in a read-only folder, what the agent printed is taken as it is.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from itertools import accumulate, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.agents.common.fields import dollars, get_int
from spec_kitty_telemetry.agents.common.tokens import TokenCounts
from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.model.tokens import MONEY_FIELDS, NUMBER_FIELDS
from spec_kitty_telemetry.project.files import new_file, open_regular, read_end
from spec_kitty_telemetry.project.layout import make_runtime_folder

if TYPE_CHECKING:
    from spec_kitty_telemetry.model.invocation import Invocation

Totals = Mapping[str, TokenCounts]
"""By model; the key is empty where the agent does not tell models apart."""

NOT_SEEN_BEFORE = "the session was resumed, so its totals may hold earlier runs that were not seen"
FOLDER = "sessions"
MOST_SESSIONS = 500
_MOST_TORN = 8
"""How many lines are looked at for the last run: only what a crash tore off is passed over."""
_MOST_BYTES = 1 << 20
_MANY_BYTES = 1 << 16
"""How large a session's file may become before its older half is taken out."""


class _Run(msgspec.Struct, frozen=True):
    """What one run printed: by model, and by the name of the number."""

    run: str
    totals: dict[str, dict[str, int | str]]


_decoder = msgspec.json.Decoder(_Run)


def exchange(folder: Path | None, agent: str, session_id: str | None, run: str, totals: Totals) -> Totals | None:
    """Remember the `totals` that `run` printed for a session, and return those that the run before it had printed.

    `None`: nothing is known from before.  The same run may ask again and gets the same answer.  Never raises.
    """
    if folder is None or not session_id:
        return None
    path = _path(folder, agent, session_id)
    kept = _read(path)
    lines = kept.splitlines()
    runs = _runs(lines if run.encode("utf-8", "replace") in kept else lines[-_MOST_TORN:])
    if run not in {known.run for known in runs}:
        printed = {model: _as_json(counts) for model, counts in totals.items()}
        _remember(path, kept, _Run(run, printed))
        if not kept and path.name.startswith("0"):  # one new session in sixteen pays for looking at all of them
            _forget_oldest(path.parent)
    return _totals_before(run, runs)


def since_last_run(
    invocation: Invocation, folder: Path | None, agent: str, session_id: str | None, totals: Totals
) -> tuple[Totals, str | None]:
    """Return what this run added to an agent's running `totals`, and a doubt where earlier runs were not seen."""
    before = exchange(folder, agent, session_id, invocation.invocation_id, totals)
    if before is None:
        return totals, NOT_SEEN_BEFORE if invocation.session_id else None
    added = difference(totals, before)
    return (totals if added is None else added), None


def difference(now: Totals, before: Totals) -> dict[str, TokenCounts] | None:
    """Return what was added since `before`; `None` where a counter fell or vanished, so that it is a new start."""
    if any(_fell(now.get(model), counts) for model, counts in before.items()):
        return None
    added = {model: _minus(counts, before.get(model, TokenCounts())) for model, counts in now.items()}
    return {
        model: counts for model, counts in added.items() if not model or _is_something(counts) or model not in before
    }


def stood_still(now: Totals, before: Totals) -> bool:
    """Tell whether nothing was added since `before`: if the run used tokens, `now` is no running total then."""
    return is_nothing(difference(now, before))


def is_nothing(added: Totals | None) -> bool:
    """Tell whether a `difference` is known and holds no number but 0."""
    return added is not None and not any(_is_something(counts) for counts in added.values())


def _fell(now: TokenCounts | None, before: TokenCounts) -> bool:
    for name in NUMBER_FIELDS:
        old, new = getattr(before, name), getattr(now, name, None)
        if old and (new is None or new < old):
            return True
    return False


def _minus(now: TokenCounts, before: TokenCounts) -> TokenCounts:
    rest = {}
    for name in NUMBER_FIELDS:
        new, old = getattr(now, name), getattr(before, name)
        rest[name] = None if new is None else new - (old or 0)
    return TokenCounts(**rest, doubt=now.doubt).checked()


def _is_something(counts: TokenCounts) -> bool:
    return any(getattr(counts, name) for name in NUMBER_FIELDS)


def _totals_before(run: str, runs: list[_Run]) -> Totals | None:
    earlier = list(takewhile(lambda known: known.run != run, runs))
    return {model: _from_json(counts) for model, counts in earlier[-1].totals.items()} if earlier else None


def _as_json(counts: TokenCounts) -> dict[str, int | str]:
    values = {name: getattr(counts, name) for name in NUMBER_FIELDS}
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in values.items() if value is not None
    }


def _from_json(found: dict[str, Any]) -> TokenCounts:
    numbers: dict[str, Any] = {name: get_int(found, name) for name in NUMBER_FIELDS if name not in MONEY_FIELDS}
    for name in MONEY_FIELDS:
        with contextlib.suppress(InvalidOperation, ValueError, TypeError):
            numbers[name] = dollars({name: Decimal(found[name])}, name) if name in found else None
    return TokenCounts(**numbers)


def _path(folder: Path, agent: str, session_id: str) -> Path:
    """Return the session's file; agents choose the ids, so their hash is the name."""
    name = hashlib.sha256(f"{agent} {session_id}".encode("utf-8", "replace")).hexdigest()[:32]
    return folder / FOLDER / f"{name}.jsonl"


def _read(path: Path) -> bytes:
    """Return the last megabyte of what is kept; nothing where it cannot be read."""
    try:
        return read_end(path, _MOST_BYTES)
    except (OSError, LogError):
        return b""


def _runs(lines: list[bytes]) -> list[_Run]:
    """Return the runs, the oldest first; a line that a crash tore off is none."""
    runs = []
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            runs.append(_decoder.decode(line))
    return runs


def _remember(path: Path, kept: bytes, run: _Run) -> None:
    """Add `run` to what is `kept`.

    That is one write, so of two runs that end at the same time both stay; all but on Windows, and but for the rare
    moment in which a large file is made small.
    """
    with contextlib.suppress(ValueError):
        line = _line(run)
        try:
            _append(path, line if kept.endswith(b"\n") or not kept else b"\n" + line)
        except (OSError, LogError):  # somebody else's file, a link, or no room for one more: a new file is tried
            _replace(path, kept + b"\n" + line)
            return
        if len(kept) > _MANY_BYTES:
            _replace(path, _read(path))


def _append(path: Path, text: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        descriptor = open_regular(path, flags)
    except FileNotFoundError:
        make_runtime_folder(path.parent, path.parent.parent)
        descriptor = open_regular(path, flags)
    try:
        if os.write(descriptor, text) != len(text):
            raise OSError(errno.ENOSPC, "a part of the line could be written")
    finally:
        os.close(descriptor)


def _replace(path: Path, kept: bytes) -> None:
    """Put a file with the last of the runs that are `kept` in this one's place, at least the very last."""
    lines = [_line(run) for run in _runs(kept.splitlines())]
    if not lines:
        return  # it could not be read just now; it stays as it is
    sizes = accumulate(len(line) for line in reversed(lines))
    most = max(1, sum(size <= _MANY_BYTES // 2 for size in sizes))
    temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with new_file(temporary) as file:
            file.writelines(lines[-most:])
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _line(run: _Run) -> bytes:
    return msgspec.json.encode(run) + b"\n"


def _forget_oldest(folder: Path) -> None:
    """Keep the newest sessions."""
    with contextlib.suppress(OSError):
        with os.scandir(folder) as entries:
            found = list(entries)
        if len(found) > MOST_SESSIONS:
            found.sort(key=lambda entry: entry.stat().st_mtime_ns)
            for entry in found[:-MOST_SESSIONS]:
                Path(entry).unlink(missing_ok=True)
