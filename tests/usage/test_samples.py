"""Every sample of printed output, made or real, gives exactly the numbers that were worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spec_kitty_telemetry.agents import MODULES
from spec_kitty_telemetry.agents import NAMES as AGENTS
from spec_kitty_telemetry.model.invocation import ModelUsage, Usage

if TYPE_CHECKING:
    from collections.abc import Callable


def model(name: str, cost: str | None = None, **facts: Any) -> ModelUsage:
    return ModelUsage(model=name, cost_usd=None if cost is None else Decimal(cost), **facts)


def used(cost: str | None = None, *models: ModelUsage, **facts: Any) -> Usage:
    return Usage(cost_usd=None if cost is None else Decimal(cost), models=models, **facts)


CLAUDE_SESSION = "3f0c1c52-7f2f-4d8e-9a52-0a4f6f9b1c11"
SONNET = model(
    "claude-sonnet-4-6",
    "0.048036",
    input_tokens=46012,  # 12 + 40000 + 6000
    cache_read_tokens=40000,
    cache_write_tokens=6000,
    cache_write_1h_tokens=0,
    output_tokens=900,
)
HAIKU = model(
    "claude-haiku-4-5-20251001",
    "0.00305",
    input_tokens=4500,  # 500 + 3000 + 1000
    cache_read_tokens=3000,
    cache_write_tokens=1000,
    output_tokens=200,
)
CLAUDE = used(
    "0.051086",  # 0.048036 + 0.00305
    SONNET,
    HAIKU,
    model="claude-sonnet-4-6",
    input_tokens=50512,
    cache_read_tokens=43000,
    cache_write_tokens=7000,
    cache_write_1h_tokens=0,
    output_tokens=1100,
    session_id=CLAUDE_SESSION,
    success=True,
    duration_ms=48210,
)


def real_claude(name: str, cost: str, session: str, duration_ms: int) -> Usage:
    """One request of input 12, read 40000, written 6000 (5000 of them for an hour), output 900."""
    numbers = {
        "input_tokens": 46012,
        "cache_read_tokens": 40000,
        "cache_write_tokens": 6000,
        "cache_write_1h_tokens": 5000,
        "output_tokens": 900,
    }
    one = model(name, cost, **numbers)
    return used(cost, one, model=name, session_id=session, success=True, duration_ms=duration_ms, **numbers)


def guessed(found: Usage) -> Usage:
    """The same run of a model whose price the agent does not know."""
    models = [one.model_copy(update={"cost_usd": None, "guessed_cost_usd": one.cost_usd}) for one in found.models]
    return found.model_copy(update={"models": tuple(models), "cost_usd": None, "guessed_cost_usd": found.cost_usd})


def codex(thread: str, *, times: int = 1, cache_write: int | None = 0) -> Usage:
    """Requests of input 26549, of it cached 22272, output 1590, of it reasoning 1152."""
    return used(
        input_tokens=26549 * times,
        cache_read_tokens=22272 * times,
        cache_write_tokens=cache_write,
        output_tokens=1590 * times,
        reasoning_tokens=1152 * times,
        session_id=thread,
        success=True,
    )


MADE_THREAD = "019c8140-6f07-7fb1-86f8-4813739c32bb"
REAL_THREAD = "01a203a5-7f31-71e0-8bbc-c52631a59647"


def gemini(session: str, *, thoughts: tuple[int | None, int | None], lite: bool = True, **facts: Any) -> Usage:
    """Prompt 52000, of it cached 30000, candidates 1400 and thoughts 800; flash-lite: prompt 1500, candidates 60."""
    pro = model(
        "gemini-2.5-pro",
        input_tokens=52000,
        cache_read_tokens=30000,
        output_tokens=2200,  # 1400 + 800
        reasoning_tokens=thoughts[0],
    )
    small = model(
        "gemini-2.5-flash-lite",
        input_tokens=1500,
        cache_read_tokens=0,
        output_tokens=60,
        reasoning_tokens=thoughts[1],
    )
    return used(
        None,
        *((pro, small) if lite else (pro,)),
        model="gemini-2.5-pro",
        input_tokens=53500 if lite else 52000,
        cache_read_tokens=30000,
        output_tokens=2260 if lite else 2200,
        reasoning_tokens=thoughts[0],
        session_id=session,
        success=True,
        **facts,
    )


MADE_GEMINI = "b1a2f4f0-1111-4222-8333-444455556666"
QWEN_SESSION = "69f0814a-8bfc-4c8e-93d3-05757f17b96f"
QWEN: dict[str, Any] = {"input_tokens": 11000, "cache_read_tokens": 4000, "output_tokens": 700}
OPENCODE_SESSION = "ses_6783457c2ffeICANaRjenHkVxv"
REAL_STEP: dict[str, Any] = {
    "input_tokens": 11000,  # 7000 + 4000 read
    "cache_read_tokens": 4000,
    "cache_write_tokens": 0,
    "output_tokens": 700,  # 450 + 250
    "reasoning_tokens": 250,
    "success": True,
}
CURSOR: dict[str, Any] = {
    "input_tokens": 57478,  # 19270 + 38208
    "cache_read_tokens": 38208,
    "cache_write_tokens": 0,
    "output_tokens": 473,
    "session_id": "7a9963b5-a319-41aa-938f-8a1f9171c3d8",
    "success": True,
    "duration_ms": 7656,
}
GOOSE: dict[str, Any] = {
    "input_tokens": 23000,
    "cache_read_tokens": 15000,
    "cache_write_tokens": 2000,
    "output_tokens": 400,
    "success": True,
}
NOTHING = used(source="none")

PRINTED = [
    ("claude_code", "claude.json", CLAUDE),
    ("claude_code", "claude_stream.jsonl", CLAUDE),
    ("claude_code", "claude_verbose_array.json", CLAUDE),
    (
        "claude_code",
        "claude_api_error.json",
        used(
            "0",
            input_tokens=0,
            cache_read_tokens=0,
            cache_write_tokens=0,
            output_tokens=0,
            session_id=CLAUDE_SESSION,
            success=False,
            duration_ms=1200,
            error="API Error: 404 model not found",
        ),
    ),
    (
        "claude_code",
        "claude_max_turns.json",
        used(
            "0.0345",
            model(
                "claude-sonnet-4-6",
                "0.0345",
                input_tokens=24010,  # 10 + 20000 + 4000
                cache_read_tokens=20000,
                cache_write_tokens=4000,
                cache_write_1h_tokens=0,
                output_tokens=896,
            ),
            model="claude-sonnet-4-6",
            input_tokens=24010,
            cache_read_tokens=20000,
            cache_write_tokens=4000,
            cache_write_1h_tokens=0,
            output_tokens=896,
            session_id=CLAUDE_SESSION,
            success=False,
            duration_ms=30111,
            error="Reached maximum number of turns (10)",
        ),
    ),
    ("claude_code", "claude_otel_events.jsonl", NOTHING),
    (
        "claude_code",
        "real/claude.json",
        real_claude("claude-opus-4-8[1m]", "0.09881000000000001", "f74c2f58-04e8-4716-ae7c-4fb08779bd10", 148),
    ),
    (
        "claude_code",
        "real/claude-sonnet.json",
        real_claude("claude-sonnet-4-5-20250929", "0.059286000000000005", "e78a8fd2-9e60-4ceb-b7a8-e43a24fef356", 110),
    ),
    (
        "claude_code",
        "real/claude-stream.jsonl",
        real_claude("claude-haiku-4-5-20251001", "0.019762", "d5133dcf-0894-4437-b03c-f839e06ea3e6", 102),
    ),
    (
        "claude_code",
        "real/claude-continued.json",
        real_claude("claude-opus-4-6", "0.09881000000000001", "d5133dcf-0894-4437-b03c-f839e06ea3e6", 82),
    ),
    (
        "claude_code",
        "real/claude-unknown-model.json",
        guessed(real_claude("no-such-model-9", "0.09881000000000001", "0de95658-8d91-4f9a-ace9-463913fed094", 129)),
    ),
    (
        "claude_code",
        "real/claude-api-down.json",
        used(
            "0",
            input_tokens=0,
            cache_read_tokens=0,
            cache_write_tokens=0,
            cache_write_1h_tokens=0,
            output_tokens=0,
            session_id="2106e6c5-068e-4e8e-a38a-4457b7f9eb6f",
            success=False,
            duration_ms=102,
            error="API Error: Unable to connect to API (ConnectionRefused)",
        ),
    ),
    ("codex", "codex.jsonl", codex(MADE_THREAD, cache_write=1000)),
    (
        "codex",
        "codex_old_usage.jsonl",
        used(input_tokens=7464, cache_read_tokens=6528, output_tokens=25, session_id=MADE_THREAD, success=True),
    ),
    (
        "codex",
        "codex_failed.jsonl",
        used(session_id=MADE_THREAD, success=False, error="stream disconnected before completion", source="none"),
    ),
    (
        "codex",
        "codex_legacy.jsonl",
        used(  # `session_configured` names the session and the model
            model="gpt-5-codex",
            input_tokens=3804,
            cache_read_tokens=0,
            output_tokens=95,
            reasoning_tokens=64,
            session_id=MADE_THREAD,
        ),
    ),
    ("codex", "real/codex.jsonl", codex(REAL_THREAD)),
    ("codex", "real/codex-resume.jsonl", codex(REAL_THREAD, times=2)),  # the thread's total, where nothing is known
    ("codex", "real/codex-full-auto.txt", NOTHING),
    ("gemini", "gemini.json", gemini(MADE_GEMINI, thoughts=(800, 0))),
    ("gemini", "gemini_stream.jsonl", gemini(MADE_GEMINI, thoughts=(None, None), duration_ms=20010)),
    (
        "gemini",
        "real/gemini.json",
        gemini("622adb40-0709-4097-a7c9-55b497405e09", thoughts=(800, None), lite=False),
    ),
    (
        "gemini",
        "real/gemini-stream.jsonl",
        gemini("de9f1a51-0149-4077-9114-a2dff114e090", thoughts=(None, None), lite=False, duration_ms=78),
    ),
    (
        "qwen",
        "qwen.json",
        used(
            None,
            model("qwen3-coder-plus", reasoning_tokens=250, **QWEN),
            model="qwen3-coder-plus",
            reasoning_tokens=250,
            session_id=QWEN_SESSION,
            success=True,
            duration_ms=9120,
            **QWEN,
        ),
    ),
    (
        "qwen",
        "qwen_stream.jsonl",
        used(model="qwen3-coder-plus", session_id=QWEN_SESSION, success=True, duration_ms=9120, **QWEN),
    ),
    (
        "qwen",
        "qwen_error.json",
        used(
            model="qwen3-coder-plus",
            input_tokens=0,
            output_tokens=0,
            session_id=QWEN_SESSION,
            success=False,
            duration_ms=900,
            error="401 invalid api key",
        ),
    ),
    (
        "qwen",
        "real/qwen.json",  # two requests, one of them in the background
        used(
            None,
            model(
                "qwen3-coder-plus",
                input_tokens=22000,
                cache_read_tokens=8000,
                output_tokens=1400,
                reasoning_tokens=500,
            ),
            model="qwen3-coder-plus",
            input_tokens=22000,
            cache_read_tokens=8000,
            output_tokens=1400,
            reasoning_tokens=500,
            session_id="a8440053-c551-44d8-bd6b-a7e1fb267f2b",
            success=True,
            duration_ms=221,
        ),
    ),
    (
        "opencode",
        "opencode.jsonl",
        used(
            "0.01",  # 0.0070147 + 0.0029853
            input_tokens=27500,  # 11087 + 2000, 913 + 13000 + 500
            cache_read_tokens=13000,
            cache_write_tokens=2500,
            output_tokens=500,  # 145 + 55, 255 + 45
            reasoning_tokens=100,
            session_id=OPENCODE_SESSION,
            success=True,
            duration_ms=6100,
        ),
    ),
    (
        "opencode",
        "opencode_error.jsonl",
        used(session_id=OPENCODE_SESSION, success=False, error="invalid api key", source="none"),
    ),
    (
        "opencode",
        "kilo.jsonl",
        used(
            "0.0091",
            input_tokens=4900,
            cache_read_tokens=4000,
            cache_write_tokens=0,
            output_tokens=200,
            reasoning_tokens=0,
            session_id="ses_kilo01",
            success=True,
            duration_ms=3000,
        ),
    ),
    (
        "opencode",
        "real/opencode.jsonl",
        used("0.0109", session_id="ses_dfc5a2508ffeQzzakSX6ME5wa0", duration_ms=1, **REAL_STEP),
    ),
    (
        "kilocode",
        "real/kilo.jsonl",
        used("0.0109", session_id="ses_dfc5a09a2ffe6WHLsh33RlqsS3", duration_ms=26, **REAL_STEP),
    ),
    (
        "kilocode",
        "kilocode_old.jsonl",
        used(
            "0.0125",
            input_tokens=10700,  # 1200 + 9000 + 500
            cache_read_tokens=9000,
            cache_write_tokens=500,
            output_tokens=300,
            success=True,
            duration_ms=9000,
        ),
    ),
    (
        "copilot",
        "copilot.jsonl",
        used(
            None,
            model("claude-sonnet-4.6", output_tokens=154),  # 120 + 34
            model="claude-sonnet-4.6",
            output_tokens=154,
            session_id="d60f7463-5d66-44b2-b8c4-60a0c0c36289",
            success=True,
            duration_ms=8931,
        ),
    ),
    (
        "copilot",
        "real/copilot.jsonl",
        used(
            model="gpt-4.1",
            session_id="e988f4d5-4ff4-43cf-a6f7-39c0c79f5ed7",
            success=True,
            duration_ms=275,
            source="none",
        ),
    ),
    (
        "copilot",
        "copilot_footer.txt",
        used(
            None,
            model("gpt-5.1", input_tokens=18600, cache_read_tokens=0, output_tokens=59),
            model("claude-sonnet-4.5", input_tokens=102000, cache_read_tokens=50200, output_tokens=475),
            model="claude-sonnet-4.5",
            input_tokens=120600,
            cache_read_tokens=50200,
            output_tokens=534,
            uncertain="the footer's numbers are rounded",
        ),
    ),
    ("cursor", "cursor.json", used(**CURSOR)),
    ("cursor", "cursor_stream.jsonl", used(model="Composer 2.5 Fast", **CURSOR)),
    (
        "cursor",
        "cursor_old.json",
        used(session_id=CURSOR["session_id"], success=True, duration_ms=7656, source="none"),
    ),
    (
        "augment",
        "auggie.json",
        used(session_id="5b0a4b3e-0000-4000-8000-000000000000", success=True, source="none"),
    ),
    (
        "pi",
        "pi.jsonl",
        used(
            "0.0219",  # 0.0165 + 0.0054
            model(
                "claude-sonnet-4-6",
                "0.0219",
                provider="anthropic",
                input_tokens=15100,  # 1000 + 5000 + 2000, 100 + 7000
                cache_read_tokens=12000,
                cache_write_tokens=2000,
                output_tokens=500,
                reasoning_tokens=120,
            ),
            model="claude-sonnet-4-6",
            provider="anthropic",
            input_tokens=15100,
            cache_read_tokens=12000,
            cache_write_tokens=2000,
            output_tokens=500,
            reasoning_tokens=120,
            session_id="0a1b2c3d-0000-4000-8000-000000000000",
            success=True,
        ),
    ),
    (
        "pi",
        "real/pi.jsonl",
        used(
            "0.010899999999999998",
            model(
                "qwen3-coder-plus",
                "0.010899999999999998",
                provider="stub",
                cache_write_tokens=0,
                **QWEN,
            ),
            model="qwen3-coder-plus",
            provider="stub",
            cache_write_tokens=0,
            session_id="01a203a6-2177-7347-9825-7f572cb708d2",
            success=True,
            **QWEN,
        ),
    ),
    (
        "letta",
        "letta.json",
        used(
            input_tokens=16600,
            cache_read_tokens=12000,
            cache_write_tokens=800,
            output_tokens=420,
            reasoning_tokens=90,
            success=True,
            duration_ms=21000,
            uncertain="input is taken to include cached tokens, which Letta does not say",
        ),
    ),
    ("letta", "letta_error.json", used(success=False, duration_ms=0, error="cancelled", source="none")),
    (
        "amp",
        "amp.jsonl",
        used(
            input_tokens=12783,
            cache_read_tokens=12416,
            cache_write_tokens=367,
            output_tokens=8,
            session_id="T-2775dc92-90ed-4f85-8b73-8f9766029e83",
            success=True,
            duration_ms=2906,
            uncertain="whether input includes cached tokens is taken from their sizes",
        ),
    ),
    ("goose", "goose.json", used("0.0349", **GOOSE)),
    ("goose", "goose_stream.jsonl", used("0.0349", **GOOSE)),
    (
        "aider",
        "aider.txt",
        used(
            "0.06",
            model="anthropic/claude-sonnet-4-6",
            input_tokens=15400,  # 12k + 3.4k
            cache_read_tokens=8100,
            output_tokens=1510,  # 1.2k + 310
            uncertain="Aider prints rounded numbers, and whether they include cached tokens depends on the provider",
        ),
    ),
]
NAMES = [f"{module}-{name}" for module, name, _ in PRINTED]


def test_every_agent_has_a_sample() -> None:
    sampled = {MODULES[module.replace("_", "-")] for module, *_ in PRINTED}
    missing = sorted(module for module in AGENTS if module not in sampled)
    assert not missing, f"agents without a sample of what they print in tests/data/agent-samples: {missing}"


@pytest.mark.parametrize(("module", "name", "expected"), PRINTED, ids=NAMES)
def test_a_sample_gives_exactly_the_numbers_worked_out_by_hand(
    module: str, name: str, expected: Usage, sample: Callable[[str], str], read: Callable[..., Usage]
) -> None:
    assert read(module, sample(name)) == expected


def test_a_failed_gemini_run_says_its_error_on_stderr(sample: Callable[[str], str], read: Callable[..., Usage]) -> None:
    expected = used(session_id=MADE_GEMINI, success=False, error="Please set an Auth method", source="none")
    assert read("gemini", "", sample("gemini_error_stderr.json")) == expected


NOISE: dict[str, Callable[[str], str]] = {
    "banner before": lambda text: f"Loaded cached credentials.\n[INFO] ready {{x}}\n{text}",
    "banner on the same line": lambda text: f"Welcome! {text}",
    "banner after": lambda text: f'{text}\nGoodbye, see you "soon" {{\n',
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "byte-order mark": lambda text: f"\ufeff{text}",
    "coloured lines": lambda text: "".join(f"\x1b[32m{line}\x1b[0m\n" for line in text.splitlines()),
    "window title": lambda text: f"\x1b]0;agent\x07{text}",
    "cut-off line before": lambda text: f'{{"type":"result","usage":{{"input_tok\n{text}',
    "printed twice": lambda text: f"{text}\n{text}",
}
STRUCTURED = [case for case in PRINTED if case[2] != NOTHING and not case[1].endswith(".txt")]
ADDED_UP = {"amp", "pi"}
"""Formats whose messages have no id: the same output twice is two runs' worth."""


