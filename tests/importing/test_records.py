"""What an import writes: each request once, whoever imports, how often, and in whatever order."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.agents.common.store import Request
from spec_kitty_telemetry.importing.importer import MOVED, Importer, write
from spec_kitty_telemetry.log.writer import FeatureLog
from tests.importing.conftest import NINE, SLUG, Mission, Telling, counted, lines, session

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.agents.common.store import StoredSession
    from spec_kitty_telemetry.project.layout import Project


def imported(project: Project, *sessions: StoredSession, session_ids: set[str] | None = None) -> list[str]:
    """Import the sessions and return the kinds of what was written."""
    importer = Importer(only=project, session_ids=session_ids)
    for each in sessions:
        importer.look_at(each)
    changes = [change for found in importer.found() for change in found.changes]
    assert write(project, changes) == []
    return [change.kind for change in changes]


def outputs(project: Project) -> int:
    return sum(event.payload.output_tokens or 0 for event in counted(project))


def a_day(mission: Mission) -> Telling:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    mission.moves(telling.runs("implement", "WP01"), "WP01", "in_progress", "planned")
    mission.moves(telling.runs("move-task", "WP01", lane="for_review"), "WP01", "for_review", "in_progress")
    telling.says()
    telling.works()
    return telling


def test_a_record_says_all_that_a_session_store_knows(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    mission.moves(telling.runs("implement", "WP01"), "WP01", "in_progress", "planned")
    helper = Telling(telling.folder, telling.now, "helper", is_subagent=True, model="claude-haiku-4-5", first_number=40)
    helper.works()
    telling.now = helper.now
    mission.moves(telling.runs("move-task", "WP01", lane="for_review"), "WP01", "for_review", "in_progress")
    imported(mission.project, session(telling, helper))
    (event,) = lines(mission.project.log_path(SLUG))
    payload = event.payload
    assert (event.feature, payload.wp_id, payload.role, payload.attempt) == (SLUG, "WP01", "implementer", 1)
    assert (payload.agent, payload.model, payload.session_id) == ("claude-code", "claude-haiku-4-5", "s1")
    assert (payload.outcome, payload.success, payload.usage_source) == ("succeeded", True, "transcript")
    assert payload.attributed_by == ["command", "lane-move", "slash"]
    assert payload.subagent_count == 1
    # requests 1 and 2 of the thread (1001 + 1002 in, 1 + 2 out), request 40 of its sub-agent (1040 in, 40 out)
    assert (payload.input_tokens, payload.output_tokens) == (3043, 43)
    assert [(part.model, part.input_tokens, part.output_tokens) for part in payload.models] == [
        ("claude-haiku-4-5", 1040, 40),
        ("claude-sonnet-4-6", 2003, 3),
    ]
    assert payload.started_at == NINE + timedelta(seconds=10)
    assert event.timestamp == NINE + timedelta(seconds=50)
    assert payload.duration_ms is None


def test_what_is_outside_of_missions_is_in_a_log_of_its_own_that_git_ignores(mission: Mission) -> None:
    imported(mission.project, session(a_day(mission)))
    (event,) = lines(mission.project.outside_log)
    assert (event.feature, event.payload.wp_id, event.payload.role) == ("–", None, None)
    assert event.payload.attributed_by == ["none"]
    assert event.payload.output_tokens == 3
    assert (mission.project.runtime_dir / ".gitignore").read_text(encoding="ascii") == "*\n"


def test_a_session_has_the_tags_of_the_settings_and_is_not_recorded_anew_when_they_change(mission: Mission) -> None:
    settings = mission.project.settings_path
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("default_tags: {team: payments}\n", encoding="utf-8")
    telling = a_day(mission)
    imported(mission.project, session(telling))
    assert [event.payload.tags for event in counted(mission.project)] == [{"team": "payments"}] * 2
    settings.write_text("default_tags: {team: shop}\n", encoding="utf-8")
    assert imported(mission.project, session(telling)) == []


def test_importing_twice_adds_nothing(mission: Mission) -> None:
    told = session(a_day(mission))
    assert imported(mission.project, told) == ["new", "new"]
    before = mission.project.log_path(SLUG).read_bytes()
    assert imported(mission.project, told) == []
    assert mission.project.log_path(SLUG).read_bytes() == before


def test_a_session_that_went_on_is_brought_up_to_date_once(mission: Mission) -> None:
    telling = a_day(mission)
    imported(mission.project, session(telling))
    telling.works(2)
    assert imported(mission.project, session(telling)) == ["grown"]
    assert imported(mission.project, session(telling)) == []
    first, second = lines(mission.project.outside_log)
    assert (second.payload.supersedes, second.payload.revision) == (first.event_id, 4)  # three requests, and one
    assert outputs(mission.project) == 1 + 2 + 3 + 4 + 5


def test_what_only_became_better_known_is_brought_up_to_date_too(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    mission.moves(telling.runs("implement", "WP01"), "WP01", "in_progress", "planned")
    imported(mission.project, session(telling))
    mission.moves(telling.now, "WP01", "for_review", "in_progress")
    assert imported(mission.project, session(telling)) == ["grown"]
    assert [event.payload.outcome for event in counted(mission.project)] == ["succeeded"]


def test_work_that_turns_out_to_be_a_missions_moves_to_its_log(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.says()
    telling.works(2)
    imported(mission.project, session(telling))
    telling.runs("implement", "WP01")
    assert imported(mission.project, session(telling)) == ["new", "moved"]
    assert imported(mission.project, session(telling)) == []
    (event,) = counted(mission.project)
    assert (event.feature, event.payload.output_tokens) == (SLUG, 6)
    assert lines(mission.project.outside_log)[-1].payload.voided == MOVED


def test_work_that_comes_back_to_where_it_was_taken_from_counts_again(mission: Mission) -> None:
    chat = Telling(str(mission.project.root))
    chat.says()
    chat.works()
    work = Telling(str(mission.project.root))
    work.says()
    work.works()
    work.runs("implement", "WP01")
    for telling in (chat, work, chat, work):
        imported(mission.project, session(telling))
    assert outputs(mission.project) == 3


def test_what_somebody_took_back_stays_taken_back(mission: Mission) -> None:
    told = session(a_day(mission))
    imported(mission.project, told)
    (event,) = lines(mission.project.log_path(SLUG))
    payload = msgspec.structs.replace(event.payload, supersedes=event.event_id, voided="not my work")
    void = msgspec.structs.replace(event, event_id="01M8FXYR4T7C9N3ZP0Q5D2K6VX", payload=payload)
    FeatureLog.of_feature(mission.project, SLUG).append(void)
    assert imported(mission.project, told) == []
    assert outputs(mission.project) == 3


def test_two_machines_give_the_same_ids(mission: Mission, tmp_path: Path) -> None:
    told = session(a_day(mission))
    imported(mission.project, told)
    first = [event.event_id for event in lines(mission.project.log_path(SLUG))]
    mission.project.log_path(SLUG).unlink()
    imported(mission.project, told)
    assert [event.event_id for event in lines(mission.project.log_path(SLUG))] == first


def test_what_run_or_a_host_recorded_is_not_recorded_again(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    telling.runs("implement", "WP01")
    ended = telling.now
    telling.now += timedelta(hours=2)
    telling.says()
    telling.works()  # the same session, resumed by hand
    emit_execution_event(
        mission.project.feature_dir(SLUG), SLUG, "WP01", "claude-code", "implementer", session_id="s1",
        input_tokens=1001, output_tokens=1, duration_ms=60_000, timestamp=ended,
    )  # fmt: skip
    imported(mission.project, session(telling))
    assert outputs(mission.project) == 1 + 2
    assert imported(mission.project, session(telling)) == []


def test_an_import_that_was_faster_than_the_run_itself_is_taken_back(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    telling.runs("implement", "WP01")
    imported(mission.project, session(telling))
    emit_execution_event(
        mission.project.feature_dir(SLUG), SLUG, "WP01", "claude-code", "implementer", session_id="s1",
        input_tokens=1001, output_tokens=1, duration_ms=60_000, timestamp=telling.now,
    )  # fmt: skip
    assert imported(mission.project, session(telling)) == ["moved"]
    assert outputs(mission.project) == 1


def test_a_run_whose_numbers_nobody_knows_does_not_hide_those_of_its_session(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.works()
    emit_execution_event(
        mission.project.feature_dir(SLUG), SLUG, "WP01", "claude-code", "implementer", session_id="s1",
        duration_ms=60_000, timestamp=telling.now,
    )  # fmt: skip
    assert imported(mission.project, session(telling)) == ["new"]


def test_a_copy_of_a_request_in_another_session_does_not_count(mission: Mission) -> None:
    telling = a_day(mission)
    fork = Telling(telling.folder, telling.now, entries=list(telling.entries))
    fork.says()
    fork.works()
    sessions = (session(telling), session(fork, session_id="s2", forked_from="s1"))
    imported(mission.project, *sessions)
    assert imported(mission.project, *sessions) == []
    assert outputs(mission.project) == 1 + 2 + 3 + 4


def test_a_copy_does_not_count_either_when_its_agent_deleted_the_origin(mission: Mission) -> None:
    telling = a_day(mission)
    imported(mission.project, session(telling))
    copies = [
        msgspec.structs.replace(entry, is_copy=True) if isinstance(entry, Request) else entry
        for entry in telling.entries
    ]
    fork = Telling(telling.folder, telling.now, entries=copies)
    fork.says()
    fork.works()
    again = session(fork, session_id="s2", forked_from="s1")
    imported(mission.project, again, session_ids={"s2"})  # as its hook does
    assert imported(mission.project, again) == []
    assert outputs(mission.project) == 1 + 2 + 3 + 4


def test_what_only_the_agents_own_total_has_is_an_entry_of_its_own_with_a_doubt(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    telling.runs("implement", "WP01")
    hidden = Request(
        request_id="s1 hidden claude-sonnet-4-6", at=telling.now, model="claude-sonnet-4-6", is_hidden=True,
        folder=telling.folder, input_tokens=900, output_tokens=90, doubt="no line has it",
    )  # fmt: skip
    telling.entries.append(hidden)
    imported(mission.project, session(telling))
    work, extra = lines(mission.project.log_path(SLUG))
    assert (work.payload.output_tokens, work.payload.uncertain) == (1, None)
    assert (extra.payload.wp_id, extra.payload.role, extra.payload.output_tokens) == ("WP01", "implementer", 90)
    assert extra.payload.uncertain is not None


@given(
    steps=st.lists(st.sampled_from(["says", "works", "wp1", "wp2", "review", "hand on"]), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 30), max_size=4),
    seed=st.integers(0, 2**16),
)
def test_every_request_counts_once_whatever_the_order_and_the_growth(
    tmp_path_factory: object, steps: list[str], cuts: list[int], seed: int
) -> None:
    project = _fresh_project(tmp_path_factory)
    mission = Mission(project)
    told = [_told(mission, steps, name) for name in ("s1", "s2")]
    so_far: list[StoredSession] = []
    for cut in [*sorted(cuts), 10**6]:
        so_far = [
            session(Telling(telling.folder, entries=telling.entries[:cut]), session_id=name)
            for name, telling in zip(("s1", "s2"), told, strict=True)
        ]
        random.Random(seed).shuffle(so_far)
        imported(project, *so_far, so_far[0])
    want = Counter(entry.output_tokens for telling in told for entry in telling.entries if isinstance(entry, Request))
    assert outputs(project) == sum((number or 0) * times for number, times in want.items())
    assert imported(project, *so_far) == []


def _told(mission: Mission, steps: list[str], name: str) -> Telling:
    telling = Telling(str(mission.project.root), thread_id=name)
    for step in steps:
        match step:
            case "says":
                telling.says()
            case "works":
                telling.works()
            case "wp1":
                telling.runs("implement", "WP01")
            case "wp2":
                telling.types("implement", "WP02")
            case "review":
                telling.runs("review", "WP01")
            case "hand on":
                telling.runs("move-task", "WP01", lane="for_review")
    return telling


def _fresh_project(factory: object) -> Project:
    from spec_kitty_telemetry.project.layout import Project

    root: Path = factory.mktemp("shop")  # type: ignore[attr-defined]
    (root / ".kittify").mkdir()
    (root / "kitty-specs").mkdir()
    return Project(root.resolve())
