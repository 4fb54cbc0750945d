"""Running totals of sessions become what each run added."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.common import session_totals as sessions
from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.agents.common.tokens import TokenCounts
from spec_kitty_telemetry.errors import LogError
from spec_kitty_telemetry.model.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.model.invocation import Usage
    from spec_kitty_telemetry.project.layout import Project

FIRST, SECOND, THIRD = ("01K00000000000000000000001", "01K00000000000000000000002", "01K00000000000000000000003")


@pytest.fixture
def context(tmp_path: Path) -> AgentContext:
    return AgentContext(tmp_path / "home", transcripts=False, state_folder=tmp_path / "state")


def invocation(agent: str, project_root: Path) -> Invocation:
    return Invocation(project_root=project_root, feature="f", agent=agent, role="r")


def turn(thread: str, tokens: int, output: int) -> str:
    used = {"input_tokens": tokens, "cached_input_tokens": 0, "output_tokens": output}
    lines = [{"type": "thread.started", "thread_id": thread}, {"type": "turn.completed", "usage": used}]
    return "\n".join(json.dumps(line) for line in lines)


def claude(cost: float, *, session: str = "s1", version: str | None = None, main: Any = None, **models: Any) -> str:
    names = ("inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens", "outputTokens", "costUSD")
    per_model = {name: dict(zip(names, numbers, strict=True)) for name, numbers in models.items()}
    snake = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    usage = dict(zip(snake, main or next(iter(models.values())), strict=False))
    end = {"type": "result", "session_id": session, "total_cost_usd": cost, "usage": usage, "modelUsage": per_model}
    start = {"type": "system", "subtype": "init", "claude_code_version": version} if version else {}
    return f"{json.dumps(start)}\n{json.dumps(end)}"


def test_a_resumed_codex_thread_costs_what_its_turn_added(
    read: Callable[..., Usage], sample: Callable[[str], str], context: AgentContext
) -> None:
    read("codex", sample("real/codex.jsonl"), context=context, invocation_id=FIRST)
    turn = read("codex", sample("real/codex-resume.jsonl"), context=context, invocation_id=SECOND)
    # 53098 - 26549, 44544 - 22272, 3180 - 1590, 2304 - 1152
    assert (turn.input_tokens, turn.cache_read_tokens, turn.output_tokens, turn.reasoning_tokens) == (
        26549,
        22272,
        1590,
        1152,
    )
    assert turn.uncertain is None


def test_a_run_announced_twice_has_the_same_answer(read: Callable[..., Usage], context: AgentContext) -> None:
    runs = [(FIRST, turn("t", 100, 10)), (SECOND, turn("t", 150, 15)), (SECOND, turn("t", 150, 15))]
    runs += [(FIRST, turn("t", 100, 10)), (THIRD, turn("t", 170, 17))]
    answers = [read("codex", text, context=context, invocation_id=run).input_tokens for run, text in runs]
    assert answers == [100, 50, 50, 100, 20]


def test_a_counter_that_fell_is_a_new_start(read: Callable[..., Usage], context: AgentContext) -> None:
    read("codex", turn("t", 100, 10), context=context, invocation_id=FIRST)
    assert read("codex", turn("t", 40, 12), context=context, invocation_id=SECOND).input_tokens == 40
    assert read("codex", turn("t", 60, 15), context=context, invocation_id=THIRD).input_tokens == 20


def test_sessions_and_agents_are_told_apart(read: Callable[..., Usage], context: AgentContext) -> None:
    read("codex", turn("t", 100, 10), context=context, invocation_id=FIRST)
    assert read("codex", turn("other", 150, 15), context=context, invocation_id=SECOND).input_tokens == 150


def test_a_resumed_thread_that_was_never_seen_is_in_doubt(read: Callable[..., Usage], context: AgentContext) -> None:
    found = read("codex", turn("t", 100, 10), context=context, session_id="t")
    assert (found.input_tokens, found.uncertain) == (100, sessions.NOT_SEEN_BEFORE)


def test_statistics_of_a_resumed_gemini_run_are_its_own(
    read: Callable[..., Usage], sample: Callable[[str], str], context: AgentContext
) -> None:
    """They may well be larger than those of the run before."""
    first = sample("real/gemini.json")
    doubled = {"800": "1600", "1400": "2800", "30000": "60000", "52000": "104000", "54200": "108400"}
    again = re.sub(r"(?<=: )\d+(?=,)", lambda found: doubled.get(found[0], found[0]), first)
    read("gemini", first, context=context, invocation_id=FIRST)
    found = read("gemini", again, context=context, invocation_id=SECOND)
    assert (found.input_tokens, found.cache_read_tokens, found.output_tokens) == (104000, 60000, 4400)
    assert found.uncertain is None


def test_a_continued_claude_session_of_an_old_version_is_not_a_total(
    read: Callable[..., Usage], sample: Callable[[str], str], context: AgentContext
) -> None:
    read("claude_code", sample("real/claude-stream.jsonl"), context=context, invocation_id=FIRST)
    found = read("claude_code", sample("real/claude-continued.json"), context=context, invocation_id=SECOND)
    assert (found.model, found.input_tokens, found.output_tokens) == ("claude-opus-4-6", 46012, 900)
    assert (found.cost_usd, found.uncertain) == (Decimal("0.09881000000000001"), None)


def test_a_claude_version_that_continues_totals_is_subtracted(
    read: Callable[..., Usage], context: AgentContext
) -> None:
    read("claude_code", claude(0.5, opus=(10, 100, 5, 20, 0.5)), context=context, invocation_id=FIRST)
    text = claude(0.9, version="2.1.277", opus=(14, 180, 9, 50, 0.9))
    found = read("claude_code", text, context=context, invocation_id=SECOND)
    # 4 + 80 + 4; 50 - 20; 0.9 - 0.5
    assert (found.input_tokens, found.output_tokens, found.cost_usd) == (88, 30, Decimal("0.4"))
    assert found.uncertain is None


def test_a_claude_version_that_starts_at_zero_is_not_subtracted(
    read: Callable[..., Usage], context: AgentContext
) -> None:
    read("claude_code", claude(0.5, opus=(10, 100, 5, 20, 0.5)), context=context, invocation_id=FIRST)
    text = claude(0.9, version="2.1.276", opus=(14, 180, 9, 50, 0.9))
    found = read("claude_code", text, context=context, invocation_id=SECOND)
    assert (found.input_tokens, found.cost_usd, found.uncertain) == (203, Decimal("0.9"), None)


def test_growth_by_the_main_agents_own_usage_proves_a_total(read: Callable[..., Usage], context: AgentContext) -> None:
    read("claude_code", claude(0.5, opus=(10, 100, 5, 20, 0.5)), context=context, invocation_id=FIRST)
    text = claude(0.9, main=(4, 80, 4, 30), opus=(14, 180, 9, 50, 0.9))
    found = read("claude_code", text, context=context, invocation_id=SECOND)
    assert (found.input_tokens, found.output_tokens, found.uncertain) == (88, 30, None)


def test_growth_that_proves_nothing_is_subtracted_with_a_doubt(
    read: Callable[..., Usage], context: AgentContext
) -> None:
    read("claude_code", claude(0.5, opus=(10, 100, 5, 20, 0.5)), context=context, invocation_id=FIRST)
    found = read("claude_code", claude(0.9, opus=(14, 180, 9, 50, 0.9)), context=context, invocation_id=SECOND)
    assert found.input_tokens == 88
    assert found.uncertain is not None
    assert "version is unknown" in found.uncertain


def test_a_cost_that_is_a_total_beside_the_runs_own_models_is_subtracted_alone(
    read: Callable[..., Usage], context: AgentContext
) -> None:
    read("claude_code", claude(0.5, opus=(10, 100, 5, 20, 0.5)), context=context, invocation_id=FIRST)
    found = read("claude_code", claude(0.75, opus=(14, 180, 9, 50, 0.25)), context=context, invocation_id=SECOND)
    assert (found.input_tokens, found.cost_usd, found.uncertain) == (203, Decimal("0.25"), None)


@pytest.mark.parametrize("version", [None, "2.1.300"])
def test_totals_that_did_not_grow_although_the_run_used_tokens_are_its_own(
    read: Callable[..., Usage], context: AgentContext, version: str | None
) -> None:
    """So does the same output printed twice, by a stand-in for the agent, say."""
    text = claude(0.5, version=version, opus=(10, 100, 5, 20, 0.5))
    first = read("claude_code", text, context=context, invocation_id=FIRST)
    again = read("claude_code", text, context=context, invocation_id=SECOND)
    assert (again.input_tokens, again.cost_usd, again.uncertain) == (115, Decimal("0.5"), None)
    assert again == first


def test_a_refused_run_whose_totals_did_not_grow_added_nothing(
    read: Callable[..., Usage], context: AgentContext
) -> None:
    read("claude_code", claude(0.5, opus=(10, 100, 5, 20, 0.5)), context=context, invocation_id=FIRST)
    text = claude(0.5, version="2.1.300", main=(0, 0, 0, 0), opus=(10, 100, 5, 20, 0.5))
    assert read("claude_code", text, context=context, invocation_id=SECOND).cost_usd == Decimal(0)


def test_a_codex_total_that_did_not_grow_is_taken_for_the_runs_own_with_a_doubt(
    read: Callable[..., Usage], context: AgentContext
) -> None:
    read("codex", turn("t", 100, 10), context=context, invocation_id=FIRST)
    again = read("codex", turn("t", 100, 10), context=context, invocation_id=SECOND)
    assert (again.input_tokens, again.output_tokens) == (100, 10)
    assert "did not grow although a turn was completed" in str(again.uncertain)
    assert read("codex", turn("t", 130, 13), context=context, invocation_id=THIRD).input_tokens == 30


def test_a_model_that_added_nothing_is_not_listed_again(read: Callable[..., Usage], context: AgentContext) -> None:
    old: dict[str, Any] = {"opus": (10, 100, 5, 20, 0.5), "haiku": (1, 0, 0, 1, 0.1)}
    read("claude_code", claude(0.6, **old), context=context, invocation_id=FIRST)
    text = claude(1.0, version="2.1.300", **(old | {"opus": (14, 180, 9, 50, 0.9)}))
    found = read("claude_code", text, context=context, invocation_id=SECOND)
    assert [(one.model, one.input_tokens) for one in found.models] == [("opus", 88)]


@pytest.mark.parametrize("garbage", [b"", b"{", b"\xff\xfe", b"[]", b'{"runs": 3}', b'{"runs": [1, {"run": 2}]}'])
def test_a_memory_that_cannot_be_read_is_no_memory(
    garbage: bytes, read: Callable[..., Usage], context: AgentContext
) -> None:
    assert context.state_folder is not None
    read("codex", turn("t", 100, 10), context=context, invocation_id=FIRST)
    (memory,) = (context.state_folder / "sessions").iterdir()
    memory.write_bytes(garbage)
    assert read("codex", turn("t", 120, 12), context=context, invocation_id=SECOND).input_tokens == 120
    assert read("codex", turn("t", 150, 15), context=context, invocation_id=THIRD).input_tokens == 30


def test_a_memory_that_cannot_be_written_costs_nothing(read: Callable[..., Usage], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    context = AgentContext(tmp_path, transcripts=False, state_folder=tmp_path / "file" / "state")
    assert read("codex", turn("t", 100, 10), context=context).input_tokens == 100


@pytest.mark.skipif(sys.platform == "win32", reason="making symlinks needs a privilege on Windows")
def test_a_memory_that_leads_elsewhere_is_neither_read_nor_written(
    read: Callable[..., Usage], context: AgentContext, project: Project, tmp_path: Path
) -> None:
    assert context.state_folder is not None
    read("codex", turn("t", 100, 10), context=context, invocation_id=FIRST)
    (memory,) = (context.state_folder / "sessions").iterdir()
    elsewhere = tmp_path / "elsewhere"
    shutil.move(memory, elsewhere)
    memory.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    assert read("codex", turn("t", 120, 12), context=context, invocation_id=SECOND).input_tokens == 120
    assert elsewhere.read_bytes() == before
    assert (
        read("codex", turn("t", 150, 15), context=context, invocation_id=THIRD).input_tokens == 30
    )  # a file of our own

    (tmp_path / "outside").mkdir()
    project.runtime_folder()
    (project.runtime_dir / "sessions").symlink_to(tmp_path / "outside")
    assert AgentContext.of(invocation("codex", project.root)).state_folder is None


@pytest.mark.skipif(sys.platform == "win32", reason="appending there is two steps: going to the end, and writing")
def test_runs_of_a_session_that_end_at_the_same_time_are_all_remembered(tmp_path: Path) -> None:
    runs = [f"01K0000000000000000000000{number}" for number in range(8)]

    def remember(run: str) -> None:
        sessions.exchange(tmp_path, "codex", "t", run, {"": TokenCounts(input_tokens=int(run[-1]))})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remember, runs))
    (memory,) = (tmp_path / "sessions").iterdir()
    assert sorted(json.loads(line)["run"] for line in memory.read_bytes().splitlines()) == runs


def test_a_session_of_very_many_runs_stays_small_and_is_counted_on(read: Callable[..., Usage], tmp_path: Path) -> None:
    context = AgentContext(tmp_path, transcripts=False, state_folder=tmp_path)
    for number in range(1, 1001):
        added = read("codex", turn("t", 100 * number, 10 * number), context=context, invocation_id=f"{number:026}")
        assert (added.input_tokens, added.output_tokens, added.uncertain) == (100, 10, None)
    (memory,) = (tmp_path / "sessions").iterdir()
    assert memory.stat().st_size < 70_000


def test_a_session_with_very_many_models_is_counted_on(tmp_path: Path) -> None:
    before = None
    for number in range(1, 11):
        totals = {
            f"{'m' * 100}-{model}": TokenCounts(input_tokens=100 * number) for model in range(2000)
        }  # 290 KB a run
        assert sessions.exchange(tmp_path, "codex", "t", f"{number:026}", totals) == before
        before = totals
    (memory,) = (tmp_path / "sessions").iterdir()
    assert memory.stat().st_size < 600_000


@pytest.mark.parametrize("error", [PermissionError(13, "no"), OSError(28, "no space"), LogError("a link")])
def test_a_memory_that_cannot_be_added_to_is_replaced_by_a_new_one_that_knows_all(
    read: Callable[..., Usage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    context = AgentContext(tmp_path, transcripts=False, state_folder=tmp_path)
    runs = {FIRST: (100, 10), SECOND: (120, 12), THIRD: (150, 15)}
    read("codex", turn("t", *runs[FIRST]), context=context, invocation_id=FIRST)
    monkeypatch.setattr(sessions, "_append", refuse)
    for _ in range(2):
        added = [read("codex", turn("t", *used), context=context, invocation_id=run) for run, used in runs.items()]
        assert [one.input_tokens for one in added] == [100, 20, 30]
    (memory,) = (tmp_path / "sessions").iterdir()
    assert [json.loads(line)["run"] for line in memory.read_bytes().splitlines()] == [FIRST, SECOND, THIRD]


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX's")
def test_a_line_that_had_no_room_is_tried_in_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    for number in range(100):
        sessions.exchange(tmp_path, "codex", "t", f"{number:026}", {"": TokenCounts(input_tokens=number)})
    (memory,) = (tmp_path / "sessions").iterdir()
    monkeypatch.setattr(sessions, "_MANY_BYTES", 2000)  # so that a new file is smaller
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (memory.stat().st_size + 20, limits[1]))
        sessions.exchange(tmp_path, "codex", "t", FIRST, {"": TokenCounts(input_tokens=200)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    last = sessions.exchange(tmp_path, "codex", "t", SECOND, {"": TokenCounts(input_tokens=300)})
    assert last == {"": TokenCounts(input_tokens=200)}


def test_of_a_memory_that_is_far_too_large_the_end_counts(tmp_path: Path) -> None:
    sessions.exchange(tmp_path, "codex", "t", FIRST, {"": TokenCounts(input_tokens=1)})
    (memory,) = (tmp_path / "sessions").iterdir()
    last = memory.read_bytes()
    memory.write_bytes(b"x" * (3 << 20) + b"\n" + last)
    assert sessions.exchange(tmp_path, "codex", "t", SECOND, {"": TokenCounts(input_tokens=3)}) == {
        "": TokenCounts(input_tokens=1)
    }
    assert memory.stat().st_size < 1000


def test_a_memory_is_never_replaced_by_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Path] = []
    read_really = sessions._read

    def fail_at_the_second_look(path: Path) -> bytes:
        looks.append(path)
        return read_really(path) if len(looks) == 1 else b""

    monkeypatch.setattr(sessions, "_MANY_BYTES", 1000)
    monkeypatch.setattr(sessions, "_read", fail_at_the_second_look)
    before, most_looks = None, 0
    for number in range(30):
        looks.clear()
        totals = {"": TokenCounts(input_tokens=number)}
        assert sessions.exchange(tmp_path, "codex", "t", f"{number:026}", totals) == before
        before, most_looks = totals, max(most_looks, len(looks))
    assert most_looks == 2


def test_git_ignores_the_folder_that_a_memory_makes(tmp_path: Path) -> None:
    sessions.exchange(tmp_path / "telemetry", "codex", "t", FIRST, {"": TokenCounts(input_tokens=1)})
    assert (tmp_path / "telemetry" / ".gitignore").read_text() == "*\n"


def test_an_early_run_of_a_long_session_that_is_announced_again_gets_the_same_answer(tmp_path: Path) -> None:
    answers = [
        sessions.exchange(tmp_path, "codex", "t", f"{n:026}", {"": TokenCounts(input_tokens=n)}) for n in range(30)
    ]
    again = [
        sessions.exchange(tmp_path, "codex", "t", f"{n:026}", {"": TokenCounts(input_tokens=n)}) for n in range(30)
    ]
    assert answers == [None, *({"": TokenCounts(input_tokens=n)} for n in range(29))] == again


@pytest.mark.parametrize("torn", ["", '{"run": "01K', "\n"])
def test_a_line_that_a_crash_tore_off_hides_no_other_run(read: Callable[..., Usage], tmp_path: Path, torn: str) -> None:
    context = AgentContext(tmp_path, transcripts=False, state_folder=tmp_path)
    read("codex", turn("t", 100, 10), context=context, invocation_id=FIRST)
    (memory,) = (tmp_path / "sessions").iterdir()
    with memory.open("a") as file:
        file.write(torn)
    assert read("codex", turn("t", 120, 12), context=context, invocation_id=SECOND).input_tokens == 20
    assert read("codex", turn("t", 150, 15), context=context, invocation_id=THIRD).input_tokens == 30


def test_only_the_newest_sessions_are_remembered(tmp_path: Path) -> None:
    for number in range(2 * sessions.MOST_SESSIONS):
        sessions.exchange(tmp_path, "codex", f"t{number}", FIRST, {"": TokenCounts(input_tokens=1)})
    kept = list((tmp_path / "sessions").iterdir())
    assert sessions.MOST_SESSIONS <= len(kept) <= sessions.MOST_SESSIONS * 1.1
    assert sessions.exchange(tmp_path, "codex", "t0", SECOND, {}) is None
    newest = f"t{2 * sessions.MOST_SESSIONS - 1}"
    assert sessions.exchange(tmp_path, "codex", newest, SECOND, {}) == {"": TokenCounts(input_tokens=1)}


def test_sessions_are_remembered_in_the_project_and_nowhere_else(project: Project, tmp_path: Path) -> None:
    inside = invocation("claude-code", project_root=project.root / "kitty-specs")
    assert AgentContext.of(inside).state_folder == project.runtime_dir
    (tmp_path / "no-project").mkdir()
    assert AgentContext.of(invocation("claude-code", project_root=tmp_path / "no-project")).state_folder is None


def test_a_project_can_keep_us_out_of_the_agents_own_files(project: Project) -> None:
    assert AgentContext.of(invocation("codex", project_root=project.root)).transcripts
    project.settings_path.write_text("transcripts: off\n", encoding="utf-8")
    assert not AgentContext.of(invocation("codex", project_root=project.root)).transcripts
