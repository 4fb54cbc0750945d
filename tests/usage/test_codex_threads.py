"""A Codex run is its main thread and every thread that this started: shapes as 0.145 to 0.171 write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common.context import AgentContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.model.invocation import Usage

MAIN, CHILD, GRANDCHILD, FORK = (f"019f0000-0000-7000-8000-00000000{letter * 4}" for letter in "abcd")
AT = "2026-08-20T09:00:00.000Z"
EARLIER = "2026-08-19T09:00:00.000Z"
FIRST, SECOND = "01K00000000000000000000001", "01K00000000000000000000002"


def tokens(whole: int, cached: int, output: int) -> dict[str, int]:
    return {
        "input_tokens": whole,
        "cached_input_tokens": cached,
        "cache_write_input_tokens": 0,
        "output_tokens": output,
        "reasoning_output_tokens": 0,
    }


def meta(thread: str, **more: Any) -> tuple[str, dict[str, Any]]:
    about = {"id": thread, "session_id": MAIN, "cwd": "/p", "source": "exec", "model_provider": "openai"}
    return "session_meta", about | more


def spawned(thread: str, parent: str, **more: Any) -> tuple[str, dict[str, Any]]:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}
    return meta(thread, parent_thread_id=parent, thread_source="subagent", source=source, **more)


def turn(model: str = "gpt-5.4") -> tuple[str, dict[str, Any]]:
    return "turn_context", {"model": model, "cwd": "/p"}


def settings(tier: str | None) -> tuple[str, dict[str, Any]]:
    named = {"model": "gpt-5.5"} | ({"service_tier": tier} if tier else {})
    return "event_msg", {"type": "thread_settings_applied", "thread_settings": named}


def running(total: dict[str, int], last: dict[str, int] | None = None) -> tuple[str, dict[str, Any]]:
    info = {"total_token_usage": total, "last_token_usage": last or total}
    return "event_msg", {"type": "token_count", "info": info}


def record(
    thread: str, name: str, used: dict[str, int], total: dict[str, int] | None = None
) -> tuple[str, dict[str, Any]]:
    about = {"thread_id": thread, "session_id": MAIN, "response_id": name}
    return "token_usage_record", about | {"usage": used, "turn_token_usage": used, "thread_token_usage": total or used}


def searched(action: str) -> tuple[str, dict[str, Any]]:
    return "response_item", {"type": "web_search_call", "status": "completed", "action": {"type": action}}


def printed(thread: str, used: dict[str, int], *children: str) -> str:
    spawn = {"type": "collab_tool_call", "tool": "spawn_agent", "receiver_thread_ids": list(children)}
    lines: list[dict[str, Any]] = [{"type": "thread.started", "thread_id": thread}]
    lines += [{"type": "item.completed", "item": spawn}] if children else []
    return "\n".join(json.dumps(line) for line in [*lines, {"type": "turn.completed", "usage": used}])


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a thread's file."""

    def writer(thread: str, *lines: tuple[str, dict[str, Any]], at: str = AT, archived: bool = False) -> Path:
        folder = ".codex/archived_sessions" if archived else ".codex/sessions/2026/08/20"
        path = tmp_path / folder / f"rollout-2026-08-20T09-00-00-{thread}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            for kind, payload in lines:
                file.write(json.dumps({"timestamp": at, "type": kind, "payload": payload}) + "\n")
        return path

    return writer


@pytest.fixture
def codex(read: Callable[..., Usage], tmp_path: Path) -> Callable[..., Usage]:
    """Have a run read, with its files and a memory of sessions."""
    context = AgentContext(tmp_path, state_folder=tmp_path / "state")
    return lambda stdout="", **facts: read("codex", stdout, context=context, **facts)


def numbers(found: Usage) -> tuple[int | None, int | None, int | None]:
    return found.input_tokens, found.cache_read_tokens, found.output_tokens


def test_sub_agents_are_a_part_of_the_run_at_any_depth(write: Callable[..., Path], codex: Callable[..., Usage]) -> None:
    write(MAIN, meta(MAIN), turn(), running(tokens(20000, 0, 1000)))
    first, both = tokens(150000, 120000, 4000), tokens(300000, 250000, 9000)
    write(CHILD, spawned(CHILD, MAIN), turn(), running(first), running(both, tokens(150000, 130000, 5000)))
    write(GRANDCHILD, spawned(GRANDCHILD, CHILD), turn("gpt-5.4-mini"), running(tokens(500, 0, 7)), archived=True)
    found = codex(printed(MAIN, tokens(20000, 0, 1000), CHILD, GRANDCHILD))
    assert numbers(found) == (320500, 250000, 10007)
    assert [(part.model, part.input_tokens) for part in found.models] == [("gpt-5.4", 320000), ("gpt-5.4-mini", 500)]
    assert (found.model, found.provider, found.uncertain, found.source) == ("gpt-5.4", "openai", None, "agent-output")


