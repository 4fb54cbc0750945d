"""When the log cannot be written: the host call returns in time, nothing raises, and the record is kept somewhere."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from spec_kitty_telemetry import query_execution_events
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.log import writer as log_module
from spec_kitty_telemetry.log.repair import repair
from spec_kitty_telemetry.log.waiting import waiting_count
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import ExecutionEvent
from spec_kitty_telemetry.project.layout import Project

if TYPE_CHECKING:
    import subprocess


FEATURE = "043-telemetry-foundation"
HANGS_AFTER_S = 30.0
"""A host that waits this long hangs, however busy the machine is; what it waits for is bounded far below."""
NewEvent = Callable[..., ExecutionEvent]
NOBODY = 65534
on_posix = pytest.mark.skipif(os.name == "nt", reason="pipes, symlinks and limits of this kind are POSIX's")


@pytest.fixture
def open_project() -> Iterator[Project]:
    """A project that other users can look into; root makes it, because only root can become another user."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only root can become another user, whom permissions stop")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "kitty-specs" / FEATURE).mkdir(parents=True)
        yield Project(Path(folder).resolve())


def announce(hooks: Hooks, project: Project) -> tuple[str, float]:
    """Announce one run as a host does; return its id and how many seconds the host had to wait."""
    invocation = Invocation(project_root=project.root, feature=FEATURE, agent="claude-code", role="implementer")
    began = time.monotonic()
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, InvocationResult(success=True, exit_code=0))
    waited = time.monotonic() - began
    print(f"the host waited {waited * 1000:.1f} ms")
    assert waited < HANGS_AFTER_S
    return invocation.invocation_id, waited


def where(project: Project, event_id: str, warnings: str) -> str:
    """Tell where a record is: in the log, else in the spool, else in a warning."""
    path = project.log_path(FEATURE)
    if path.is_file() and not path.is_symlink() and event_id.encode() in path.read_bytes():
        return "log"
    if (project.runtime_dir / "spool" / FEATURE / f"{event_id}.json").is_file():
        return "spool"
    return "warning" if event_id in warnings else "nowhere"


def in_the_way(kind: str, path: Path) -> None:
    """Put something else where a file is expected."""
    if path.is_file():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "folder":
            path.mkdir()
        case "symlink":
            (path.parent / "elsewhere").write_bytes(b"precious\n")
            path.symlink_to(path.parent / "elsewhere")
        case "dangling symlink":
            path.symlink_to(path.parent / "nothing")
        case "pipe":
            os.mkfifo(path)


@on_posix
@pytest.mark.parametrize("kind", ["folder", "symlink", "dangling symlink", "pipe"])
def test_a_log_replaced_by_something_else_sends_the_record_to_the_spool(
    hooks: Hooks, project: Project, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    announce(hooks, project)
    in_the_way(kind, project.log_path(FEATURE))
    event_id, _ = announce(hooks, project)
    assert where(project, event_id, caplog.text) == "spool"
    if kind == "symlink":
        assert (project.log_path(FEATURE).parent / "elsewhere").read_bytes() == b"precious\n"


@on_posix
@pytest.mark.parametrize("kind", ["folder", "symlink", "dangling symlink", "pipe"])
@pytest.mark.parametrize("name", [f"{FEATURE}.lock", f"{FEATURE}.clock", "spool", "running"])
def test_whatever_stands_in_for_a_runtime_file_the_record_is_kept_in_time(
    hooks: Hooks, project: Project, kind: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    announce(hooks, project)
    if (project.runtime_dir / name).is_dir():
        shutil.rmtree(project.runtime_dir / name)
    in_the_way(kind, project.runtime_dir / name)
    event_id, _ = announce(hooks, project)
    assert where(project, event_id, caplog.text) in {"log", "spool", "warning"}
    if (kind, name) != ("folder", f"{FEATURE}.lock") and name != f"{FEATURE}.lock":
        assert where(project, event_id, caplog.text) == "log"
    if kind == "symlink":
        assert (project.runtime_dir / "elsewhere").read_bytes() == b"precious\n"


def test_a_log_deleted_in_the_middle_is_begun_again_with_higher_clocks(log: FeatureLog, new_event: NewEvent) -> None:
    for _ in range(3):
        log.append(new_event())
    log.path.unlink()
    assert log.append(new_event()).event.lamport_clock == 4
    shutil.rmtree(log.path.parent)
    appended = log.append(new_event())
    assert (appended.place, appended.event.lamport_clock) == ("log", 5)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"garbage",
        b"\xff" * 5000,
        b"{}",
        b"[" * 4000,
        b'{"clock":-5,"size":-1,"tail":""}',
        b'{"clock":9007199254740991,"size":0,"tail":""}',
        b'{"clock":2,"size":99999999,"tail":"AAAA"}',
        b'{"clock":"2"}',
    ],
)
def test_a_clock_file_of_garbage_is_made_again_from_the_log(
    project: Project, log: FeatureLog, new_event: NewEvent, garbage: bytes
) -> None:
    log.append(new_event())
    log.append(new_event())
    (project.runtime_dir / f"{FEATURE}.clock").write_bytes(garbage)
    clocks = [log.append(new_event()).event.lamport_clock for _ in range(2)]
    assert clocks == [3, 4]


