"""What a work package cost until it was accepted, with numbers worked out by hand (docs/reports.md has the example)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.reports.lanes import accepted_at, lane_history

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
NOON = datetime(2026, 2, 16, 12, tzinfo=UTC)


def run(project: Project, *arguments: str) -> Result:
    result = CliRunner().invoke(group, ["lifecycle", "--project", str(project.root), *arguments])
    assert result.exit_code == 0, result.output
    return result


def lifecycle(project: Project, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(project, "--json", *arguments).stdout, parse_float=Decimal)
    return document


def only(project: Project) -> dict[str, Any]:
    (package,) = lifecycle(project)["work_packages"]
    found: dict[str, Any] = package
    return found


def ran(
    project: Project, role: str, began: int, ended: int, cost: str | None, agent: str = "claude-code", **facts: Any
) -> None:
    """Record a run that began and ended so many minutes after noon."""
    facts = {"wp_id": "WP01", "outcome": "succeeded", **facts}
    emit_execution_event(
        project.feature_dir(FEATURE), FEATURE, facts.pop("wp_id"), agent, role,
        success=facts["outcome"] == "succeeded",
        cost_usd=None if cost is None else Decimal(cost),
        timestamp=NOON + timedelta(minutes=ended),
        duration_ms=(ended - began) * 60_000,
        **facts,
    )  # fmt: skip


def moved(project: Project, *moves: tuple[int, str, str], wp_id: str = "WP01", **more: Any) -> None:
    """Write moves as the host does, each so many minutes after noon."""
    lines = [
        {
            "actor": "spec-kitty-orchestrator", "at": (NOON + timedelta(minutes=minute)).isoformat(), "evidence": None,
            "event_id": f"01M82J{wp_id}{minute:016}", "execution_mode": "worktree", "force": False, "from_lane": before,
            "mission_slug": FEATURE, "policy_metadata": None, "reason": None, "review_ref": None, "to_lane": after,
            "wp_id": wp_id, **more,
        }
        for minute, before, after in moves
    ]  # fmt: skip
    with (project.feature_dir(FEATURE) / "status.events.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


@pytest.fixture
def example(project: Project) -> Project:
    """The worked example of docs/reports.md: implemented, rejected, implemented again by another agent, accepted."""
    ran(project, "planner", -30, -20, "0.30", wp_id=None)
    ran(project, "implementer", 0, 10, "1.00", attempt=1)
    ran(project, "reviewer", 12, 15, "0.20", agent="codex", attempt=1, outcome="rejected")
    ran(project, "implementer", 16, 20, "0.40", attempt=2, outcome="failed")
    ran(project, "implementer", 21, 30, "0.60", agent="gemini", attempt=2)
    ran(project, "reviewer", 31, 36, "0.25", agent="codex", attempt=2)
    ran(project, "implementer", 50, 55, "0.05", attempt=3)
    moved(
        project,
        *((-40, "genesis", "planned"), (-1, "planned", "claimed"), (-1, "claimed", "in_progress")),
        *((11, "in_progress", "for_review"), (12, "for_review", "in_review"), (16, "in_review", "in_progress")),
        *((30, "in_progress", "for_review"), (31, "for_review", "in_review"), (37, "in_review", "done")),
    )
    return project


def test_the_example_has_the_numbers_worked_out_by_hand(example: Project) -> None:
    package = only(example)
    assert (package["lane"], package["rejection_count"]) == ("done", 1)
    assert package["accepted_at"] == "2026-02-16T12:37:00+00:00"
    # The rejecting review ended at 12:15; the host moved the work package back at 12:16, when the next run began.
    assert package["first_rejected_at"] == "2026-02-16T12:15:00+00:00"
    costs = {
        name: (package[name]["event_count"], package[name]["total_cost_usd"])
        for name in ("total", "implementation", "review", "until_accepted", "rework")
    }
    assert costs == {
        "total": (6, Decimal("2.5")),  # 1 + 0.2 + 0.4 + 0.6 + 0.25 + 0.05
        "implementation": (4, Decimal("2.05")),  # 1 + 0.4 + 0.6 + 0.05
        "review": (2, Decimal("0.45")),  # 0.2 + 0.25
        "until_accepted": (5, Decimal("2.45")),  # all but the 0.05 of 12:50
        "rework": (4, Decimal("1.3")),  # 0.4 + 0.6 + 0.25 + 0.05
    }
    assert (package["review_share_of_cost"], package["review_share_is_exact"]) == (Decimal("0.18"), True)  # 0.45 / 2.5
    attempts = [(each["attempt"], each["role"], each["total_cost_usd"]) for each in package["attempts"]]
    assert attempts == [
        (1, "implementer", 1),
        (1, "reviewer", Decimal("0.2")),
        (2, "implementer", 1),
        (2, "reviewer", Decimal("0.25")),
        (3, "implementer", Decimal("0.05")),
    ]


def test_runs_of_no_work_package_are_counted_apart(example: Project) -> None:
    outside = lifecycle(example)["without_work_package"]
    assert (outside["event_count"], outside["total_cost_usd"]) == (1, Decimal("0.3"))
    assert "Without a work package: 1 run, $0.3000.\n" in run(example).stdout


def test_a_review_is_paired_with_the_agent_whose_work_it_judged(example: Project) -> None:
    first, second = lifecycle(example)["pairs"]
    assert (first["implementer"], first["reviewer"], first["rejected_count"]) == ("claude-code", "codex", 1)
    assert (first["implementation"]["total_cost_usd"], first["review"]["total_cost_usd"]) == (1, Decimal("0.2"))
    # The failed run of claude-code belongs to the round that gemini finished: it is what that review judged.
    assert (second["implementer"], second["reviewer"], second["accepted_count"]) == ("gemini", "codex", 1)
    assert (second["implementation"]["event_count"], second["implementation"]["total_cost_usd"]) == (2, 1)


def test_the_mean_cost_of_an_accepted_work_package_is_said(example: Project) -> None:
    ran(example, "implementer", 0, 1, "0.55", wp_id="WP02")
    moved(example, (5, "in_review", "approved"), wp_id="WP02")
    ran(example, "implementer", 0, 1, "7", wp_id="WP03")
    expected = {
        "work_package_count": 3,
        "accepted_count": 2,
        "accepted_with_known_cost_count": 2,
        "accepted_cost_usd": 3,  # 2.45 + 0.55
        "accepted_cost_is_estimated": False,
        "accepted_cost_is_floor": False,
        "mean_accepted_cost_usd": Decimal("1.5"),
        "mean_accepted_cost_is_floor": False,
        "first_pass_count": 1,
        "first_pass_rate": Decimal("0.5"),
        "rejection_count": 1,
        "total_cost_usd": Decimal("10.35"),  # 0.30 + 2.50 + 0.55 + 7
        "rework_cost_usd": Decimal("1.3"),
        "rework_share_of_total": Decimal("0.125604"),
        "rework_cost_is_estimated": False,
        "review_cost_is_estimated": False,
        "rework_is_known": False,  # of WP03 nobody knows
        "review_cost_usd": Decimal("0.45"),
        "review_share_of_total": Decimal("0.043478"),
    }
    assert lifecycle(example)["summary"] == expected
    assert "2 of 3 work packages accepted.\nThey cost $3.00 until then, $1.50 each.\n" in run(example).stdout


def test_a_mean_cost_that_is_partly_an_estimate_is_marked(project: Project) -> None:
    ran(project, "implementer", 0, 5, "1")
    # 1,000,000 tokens at $1.75 and 100,000 at $14 a million: $3.15
    ran(project, "reviewer", 6, 7, None, model="gpt-5.2-codex", input_tokens=10**6, output_tokens=10**5)
    moved(project, (8, "in_review", "done"))
    assert lifecycle(project)["summary"]["accepted_cost_is_estimated"] is True
    assert "1 of 1 work package accepted.\nIt cost ~$4.1500 until then.\n" in run(project).stdout


def test_without_lanes_nothing_is_known_to_be_accepted_or_reworked(project: Project) -> None:
    ran(project, "implementer", 0, 1, "1")
    package = only(project)
    assert (package["lane"], package["until_accepted"], package["rework"]) == (None, None, None)
    assert package["total"]["total_cost_usd"] == 1
    assert lifecycle(project)["lanes"] == [
        {"feature": FEATURE, "problem": "there is no status.events.jsonl", "bad_line_count": 0}
    ]
    assert "What was accepted is not known of:" in run(project).stdout


def test_a_review_that_says_it_rejects_is_enough_for_rework(project: Project) -> None:
    ran(project, "reviewer", 0, 2, "1", outcome="rejected")
    ran(project, "implementer", 3, 4, "0.5")
    package = only(project)
    assert (package["rejection_count"], package["rework"]["total_cost_usd"]) == (1, Decimal("0.5"))
    assert package["until_accepted"] is None


def test_lanes_without_a_rejection_mean_that_rework_cost_nothing(project: Project) -> None:
    ran(project, "implementer", 0, 1, "1")
    moved(project, (2, "in_progress", "for_review"))
    package = only(project)
    assert (package["rejection_count"], package["rework"]["event_count"]) == (0, 0)
    assert package["rework"]["total_cost_usd"] == 0
    assert package["review"]["total_cost_usd"] == 0
    assert package["until_accepted"] is None


def test_an_agent_that_moves_its_own_work_package_counts_until_the_acceptance(project: Project) -> None:
    """With slash commands the reviewer itself moves the work package, in the middle of its run."""
    ran(project, "implementer", 0, 5, "1")
    ran(project, "reviewer", 6, 9, "0.5", agent="codex")  # exits 0, although it rejected at 12:08
    ran(project, "implementer", 10, 12, "0.25")
    ran(project, "reviewer", 13, 16, "0.125", agent="codex")
    moved(project, (8, "in_review", "planned"), (15, "in_review", "approved"))
    package = only(project)
    assert package["until_accepted"]["total_cost_usd"] == Decimal("1.875")
    assert package["rework"]["total_cost_usd"] == Decimal("0.375")
    (pair,) = lifecycle(project)["pairs"]
    assert (pair["review_count"], pair["accepted_count"], pair["rejected_count"]) == (2, 1, 1)


def test_work_that_was_accepted_and_taken_back_is_not_accepted(project: Project) -> None:
    ran(project, "implementer", 0, 5, "1")
    moved(project, (6, "in_review", "approved"), (8, "approved", "in_progress"))
    package = only(project)
    assert (package["accepted_at"], package["rejection_count"]) == (None, 1)
    moved(project, (20, "in_review", "approved"), (22, "approved", "done"))
    assert only(project)["accepted_at"] == "2026-02-16T12:20:00+00:00"


@pytest.mark.parametrize(("review_ref", "rejections"), [(None, 0), ("feedback-WP01-cycle1", 1)])
def test_back_from_for_review_is_a_rejection_only_with_a_review(
    project: Project, review_ref: str | None, rejections: int
) -> None:
    ran(project, "implementer", 0, 5, "1")
    moved(project, (6, "for_review", "in_progress"), review_ref=review_ref)
    assert only(project)["rejection_count"] == rejections


def test_unknown_costs_make_floors_and_never_zeros(project: Project) -> None:
    ran(project, "implementer", 0, 5, "1")
    ran(project, "implementer", 6, 7, None, outcome="timed_out")
    ran(project, "reviewer", 8, 9, None, input_tokens=5, output_tokens=5, model="nobody-knows-1")
    moved(project, (10, "in_review", "done"))
    package = only(project)
    assert (package["until_accepted"]["total_cost_usd"], package["until_accepted"]["cost_is_floor"]) == (1, True)
    assert (package["review"]["total_cost_usd"], package["review"]["cost_is_floor"]) == (None, True)
    assert (package["review_share_of_cost"], package["review_share_is_exact"]) == (None, False)
    document = lifecycle(project)
    assert document["summary"]["accepted_cost_is_floor"] is True
    assert [each["model"] for each in document["unknown_models"]] == ["nobody-knows-1"]
    output = run(project).stdout
    assert "≥$1.0000" in output
    assert "unknown" in output


def test_a_work_package_without_records_is_listed_with_an_unknown_cost(project: Project) -> None:
    ran(project, "implementer", 0, 5, "1")
    moved(project, (6, "in_review", "done"), wp_id="WP02")
    by_hand = lifecycle(project)["work_packages"][1]
    assert (by_hand["wp_id"], by_hand["total"]["event_count"], by_hand["total"]["total_cost_usd"]) == ("WP02", 0, None)
    assert by_hand["until_accepted"]["total_cost_usd"] is None
    told = lifecycle(project)["summary"]
    assert (told["accepted_count"], told["accepted_with_known_cost_count"]) == (1, 0)
    assert told["accepted_cost_is_floor"] is True
    filtered = lifecycle(project, "--wp", "wp01")["work_packages"]
    assert [each["wp_id"] for each in filtered] == ["WP01"]


REAL = (
    '{"aggregate_id": "001-hello_world", "aggregate_type": "Mission", "event_id": "01M82J8H86WYCM6FRTFARE8N08", '
    '"event_type": "TasksStarted", "payload": {"actor": "x", "mission_slug": "001-hello_world"}, '
    '"timestamp": "2026-11-22T21:23:12.774391+00:00"}\n'
    '{"actor": "user", "at": "2026-11-22T21:23:31.447704+00:00", "delta": {"subtasks": {"T001": "done"}}, '
    '"event_id": "01M82J93FQE58GM5QB2ZDMKKGF", "kind": "annotation", "wp_id": "WP01"}\n'
)
"""Lines that spec-kitty 3.2 writes into the same file and that are no moves."""


def test_lines_of_the_host_that_are_no_moves_are_passed_over(project: Project) -> None:
    path = project.feature_dir(FEATURE) / "status.events.jsonl"
    path.write_text(REAL, encoding="utf-8")
    history = lane_history(path)
    assert (history.moves, history.bad_line_count, history.problem) == ({}, 0, None)


GOOD = {"wp_id": "WP01", "from_lane": "doing", "to_lane": "For_Review", "at": "2026-02-16T10:00:00Z", "event_id": "1"}


@pytest.mark.parametrize(
    "bad",
    [
        b"half a li", b"[]", b"7", b"\xff\xfe", b'{"wp_id": 7}', b"[" * 100_000, b"{" + b'"a":{' * 50_000,
        json.dumps({**GOOD, "at": "2026-02-16T10:00:00"}).encode(), json.dumps({**GOOD, "at": "soon"}).encode(),
        json.dumps({**GOOD, "to_lane": "x" * 999}).encode(), b'"' + b"x" * 2_000_000 + b'"',
    ],
)  # fmt: skip
def test_a_bad_line_of_the_host_is_counted_and_its_neighbours_are_used(project: Project, bad: bytes) -> None:
    path = project.feature_dir(FEATURE) / "status.events.jsonl"
    good = json.dumps(GOOD).encode()
    path.write_bytes(good + b"\n\n" + bad + b"\n" + good + b"\n")
    history = lane_history(path)
    assert history.bad_line_count == 1
    (move,) = history.moves["WP01"]  # the second is the same event again
    assert (move.from_lane, move.to_lane) == ("in_progress", "for_review")
    ran(project, "implementer", 0, 5, "1")
    assert "1 line of its status.events.jsonl could not be read" in run(project).stdout


def test_moves_count_in_the_order_of_time_whatever_their_order_in_the_file(project: Project) -> None:
    moved(project, (9, "in_review", "done"), (3, "done", "in_progress"), (1, "in_review", "done"))
    moves = lane_history(project.feature_dir(FEATURE) / "status.events.jsonl").moves["WP01"]
    assert accepted_at(moves) == NOON + timedelta(minutes=9)


def lines_of(*events: Mapping[str, object]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def move(event_id: str, minute: int, from_lane: str, to_lane: str, review: str | None = None) -> dict[str, object]:
    at = (NOON + timedelta(minutes=minute)).isoformat()
    facts = {"event_id": event_id, "wp_id": "WP01", "from_lane": from_lane, "to_lane": to_lane, "at": at}
    return {**facts, "review_ref": review}


def test_a_living_missions_moves_are_read_from_its_coordination_worktree_each_once(project: Project) -> None:
    """The primary file has what was there when the mission's branch began, or nothing (4.0)."""
    path = project.feature_dir(FEATURE) / "status.events.jsonl"
    live = project.root / ".worktrees" / f"{FEATURE}-coord" / "kitty-specs" / FEATURE / path.name
    live.parent.mkdir(parents=True)
    first, second = move("1", 1, "planned", "in_progress"), move("2", 2, "in_progress", "for_review")
    live.write_text(lines_of(first, second), encoding="utf-8")
    assert [each.to_lane for each in lane_history(path).moves["WP01"]] == ["in_progress", "for_review"]
    path.write_text(lines_of(first), encoding="utf-8")
    assert [each.to_lane for each in lane_history(path).moves["WP01"]] == ["in_progress", "for_review"]


