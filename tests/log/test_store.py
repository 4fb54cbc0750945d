"""`SimpleJsonStore` is an event store as the host family means it."""

from __future__ import annotations

import json
import os
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from filelock import FileLock
from spec_kitty_events import Event, EventStore, StorageError
from ulid import ULID

from spec_kitty_telemetry import SimpleJsonStore, query_execution_events
from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.log import event_store as store_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.log.writer import FeatureLog
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"


def event(**changes: Any) -> Event:
    facts: dict[str, Any] = {
        "event_id": str(ULID()),
        "event_type": "WPStatusChanged",
        "aggregate_id": FEATURE,
        "payload": {"from": "planned", "share": 0.1, "note": "ünï\n", "nested": {"list": [1, None, True]}},
        "timestamp": datetime(2026, 8, 20, 10, 0, 0, 5, tzinfo=UTC),
        "build_id": "b",
        "node_id": "n",
        "lamport_clock": 1,
        "project_uuid": UUID(int=7),
        "correlation_id": str(ULID()),
    }
    return Event(**(facts | changes))


@pytest.fixture
def store(project: Project) -> SimpleJsonStore:
    return SimpleJsonStore(project.feature_dir(FEATURE))


def test_it_is_an_event_store(store: SimpleJsonStore) -> None:
    assert isinstance(store, EventStore)


def test_what_was_saved_is_loaded_as_it_was(store: SimpleJsonStore, project: Project) -> None:
    saved = [event(lamport_clock=clock) for clock in (1, 2, 3)]
    for each in saved:
        store.save_event(each)
    assert store.load_all_events() == saved
    assert SimpleJsonStore(str(project.feature_dir(FEATURE))).load_all_events() == saved


def test_events_come_by_clock_then_node_then_place_and_by_aggregate(store: SimpleJsonStore) -> None:
    a, b, c, d = (
        event(lamport_clock=2, node_id="z"),
        event(lamport_clock=2, node_id="a", aggregate_id="other"),
        event(lamport_clock=1, node_id="z"),
        event(lamport_clock=2, node_id="z"),
    )
    for each in (a, b, c, d):
        store.save_event(each)
    assert store.load_all_events() == [c, b, a, d]
    assert store.load_events(FEATURE) == [c, a, d]
    assert store.load_events("nobody") == []


def test_saving_twice_keeps_one_and_the_first_wins(store: SimpleJsonStore, project: Project) -> None:
    first = event()
    store.save_event(first)
    store.save_event(first)
    store.save_event(first.model_copy(update={"payload": {"changed": True}}))
    SimpleJsonStore(project.feature_dir(FEATURE)).save_event(first)
    assert store.load_all_events() == [first]
    assert store.path.read_bytes().count(b"\n") == 1


def test_events_of_two_stores_and_of_the_recorder_know_each_other(
    store: SimpleJsonStore, project: Project, log: FeatureLog, new_event: Callable[..., ExecutionEvent]
) -> None:
    other = SimpleJsonStore(project.feature_dir(FEATURE))
    shared = event(lamport_clock=40)
    store.save_event(shared)
    other.save_event(event(lamport_clock=41))
    recorded = log.append(new_event()).event
    assert recorded.lamport_clock == 42
    other.save_event(shared)
    store.save_event(Event(**json.loads(store.path.read_bytes().splitlines()[-1])))
    assert [each.lamport_clock for each in store.load_all_events()] == [40, 41, 42]
    assert store.path.read_bytes().count(b"\n") == 3
    assert [each.event_id for each in query_execution_events(project.feature_dir(FEATURE))] == [recorded.event_id]


def test_saving_does_not_read_the_log_again(store: SimpleJsonStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for clock in range(300):
        store.save_event(event(lamport_clock=clock))
    read = os.read
    amounts = []

    def counted(descriptor: int, count: int) -> bytes:
        text = read(descriptor, count)
        amounts.append(len(text))
        return text

    size = store.path.stat().st_size
    with monkeypatch.context() as patched:
        patched.setattr(os, "read", counted)
        for clock in range(300, 310):
            store.save_event(event(lamport_clock=clock))
    assert size > 100_000
    assert sum(amounts) / 10 < 4096


def test_threads_may_share_a_store(store: SimpleJsonStore) -> None:
    shared = [event(lamport_clock=clock) for clock in range(25)]

    def save_all() -> None:
        for each in shared:
            store.save_event(each)

    threads = [threading.Thread(target=save_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.load_all_events() == shared


def test_a_log_that_was_replaced_is_read_again(store: SimpleJsonStore) -> None:
    gone = event()
    store.save_event(gone)
    store.path.unlink()
    store.save_event(gone)
    assert store.load_all_events() == [gone]


def test_lines_of_the_first_version_are_completed_with_the_projects_identity(legacy_project: Project) -> None:
    for feature in legacy_project.features_with_logs():
        path = legacy_project.log_path(feature)
        loaded = SimpleJsonStore(path.parent).load_all_events()
        unique = {json.loads(line)["event_id"] for line in path.read_bytes().splitlines() if line.startswith(b"{")}
        assert len(loaded) == len(unique) > 0
        assert {str(each.project_uuid) for each in loaded} == {legacy_project.identity().project_uuid}


def test_lines_that_are_no_event_are_passed_over(store: SimpleJsonStore) -> None:
    good = event()
    store.save_event(good)
    with store.path.open("ab") as file:
        file.write(b"garbage\n[]\n{}\n" + b"[" * 9000 + b"\n\xff\n" + b"x" * (1024 * 1024 + 1))
    other = event(lamport_clock=2)
    store.save_event(other)
    assert store.load_all_events() == [good, other]


@pytest.mark.parametrize(
    "payload", [{"x": "y" * 1024 * 1024}, {"x": object()}, {"x": "\ud800"}], ids=["long", "object", "surrogate"]
)
def test_an_event_that_could_not_be_read_again_is_refused(store: SimpleJsonStore, payload: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match=r"event \w{26} was not saved: "):
        store.save_event(event(payload=payload))
    assert store.load_all_events() == []


def test_a_log_that_cannot_be_used_is_a_storage_error(store: SimpleJsonStore) -> None:
    store.path.mkdir()
    with pytest.raises(StorageError, match="move it away"):
        store.save_event(event())
    with pytest.raises(StorageError, match="move it away"):
        store.load_all_events()
    with pytest.raises(StorageError, match="move it away"):
        store.load_events(FEATURE)


def test_a_lock_that_is_held_too_long_is_a_storage_error(
    store: SimpleJsonStore, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_PATIENCE_S", 0.05)
    project.runtime_folder()
    with (
        FileLock(project.runtime_dir / f"{FEATURE}.lock", is_singleton=False),
        pytest.raises(StorageError, match="another process kept its lock for too long"),
    ):
        store.save_event(event())


@pytest.mark.skipif(sys.platform == "win32", reason="making symlinks needs a privilege on Windows")
def test_a_folder_that_leads_out_of_the_project_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (project.specs_dir / "001-link").symlink_to(tmp_path / "outside")
    with pytest.raises(ProjectError, match="leads out of the project"):
        SimpleJsonStore(project.specs_dir / "001-link")