def test_no_host_waits_longer_than_a_quarter_of_a_second_for_the_lock(
    hooks: Hooks, project: Project, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed_s: list[float] = []

    class Noted(FileLock):
        def acquire(self, *arguments: Any, **options: Any) -> Any:
            allowed_s.append(options["timeout"])
            return super().acquire(*arguments, **options)

    monkeypatch.setattr(log_module, "FileLock", Noted)
    announce(hooks, project)
    with FileLock(project.runtime_dir / f"{FEATURE}.lock", is_singleton=False):
        event_id, waited_s = announce(hooks, project)
        assert where(project, event_id, caplog.text) == "spool"
        assert waited_s > 0.2
    assert len(allowed_s) == 2
    assert all(0 <= each <= 0.25 for each in allowed_s)


@pytest.mark.parametrize("is_new", [True, False])
def test_no_host_waits_for_a_disk_that_does_not_answer(
    project: Project, new_event: NewEvent, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    log = FeatureLog.of_feature(project, FEATURE)
    if not is_new:
        log.append(new_event())
    asked, answers = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        asked.set()
        answers.wait(2 * HANGS_AFTER_S)

    monkeypatch.setattr(os, "fsync", hang)
    began = time.monotonic()
    appended = log.append(new_event())
    assert time.monotonic() - began < HANGS_AFTER_S
    answers.set()
    assert (appended.place, asked.is_set()) == ("log", True)


def test_a_lock_that_is_held_for_ever_sends_the_record_to_the_spool_in_time(
    hooks: Hooks, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.runtime_folder()
    with FileLock(project.runtime_dir / f"{FEATURE}.lock", is_singleton=False):
        ids = [announce(hooks, project)[0] for _ in range(3)]
        assert [where(project, each, caplog.text) for each in ids] == ["spool"] * 3
    last, _ = announce(hooks, project)
    assert [event.event_id for event in query_execution_events(project.feature_dir(FEATURE))] == [*ids, last]


HOST = """
import logging, os, resource, sys, time
from pathlib import Path
from spec_kitty_telemetry import Hooks, Invocation, InvocationResult
logging.basicConfig(level=logging.WARNING)
root, limit, user = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
hooks = Hooks.load(root)
run = Invocation(project_root=root, feature=sys.argv[4], agent="a", role="r", invocation_id=sys.argv[5])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
if user:
    os.setgid(user)
    os.setuid(user)
began = time.monotonic()
hooks.before_invocation(run)
hooks.after_invocation(run, InvocationResult(success=True))
print(f"{time.monotonic() - began:.4f}")
"""
Start = Callable[..., "subprocess.Popen[str]"]


def host(start: Start, project: Project, *, limit: int = 0, user: int = 0) -> tuple[str, str]:
    """Let another process announce one run; return its id and what it logged."""
    run = Invocation(project_root=project.root, feature=FEATURE, agent="a", role="r")
    output, errors = start(HOST, project.root, limit, user, FEATURE, run.invocation_id).communicate(timeout=60)
    print(f"the host waited {float(output) * 1000:.1f} ms")
    assert float(output) < HANGS_AFTER_S
    return run.invocation_id, errors


@on_posix
@pytest.mark.parametrize("room", [0, 1, 100, 500])
def test_a_disk_with_room_for_a_part_of_the_line_keeps_the_log_whole(
    project: Project, log: FeatureLog, new_event: NewEvent, start: Start, room: int
) -> None:
    while not log.path.exists() or log.path.stat().st_size < 3000:  # larger than the clock's file
        log.append(new_event())
    before = log.path.read_bytes()
    event_id, logged = host(start, project, limit=len(before) + room)
    assert where(project, event_id, logged) == "spool"
    assert log.path.read_bytes() == before
    log.append(new_event())
    assert where(project, event_id, "") == "log"


@on_posix
def test_a_disk_without_any_room_leaves_the_record_in_a_warning(
    project: Project, log: FeatureLog, new_event: NewEvent, start: Start
) -> None:
    log.append(new_event())
    event_id, logged = host(start, project, limit=1)
    assert where(project, event_id, logged) == "warning"
    assert f'"event_id":"{event_id}"' in logged


@on_posix
def test_a_project_that_is_read_only_leaves_the_record_in_a_warning(
    open_project: Project, new_event: NewEvent, start: Start
) -> None:
    FeatureLog.of_feature(open_project, FEATURE).append(new_event())
    event_id, logged = host(start, open_project, user=NOBODY)
    assert where(open_project, event_id, logged) == "warning"
    assert f'"event_id":"{event_id}"' in logged


@pytest.mark.parametrize("kind", ["kitty-specs", ".kittify"])
def test_a_file_where_a_folder_should_be_keeps_the_record_in_the_spool_or_a_warning(
    project: Project, kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_STATE_DIR", f"{os.devnull}/none")
    hooks = Hooks.load(project.root)
    shutil.rmtree(project.root / kind)
    (project.root / kind).write_bytes(b"")
    if kind == ".kittify":
        assert (project.root / "kitty-specs").is_dir()
    else:
        assert (project.root / ".kittify" / "config.yaml").is_file()
    event_id, _ = announce(hooks, project)
    assert where_is_it(project, event_id, caplog.text) == ("spool" if kind == "kitty-specs" else "warning")


def where_is_it(project: Project, event_id: str, warnings: str) -> str:
    spooled = project.runtime_dir / "spool" / FEATURE / f"{event_id}.json"
    return "spool" if spooled.is_file() else "warning" if event_id in warnings else "nowhere"


# The spool


def waiting(project: Project, new_event: NewEvent, count: int) -> list[str]:
    """Put records in the spool by holding the lock; return their ids."""
    project.runtime_folder()
    log = FeatureLog.of_feature(project, FEATURE, fsync=False)
    events = [new_event() for _ in range(count)]
    for event in events:
        from spec_kitty_telemetry.model.record import encode

        log.spool.put(event, encode(event))
    return [event.event_id for event in events]


def test_the_next_append_drains_the_spool_once_and_oldest_first(
    project: Project, log: FeatureLog, new_event: NewEvent, raw_ids: Callable[[Path], list[str]]
) -> None:
    ids = waiting(project, new_event, 5)
    last = log.append(new_event()).event
    log.append(new_event())
    assert raw_ids(log.path)[:6] == [*ids, last.event_id]
    assert last.lamport_clock == 6
    assert log.spool.paths() == []
    assert log.drain() == 0


def test_a_spool_of_many_records_is_drained_in_portions(
    project: Project, log: FeatureLog, new_event: NewEvent, raw_ids: Callable[[Path], list[str]]
) -> None:
    ids = waiting(project, new_event, 450)
    assert log.drain(10) == 200
    assert log.append(new_event()).event.lamport_clock > 200
    while log.drain(10):
        pass
    assert set(ids) < set(raw_ids(log.path))
    assert len(raw_ids(log.path)) == 451


@pytest.mark.parametrize("without_clock", [False, True])
def test_records_whose_drainer_was_killed_before_it_removed_them_are_not_drained_again(
    project: Project, log: FeatureLog, new_event: NewEvent, raw_ids: Callable[[Path], list[str]], without_clock: bool
) -> None:
    log.append(new_event())
    clock_path = project.runtime_dir / f"{FEATURE}.clock"
    clock_before = clock_path.read_bytes()
    ids = waiting(project, new_event, 3)
    kept = {path: path.read_bytes() for path in log.spool.paths()}
    log.append(new_event())
    # What a SIGKILL between the write and the removal leaves: the lines, the files, the clock as it was.
    for path, line in kept.items():
        path.write_bytes(line)
    if without_clock:
        clock_path.unlink()
    else:
        clock_path.write_bytes(clock_before)
    log.append(new_event())
    assert sorted(raw_ids(log.path)) == sorted(set(raw_ids(log.path)))
    assert set(ids) < set(raw_ids(log.path))
    assert log.spool.paths() == []


DRAIN_AND_DIE = """
import os, signal, sys
from pathlib import Path
from spec_kitty_telemetry.log.writer import FeatureLog
from spec_kitty_telemetry.project.layout import Project

written = False

def die_after_the_write(event, arguments):
    # The first file to be removed after the log was written is the spool's: the kill comes right before that.
    if event == "os.remove" and str(arguments[0]).endswith(".json"):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die_after_the_write)
FeatureLog.of_feature(Project(Path(sys.argv[1])), sys.argv[2], fsync=False).drain(10)
"""


@on_posix
def test_a_drainer_that_is_really_killed_between_write_and_removal_drains_each_record_once(
    project: Project, log: FeatureLog, new_event: NewEvent, start: Start, raw_ids: Callable[[Path], list[str]]
) -> None:
    log.append(new_event())
    ids = waiting(project, new_event, 4)
    assert start(DRAIN_AND_DIE, project.root, FEATURE).wait(30) == -9
    assert set(ids) < set(raw_ids(log.path))
    assert len(log.spool.paths()) == 4
    log.append(new_event())
    assert len(raw_ids(log.path)) == 6
    assert log.spool.paths() == []


@on_posix
def test_a_spool_whose_files_cannot_be_removed_is_not_drained_over_and_over(
    open_project: Project, new_event: NewEvent, start: Start, raw_ids: Callable[[Path], list[str]]
) -> None:
    (stuck,) = waiting(open_project, new_event, 1)
    for path in (open_project.root, *open_project.root.rglob("*")):
        path.chmod(0o777)
    (open_project.runtime_dir / "spool" / FEATURE).chmod(0o755)
    for _ in range(3):
        host(start, open_project, user=NOBODY)
    path = open_project.log_path(FEATURE)
    assert (len(raw_ids(path)), raw_ids(path).count(stuck)) == (3, 0)
    FeatureLog.of_feature(open_project, FEATURE).drain(10)
    assert (len(raw_ids(path)), raw_ids(path).count(stuck)) == (4, 1)


def test_a_file_that_could_not_be_removed_is_not_drained_again_when_it_is_met_with_its_line(
    project: Project, log: FeatureLog, new_event: NewEvent, raw_ids: Callable[[Path], list[str]]
) -> None:
    (back,) = waiting(project, new_event, 1)
    (path,) = log.spool.paths()
    line = path.read_bytes()
    for _ in range(3):
        log.append(new_event())
        path.write_bytes(line)
        (project.runtime_dir / f"{FEATURE}.clock").unlink()
    assert raw_ids(log.path).count(back) == 1


def test_a_file_in_the_spool_that_holds_no_record_stays_for_a_person(
    project: Project, log: FeatureLog, new_event: NewEvent
) -> None:
    (good,) = waiting(project, new_event, 1)
    bad = log.spool.folder / "01K3AAAAAAAAAAAAAAAAAAAAAA.json"
    bad.write_bytes(b"garbage")
    other_name = log.spool.folder / "01K3BBBBBBBBBBBBBBBBBBBBBB.json"
    other_name.write_bytes((log.spool.folder / f"{good}.json").read_bytes())
    log.append(new_event())
    assert log.spool.paths() == [bad, other_name]
    assert log.spool.inspect() == ([], [bad, other_name])


def test_what_the_projects_own_spool_cannot_hold_waits_in_the_users_state_folder(
    project: Project, log: FeatureLog, new_event: NewEvent
) -> None:
    in_the_way("folder", log.path)
    (project.runtime_dir).mkdir(parents=True)
    (project.runtime_dir / "spool").write_bytes(b"")
    event = new_event()
    assert log.append(event).place == "spool"
    (path,) = log.spool.paths()
    assert path.parent == log.spool.fallback
    assert not path.is_relative_to(project.root)
    assert waiting_count(project) == 1
    shutil.rmtree(log.path)
    assert log.append(new_event()).place == "log"
    assert log.spool.paths() == []
    assert event.event_id in {each.event_id for each in query_execution_events(project.feature_dir(FEATURE))}


def test_the_warning_carries_the_whole_record(
    project: Project, log: FeatureLog, new_event: NewEvent, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_STATE_DIR", f"{os.devnull}/none")
    in_the_way("folder", log.path)
    (project.runtime_dir).mkdir(parents=True)
    (project.runtime_dir / "spool").write_bytes(b"")
    log = FeatureLog.of_feature(project, FEATURE)
    event = new_event(payload=ExecutionPayload(agent="codex", input_tokens=7))
    with caplog.at_level(logging.WARNING):
        assert log.append(event).place == "warning"
    (warning,) = (each.getMessage() for each in caplog.records)
    text = warning.partition("this record is in no file: ")[2]
    assert json.loads(text)["payload"]["input_tokens"] == 7
    assert json.loads(text)["event_id"] == event.event_id


def test_a_start_with_many_dead_runs_and_a_stuck_lock_waits_only_once(project: Project, start: Start) -> None:
    for _ in range(4):
        die = start(LEAVE_AND_DIE, project.root, FEATURE)
        die.wait(30)
    with FileLock(project.runtime_dir / f"{FEATURE}.lock", is_singleton=False):
        Hooks.load(project.root)
        assert len(list((project.runtime_dir / "spool" / FEATURE).iterdir())) == 4  # it waited once for all of them
        assert list((project.runtime_dir / "running").glob("*.json")) == []
    assert repair(project, FEATURE) == [f"{FEATURE}: 4 waiting record(s) moved from the spool into the log"]
    killed = query_execution_events(project.feature_dir(FEATURE))
    assert [event.payload.outcome for event in killed] == ["killed"] * 4


LEAVE_AND_DIE = """
import os, sys
from pathlib import Path
from spec_kitty_telemetry import Hooks, Invocation
root = Path(sys.argv[1])
hooks = Hooks()
from spec_kitty_telemetry.recording.recorder import Recorder
hooks.register(Recorder(), "telemetry")
from spec_kitty_telemetry.recording import in_flight
from spec_kitty_telemetry.project.layout import Project
in_flight.leave(Project(root), Invocation(project_root=root, feature=sys.argv[2], agent="a", role="r"))
os._exit(1)
"""