def test_moves_in_a_branch_that_is_not_here_are_said_to_be_there(project: Project) -> None:
    path = project.feature_dir(FEATURE) / "status.events.jsonl"
    path.with_name("meta.json").write_text(json.dumps({"coordination_branch": "kitty/mission-x"}), encoding="utf-8")
    said = (
        "the moves are in the branch kitty/mission-x, which is not checked out here; 'git fetch' and open the mission"
    )
    assert lane_history(path).problem == said
    path.write_text(REAL, encoding="utf-8")  # the host of 3.2 keeps the phases beside the log
    assert lane_history(path).problem == said
    ran(project, "implementer", 0, 5, "1")
    assert said in " ".join(run(project).stdout.split())
    path.write_text(lines_of(move("1", 1, "planned", "in_progress")), encoding="utf-8")
    assert lane_history(path).problem is None


def test_a_coordination_worktree_that_leads_elsewhere_is_not_followed(project: Project, tmp_path: Path) -> None:
    path = project.feature_dir(FEATURE) / "status.events.jsonl"
    other = tmp_path / "other" / "kitty-specs" / FEATURE
    other.mkdir(parents=True)
    (other / path.name).write_text(lines_of(move("1", 1, "planned", "in_progress")), encoding="utf-8")
    (project.root / ".worktrees").mkdir()
    (project.root / ".worktrees" / f"{FEATURE}-coord").symlink_to(tmp_path / "other")
    assert lane_history(path).moves == {}


