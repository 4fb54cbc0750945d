"""Of several records of one run one counts, by one rule, however a log is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.log.lines import ByteRange, blocks_of_lines, whole_lines
from spec_kitty_telemetry.log.reader import ScanReport, scan
from spec_kitty_telemetry.log.repair import health, repair
from spec_kitty_telemetry.log.superseding import Superseding, supersede, void
from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import ExecutionEvent, encode
from spec_kitty_telemetry.pricing import PriceBook
from spec_kitty_telemetry.reports.filters import EventFilter
from spec_kitty_telemetry.reports.parallel import ParallelScan
from spec_kitty_telemetry.reports.search import Search, record_called
from spec_kitty_telemetry.reports.totals import Aggregator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from spec_kitty_telemetry.log.writer import FeatureLog
    from spec_kitty_telemetry.project.layout import Project

    NewEvent = Callable[..., ExecutionEvent]

FEATURE = "043-telemetry-foundation"
AT = datetime(2026, 8, 20, tzinfo=UTC)
any_fixture = [HealthCheck.function_scoped_fixture]


def record(number: int, **facts: Any) -> ExecutionEvent:
    payload = ExecutionPayload(**{"agent": "a", "outcome": "succeeded", "version": 2, "input_tokens": 1, **facts})
    return ExecutionEvent(event_id=f"{number:026}", aggregate_id="x", node_id="n", timestamp=AT, payload=payload)


def name(number: int) -> str:
    return f"{number:026}"


def obvious(events: Sequence[ExecutionEvent]) -> list[ExecutionEvent]:
    """What counts, said as in docs/records.md, with everything in memory."""
    subjects: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        subjects.setdefault(event.payload.supersedes or event.event_id, []).append(place)
    winners = set()
    for places in subjects.values():
        payloads = [events[place].payload for place in places]
        if all(payload.voided is None for payload in payloads):
            revisions = [1 if payload.revision is None else payload.revision for payload in payloads]
            winners.add(places[revisions.index(max(revisions))])
    return [event for place, event in enumerate(events) if place in winners]


@st.composite
def logs(draw: st.DrawFn) -> list[ExecutionEvent]:
    """Logs of a few runs: plain records, guesses, later revisions with ids of their own, voids, and repeated lines."""
    events: list[ExecutionEvent] = []
    for number in range(draw(st.integers(1, 40))):
        subject = draw(st.integers(0, 5))
        kind = draw(st.sampled_from(["plain", "plain", "guess", "later", "void", "again"]))
        if kind == "plain":
            events.append(record(subject))
        elif kind == "guess":
            events.append(record(subject, outcome="killed", revision=0))
        elif kind == "later":
            revision = draw(st.one_of(st.none(), st.integers(0, 4)))
            events.append(record(100 + number, supersedes=name(subject), revision=revision))
        elif kind == "void":
            if draw(st.integers(0, 2)) == 0:
                events.append(void(record(subject), name(100 + number), "a mistake"))
        elif events:
            events.append(draw(st.sampled_from(events)))
    return events


@given(events=logs())
@settings(max_examples=200, deadline=None, suppress_health_check=any_fixture)
def test_a_log_yields_what_the_rule_says_in_the_order_of_the_file(tmp_path: Path, events: list[ExecutionEvent]) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(map(encode, events)))
    assert list(scan(path)) == obvious(events)


@given(events=logs(), processes=st.integers(2, 5))
@settings(max_examples=25, deadline=None, suppress_health_check=any_fixture)
def test_several_processes_that_share_a_log_count_what_one_does(
    project: Project, events: list[ExecutionEvent], processes: int
) -> None:
    project.log_path(FEATURE).write_bytes(b"".join(map(encode, events)))
    search = Search(project, EventFilter(features=(FEATURE,)))
    book = PriceBook.shipped()
    aggregator = lambda: Aggregator(("outcome",), book.find)  # noqa: E731
    with ParallelScan(search, aggregator, book, processes=processes, share_bytes=1) as counting:
        counting.totals()
    expected = obvious(events)
    assert search.report.event_count == len(expected)
    left_out = search.report.superseded_count + search.report.duplicate_count
    assert left_out == len(events) - len(expected)


@given(text=st.lists(st.sampled_from([b"a", b"bb", b"", b"c" * 9, b"\r"])), cut=st.integers(0, 40), ends=st.booleans())
@settings(deadline=None, suppress_health_check=any_fixture)
def test_whole_lines_are_the_lines_of_a_range_each_at_its_place(
    tmp_path: Path, text: list[bytes], cut: int, *, ends: bool
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\n".join(text) + (b"\n" if ends and text else b""))
    for byte_range in (ByteRange(path), ByteRange(path, 0, cut), ByteRange(path, cut)):
        expected = b"".join(line or b"" for lines in blocks_of_lines(byte_range) for line in lines)
        found = list(whole_lines(byte_range))
        assert b"".join(each for _, each in found) == expected
        assert all(path.read_bytes()[place : place + len(each)] == each for place, each in found)


def test_any_real_result_takes_the_place_of_a_guess_before_or_behind_it(tmp_path: Path) -> None:
    guess, real = record(1, outcome="killed", revision=0), record(1, cost_usd=None)
    for events in ([guess, real], [real, guess]):
        (tmp_path / "log").write_bytes(b"".join(map(encode, events)))
        report = ScanReport()
        assert list(scan(tmp_path / "log", report)) == [real]
        assert (report.superseded_count, report.duplicate_count) == (1, 0)


def test_a_void_wins_over_whatever_is_written_later(tmp_path: Path) -> None:
    first = record(1)
    later = supersede(first, name(3), first.event_id, 9)
    (tmp_path / "log").write_bytes(b"".join(map(encode, [first, void(first, name(2), "tried out"), later])))
    assert list(scan(tmp_path / "log")) == []


def test_another_log_is_not_concerned(tmp_path: Path) -> None:
    first = record(1)
    (tmp_path / "one").write_bytes(encode(first))
    (tmp_path / "two").write_bytes(encode(void(first, name(2), "elsewhere")))
    assert list(scan(tmp_path / "one")) == [first]


def test_a_line_that_is_no_record_takes_nothing_back(tmp_path: Path) -> None:
    first = record(1)
    broken = encode(void(first, name(2), "x")).replace(b'"node_id":"n"', b'"node_id":5')
    (tmp_path / "log").write_bytes(encode(first) + broken)
    assert list(scan(tmp_path / "log")) == [first]


def test_a_name_that_is_one_of_the_words_changes_nothing(tmp_path: Path) -> None:
    events = [record(1, model="revision"), record(2, role='"supersedes"'), record(3, error='{"voided":"x"}')]
    (tmp_path / "log").write_bytes(b"".join(map(encode, events)))
    assert list(scan(tmp_path / "log")) == events


def test_a_claim_that_came_after_the_search_holds_from_the_next_reading_on() -> None:
    first = record(1)
    rule = Superseding()
    assert rule.counts(first)
    assert not rule.counts(supersede(first, name(2), first.event_id, 2))


def test_the_id_of_a_record_finds_what_took_its_place(project: Project) -> None:
    first = record(1)
    later = supersede(first, name(7), first.event_id, 2)
    project.log_path(FEATURE).write_bytes(encode(first) + encode(later))
    assert record_called(Search(project), first.event_id).event_id == later.event_id
    assert record_called(Search(project), later.event_id).event_id == later.event_id
    everything = Search(project, everything=True)
    assert [event.event_id for event in everything.events()] == [first.event_id, later.event_id]


def test_superseding_lines_are_whole_records_that_keep_what_they_say(new_event: NewEvent) -> None:
    first = new_event()
    line = json.loads(encode(void(first, name(9), "typed twice")))
    assert line["payload"]["supersedes"] == first.event_id
    assert line["payload"]["voided"] == "typed twice"
    before = json.loads(encode(first))
    assert {**line, "event_id": first.event_id, "payload": before["payload"]} == before
    assert "revision" not in before["payload"]


def test_what_waits_is_not_thought_recorded_where_the_log_has_only_a_guess(
    log: FeatureLog, new_event: NewEvent
) -> None:
    real = new_event()
    guess = msgspec.structs.replace(real, payload=msgspec.structs.replace(real.payload, outcome="killed", revision=0))
    log.append(guess)
    log.spool.put(real, encode(real))
    log.append(new_event())
    assert log.spool.paths() == []
    assert [event.payload.outcome for event in scan(log.path) if event.event_id == real.event_id] == ["succeeded"]


def test_a_guess_does_not_take_the_place_of_what_waits(log: FeatureLog, new_event: NewEvent) -> None:
    real = new_event()
    guess = msgspec.structs.replace(real, payload=msgspec.structs.replace(real.payload, revision=0))
    log.spool.put(real, encode(real))
    log.spool.put(guess, encode(guess))
    (path,) = log.spool.paths()
    assert path.read_bytes() == encode(real)


def test_repair_keeps_every_line_and_health_counts_them(project: Project, log: FeatureLog, new_event: NewEvent) -> None:
    first = new_event()
    for event in (first, supersede(first, new_event().event_id, first.event_id, 2)):
        log.append(event)
    with log.path.open("ab") as file:
        file.write(b"garbage\n")
    repair(project, FEATURE)
    found = health(project, FEATURE)
    assert (found.event_count, found.superseded_count, found.bad_line_count) == (1, 1, 0)
    assert len(log.path.read_bytes().splitlines()) == 2


@pytest.mark.parametrize("everything", [False, True])
def test_events_all_shows_what_was_taken_back(project: Project, new_event: NewEvent, *, everything: bool) -> None:
    first = new_event()
    project.log_path(FEATURE).write_bytes(encode(first) + encode(void(first, name(5), "typed twice")))
    flags = ["--all"] if everything else []
    shown = CliRunner().invoke(group, ["events", "--json", *flags, "--project", str(project.root)])
    assert len(shown.stdout.splitlines()) == (2 if everything else 0)