def test_a_killed_run_has_its_sub_agents_too(write: Callable[..., Path], codex: Callable[..., Usage]) -> None:
    write(MAIN, meta(MAIN), turn(), running(tokens(20000, 0, 1000)))
    write(CHILD, spawned(CHILD, MAIN), turn(), record(CHILD, "r1", tokens(300, 0, 9)))
    found = codex(json.dumps({"type": "thread.started", "thread_id": MAIN}))
    assert (*numbers(found), found.source) == (20300, 0, 1009, "transcript")


def test_sub_agents_of_another_run_are_not_this_ones(write: Callable[..., Path], codex: Callable[..., Usage]) -> None:
    write(MAIN, meta(MAIN), turn(), running(tokens(20000, 0, 1000)))
    write(CHILD, spawned(CHILD, FORK, session_id=FORK), turn(), running(tokens(300, 0, 9)))
    write(GRANDCHILD, spawned(GRANDCHILD, MAIN), turn(), running(tokens(77, 0, 7)), at=EARLIER)
    assert numbers(codex(printed(MAIN, tokens(20000, 0, 1000)))) == (20000, 0, 1000)


def test_an_announced_sub_agent_without_a_file_makes_the_counts_too_low(
    write: Callable[..., Path], codex: Callable[..., Usage], read: Callable[..., Usage]
) -> None:
    write(MAIN, meta(MAIN), turn(), running(tokens(20000, 0, 1000)))
    stdout = printed(MAIN, tokens(20000, 0, 1000), CHILD, GRANDCHILD)
    said = "too low: the tokens of 2 of its sub-agents are in no file that could be read"
    for found in (codex(stdout), read("codex", stdout)):
        assert (*numbers(found), found.uncertain) == (20000, 0, 1000, said)


def test_waiting_for_a_sub_agent_announces_none(codex: Callable[..., Usage]) -> None:
    wait = {"type": "collab_tool_call", "tool": "wait_agent", "receiver_thread_ids": [CHILD]}
    line = json.dumps({"type": "item.completed", "item": wait})
    assert codex(f"{line}\n{printed(MAIN, tokens(20000, 0, 1000))}").uncertain is None


def test_a_forks_total_begins_at_its_parents(write: Callable[..., Path], codex: Callable[..., Usage]) -> None:
    parent, own, total = tokens(200000, 0, 2000), tokens(210000, 200000, 1000), tokens(410000, 200000, 3000)
    write(MAIN, meta(MAIN), turn(), record(MAIN, "r1", parent), running(parent))
    write(FORK, meta(FORK, session_id=FORK, forked_from_id=MAIN), turn(), record(FORK, "r2", own, total))
    write(FORK, running(total, own))
    assert numbers(codex(printed(FORK, total), invocation_id=FIRST)) == (210000, 200000, 1000)
    more, grown = tokens(5000, 0, 50), tokens(415000, 200000, 3050)
    write(FORK, record(FORK, "r3", more, grown), running(grown, more))
    assert numbers(codex(printed(FORK, grown), invocation_id=SECOND)) == (5000, 0, 50)


def test_a_fork_of_a_version_without_records_is_told_by_its_first_request(
    write: Callable[..., Path], codex: Callable[..., Usage]
) -> None:
    own, total = tokens(210000, 200000, 1000), tokens(410000, 200000, 3000)
    write(FORK, meta(FORK, session_id=FORK, forked_from_id=MAIN), turn(), running(total, own))
    assert numbers(codex(printed(FORK, total))) == (210000, 200000, 1000)


def test_a_parents_totals_that_a_version_copied_into_its_child_count_once(
    write: Callable[..., Path], codex: Callable[..., Usage]
) -> None:
    """0.145 gives them new times and goes on from them."""
    first, second = running(tokens(9698, 9000, 300)), running(tokens(19810, 19000, 621), tokens(10112, 10000, 321))
    write(MAIN, meta(MAIN), turn(), first, second)
    child, parent = spawned(CHILD, MAIN, forked_from_id=MAIN), meta(MAIN)
    own = running(tokens(32053, 31000, 900), tokens(12243, 12000, 279))
    write(CHILD, child, parent, turn(), first, second, turn(), own)
    found = codex(printed(MAIN, tokens(19810, 19000, 621)))
    assert numbers(found) == (19810 + 12243, 19000 + 12000, 621 + 279)