@pytest.mark.parametrize("claim", ["action-review-claim", "workflow-review-claim"])
def test_a_reviewers_claim_is_no_rejection_and_the_stay_after_it_is_the_reviewers(project: Project, claim: str) -> None:
    """Hosts of spring 2026 wrote `for_review → in_progress` when a review began; in_review is newer."""
    path = project.feature_dir(FEATURE) / "status.events.jsonl"
    began = [
        move("1", 0, "planned", "in_progress"),
        move("2", 5, "in_progress", "for_review"),
        move("3", 6, "for_review", "in_progress", claim),
    ]
    path.write_text(lines_of(*began, move("4", 9, "in_progress", "approved")), encoding="utf-8")
    moves = lane_history(path).moves["WP01"]
    assert [each.is_rejection for each in moves] == [False] * 4
    assert [each.to_lane for each in moves] == ["in_progress", "for_review", "in_review", "approved"]
    path.write_text(lines_of(*began, move("4", 9, "in_progress", "planned", "feedback://x")), encoding="utf-8")
    assert [each.is_rejection for each in lane_history(path).moves["WP01"]] == [False, False, False, True]


def test_a_review_that_is_no_claim_and_sends_the_work_back_is_a_rejection(project: Project) -> None:
    path = project.feature_dir(FEATURE) / "status.events.jsonl"
    path.write_text(lines_of(move("1", 6, "for_review", "in_progress", "feedback://x")), encoding="utf-8")
    assert [each.is_rejection for each in lane_history(path).moves["WP01"]] == [True]


