"""Reading: every good record once, every bad line named, memory flat."""

from __future__ import annotations

import json
import os
import re
import string
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry import query_execution_events
from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.reader import ScanReport, scan
from spec_kitty_telemetry.model.invocation import Invocation
from spec_kitty_telemetry.model.payload import ExecutionPayload, ModelPart
from spec_kitty_telemetry.model.record import ExecutionEvent, encode, parse

if TYPE_CHECKING:
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
NewEvent = Callable[..., ExecutionEvent]
ReadBack = Callable[[Path], tuple[list[ExecutionEvent], ScanReport]]
on_posix = pytest.mark.skipif(os.name == "nt", reason="pipes and symlinks of this kind are POSIX's")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"event_id":"01K', "not JSON (cut off)"),
        (b"garbage", "not JSON"),
        (b"\x00\x00\x00", "not JSON"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b"[1,2]", "not a JSON object of the record's shape"),
        (b"[" * 100_000, "not a JSON object of the record's shape"),
        (b"{}", "not a valid record: "),
        (b"<<<<<<< HEAD", "not JSON"),
        (b"x" * (1024 * 1024 + 1), "longer than 1024 KiB"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number_and_its_neighbours_are_used(
    tmp_path: Path, new_event: NewEvent, read_back: ReadBack, bad: bytes, reason: str
) -> None:
    before, after = new_event(), new_event()
    path = tmp_path / "log"
    path.write_bytes(encode(before) + bad + b"\n" + encode(after))
    events, report = read_back(path)
    assert events == [before, after]
    (line,) = report.skipped
    assert (line.file, line.line) == (path, 2)
    assert line.reason.startswith(reason)
    assert (report.line_count, report.event_count, report.skipped_count) == (3, 2, 1)


@pytest.mark.parametrize("cost", [b"-0.01", b'"NaN"', b'"Infinity"', b"1000000000.01", b"1e400"])
@pytest.mark.parametrize("in_a_part", [False, True])
def test_a_cost_that_is_no_amount_of_money_spoils_its_line_and_no_other(
    tmp_path: Path, new_event: NewEvent, read_back: ReadBack, cost: bytes, in_a_part: bool
) -> None:
    good = new_event()
    bad = encode(
        new_event(payload=ExecutionPayload(models=[ModelPart(model="m", cost_usd=Decimal(7))], cost_usd=Decimal(9)))
    )
    assert bad.count(b'"cost_usd":7') == bad.count(b'"cost_usd":9') == 1
    path = tmp_path / "log"
    path.write_bytes(
        bad.replace(b'"cost_usd":7' if in_a_part else b'"cost_usd":9', b'"cost_usd":' + cost) + encode(good)
    )
    events, report = read_back(path)
    assert events == [good]
    (line,) = report.skipped
    assert line.line == 1
    assert line.reason.startswith("not a valid record: ")


def test_blank_lines_other_kinds_of_events_and_a_byte_order_mark_are_no_faults(
    tmp_path: Path, new_event: NewEvent, read_back: ReadBack
) -> None:
    first, second = new_event(), new_event()
    other = json.dumps({"event_type": "WPStatusChanged", "payload": {"agent": 1}}).encode()
    path = tmp_path / "log"
    text = b"\xef\xbb\xbf" + encode(first).rstrip() + b"\r\n\n  \n" + other + b"\n" + encode(second)
    path.write_bytes(text)
    events, report = read_back(path)
    assert events == [first, second]
    assert report.skipped_count == 0


def test_a_record_that_is_there_twice_counts_once_and_the_first_wins(
    tmp_path: Path, new_event: NewEvent, read_back: ReadBack
) -> None:
    first = new_event(payload=ExecutionPayload(agent="codex"))
    again = new_event(event_id=first.event_id, payload=ExecutionPayload(agent="gemini"))
    (tmp_path / "log").write_bytes(encode(first) + encode(again) + encode(first))
    events, report = read_back(tmp_path / "log")
    assert events == [first]
    assert report.duplicate_count == 2


def test_only_the_first_thousand_bad_lines_are_named_but_all_are_counted(tmp_path: Path, read_back: ReadBack) -> None:
    (tmp_path / "log").write_bytes(b"bad\n" * 2500)
    _, report = read_back(tmp_path / "log")
    assert (len(report.skipped), report.skipped_count) == (1000, 2500)


def test_a_log_that_is_not_there_has_no_records(tmp_path: Path, read_back: ReadBack) -> None:
    assert read_back(tmp_path / "nothing" / "log") == ([], ScanReport())


@on_posix
@pytest.mark.parametrize(
    ("kind", "message"),
    [("folder", "is not a regular file"), ("pipe", "is not a regular file"), ("link", "is a symlink")],
)
def test_what_is_no_file_is_refused_with_what_to_do(tmp_path: Path, kind: str, message: str) -> None:
    path = tmp_path / "log"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/etc/hosts")
    with pytest.raises(LogError, match=f"{re.escape(str(path))} {message}.*; (move it away|put the file itself there)"):
        list(scan(path))


# Properties

names = st.text(st.characters(codec="utf-8"), max_size=30)
counts = st.none() | st.integers(0, 2**53 - 1)
costs = st.none() | st.decimals(0, 10**9, allow_nan=False, places=9)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
ids = st.text(string.digits + "ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26)
parts = st.builds(ModelPart, model=names, input_tokens=counts, output_tokens=counts, cost_usd=costs)
payloads = st.builds(
    ExecutionPayload,
    agent=st.none() | names,
    attempt=counts,
    cost_usd=costs,
    duration_ms=counts,
    error=st.none() | names,
    exit_code=st.none() | st.integers(-(2**31), 2**31),
    input_tokens=counts,
    model=st.none() | names,
    models=st.lists(parts, max_size=3),
    outcome=st.sampled_from(["succeeded", "failed", "timed_out", "killed", "rejected"]),
    started_at=st.none() | moments,
    success=st.none() | st.booleans(),
    tags=st.dictionaries(names, names, max_size=3),
    uncertain=st.none() | names,
    version=st.just(2),
    wp_id=st.none() | names.filter(lambda name: name != "N/A"),
)
events = st.builds(
    ExecutionEvent,
    event_id=ids,
    aggregate_id=names,
    timestamp=moments,
    node_id=names,
    payload=payloads,
    lamport_clock=st.integers(0, 2**53 - 1),
    correlation_id=ids,
    project_slug=st.none() | names,
)


@given(event=events)
def test_any_record_survives_being_written_and_read(event: ExecutionEvent) -> None:
    line = encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse(line) == event
    assert encode(parse(line)) == line


rubbish = st.binary(max_size=200) | st.sampled_from(
    [
        b"",
        b"{",
        b"[" * 9999,
        b"\xff",
        b"\x00" * 99,
        b"\xef\xbb\xbf",
        b'{"a":' * 5000,
        b"null",
        b"\r",
        b'"',
        b"x" * 1_048_577,
    ]
)


@given(mixed=st.lists(st.tuples(rubbish, events), max_size=5), last=rubbish)
def test_any_bytes_between_good_lines_never_raise_and_never_cost_a_good_line(
    tmp_path: Path, read_back: ReadBack, mixed: list[tuple[bytes, ExecutionEvent]], last: bytes
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(bad + b"\n" + encode(event) for bad, event in mixed) + last)
    found, report = read_back(path)
    assert {event.event_id for event in found} == {event.event_id for _, event in mixed}
    assert report.event_count == len(found)


@given(text=st.binary(max_size=2000))
def test_any_bytes_as_a_log_are_read_without_an_error(tmp_path: Path, read_back: ReadBack, text: bytes) -> None:
    (tmp_path / "log").write_bytes(text)
    read_back(tmp_path / "log")


class Hostile:
    """A host's object that raises whatever is done with it."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("==")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __iter__(self) -> Iterator[object]:
        raise RuntimeError("iter")

    __hash__ = object.__hash__


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.binary(max_size=50)
    | st.decimals() | st.builds(object) | st.builds(Hostile),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
ATTRIBUTES = [
    "success", "exit_code", "stdout", "stderr", "duration_seconds", "files_modified", "commits_made", "errors",
    "warnings", "outcome", "model", "provider", "input_tokens", "cache_read_tokens", "cache_write_tokens",
    "output_tokens", "cost_usd", "session_id", "ended_at",
]  # fmt: skip
results = anything | st.dictionaries(st.sampled_from(ATTRIBUTES), anything).map(lambda facts: SimpleNamespace(**facts))


@given(result=results, agent=st.sampled_from(["claude-code", "codex", "gemini", "opencode", "somebody"]))
def test_whatever_object_a_host_hands_over_its_run_is_one_readable_line(
    hooks: Hooks, project: Project, result: object, agent: str
) -> None:
    project.log_path(FEATURE).unlink(missing_ok=True)
    run = Invocation(project_root=project.root, feature=FEATURE, agent=agent, role="implementer")
    hooks.after_invocation(run, result)
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    assert event.event_id == run.invocation_id
    assert event.payload.cost_usd is None or event.payload.cost_usd <= Decimal(10) ** 9


# Memory

READ = """
import resource, sys
from pathlib import Path
from spec_kitty_telemetry.log.reader import ScanReport, scan
from spec_kitty_telemetry.reports.search import EventFilter
report = ScanReport()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in scan(Path(sys.argv[1]), report))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(count, report.skipped_count, (after - before) // (1024 if sys.platform == "linux" else 1024 * 1024))
"""


@on_posix
def test_reading_a_hundred_thousand_lines_holds_only_their_ids_in_memory(
    tmp_path: Path, new_event: NewEvent, start: Callable[..., Any]
) -> None:
    head, _, rest = encode(new_event(event_id="0" * 26)).partition(b"0" * 26)
    with (tmp_path / "log").open("wb") as file:
        file.writelines(b"%b%026d%b" % (head, number, rest) for number in range(100_000))
    output, errors = start(READ, tmp_path / "log").communicate(timeout=60)
    assert errors == ""
    count, skipped, mebibytes = map(int, output.split())
    assert (count, skipped) == (100_000, 0)
    assert (tmp_path / "log").stat().st_size > 60 * 1024 * 1024
    assert mebibytes < 40  # 100,000 ids are about 15 MiB


@on_posix
def test_one_line_of_64_mib_is_skipped_without_being_held_in_memory(
    tmp_path: Path, new_event: NewEvent, start: Callable[..., Any]
) -> None:
    with (tmp_path / "log").open("wb") as file:
        file.write(encode(new_event()))
        for _ in range(64):
            file.write(b"x" * 1024 * 1024)
        file.write(b"\n" + encode(new_event()))
    output, errors = start(READ, tmp_path / "log").communicate(timeout=60)
    assert errors == ""
    count, skipped, mebibytes = map(int, output.split())
    assert (count, skipped) == (2, 1)
    assert mebibytes < 16


@pytest.mark.parametrize(
    "taken", [5, {"payload": 5}, {"payload": {"models": [{}, {}]}}, {"payload": {"agent": "x"}, "event_id": "y"}]
)
def test_no_line_can_say_what_we_keep_of_unknown_keys(
    tmp_path: Path, new_event: NewEvent, read_back: ReadBack, taken: object
) -> None:
    event = new_event()
    line = {**json.loads(encode(event)), "_unknown": taken}
    path = tmp_path / "log"
    path.write_bytes(json.dumps(line).encode() + b"\n")
    assert read_back(path)[0] == [event]
    (kept,) = scan(path, keep_unknown=True)
    assert json.loads(encode(kept)) == line  # a key like any other that is not known


@pytest.mark.parametrize("number", ["9" * 5000, "1e99999999999999999999"])
def test_an_unknown_key_with_a_number_that_nothing_holds_costs_no_record(
    tmp_path: Path, new_event: NewEvent, number: str
) -> None:
    event = new_event()
    path = tmp_path / "log"
    path.write_bytes(encode(event).replace(b"{", b'{"new":%s,' % number.encode(), 1))
    assert list(scan(path)) == list(scan(path, keep_unknown=True)) == [event]
