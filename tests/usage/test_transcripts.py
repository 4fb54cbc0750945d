"""What stdout does not say is read from the agents' own files, of the run alone, and only if it may be."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents.claude_code import transcript as claude_code
from spec_kitty_telemetry.agents.common.context import AgentContext, Window
from spec_kitty_telemetry.agents.common.files import SessionFiles, SessionQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.model.invocation import Usage

CLAUDE = "3f0c1c52-7f2f-4d8e-9a52-0a4f6f9b1c11"
REAL_CLAUDE = "d5133dcf-0894-4437-b03c-f839e06ea3e6"
THREAD = "019c8140-6f07-7fb1-86f8-4813739c32bb"
REAL_THREAD = "01a203a5-7f31-71e0-8bbc-c52631a59647"
GEMINI = "b1a2f4f0-1111-4222-8333-444455556666"
QWEN = "69f0814a-8bfc-4c8e-93d3-05757f17b96f"
COPILOT = "d60f7463-5d66-44b2-b8c4-60a0c0c36289"
OPENCODE = "ses_6783457c2ffeICANaRjenHkVxv"
GUESSED = "the session was found by its working folder and time"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def context(home: Path) -> AgentContext:
    return AgentContext(home)


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def numbers(found: Usage) -> tuple[int | None, ...]:
    return (
        found.input_tokens,
        found.cache_read_tokens,
        found.cache_write_tokens,
        found.output_tokens,
        found.reasoning_tokens,
    )


def put_claude(home: Path, text: str, session: str = CLAUDE) -> Path:
    return put(home / ".claude/projects/-home-dev-shop--worktrees-WP01" / f"{session}.jsonl", text)


def test_a_killed_claude_run_is_found_by_its_session(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_claude(home, sample("claude_transcript.jsonl"))
    cut = "\n".join(sample("claude_stream.jsonl").splitlines()[:3])
    found = read("claude_code", cut, context=context)
    assert numbers(found) == (46012, 40000, 6000, 900, None)  # two messages; 400 + 500, a replay counted once
    assert (found.model, found.session_id, found.success) == ("claude-sonnet-4-6", CLAUDE, None)
    assert (found.source, found.uncertain, found.cost_usd) == ("transcript", None, None)


def test_of_a_killed_stream_without_a_transcript_output_is_a_lower_bound(
    sample: Callable[[str], str], read: Callable[..., Usage]
) -> None:
    found = read("claude_code", "\n".join(sample("claude_stream.jsonl").splitlines()[:-1]))
    # sonnet 8+5000+15000 and 4+1000+25000, haiku 3+1000+3000; output placeholders 7, 1 and 70
    assert numbers(found) == (50015, 43000, 7000, 78, None)
    assert found.uncertain == "the run was cut off; output is at least what was streamed"


def test_a_claude_run_that_printed_nothing_is_found_by_folder_and_time(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_claude(home, sample("claude_transcript.jsonl"))
    found = read("claude_code", "", context=context, working_dir=Path("/home/dev/shop/.worktrees/WP01"))
    assert (found.input_tokens, found.session_id, found.uncertain) == (46012, CLAUDE, GUESSED)


def test_two_sessions_in_one_folder_and_time_are_not_guessed_between(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_claude(home, sample("claude_transcript.jsonl"))
    put_claude(home, sample("claude_transcript.jsonl"), "another")
    found = read("claude_code", "", context=context, working_dir=Path("/home/dev/shop/.worktrees/WP01"))
    assert found.source == "none"


def test_of_a_resumed_session_only_the_runs_own_time_counts(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_claude(home, sample("real/claude-transcript.jsonl"), REAL_CLAUDE)
    found = read(
        "claude_code", "", context=context, session_id=REAL_CLAUDE, started_at=at("2026-11-22T14:24:23.900000")
    )
    assert (found.model, *numbers(found)) == ("claude-opus-4-6", 46012, 40000, 6000, 900, None)
    assert found.cache_write_1h_tokens == 5000


def test_claudes_subagents_are_included_once(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    main = put_claude(home, sample("claude_transcript.jsonl"))
    line = {
        "type": "assistant",
        "isSidechain": True,
        "timestamp": "2026-08-20T10:00:10Z",
        "message": {
            "id": "msg_sub",
            "model": "claude-haiku-4-5",
            "usage": {"input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 5},
        },
    }
    put(main.with_suffix("") / "subagents" / "agent-1.jsonl", json.dumps(line))
    put(main.with_suffix("") / "subagents" / "workflows" / "r1" / "agent-2.jsonl", json.dumps(line))
    put(main.with_suffix("") / "subagents" / "journal.jsonl", json.dumps(line))
    found = read("claude_code", "", context=context, session_id=CLAUDE)
    assert (found.input_tokens, found.output_tokens) == (46022, 905)
    assert [one.model for one in found.models] == ["claude-sonnet-4-6", "claude-haiku-4-5"]


def test_the_version_on_disk_decides_whether_a_claude_total_is_one(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext, tmp_path: Path
) -> None:
    put_claude(home, sample("real/claude-transcript.jsonl"), REAL_CLAUDE)  # written by 2.1.197
    context = AgentContext(home, state_folder=tmp_path / "state")
    text = sample("real/claude-continued.json")
    read("claude_code", text, context=context)
    again = read("claude_code", text, context=context)
    assert (again.input_tokens, again.uncertain) == (46012, None)


def test_a_claude_session_that_began_with_the_run_has_nothing_from_before_however_long_it_is(
    home: Path, context: AgentContext
) -> None:
    lines = [claude_line(f"2026-08-20T10:00:{second:02}Z", str(second), "x" * 1000) for second in range(60)]
    put_claude(home, "".join(lines))
    wanted = SessionQuery(CLAUDE, None, Window(at("2026-08-20T10:00:00"), at("2026-08-20T10:01:00")))
    assert claude_code.before(context, wanted, SessionFiles(60, 2000)) == {}
    later = wanted._replace(window=Window(at("2026-08-20T10:00:02"), at("2026-08-20T10:01:00")))
    assert claude_code.before(context, later, SessionFiles(60, 2000)) is None  # what was before is too long to be read
    models = claude_code.before(context, later, SessionFiles(60))
    assert models is not None
    two_messages = [("claude-sonnet-4-6", 5 + 5)]
    assert [(model.name, counts.output_tokens) for model, counts in models.items()] == two_messages


def test_the_history_that_a_fork_copied_is_from_before_the_run(home: Path, context: AgentContext) -> None:
    started = '{"type": "queue-operation", "timestamp": "2026-08-20T10:00:01Z"}\n{"type": []}\n'
    copied, own = claude_line("2026-08-18T10:00:00Z", "a"), claude_line("2026-08-20T10:00:02Z", "b")
    put_claude(home, started + copied + own)
    wanted = SessionQuery(CLAUDE, None, Window(at("2026-08-20T10:00:00"), at("2026-08-20T10:01:00")))
    models = claude_code.before(context, wanted, SessionFiles(60))
    assert models is not None
    assert [counts.output_tokens for counts in models.values()] == [5]
    put_claude(home, started + own)
    assert claude_code.before(context, wanted, SessionFiles(60)) == {}


def test_the_version_is_that_of_the_last_line_that_says_it_however_long_the_lines_are(
    home: Path, context: AgentContext
) -> None:
    wanted = SessionQuery(CLAUDE, None, Window(at("2026-08-20T10:00:00"), at("2026-08-20T10:01:00")))
    long = '{"type": "user", "text": "%s"}\n' % ("x" * 100_000)
    for last in ("", long, '{"version": "broken'):
        put_claude(home, f'{{"version": "2.1.276"}}\n{{"version": "2.1.280"}}\n{last}')
        assert claude_code.version(context, wanted, SessionFiles(60)) == "2.1.280"
    put_claude(home, long)
    assert claude_code.version(context, wanted, SessionFiles(60)) is None
    put_claude(home, "")
    assert claude_code.version(context, wanted, SessionFiles(60)) is None


def claude_line(timestamp: str, message_id: str, text: str = "") -> str:
    usage = {"input_tokens": 3, "output_tokens": 5}
    message = {"id": message_id, "model": "claude-sonnet-4-6", "usage": usage, "content": text}
    return json.dumps({"type": "assistant", "timestamp": timestamp, "message": message}) + "\n"


def test_a_claude_session_is_looked_for_in_the_runs_own_folder_first(home: Path, context: AgentContext) -> None:
    projects = home / ".claude" / "projects"
    put(projects / "-zzz" / f"{CLAUDE}.jsonl", claude_line("2026-08-20T10:00:10Z", "a"))
    window = Window(at("2026-08-20T10:00:00"), at("2026-08-20T10:01:00"))
    put(projects / "-home-me-shop" / f"{CLAUDE}.jsonl", claude_line("2026-08-20T10:00:10Z", "a").replace("5", "7"))
    for folder, output in ((Path("/home/me/shop"), 7), (Path("/home/me/" + "x" * 300), 5)):
        found = claude_code.find(context, SessionQuery(CLAUDE, folder, window), SessionFiles(60))
        assert found is not None
        assert found.output_tokens == output


def test_claudes_configured_folder_is_used_instead_of_the_home_folder(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, tmp_path: Path
) -> None:
    put(tmp_path / "config/projects/p" / f"{CLAUDE}.jsonl", sample("claude_transcript.jsonl"))
    context = AgentContext(home, {"CLAUDE_CONFIG_DIR": str(tmp_path / "config")})
    assert read("claude_code", "", context=context, session_id=CLAUDE).input_tokens == 46012


def put_codex(home: Path, text: str, thread: str = THREAD) -> Path:
    return put(home / ".codex/sessions/2026/08/20" / f"rollout-2026-08-20T10-00-00-{thread}.jsonl", text)


def test_the_model_of_a_codex_run_comes_from_its_rollout(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_codex(home, sample("codex_rollout.jsonl"))
    found = read("codex", sample("codex.jsonl"), context=context)
    assert (found.model, found.provider, found.duration_ms) == ("gpt-5.6-codex", "openai", 11200)
    assert (found.source, found.input_tokens, found.uncertain) == ("agent-output", 26549, None)


def test_a_failed_codex_run_has_its_tokens_from_the_rollout(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_codex(home, sample("codex_rollout.jsonl"))
    found = read("codex", sample("codex_failed.jsonl"), context=context)
    assert numbers(found) == (26549, 22272, 1000, 1590, 1152)
    assert (found.source, found.success, found.model) == ("transcript", False, "gpt-5.6-codex")


def test_a_codex_run_that_printed_nothing_is_found_by_folder_and_time(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_codex(home, sample("codex_rollout.jsonl"))
    found = read("codex", "", context=context, working_dir=Path("/home/dev/shop/.worktrees/WP02"))
    assert (found.input_tokens, found.session_id, found.uncertain) == (26549, THREAD, GUESSED)


def test_a_resumed_thread_that_was_never_seen_is_told_apart_by_its_rollout(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_codex(home, sample("real/codex-rollout.jsonl"), REAL_THREAD)
    second = {"started_at": at("2026-11-22T14:25:12"), "session_id": REAL_THREAD, "context": context}
    found = read("codex", sample("real/codex-resume.jsonl"), **second)
    assert (found.input_tokens, found.model, found.uncertain) == (26549, "gpt-5.3-codex", None)
    killed = read("codex", "", **second)
    assert (killed.source, *numbers(killed)) == ("transcript", 26549, 22272, 0, 1590, 1152)


def test_the_configured_model_of_codex_is_better_than_none_and_in_doubt(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put(home / ".codex/config.toml", 'model = "gpt-5.6-codex"\n')
    found = read("codex", sample("codex.jsonl"), context=context)
    assert (found.model, found.uncertain) == (
        "gpt-5.6-codex",
        "the model is the configured default; the run may have used another one",
    )
    assert read("codex", sample("codex.jsonl"), context=context, model="o9").model is None


def put_opencode_files(home: Path, sample: Callable[[str], str]) -> None:
    store = home / ".local/share/opencode/storage"
    put(store / "message" / OPENCODE / "msg_2.json", sample("opencode_message.json"))


def test_the_model_of_an_opencode_run_comes_from_its_files(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_opencode_files(home, sample)
    found = read("opencode", sample("opencode.jsonl"), context=context)
    assert (found.model, found.provider, found.source) == ("claude-sonnet-4-6", "anthropic", "agent-output")
    assert found.input_tokens == 27500


def test_a_killed_opencode_run_has_its_tokens_from_its_files(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_opencode_files(home, sample)
    found = read("opencode", sample("opencode.jsonl").splitlines()[0], context=context)
    assert numbers(found) == (14413, 13000, 500, 300, 45)  # 913 + 13000 + 500; 255 + 45
    assert (found.cost_usd, found.source, found.duration_ms) == (Decimal("0.0029853"), "transcript", 3050)


def opencode_database(home: Path, sample: Callable[[str], str]) -> None:
    """A session of two steps in one message, and a subagent's session of one."""
    path = home / ".local/share/kilo/kilo.db"
    path.parent.mkdir(parents=True)
    message = json.loads(sample("opencode_message.json"))
    steps = [json.loads(line)["part"] for line in sample("opencode.jsonl").splitlines() if "step_finish" in line]
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE session (id, project_id, parent_id, directory, time_created)")
        base.execute("CREATE TABLE message (id, session_id, time_created, data)")
        base.execute("CREATE TABLE part (id, message_id, data)")
        base.execute("INSERT INTO session VALUES (?, 'p', NULL, '/home/dev/shop', 1787216400000)", (OPENCODE,))
        base.execute("INSERT INTO session VALUES ('ses_child', 'p', ?, '/home/dev/shop', 1787216401000)", (OPENCODE,))
        for name, session in (("msg_2", OPENCODE), ("msg_9", "ses_child")):
            base.execute("INSERT INTO message VALUES (?, ?, 0, ?)", (name, session, json.dumps(message)))
        for number, step in enumerate(steps):
            base.execute("INSERT INTO part VALUES (?, 'msg_2', ?)", (number, json.dumps(step)))
    base.close()