@pytest.mark.parametrize("names_parent", [True, False])
def test_the_work_of_a_review_is_its_childs(
    write: Callable[..., Path], codex: Callable[..., Usage], names_parent: bool
) -> None:
    write(MAIN, meta(MAIN))
    more = {"parent_thread_id": MAIN} if names_parent else {}
    child = meta(CHILD, source={"subagent": "review"}, thread_source="subagent", **more)
    write(CHILD, child, turn(), record(CHILD, "r1", tokens(120000, 100000, 4000)))
    found = codex(printed(MAIN, tokens(0, 0, 0)))
    assert (*numbers(found), found.model) == (120000, 100000, 4000, "gpt-5.4")


def test_zeros_that_no_file_vouches_for_are_unknown(
    write: Callable[..., Path], codex: Callable[..., Usage], read: Callable[..., Usage]
) -> None:
    write(MAIN, meta(MAIN))
    for found in (codex(printed(MAIN, tokens(0, 0, 0))), read("codex", printed(MAIN, tokens(0, 0, 0)))):
        assert (*numbers(found), found.source, found.success) == (None, None, None, "none", True)


def test_totals_that_repeat_after_a_compaction_count_once(
    write: Callable[..., Path], codex: Callable[..., Usage]
) -> None:
    one, two = tokens(1000, 0, 10), tokens(3000, 0, 30)
    own = tokens(2000, 0, 20)
    write(MAIN, meta(MAIN), turn(), record(MAIN, "r1", one), running(one), running(one), record(MAIN, "r2", own, two))
    write(MAIN, running(two, own), running(two, tokens(0, 0, 0)))
    assert numbers(codex("", session_id=MAIN)) == (3000, 0, 30)


@pytest.mark.parametrize(
    ("said", "tier"),
    [("priority", "priority"), ("fast", "priority"), ("flex", "flex"), ("default", None), (None, None)],
)
def test_the_tier_that_was_asked_for_is_kept_in_doubt(
    write: Callable[..., Path], codex: Callable[..., Usage], said: str | None, tier: str | None
) -> None:
    write(MAIN, meta(MAIN), turn("gpt-5.5"), settings(said), running(tokens(100000, 80000, 2000)))
    found = codex(printed(MAIN, tokens(100000, 80000, 2000)))
    assert (found.model, found.service_tier, found.input_tokens) == ("gpt-5.5", tier, 100000)
    doubt = f"service tier {tier} was asked for; whether it was granted is not said" if tier else None
    assert found.uncertain == doubt


def test_a_tier_that_changed_splits_the_run(write: Callable[..., Path], codex: Callable[..., Usage]) -> None:
    one, two = tokens(1000, 0, 10), tokens(3000, 0, 30)
    write(MAIN, meta(MAIN), turn("gpt-5.5"), settings("priority"), running(one), settings(None))
    write(MAIN, running(two, tokens(2000, 0, 20)))
    found = codex(printed(MAIN, two))
    assert [(part.model, part.service_tier, part.input_tokens) for part in found.models] == [
        ("gpt-5.5", "priority", 1000),
        ("gpt-5.5", None, 2000),
    ]
    assert (found.input_tokens, found.service_tier) == (3000, None)


def test_searches_are_counted_and_opened_pages_are_not(
    write: Callable[..., Path], codex: Callable[..., Usage], read: Callable[..., Usage]
) -> None:
    used = tokens(1000, 0, 10)
    write(MAIN, meta(MAIN), turn(), searched("search"), searched("open_page"), searched("search"), running(used))
    items = [{"type": "web_search", "query": "x", "action": {"type": kind}} for kind in ("search", "open_page")]
    stdout = "\n".join(json.dumps({"type": "item.completed", "item": item}) for item in items)
    both = f"{stdout}\n{printed(MAIN, used)}"
    assert (codex(both).web_search_requests, codex(both).input_tokens) == (2, 1000)
    assert (read("codex", both).web_search_requests, read("codex", both).input_tokens) == (1, 1000)


def test_searches_that_a_fork_copied_are_its_parents(write: Callable[..., Path], codex: Callable[..., Usage]) -> None:
    """The file begins at 09:00:00 with the copy; what comes more than a second later is the fork's own."""
    fork = meta(FORK, session_id=FORK, forked_from_id=MAIN)
    write(FORK, fork, meta(MAIN), turn(), searched("search"), searched("search"))
    write(FORK, searched("search"), running(tokens(1000, 0, 10)), at="2026-08-20T09:00:02.000Z")
    found = codex("", session_id=FORK)
    assert (found.web_search_requests, found.input_tokens) == (1, 1000)


def test_what_was_printed_is_believed_before_a_file_that_lacks_some_of_it(
    write: Callable[..., Path], codex: Callable[..., Usage]
) -> None:
    write(MAIN, meta(MAIN), turn(), running(tokens(1000, 0, 10)))
    found = codex(printed(MAIN, tokens(5000, 0, 50)))
    assert (*numbers(found), found.model, found.models) == (5000, 0, 50, "gpt-5.4", ())
