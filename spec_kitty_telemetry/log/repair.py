"""The health of feature logs: what is in them, what is wrong with them, and mending it.

Mending never loses anything: the file as it was is kept in the runtime folder before it is replaced.
"""

from __future__ import annotations

import os
import re
import shutil
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import LogError, TelemetryError, reason_of
from spec_kitty_telemetry.log.reader import ScanReport, SkippedLine, scan
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.record import MAXIMUM_LINE_BYTES, decode, why_not
from spec_kitty_telemetry.project.files import BLOCK_BYTES, open_regular
from spec_kitty_telemetry.project.layout import LOG_NAME, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

_PATIENCE_S = 10.0
_KEPT_FOLDER = "before-repair"
_BEGINNING = re.compile(
    rb'\{"(?:aggregate_id|build_id|causation_id|correlation_id|data_tier|event_id|event_type|lamport_clock|node_id'
    rb'|payload|project_slug|project_uuid|schema_version|timestamp)"\s?:'
)
"""How a record of any writer begins; within a record that text does not stand."""
_LONGEST_BEGINNING = 32


@dataclass(frozen=True, slots=True)
class LogHealth:
    """One feature's log as `doctor` shows it."""

    feature: str
    """`OUTSIDE`: the log of what belongs to none."""
    path: Path
    size_bytes: int = 0
    line_count: int = 0
    event_count: int = 0
    duplicate_count: int = 0
    superseded_count: int = 0
    """Records that another one took the place of, or that were taken back."""
    bad_line_count: int = 0
    bad_lines: list[SkippedLine] = field(default_factory=list)
    """The first thousand."""
    clock: int = 0
    """Greatest Lamport clock in the log."""
    clocks_repeat: bool = False
    """Whether two records of one node have the same clock."""
    waiting_count: int = 0
    """Records in the spool."""
    unreadable_waiting: list[Path] = field(default_factory=list)
    """Files in the spool that hold no record."""
    problem: str | None = None
    """Why the log cannot be read at all."""


def health(project: Project, feature: str) -> LogHealth:
    """Return the health of one feature's log; nothing is changed."""
    path = (project.outside_log.parent if feature == OUTSIDE else project.specs_dir / feature) / LOG_NAME
    try:
        log = FeatureLog.of_feature(project, feature)
        return _health(feature, log)
    except TelemetryError as error:
        return LogHealth(feature, path, problem=str(error))


def _health(feature: str, log: FeatureLog) -> LogHealth:
    report = ScanReport()
    clock, clocks, repeat = 0, set[tuple[str, int]](), False
    for event in scan(log.path, report):
        clock = max(clock, event.lamport_clock)
        clock_of_node = (event.node_id, event.lamport_clock)
        repeat = repeat or clock_of_node in clocks
        clocks.add(clock_of_node)
    waiting, unreadable = log.spool.inspect()
    return LogHealth(
        feature=feature,
        path=log.path,
        size_bytes=_size_bytes(log.path),
        line_count=report.line_count,
        event_count=report.event_count,
        duplicate_count=report.duplicate_count,
        superseded_count=report.superseded_count,
        bad_line_count=report.skipped_count,
        bad_lines=report.skipped,
        clock=clock,
        clocks_repeat=repeat,
        waiting_count=len(waiting),
        unreadable_waiting=unreadable,
    )


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is not there, or is being replaced right now
        return 0


def repair(project: Project, feature: str) -> list[str]:
    """Drain the spool and take bad lines out of the log; return what was done, one sentence each.

    Good records that stand on one line, or behind a torn one on the same line, are saved.

    :raises TelemetryError: the log cannot be read or written, or its path is refused; it is as it was.
    """
    log = FeatureLog.of_feature(project, feature)
    done = []
    if _has_bad_lines(log.path):
        with log.exclusively(_PATIENCE_S):
            done.append(_rewrite(log.path, project.runtime_folder(_KEPT_FOLDER)))
    total = 0
    while drained := log.drain(_PATIENCE_S):
        total += drained
    if total:
        done.append(f"{feature}: {total} waiting record(s) moved from the spool into the log")
    return done


def _has_bad_lines(path: Path) -> bool:
    return any(is_part or _mended(text) != [text] for text, is_part in _texts(path))


def _texts(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Yield each line of the log; one over 1 MiB in parts that cut no record, and `True` with each of them."""
    text, is_part = b"", False
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise LogError(f"{path} cannot be read: {reason_of(error)}; mend its permissions") from error
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(len(BOM_UTF8)).removeprefix(BOM_UTF8)
        while block := file.read(BLOCK_BYTES):
            *lines, text = (text + block).split(b"\n")
            for line in lines:
                yield line, is_part
                is_part = False
            if len(text) > MAXIMUM_LINE_BYTES:
                is_part = True
                starts = [match.start() for match in _BEGINNING.finditer(text) if match.start()]
                end = starts[-1] if starts else len(text) - _LONGEST_BEGINNING
                yield text[:end], True
                text = text[end:]
    if text or is_part:
        yield text, is_part


def _rewrite(path: Path, kept_folder: Path) -> str:
    kept = _keep(path, kept_folder)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    saved = removed = 0
    try:
        with partial.open("xb") as file:
            for line, is_part in _texts(path):
                good = _mended(line)
                if is_part or good != [line]:
                    saved, removed = saved + len(good), removed + 1
                file.writelines(kept + b"\n" for kept in good)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, partial)
        partial.replace(path)
    except (OSError, LogError) as error:
        partial.unlink(missing_ok=True)
        raise LogError(f"{path} cannot be mended: {error}; it is as it was") from error
    return f"{path}: {removed} bad line(s) removed, {saved} record(s) saved from them; the file as it was: {kept}"


def _keep(path: Path, folder: Path) -> Path:
    kept = folder / f"{path.parent.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl"
    try:
        shutil.copy2(path, kept)
    except OSError as error:
        raise LogError(f"{path} cannot be copied to {kept}: {error.strerror}; it is as it was") from error
    return kept


def _mended(line: bytes) -> list[bytes]:
    """Return the good lines in `line`: itself, the whole records that it is made of, or none."""
    if not line.strip() or _is_good(line):
        return [line]
    good = [piece for piece in _pieces(line) if _is_good(piece)]
    if good:
        return good
    readable = line.decode("utf-8", "replace").encode()  # one wrong byte in a message costs the byte
    return [readable] if readable != line and _is_good(readable) else []


def _is_good(line: bytes) -> bool:
    try:
        decode(line)
    except (ValueError, RecursionError) as error:
        return why_not(line, error) is None
    return True


def _pieces(line: bytes) -> list[bytes]:
    """Cut `line` wherever a record begins."""
    starts = [0, *(match.start() for match in _BEGINNING.finditer(line)), len(line)]
    return [line[start:end].strip() for start, end in pairwise(starts) if start < end]