def test_phases_of_a_mission_are_read_with_the_role_that_works_in_them(project: Project) -> None:
    path = project.feature_dir(FEATURE) / "status.events.jsonl"
    events = [
        {"event_id": str(number), "event_type": name, "timestamp": f"2026-11-28T05:0{number}:00+00:00"}
        for number, name in enumerate(["PlanStarted", "SpecifyCompleted", "MissionCreated", "TasksCompleted"])
    ]
    odd = [{"event_type": "PlanStarted", "timestamp": when} for when in (7, "soon", "2026-11-28T05:00:00")]
    path.write_text(lines_of(*events, *odd, {"event_type": 7}), encoding="utf-8")
    history = lane_history(path)
    assert [(at.minute, role) for at, role in history.phases] == [(0, "planner"), (1, "specifier"), (3, "planner")]
    assert history.bad_line_count == 0


def test_lanes_that_lead_elsewhere_are_not_followed(project: Project, tmp_path: Path) -> None:
    ran(project, "implementer", 0, 5, "1")
    (tmp_path / "other").write_text(json.dumps(GOOD), encoding="utf-8")
    try:
        (project.feature_dir(FEATURE) / "status.events.jsonl").symlink_to(tmp_path / "other")
    except OSError:
        pytest.skip("symlinks need a privilege here")
    (lanes,) = lifecycle(project)["lanes"]
    assert "is a symlink, which telemetry does not follow" in lanes["problem"]


