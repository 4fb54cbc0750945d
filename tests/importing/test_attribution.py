"""Which request belongs to which mission, work package, role and attempt."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from spec_kitty_telemetry.importing.attribute import STEERING, segments_of
from spec_kitty_telemetry.importing.places import Places
from tests.importing.conftest import NINE, SLUG, Mission, Telling, session

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.store import StoredSession
    from spec_kitty_telemetry.importing.attribute import Segment
    from spec_kitty_telemetry.project.layout import Project


def segments(told: StoredSession) -> list[Segment]:
    return segments_of(told, Places(), lambda _: True)


def shown(segment: Segment) -> tuple[str | None, str | None, str | None, int | None, str | None, list[int]]:
    """(mission, work package, role, attempt, outcome, the numbers of its requests)"""
    task = segment.task
    mission = task.mission.slug if task and task.mission else None
    numbers = sorted(request.output_tokens or 0 for _, request in segment.requests)
    return (
        mission, segment.wp_id, segment.role, task.attempt if task else None, task.outcome if task else None, numbers,
    )  # fmt: skip


def test_what_is_typed_opens_the_work_and_handing_it_on_ends_it_with_the_turn(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    at = telling.runs("implement", "WP01")
    mission.moves(at, "WP01", "in_progress", "planned")
    telling.works(2)
    at = telling.runs("move-task", "WP01", lane="for_review")
    mission.moves(at, "WP01", "for_review", "in_progress")
    telling.works()  # "WP01 is done"
    telling.says()
    telling.works()  # a chat about something else
    work, chat = segments(session(telling))
    assert shown(work) == (SLUG, "WP01", "implementer", 1, "succeeded", [1, 2, 3, 4, 5])
    assert work.task is not None
    assert work.task.attributed_by == ("command", "lane-move", "slash")
    assert shown(chat) == (None, None, None, None, None, [6])


def test_a_move_that_the_host_refused_ends_no_work(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    mission.moves(telling.runs("implement", "WP01"), "WP01", "in_progress", "planned")
    telling.runs("move-task", "WP01", lane="for_review")
    (work,) = segments(session(telling))
    assert shown(work)[1:5] == ("WP01", "implementer", 1, None)


def test_where_an_agent_tells_nothing_of_the_user_the_work_ends_once_its_end_was_seen(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.runs("implement", "WP01")
    telling.runs("move-task", "WP01", lane="for_review")
    telling.works(2)
    work, rest = segments(session(telling))
    assert shown(work)[-1] == [1, 2, 3]
    assert shown(rest)[-1] == [4]


def test_a_review_that_sends_the_work_back_is_rejected_and_the_next_try_is_the_second(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    mission.moves(telling.runs("implement", "WP01"), "WP01", "in_progress", "planned")
    mission.moves(telling.runs("move-task", "WP01", lane="for_review"), "WP01", "for_review", "in_progress")
    telling.types("review", "WP01")
    mission.moves(telling.runs("review", "WP01"), "WP01", "in_review", "for_review")
    mission.moves(telling.runs("move-task", "WP01", lane="planned"), "WP01", "planned", "in_review", "feedback://1")
    telling.types("implement", "WP01")
    mission.moves(telling.runs("implement", "WP01"), "WP01", "in_progress", "planned")
    mission.moves(telling.runs("move-task", "WP01", lane="for_review"), "WP01", "for_review", "in_progress")
    telling.types("review", "WP01")
    mission.moves(telling.runs("review", "WP01"), "WP01", "in_review", "for_review")
    mission.moves(telling.runs("move-task", "WP01", lane="approved"), "WP01", "approved", "in_review")
    assert [shown(segment)[1:5] for segment in segments(session(telling))] == [
        ("WP01", "implementer", 1, "succeeded"),
        ("WP01", "reviewer", 1, "rejected"),
        ("WP01", "implementer", 2, "succeeded"),
        ("WP01", "reviewer", 2, "succeeded"),
    ]


@pytest.mark.parametrize("claim", ["action-review-claim", "workflow-review-claim"])
def test_a_reviewers_claim_of_early_2026_is_a_review_and_no_second_try(mission: Mission, claim: str) -> None:
    mission.moves(NINE, "WP01", "in_progress", "planned")
    mission.moves(NINE + timedelta(minutes=5), "WP01", "for_review", "in_progress")
    mission.moves(NINE + timedelta(minutes=6), "WP01", "in_progress", "for_review", claim)
    telling = Telling(mission.worktree("lane-a"), now=NINE + timedelta(minutes=7))
    telling.works()
    (segment,) = segments(session(telling))
    assert shown(segment)[1:4] == ("WP01", "reviewer", 1)


def test_the_turn_that_leads_to_a_command_belongs_to_its_work(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.says()
    telling.works(2)
    telling.runs("implement", "WP02")
    (segment,) = segments(session(telling))
    assert shown(segment)[1:3] == ("WP02", "implementer")
    assert shown(segment)[-1] == [1, 2, 3]


def test_a_review_in_plain_words_is_known_by_its_end(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.says()
    telling.works(2)
    telling.runs("move-task", "WP01", lane="approved")
    (segment,) = segments(session(telling))
    assert shown(segment)[:3] == (SLUG, "WP01", "reviewer")
    assert shown(segment)[-1] == [1, 2, 3]


def test_a_sub_agent_without_markers_works_inside_the_run_that_started_it(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    telling.runs("implement", "WP01")
    helper = Telling(telling.folder, telling.now, "helper", is_subagent=True, first_number=10)
    helper.works(2)
    telling.now = helper.now
    telling.works()
    (segment,) = segments(session(telling, helper))
    assert shown(segment)[-1] == [1, 2, 10, 11]
    assert segment.subagent_count == 1


def test_a_thread_whose_sub_agents_do_the_work_packages_is_their_coordinator(mission: Mission) -> None:
    main = Telling(str(mission.project.root))
    main.types("implement")
    main.works(2)
    first = Telling(main.folder, main.now, "first", is_subagent=True, first_number=10)
    first.runs("implement", "WP01")
    second = Telling(main.folder, main.now, "second", is_subagent=True, first_number=20)
    second.runs("implement", "WP02")
    steering, one, two = segments(session(main, first, second))
    assert shown(steering)[:3] == (SLUG, None, "coordinator")
    assert steering.doubts == [STEERING]
    assert (shown(one)[1:3], shown(two)[1:3]) == (("WP01", "implementer"), ("WP02", "implementer"))


def test_a_thread_with_one_sub_agent_at_work_works_on_the_same(mission: Mission) -> None:
    main = Telling(str(mission.project.root))
    main.types("implement")
    main.works(2)
    helper = Telling(main.folder, main.now, "helper", is_subagent=True, first_number=10)
    helper.runs("implement", "WP01")
    assert {shown(segment)[:3] for segment in segments(session(main, helper))} == {(SLUG, "WP01", "implementer")}


def test_a_thread_that_begins_a_second_package_before_the_first_is_handed_on_steers_both(mission: Mission) -> None:
    main = Telling(str(mission.project.root))
    main.says()
    main.runs("implement", "WP01")
    helper = Telling(main.folder, main.now, "helper", is_subagent=True, first_number=10)
    helper.works()
    main.now = helper.now
    main.runs("implement", "WP02")
    found = [shown(segment)[1:3] for segment in segments(session(main, helper))]
    assert found == [(None, "coordinator"), (None, "coordinator"), ("WP01", "implementer")]


def test_two_packages_one_after_the_other_are_two_pieces_of_work(mission: Mission) -> None:
    main = Telling(str(mission.project.root))
    main.says()
    main.runs("implement", "WP01")
    main.runs("move-task", "WP01", lane="for_review")
    main.runs("implement", "WP02")
    assert [shown(segment)[1:3] for segment in segments(session(main))] == [
        ("WP01", "implementer"),
        ("WP02", "implementer"),
    ]


def test_a_worktree_says_the_package_and_the_lanes_the_role(mission: Mission) -> None:
    mission.moves(NINE - timedelta(minutes=5), "WP02", "in_progress", "planned")
    mission.moves(NINE + timedelta(minutes=5), "WP02", "for_review", "in_progress")
    mission.moves(NINE + timedelta(minutes=10), "WP02", "in_review", "for_review")
    coder = Telling(mission.worktree("lane-b"))
    coder.works(2)
    reader = Telling(mission.worktree("lane-b"), now=NINE + timedelta(minutes=11))
    reader.works(3)
    (coding,) = segments(session(coder))
    (reading,) = segments(session(reader, session_id="s2"))
    assert shown(coding)[:4] == (SLUG, "WP02", "implementer", 1)
    assert coding.task is not None
    assert coding.task.attributed_by == ("worktree",)
    assert shown(reading)[:4] == (SLUG, "WP02", "reviewer", 1)


def test_a_worktree_outside_of_its_time_is_the_missions_with_a_doubt(mission: Mission) -> None:
    telling = Telling(mission.worktree("lane-a"))
    telling.works()
    (segment,) = segments(session(telling))
    assert shown(segment)[:3] == (SLUG, None, "coordinator")
    assert "outside of the time" in segment.doubts[0]


def test_time_alone_says_nothing_it_may_be_a_colleagues_work(mission: Mission) -> None:
    mission.moves(NINE - timedelta(minutes=5), "WP01", "in_progress", "planned")
    telling = Telling(str(mission.project.root))
    telling.says()
    telling.works(3)
    (segment,) = segments(session(telling))
    assert shown(segment)[:3] == (None, None, None)


def test_a_command_for_one_package_in_the_worktree_of_another_is_flagged(mission: Mission) -> None:
    telling = Telling(mission.worktree("lane-b"))
    telling.types("implement", "WP01")
    telling.runs("implement", "WP01")
    (segment,) = segments(session(telling))
    assert shown(segment)[1] == "WP01"
    assert segment.doubts == ["a command names WP01, the folder is the worktree of WP02"]


def test_a_prompt_file_of_the_host_says_everything(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.runs("next", wp_id=None)
    telling.reads_prompt("review", "WP02")
    telling.works()
    (segment,) = segments(session(telling))
    assert shown(segment)[:3] == (SLUG, "WP02", "reviewer")
    assert segment.task is not None
    assert segment.task.attributed_by == ("command", "prompt-file")


def test_what_next_gives_out_is_what_the_host_wrote_down(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("implement", "WP01")
    telling.works()
    at = telling.runs("next", lane=None)  # WP01 is done; next gives out its review
    folder = mission.project.root / "kitty-ops"
    folder.mkdir()
    issued = {
        "canonical_action_id": "implementing::review", "phase": "started", "at": at.isoformat(), "agent": "claude",
        "mission_id": mission.mission_id, "wp_id": "WP01", "reason": None,
    }  # fmt: skip
    (folder / "lifecycle.jsonl").write_text("{}\n" + json.dumps(issued) + "\nhalf a li", encoding="utf-8")
    telling.works(2)
    work, review = segments(session(telling))
    assert (shown(work)[1:3], shown(work)[-1]) == (("WP01", "implementer"), [1, 2])
    assert (shown(review)[1:3], shown(review)[-1]) == (("WP01", "reviewer"), [3, 4])
    assert review.task is not None
    assert review.task.attributed_by == ("command", "lifecycle")


@pytest.mark.parametrize(
    "name", [SLUG, SLUG.upper(), "user-login", "01M8FXYR", "01M8FXYR4T7C9N3ZP0Q5D2K6VB", f"kitty-specs/{SLUG}"]
)
def test_a_mission_is_known_by_all_of_its_names(mission: Mission, other_mission: Mission, name: str) -> None:
    telling = Telling(str(mission.project.root))
    telling.runs("implement", "WP01", mission=name)
    (segment,) = segments(session(telling))
    assert shown(segment)[0] == SLUG


def test_an_old_mission_is_known_by_its_number(mission: Mission, other_mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.runs("implement", "WP01", mission="31")
    assert shown(segments(session(telling))[0])[0] == other_mission.slug


def test_specifying_and_planning_are_the_missions(mission: Mission) -> None:
    telling = Telling(str(mission.project.root))
    telling.types("specify")
    telling.works()
    telling.runs("create", mission="user-login")
    telling.types("plan")
    telling.runs("setup-plan")
    telling.types("tasks")
    telling.runs("finalize-tasks")
    telling.works()
    telling.says()
    telling.works()
    specified, planned, chat = segments(session(telling))
    assert shown(specified) == (SLUG, None, "specifier", None, None, [1, 2])
    assert shown(planned) == (SLUG, None, "planner", None, None, [3, 4, 5])
    assert shown(chat)[:2] == (None, None)


def test_a_phase_that_the_host_saw_tells_the_mission_of_a_specification(
    mission: Mission, other_mission: Mission
) -> None:
    mission.phase(NINE + timedelta(seconds=15), "SpecifyStarted")
    telling = Telling(str(mission.project.root))
    telling.types("specify")
    telling.works(3)
    (segment,) = segments(session(telling))
    assert shown(segment)[:3] == (SLUG, None, "specifier")


def test_a_session_in_another_project_is_not_this_missions(mission: Mission, project: Project) -> None:
    telling = Telling(str(project.root.parent / "elsewhere"))
    telling.runs("implement", "WP01")
    (segment,) = segments(session(telling))
    assert shown(segment)[0] is None
    assert segment.place.project is None
