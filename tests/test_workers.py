"""Several processes count what one would: the same sums, the same gaps, the same lines named, each record once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import new_record as event
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.log.lines import ByteRange
from spec_kitty_telemetry.log.reader import ScanReport, scan, scan_in_blocks
from spec_kitty_telemetry.model.payload import ModelPart
from spec_kitty_telemetry.model.record import ExecutionEvent, encode
from spec_kitty_telemetry.pricing import OverrideUse, PriceBook
from spec_kitty_telemetry.reports.chunks import shares
from spec_kitty_telemetry.reports.filters import EventFilter
from spec_kitty_telemetry.reports.parallel import ParallelScan
from spec_kitty_telemetry.reports.search import Search
from spec_kitty_telemetry.reports.summary import CostReport, report_of
from spec_kitty_telemetry.reports.totals import Aggregator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec_kitty_telemetry.project.layout import Project

FEATURES = ("043-first", "044-second", "145-third")
BOOK = PriceBook.shipped()
AT = datetime(2026, 8, 20, tzinfo=UTC)


def parts(number: int) -> list[ModelPart]:
    return [
        ModelPart(model="claude-opus-4-6", input_tokens=number, output_tokens=1),
        ModelPart(model="nobody-knows", input_tokens=7, output_tokens=number),
    ]


BROKEN = (b"{", b"[]", b"\xff", b"", b'{"event_type": "Other"}')
records = st.builds(
    event,
    st.integers(0, 30),
    input_tokens=st.none() | st.integers(0, 10**6),
    output_tokens=st.none() | st.integers(0, 10**6),
    cache_read_tokens=st.none() | st.integers(0, 5),
    cost_usd=st.none() | st.decimals(0, 9, places=7),
    model=st.sampled_from([None, "claude-opus-4-6", "gpt-5.5", "nobody-knows"]),
    models=st.just([]) | st.integers(0, 99).map(parts),
    role=st.sampled_from([None, "implementer", "reviewer"]),
    outcome=st.sampled_from(["succeeded", "failed", "rejected"]),
)
lines = st.lists(records.map(lambda each: encode(each)[:-1]) | st.sampled_from(BROKEN), max_size=15)


def write(project: Project, logs: dict[str, list[bytes]]) -> None:
    for feature, wanted in logs.items():
        path = project.log_path(feature)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\n".join(wanted))


def counted(
    project: Project, by: tuple[str, ...], processes: int, filters: EventFilter | None = None
) -> tuple[CostReport, ScanReport]:
    """Return the report that so many processes make, however little there is to read."""
    search = Search(project, filters or EventFilter())
    wanted = search.filters.wanted_model()
    with ParallelScan(
        search,
        lambda: Aggregator(by, BOOK.find, wanted_model=wanted),
        BOOK,
        processes=processes,
        share_bytes=1,
    ) as count:
        return report_of(count.totals(), by, wanted), search.report


@given(
    logs=st.fixed_dictionaries(dict.fromkeys(FEATURES, lines)),
    by=st.sampled_from([("feature",), ("role", "day"), ("model",), ("outcome", "model")]),
    processes=st.integers(2, 4),
    models=st.sampled_from([(), ("claude*",)]),
)
def test_processes_that_share_the_logs_find_what_one_finds(
    project: Project, logs: dict[str, list[bytes]], by: tuple[str, ...], processes: int, models: tuple[str, ...]
) -> None:
    write(project, logs)
    filters = EventFilter(models=models)
    assert counted(project, by, processes, filters) == counted(project, by, 1, filters)


@given(
    wanted=lines,
    cuts=st.lists(st.integers(0, 6000), max_size=5),
    ends=st.sampled_from([b"", b"\n"]),
    begins=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_a_log_that_is_read_in_stretches_has_the_same_records_wherever_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[bytes], cuts: list[int], ends: bytes, begins: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "log"
    path.write_bytes(begins + b"\n".join(wanted) + ends)
    whole = ScanReport()
    expected = list(scan(path, whole))

    edges = [0, *sorted({max(len(begins) + 1, min(cut, path.stat().st_size)) for cut in cuts}), None]
    seen: dict[str, None] = {}
    found: list[ExecutionEvent] = []
    together = ScanReport()
    for start, end in pairwise(edges):
        report = ScanReport()
        for events in scan_in_blocks(ByteRange(path, start or 0, end), report, seen, None):
            found += events
        together.add(report, together.line_count)
    assert found == expected
    assert together == whole


def test_a_long_line_belongs_to_the_stretch_in_which_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "log"
    good = encode(event(1, error="x" * 200_000)), b"y" * (2 * 1024 * 1024) + b"\n", encode(event(2))
    path.write_bytes(b"".join(good))
    cut = len(good[0]) + 1_500_000  # within the second line
    first, second = ScanReport(), ScanReport()
    ids = [
        [each.event_id for events in scan_in_blocks(byte_range, report, {}, None) for each in events]
        for byte_range, report in ((ByteRange(path, 0, cut), first), (ByteRange(path, cut), second))
    ]
    assert ids == [[event(1).event_id], [event(2).event_id]]
    assert [(each.line_count, each.skipped_count) for each in (first, second)] == [(2, 1), (1, 0)]


def test_of_a_record_that_stands_in_two_shares_the_first_counts(project: Project) -> None:
    cheap, dear = event(1, cost_usd=Decimal(1)), event(1, cost_usd=Decimal(50), role="reviewer")
    write(project, {"043-first": [encode(cheap)[:-1]], "044-second": [encode(dear)[:-1], encode(event(2))[:-1]]})

    report, read = counted(project, ("role",), 2)

    assert {row.group_key: (row.event_count, row.total_cost_usd) for row in report.rows} == {
        "implementer": (2, Decimal(1))
    }
    assert (read.event_count, read.duplicate_count) == (2, 1)


def test_an_override_that_only_an_uncounted_record_needed_is_not_named(project: Project) -> None:
    """The same id stands in both logs, and only its second, which does not count, is of the overridden model."""
    settings_path = project.root / ".kittify" / "telemetry.yaml"
    settings_path.write_text("pricing: {models: {claude-opus-4-6: {input: '9', output: '9'}}}", encoding="utf-8")
    cheap, dear = (
        event(1, model=name, input_tokens=5, output_tokens=1) for name in ("claude-sonnet-4-6", "claude-opus-4-6")
    )
    write(project, {"043-first": [encode(cheap)[:-1]], "044-second": [encode(dear)[:-1]]})

    def overrides(processes: int) -> tuple[OverrideUse, ...]:
        book = PriceBook.load(project.root)
        with ParallelScan(
            Search(project), lambda: Aggregator(("wp",), book.find), book, processes=processes, share_bytes=1
        ) as count:
            assert count.totals().groups
        return book.overrides_in_use

    assert overrides(2) == overrides(1) == ()


def test_a_process_that_is_killed_leaves_its_share_to_the_parent(project: Project) -> None:
    write(project, {feature: [encode(event(place))[:-1]] for place, feature in enumerate(FEATURES)})
    parent = os.getpid()

    class Killed(Aggregator):
        def add(self, events: Iterable[ExecutionEvent]) -> None:
            if os.getpid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
            super().add(events)

    search = Search(project)
    with ParallelScan(search, lambda: Killed(("feature",), BOOK.find), BOOK, processes=3, share_bytes=1) as count:
        report = report_of(count.totals(), ("feature",))
    assert (report.total.event_count, search.report.event_count) == (3, 3)


def test_a_log_that_cannot_be_read_is_the_same_error_as_in_one_process(project: Project) -> None:
    write(project, {"043-first": [encode(event(1))[:-1]], "044-second": [encode(event(2))[:-1]]})
    project.log_path("145-third").mkdir(parents=True)
    with pytest.raises(LogError, match=r"145-third.* is not a regular file; move it away"):
        counted(project, ("feature",), 3)
    assert active_children() == []


def test_leaving_early_stops_the_processes(project: Project) -> None:
    write(project, {feature: [encode(event(place))[:-1]] for place, feature in enumerate(FEATURES)})

    class Waiting(Aggregator):
        def add(self, events: Iterable[ExecutionEvent]) -> None:
            threading.Event().wait(60)

    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117 - the error comes from within
        with ParallelScan(Search(project), lambda: Waiting(("wp",), BOOK.find), BOOK, processes=2, share_bytes=1):
            raise KeyboardInterrupt
    assert active_children() == []


@pytest.mark.parametrize("sizes", [[], [0], [100], [10, 10, 10, 10], [1000, 1, 1], [1, 1, 1000], [700, 300, 500, 500]])
def test_shares_are_about_even_in_order_and_leave_nothing_out(tmp_path: Path, sizes: list[int]) -> None:
    paths = [tmp_path / str(number) for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(b"x" * size)

    found = shares([ByteRange(path) for path in paths], 3, share_bytes=1)

    assert 1 <= len(found) <= 3
    flat = [byte_range for share in found for byte_range in share]
    assert paths == list(dict.fromkeys(byte_range.path for byte_range in flat))
    for path in paths:
        pieces = [byte_range for byte_range in flat if byte_range.path == path]
        assert (pieces[0].start, pieces[-1].end) == (0, None)
        assert all(one.end == other.start for one, other in pairwise(pieces))
    if sum(sizes) > 100:
        weights = [sum((each.end or each.path.stat().st_size) - each.start for each in share) for share in found]
        assert max(weights) <= sum(sizes) / 3 * 1.3


def test_little_to_read_is_read_by_one_process(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 10_000)
    assert shares([ByteRange(path)], 8) == [[ByteRange(path)]]


def test_beside_another_thread_no_process_is_forked(project: Project) -> None:
    write(project, {feature: [encode(event(place))[:-1]] for place, feature in enumerate(FEATURES)})
    done = threading.Event()
    other = threading.Thread(target=done.wait, daemon=True)
    other.start()
    try:
        with ParallelScan(Search(project), lambda: Aggregator(("wp",), BOOK.find), BOOK, share_bytes=1) as count:
            assert active_children() == []
            assert report_of(count.totals(), ("wp",)).total.event_count == 3
    finally:
        done.set()
        other.join()


def test_a_refused_log_and_a_record_in_two_shares_are_what_they_are_in_one_process(
    project: Project, tmp_path: Path
) -> None:
    write(
        project,
        {
            "043-first": [encode(event(1))[:-1]],
            "044-second": [encode(event(1))[:-1], encode(event(2))[:-1]],
        },
    )
    project.log_path("145-third").parent.mkdir()
    project.log_path("145-third").mkdir()

    def report(processes: int) -> tuple[CostReport, ScanReport]:
        search = Search(project, goes_on=True)
        new_aggregator = partial(Aggregator, ("feature",), BOOK.find)
        with ParallelScan(search, new_aggregator, BOOK, processes=processes, share_bytes=1) as count:
            return report_of(count.totals(), ("feature",)), search.report

    found, read = report(2)
    assert (found, read) == report(1)
    assert [(row.group_key, row.event_count) for row in found.rows] == [("043-first", 1), ("044-second", 1)]
    assert (read.duplicate_count, len(read.unread)) == (1, 1)


STARTED = """
import sys, time
from pathlib import Path
from spec_kitty_telemetry.pricing import OverrideUse, PriceBook
from spec_kitty_telemetry.project.layout import Project
from spec_kitty_telemetry.reports.search import Search
from spec_kitty_telemetry.reports.totals import Aggregator
from spec_kitty_telemetry.reports.parallel import ParallelScan
from multiprocessing import active_children
book = PriceBook.shipped()
search = Search(Project(Path(sys.argv[1])))
count = ParallelScan(search, lambda: Aggregator(("wp",), book.find), book, processes=2, share_bytes=1)
with count:
    print(*(each.pid for each in active_children()), flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are shared on Linux alone")
def test_processes_whose_parent_is_killed_end(project: Project) -> None:
    """Their answers, the ids of 4,000 records each, are more than a pipe holds, so they wait for a reader."""
    for number, feature in enumerate(FEATURES[:2]):
        write(project, {feature: [encode(event(number * 4000 + each))[:-1] for each in range(4000)]})
    with subprocess.Popen(
        [sys.executable, "-c", STARTED, str(project.root)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        parent.kill()
    deadline = time.monotonic() + 30
    while any(is_running(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in children if is_running(pid)] == []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="processes are shared on Linux alone")
def test_where_no_process_can_be_started_one_counts_everything(project: Project) -> None:
    import resource

    write(project, {feature: [encode(event(place))[:-1]] for place, feature in enumerate(FEATURES)})
    counted(project, ("wp",), 2)  # all that is needed is imported now
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 1, hard))
    try:
        report, _ = counted(project, ("wp",), 3)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert report.total.event_count == 3
    assert active_children() == []


def test_a_process_that_may_have_no_children_counts_alone(project: Project) -> None:
    write(project, {feature: [encode(event(place))[:-1]] for place, feature in enumerate(FEATURES)})

    def count_there() -> None:
        with ParallelScan(Search(project), lambda: Aggregator(("wp",), BOOK.find), BOOK, share_bytes=1) as count:
            sys.exit(report_of(count.totals(), ("wp",)).total.event_count)

    process = get_context("fork").Process(target=count_there, daemon=True)
    process.start()
    process.join()
    assert process.exitcode == 3