def test_control_characters_of_lanes_never_reach_the_terminal(project: Project) -> None:
    ran(project, "implementer", 0, 5, "1")
    moved(project, (1, "planned", "\x1b[2J"), wp_id="\u202e\x1b]0;evil")
    output = run(project, "--attempts").stdout
    assert all(character.isprintable() for character in output if character != "\n")
    assert "evil" in output


def test_every_attempt_is_listed_where_it_is_asked_for(example: Project) -> None:
    output = run(example, "--attempts").stdout
    (failed,) = [line for line in output.splitlines() if line.split()[1:4] == ["WP01", "2", "implementer"]]
    assert failed.split()[4:] == ["2", "1", "unknown", "unknown", "13m", "00s", "$1.0000"]
    assert "attempt " not in run(example).stdout


@pytest.mark.parametrize("columns", [160, 80])
def test_the_tables_fit_the_terminal(example: Project, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, run(example).stdout.splitlines())) <= columns


def test_a_project_without_records_says_so(project: Project) -> None:
    assert "Nothing recorded yet" in run(project).stdout
    assert lifecycle(project)["work_packages"] == []
    ran(project, "planner", 0, 1, "1", wp_id=None)
    assert "No run here served a single work package." in run(project).stdout


def test_a_record_of_an_impossible_length_began_when_it_ended(project: Project) -> None:
    ran(project, "implementer", 0, 5, "1")
    path = project.log_path(FEATURE)
    path.write_bytes(path.read_bytes().replace(b'"duration_ms":300000', b'"duration_ms":9007199254740991'))
    moved(project, (6, "in_review", "done"))
    assert only(project)["until_accepted"]["total_cost_usd"] == 1