NOISY = [
    (*case, noise) for case in STRUCTURED for noise in NOISE if not (noise == "printed twice" and case[0] in ADDED_UP)
]


@pytest.mark.parametrize(("module", "name", "expected", "noise"), NOISY, ids=[f"{m}-{n}-{k}" for m, n, _, k in NOISY])
def test_noise_around_a_sample_changes_no_number(
    module: str, name: str, expected: Usage, noise: str, sample: Callable[[str], str], read: Callable[..., Usage]
) -> None:
    assert read(module, NOISE[noise](sample(name))) == expected


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize(("module", "name", "expected"), STRUCTURED, ids=[f"{m}-{n}" for m, n, _ in STRUCTURED])
def test_objects_in_nested_arrays_are_found(
    module: str, name: str, expected: Usage, depth: int, sample: Callable[[str], str], read: Callable[..., Usage]
) -> None:
    text = sample(name).strip()
    listed = ",".join(text.splitlines()) if name.endswith(".jsonl") else text
    assert read(module, "[" * depth + listed + "]" * depth) == expected


@pytest.mark.parametrize(("module", "name", "expected"), STRUCTURED, ids=[f"{m}-{n}" for m, n, _ in STRUCTURED])
def test_output_that_is_cut_off_gives_no_more_than_the_whole(
    module: str, name: str, expected: Usage, sample: Callable[[str], str], read: Callable[..., Usage]
) -> None:
    text = sample(name)
    for end in range(0, len(text), max(1, len(text) // 40)):
        part = read(module, text[:end])
        assert (part.input_tokens or 0) <= (expected.input_tokens or 0)
        assert (part.output_tokens or 0) <= (expected.output_tokens or 0)
        assert (part.cost_usd or 0) <= (expected.cost_usd or 0)


def test_of_two_results_the_last_one_counts(sample: Callable[[str], str], read: Callable[..., Usage]) -> None:
    both = sample("claude_max_turns.json") + sample("claude.json")
    assert read("claude_code", both) == CLAUDE


def test_a_cost_of_0_beside_tokens_is_no_cost_because_opencode_prints_it_where_it_knows_none(
    read: Callable[..., Usage],
) -> None:
    step = '{"type":"step_finish","sessionID":"s","part":{"id":"p","type":"step-finish","cost":0,"tokens":%s}}'
    used = read("opencode", step % '{"input":100000,"output":9000,"reasoning":0,"cache":{"read":0,"write":0}}')
    assert (used.input_tokens, used.output_tokens, used.cost_usd) == (100_000, 9_000, None)
    nothing = read("opencode", step % '{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}}')
    assert (nothing.input_tokens, nothing.cost_usd, nothing.source) == (None, None, "none")
