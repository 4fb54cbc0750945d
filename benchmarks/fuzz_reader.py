"""Fuzz what reads a log: `scan`, `checkpoint.catch_up`, the spool's and the marks' files, and `repair`.

    python benchmarks/fuzz_reader.py [seconds]

Uses atheris (coverage-guided) where it is installed, else mutates at random.  Not part of the normal run.  What is
held against every input:

- reading never raises, and never loses a good record that stands on a line of its own;
- no record's clock is above the one that `catch_up` finds, however the log is cut into reads;
- repairing keeps every record that could be read, once each, and leaves no bad line.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ulid import ULID

from spec_kitty_telemetry.log import checkpoint, spool
from spec_kitty_telemetry.log.reader import ScanReport, scan
from spec_kitty_telemetry.log.repair import health, repair
from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import ExecutionEvent, encode
from spec_kitty_telemetry.project.files import open_regular
from spec_kitty_telemetry.project.layout import Project

if TYPE_CHECKING:
    from collections.abc import Callable

FEATURE = "001-fuzz"
CLOCK_LIMIT = 2**52
seen_reasons: Counter[str] = Counter()


def good_line(number: int) -> bytes:
    payload = ExecutionPayload(agent="claude-code", role="implementer", wp_id="WP01", success=True, version=2)
    return encode(
        ExecutionEvent(
            event_id=str(ULID()), aggregate_id=FEATURE, timestamp=datetime.now(UTC), node_id="n", build_id="b",
            correlation_id=str(ULID()), lamport_clock=number, payload=payload,
        )
    )  # fmt: skip


GOOD = [good_line(number) for number in range(1, 9)]
PIECES = [
    *GOOD, b"", b"\n", b"\r\n", b"{", b"}", b"[", b'"', b"\\", b"\x00" * 40, b"\xff\xfe", b"\xef\xbb\xbf", b"null",
    b"1e999", b"-0", b"18446744073709551616",
    b'"lamport_clock":4503599627370497,', b'"lamport_clock":-1,', b'"event_id":1,',
    b'"payload":{},', b'{"aggregate_id":"a"', b"<<<<<<< HEAD\n", b"=======\n", b">>>>>>> other\n", b"[" * 3000,
    b'{"a":' * 3000, b'"event_type":"Other",', b'"timestamp":"2026-13-45T99:99:99Z",', b"\\ud800", b"x" * 70_000,
    b"z" * (1024 * 1024 + 7),
]  # fmt: skip


def mutated(chance: random.Random) -> bytes:
    """Return good lines and rubbish, put together and damaged at random."""
    text = bytearray(
        b"".join(chance.choice(PIECES[: -1 if chance.random() < 0.98 else None]) for _ in range(chance.randint(0, 12)))
    )
    for _ in range(chance.choice([0, 0, 1, 3, 20])):
        if not text:
            break
        place = chance.randrange(len(text))
        match chance.randrange(4):
            case 0:
                text[place] = chance.randrange(256)
            case 1:
                del text[place : place + chance.choice([1, 1, 7, 300])]
            case 2:
                text[place:place] = chance.choice(PIECES[8:-2])
            case _:
                text[place:place] = text[max(0, place - chance.randint(1, 900)) : place]
    return bytes(text)


class Bench:
    """One project in a temporary folder, used again for every input."""

    def __init__(self, root: Path) -> None:
        (root / "kitty-specs" / FEATURE).mkdir(parents=True)
        self.project = Project(Path(os.path.realpath(root)))
        self.path = self.project.log_path(FEATURE)

    def check(self, text: bytes) -> None:
        """Hold every promise of the reader against a log of `text`."""
        self.path.write_bytes(text)
        report = ScanReport()
        events = list(scan(self.path, report))
        seen_reasons.update(line.reason[:24] for line in report.skipped)
        ids = [event.event_id for event in events]
        assert len(ids) == len(set(ids)) == report.event_count
        for line in text.split(b"\n"):
            if line + b"\n" in GOOD:
                assert ids.count(line.partition(b'"event_id":"')[2][:26].decode()) == 1
        self.check_clock(events)
        self.check_repair(ids)

    def check_clock(self, events: list[ExecutionEvent]) -> None:
        greatest = max((event.lamport_clock for event in events if event.lamport_clock <= CLOCK_LIMIT), default=0)
        descriptor = open_regular(self.path, os.O_RDONLY)
        seen: set[tuple[str, int]] = set()

        def note(event_id: str, revision: int) -> None:
            seen.add((event_id, revision))

        try:
            at_once = checkpoint.catch_up(descriptor, checkpoint.Checkpoint(), time.monotonic() + 60, note)
            bit_by_bit = checkpoint.Checkpoint()
            while not (bit_by_bit := checkpoint.catch_up(descriptor, bit_by_bit, 0, note)).complete:
                pass
            assert checkpoint.catch_up(descriptor, at_once, 0, note) == at_once == bit_by_bit
        finally:
            os.close(descriptor)
        assert at_once.clock >= greatest
        assert {event.event_id for event in events} <= seen

    def check_repair(self, ids: list[str]) -> None:
        repair(self.project, FEATURE)
        after = health(self.project, FEATURE)
        assert after.bad_line_count == 0
        assert set(ids) <= {event.event_id for event in scan(self.path)}
        shutil.rmtree(self.project.runtime_dir, ignore_errors=True)


def check_small_files(folder: Path, text: bytes) -> None:
    """Read `text` as a clock file and as a waiting record."""
    path = folder / "01ARZ3NDEKTSV4RRFFQ69G5FAV.json"
    path.write_bytes(text)
    assert checkpoint.load(path).clock >= 0
    spool.read(path)


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "project")

        def check(text: bytes) -> None:
            bench.check(text)
            check_small_files(Path(folder), text)

        try:
            import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            at_random(check, seconds)
            return
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        chance = random.Random(1)
        for number in range(200):
            (seeds / str(number)).write_bytes(mutated(chance)[:65536])
        atheris.instrument_all()
        atheris.Setup([sys.argv[0], str(seeds), f"-max_total_time={int(seconds)}", "-max_len=65536"], check)
        atheris.Fuzz()


def at_random(check: Callable[[bytes], None], seconds: float) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        text = mutated(chance)
        count += 1
        try:
            check(text)
        except BaseException:
            found = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{count}.bin"
            found.write_bytes(text)
            print(f"seed {seed}, input {count}: {found}")
            raise
    print(f"seed {seed}: {count} inputs in {seconds:g} s, nothing found; reasons met: {dict(seen_reasons)}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600)