def test_two_runs_of_one_model_without_a_price_are_one_line_below_the_table(project: Project) -> None:
    for attempt in (1, 2):
        ran(project, "implementer", attempt, attempt + 1, None, model="nope", input_tokens=10, output_tokens=attempt)
    assert "nope: 2 runs, 20 tokens in, 3 out" in run(project).stdout
    assert lifecycle(project)["unknown_models"] == [
        {"model": "nope", "provider": None, "event_count": 2, "input_tokens": 20, "output_tokens": 3}
    ]


def test_a_package_that_was_accepted_before_its_first_run_cost_nothing_until_then(project: Project) -> None:
    ran(project, "implementer", 10, 20, "7", wp_id="WP01")
    moved(project, (5, "for_review", "done"), wp_id="WP01")
    ran(project, "implementer", 0, 4, "4", wp_id="WP02")
    moved(project, (5, "for_review", "done"), wp_id="WP02")
    summary = lifecycle(project)["summary"]
    # the mean of 0 and 4
    assert (summary["accepted_with_known_cost_count"], summary["mean_accepted_cost_usd"]) == (2, 2)
    assert not summary["accepted_cost_is_floor"]


def test_a_line_that_could_not_be_read_makes_the_cost_of_acceptance_a_floor(example: Project) -> None:
    with example.log_path(FEATURE).open("ab") as log:
        log.write(b"{torn\n")
    text = run(example).stdout
    assert "1 line could not be read, so runs may be missing:" in text
    assert "It cost at least $2.4500 until then." in text
    assert lifecycle(example)["summary"]["accepted_cost_is_floor"]


def test_a_work_package_whose_name_looks_like_a_glob_is_found_by_its_name(project: Project) -> None:
    ran(project, "implementer", 0, 4, "4")
    moved(project, (5, "planned", "claimed"), wp_id="WP02[a]")
    (found,) = lifecycle(project, "--wp", "WP02[a]")["work_packages"]
    assert found["wp_id"] == "WP02[a]"


def test_the_mean_is_no_floor_for_the_work_packages_that_it_leaves_out(project: Project) -> None:
    ran(project, "implementer", 0, 5, "10")
    ran(project, "implementer", 0, 5, None, wp_id="WP02", input_tokens=100, output_tokens=5, model="nobody-knows-1")
    moved(project, (6, "in_review", "done"))
    moved(project, (6, "in_review", "done"), wp_id="WP02")
    told = lifecycle(project)["summary"]
    assert (told["accepted_cost_is_floor"], told["mean_accepted_cost_is_floor"]) == (True, False)
    text = "They cost at least $10.00 until then, $10.00 each for the 1 whose cost is known."
    assert text in run(project).stdout


def test_a_work_package_that_was_accepted_before_its_first_run_cost_nothing_until_then(project: Project) -> None:
    ran(project, "implementer", 10, 15, "3")
    moved(project, (1, "in_review", "done"))
    told = lifecycle(project)["summary"]
    assert (told["accepted_cost_usd"], told["mean_accepted_cost_usd"], told["accepted_cost_is_floor"]) == (0, 0, False)