def test_subagents_of_an_opencode_run_are_added_from_the_database(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    opencode_database(home, sample)
    found = read("opencode", sample("opencode.jsonl"), context=context)
    # the steps: 27500 in, 500 out, 0.01; the subagent: 14413 in, 300 out, 0.0029853
    assert (found.input_tokens, found.output_tokens, found.cost_usd) == (41913, 800, Decimal("0.0129853"))
    assert (found.source, found.model, found.success) == ("transcript", "claude-sonnet-4-6", True)


def test_an_opencode_run_that_printed_nothing_is_found_by_folder_and_time(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    opencode_database(home, sample)
    found = read("opencode", "", context=context, working_dir=Path("/home/dev/shop"))
    assert (found.session_id, found.input_tokens, found.uncertain) == (OPENCODE, 41913, GUESSED)


def test_the_configured_model_of_opencode_is_better_than_none_and_in_doubt(
    sample: Callable[[str], str], read: Callable[..., Usage], context: AgentContext, tmp_path: Path
) -> None:
    put(tmp_path / "opencode.json", '{"model": "anthropic/claude-sonnet-4-6"}')
    found = read("opencode", sample("opencode.jsonl"), context=context, working_dir=tmp_path)
    assert (found.model, found.provider) == ("claude-sonnet-4-6", "anthropic")
    assert found.uncertain is not None


def test_a_failed_gemini_run_has_its_tokens_from_the_chat(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put(home / ".gemini/tmp/shop/chats/session-1.jsonl", sample("gemini_chat.jsonl"))
    found = read("gemini", "", sample("gemini_error_stderr.json"), context=context)
    assert numbers(found) == (52000, 30000, None, 2200, 800)  # 20000 + 32000; 600 + 300 + 800 + 500
    assert (found.model, found.source, found.success) == ("gemini-2.5-pro", "transcript", False)
    assert found.error == "Please set an Auth method"


def test_a_real_gemini_chat_is_found_by_the_hash_of_its_folder(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    import hashlib

    folder = Path("/home/dev/shop")
    text = sample("real/gemini-chat.jsonl")
    old = json.loads(text.splitlines()[0])["projectHash"]
    put(
        home / ".gemini/tmp/x/chats/session-2.jsonl",
        text.replace(old, hashlib.sha256(str(folder).encode()).hexdigest()),
    )
    found = read("gemini", "", context=context, working_dir=folder)
    assert (*numbers(found), found.uncertain) == (52000, 30000, None, 2200, 800, GUESSED)


def put_qwen(home: Path, text: str, session: str) -> None:
    put(home / ".qwen/projects/-home-dev-shop/chats" / f"{session}.jsonl", text)


def test_a_killed_qwen_run_has_its_tokens_from_the_chat(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_qwen(home, sample("qwen_chat.jsonl"), QWEN)
    found = read("qwen", sample("qwen_stream.jsonl").splitlines()[0], context=context)
    assert numbers(found) == (11000, 4000, None, 700, 250)  # 5000 + 6000; 300 + 400; 100 + 150 inside
    assert (found.model, found.source) == ("qwen3-coder-plus", "transcript")


def test_qwens_background_requests_count_and_repeated_telemetry_does_not(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_qwen(home, sample("real/qwen-chat.jsonl"), "a8440053-c551-44d8-bd6b-a7e1fb267f2b")
    found = read("qwen", "", context=context, working_dir=Path("/home/dev/shop"))
    assert numbers(found) == (22000, 8000, None, 1400, 500)  # as `real/qwen.json` says


def put_copilot(home: Path, text: str, session: str) -> None:
    put(home / ".copilot/session-state" / session / "events.jsonl", text)


def test_what_copilot_does_not_print_comes_from_its_session(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put_copilot(home, sample("copilot_events.jsonl"), COPILOT)
    found = read("copilot", sample("copilot.jsonl"), context=context)
    assert numbers(found) == (72150, 70100, 1850, 154, 0)
    assert (found.model, found.source, found.success, found.duration_ms) == (
        "claude-sonnet-4.6",
        "transcript",
        True,
        8931,
    )
    assert found.cost_usd is None  # credits are not dollars


def test_copilots_single_requests_are_added_where_it_writes_them(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    session = "e988f4d5-4ff4-43cf-a6f7-39c0c79f5ed7"
    put_copilot(home, sample("real/copilot-events.jsonl"), session)
    found = read("copilot", sample("real/copilot.jsonl"), context=context)
    assert (found.model, *numbers(found)) == ("gpt-4.1", 11000, 4000, 0, 700, 250)
    killed = read("copilot", "", context=context, working_dir=Path("/home/dev/shop"))
    assert (killed.session_id, killed.input_tokens, killed.uncertain) == (session, 11000, GUESSED)


def test_an_earlier_shutdown_of_a_resumed_copilot_session_is_taken_off(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    end = sample("copilot_events.jsonl").splitlines()[2]
    later = end.replace("72150", "80000").replace("70100", "75000").replace('Tokens": 154', 'Tokens": 254')
    put_copilot(home, f"{end}\n{later.replace('2026-08-20', '2026-08-21')}\n", COPILOT)
    found = read("copilot", "", context=context, session_id=COPILOT, started_at=at("2026-08-21T00:00:00"))
    assert numbers(found) == (7850, 4900, 0, 100, 0)  # 80000 - 72150, 75000 - 70100, 254 - 154


def test_copilots_database_has_one_row_a_request(read: Callable[..., Usage], home: Path, context: AgentContext) -> None:
    (home / ".copilot").mkdir(parents=True)
    with sqlite3.connect(home / ".copilot/session-store.db") as base:
        base.execute(
            "CREATE TABLE assistant_usage_events (session_id, model, input_tokens, cache_read_tokens,"
            " cache_write_tokens, output_tokens, reasoning_tokens, created_at)"
        )
        for when in ("2026-08-20T10:00:01Z", "2026-08-20T10:00:02Z", "2026-08-01T10:00:00Z"):
            row = (COPILOT, "gpt-5.1", 100, 60, 0, 10, 4, when)
            base.execute("INSERT INTO assistant_usage_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    base.close()
    found = read("copilot", "", context=context, session_id=COPILOT)
    assert (found.model, *numbers(found)) == ("gpt-5.1", 200, 120, 0, 20, 8)


def test_only_chat_spans_of_copilots_trace_count(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, tmp_path: Path
) -> None:
    trace = put(tmp_path / "trace.jsonl", sample("copilot_otel.jsonl"))
    context = AgentContext(home, {"COPILOT_OTEL_FILE_EXPORTER_PATH": str(trace)})
    found = read("copilot", sample("copilot.jsonl"), context=context)
    assert (found.model, *numbers(found)) == ("claude-sonnet-4.6", 35925, 35067, 857, 120, None)


def test_a_killed_pi_run_has_its_tokens_from_its_session_file(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    text = sample("pi.jsonl").replace('"message_end"', '"message"')
    put(home / ".pi/agent/sessions/--home-dev--/2026_0a1b2c3d-0000-4000-8000-000000000000.jsonl", text)
    found = read("pi", sample("pi.jsonl").splitlines()[0], context=context)
    assert (found.input_tokens, found.cost_usd, found.source) == (15100, Decimal("0.0219"), "transcript")
    found = read("pi", "", context=context, working_dir=Path("/home/dev/shop/.worktrees/WP07"))
    assert (found.input_tokens, found.uncertain) == (15100, GUESSED)


def test_an_amp_thread_names_its_model_and_leaves_no_doubt(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    thread = "T-2775dc92-90ed-4f85-8b73-8f9766029e83"
    put(home / f".local/share/amp/threads/{thread}.json", sample("amp_thread.json"))
    found = read("amp", sample("amp.jsonl"), context=context)
    assert (found.model, *numbers(found)) == ("claude-sonnet-4-6", 12792, 12416, 367, 80, None)  # 9 + 12416 + 367
    assert (found.uncertain, found.cost_usd) == (None, None)


def test_aiders_analytics_are_exact(
    sample: Callable[[str], str], read: Callable[..., Usage], home: Path, tmp_path: Path
) -> None:
    path = put(tmp_path / "analytics.jsonl", sample("aider_analytics.jsonl"))
    context = AgentContext(home, {"AIDER_ANALYTICS_LOG": str(path)})
    found = read("aider", sample("aider.txt"), context=context)
    assert (found.model, *numbers(found)) == ("anthropic/claude-sonnet-4-6", 12010, None, None, 1204, None)
    assert (found.cost_usd, found.uncertain) == (Decimal("0.0541"), GUESSED)


def test_nothing_is_read_when_it_is_switched_off(
    sample: Callable[[str], str],
    read: Callable[..., Usage],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_codex(home, sample("codex_rollout.jsonl"))
    assert read("codex", sample("codex_failed.jsonl"), context=AgentContext(home, transcripts=False)).source == "none"


@pytest.mark.parametrize(("value", "allowed"), [("off", False), ("0", False), ("", True), ("on", True)])
def test_one_variable_switches_it_off(value: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from spec_kitty_telemetry.model.invocation import Invocation

    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_TRANSCRIPTS", value)
    run = Invocation(project_root=Path("no-project"), feature="f", agent="codex", role="r")
    assert AgentContext.of(run).transcripts is allowed


@pytest.mark.parametrize("session", ["../../etc/passwd", "a/b", "..", "", "x" * 500, "a\0b", "*"])
def test_a_session_id_is_never_a_path(
    session: str, sample: Callable[[str], str], read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    put(home / ".claude/projects/p/passwd.jsonl", sample("claude_transcript.jsonl"))
    for module in ("claude_code", "codex", "opencode", "gemini", "qwen", "copilot", "pi", "amp"):
        assert read(module, "", context=context, session_id=session).source == "none"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"[[[[" * 3000, b'{"type":' * 3000, b"null\n" * 50, b"{}\n" * 50]
)
def test_files_with_garbage_are_survived(
    content: bytes, read: Callable[..., Usage], home: Path, context: AgentContext
) -> None:
    for place in (
        ".claude/projects/p/s1.jsonl",
        ".codex/sessions/2026/08/20/rollout-s1.jsonl",
        ".codex/config.toml",
        ".gemini/tmp/p/chats/session-s1.json",
        ".gemini/tmp/p/chats/session-s1.jsonl",
        ".qwen/projects/p/chats/s1.jsonl",
        ".copilot/session-state/s1/events.jsonl",
        ".copilot/session-store.db",
        ".local/share/opencode/opencode.db",
        ".local/share/opencode/storage/message/s1/msg_1.json",
        ".local/share/opencode/storage/session/p/ses_1.json",
        ".local/share/amp/threads/s1.json",
        ".pi/agent/sessions/p/1_s1.jsonl",
    ):
        put(home / place, "").write_bytes(content)
    for module in ("claude_code", "codex", "opencode", "gemini", "qwen", "copilot", "pi", "amp"):
        for session in ("s1", None):
            assert read(module, "", context=context, session_id=session).source == "none"


def test_a_file_that_is_too_large_is_read_from_its_end_with_a_doubt(tmp_path: Path) -> None:
    path = put(tmp_path / "big.jsonl", "".join(f'{{"n": {number}}}\n' for number in range(100)))
    reading = SessionFiles(size=40)
    assert [line["n"] for line in reading.lines(path)][-1] == 99
    assert reading.doubt == "the agent's own files were too large to be read whole"


def test_reading_stops_when_its_time_is_over(tmp_path: Path) -> None:
    path = put(tmp_path / "some.jsonl", "{}\n" * 100)
    reading = SessionFiles(seconds=-1)
    assert (list(reading.lines(path)), list(reading.files(tmp_path, ".*")), reading.rows(path, "")) == ([], [], [])
    assert reading.doubt is not None


def test_a_moment_just_before_the_start_is_the_runs_only_where_moments_are_blurred() -> None:
    window = Window(at("2026-08-20T10:00:00.500000"), at("2026-08-20T10:01:00"))
    assert window.holds(at("2026-08-20T10:00:00"))  # whole seconds: 10:00:00.000 may be 10:00:00.999
    assert not window.holds(at("2026-08-20T10:00:00.400000"))
    assert not window.holds(None)


def test_a_folder_is_the_same_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    window = Window(at("2026-08-20T10:00:00"), at("2026-08-20T10:01:00"))
    wanted = SessionQuery(None, tmp_path / "link", window)
    facts: list[Any] = [str(tmp_path / "real"), str(tmp_path / "other"), None, "a\0b"]
    assert [wanted.is_folder(fact) for fact in facts] == [True, False, False, False]


@pytest.mark.skipif(os.name == "nt", reason="needs symlinks")
def test_a_link_that_leads_nowhere_hides_no_session(home: Path) -> None:
    projects = home / ".claude" / "projects"
    wanted = put(projects / "-shop" / f"{CLAUDE}.jsonl", "{}\n")
    for folder in (projects, projects / "-shop"):
        (folder / "zz-loop").symlink_to("zz-loop")
    assert list(SessionFiles().called(projects, wanted.name, depth=2)) == [wanted]
    assert list(SessionFiles().files(projects, r".*\.jsonl", depth=2)) == [wanted]
