"""Whatever an agent prints: no exception, no negative number, no part larger than its whole, and within bounds."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pluggy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.agents import MODULES as MODULE_OF
from spec_kitty_telemetry.agents import NAMES, extract_usage, normalized
from spec_kitty_telemetry.agents.codex import output as codex_output
from spec_kitty_telemetry.agents.common.context import AgentContext
from spec_kitty_telemetry.hooks import specs as hookspecs
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, ModelUsage, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.project.layout import Project

MODULES = sorted(module.partition(".")[0] for module in NAMES)
AGENT = {module.partition(".")[0]: names[0] for module, names in NAMES.items()}
MIB = 1 << 20

WORDS = sorted(
    {
        *re.findall(
            r'"([A-Za-z_.]{2,40})"',
            "\n".join(
                path.read_text(encoding="utf-8")
                for path in (Path(__file__).parent.parent / "data" / "agent-samples").rglob("*.json*")
            ),
        )
    }
)
NUMBERS = st.integers(-10, 10**20) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=20,
)


def ask(module: str, stdout: str, stderr: str = "") -> Usage:
    invocation = Invocation(project_root=Path("no-project"), feature="f", agent=AGENT[module], role="r")
    found = extract_usage(invocation, InvocationResult(success=True, stdout=stdout, stderr=stderr))
    assert isinstance(found, Usage)
    return found


def check(part: Usage | ModelUsage) -> None:
    cached = (part.cache_read_tokens or 0) + (part.cache_write_tokens or 0)
    assert part.input_tokens is None or cached <= part.input_tokens
    assert part.cache_write_tokens is None or (part.cache_write_1h_tokens or 0) <= part.cache_write_tokens
    assert part.output_tokens is None or (part.reasoning_tokens or 0) <= part.output_tokens
    numbers = [value for name, value in part if name.endswith(("_tokens", "_usd", "_ms")) and value is not None]
    assert all(number >= 0 for number in numbers)


def holds_up(module: str, text: str) -> None:
    for found in (ask(module, text), ask(module, "", text)):
        check(found)
        for part in found.models:
            check(part)
        assert found.error is None or (len(found.error) <= 500 and "\n" not in found.error)


@pytest.mark.parametrize("module", MODULES)
@given(text=st.text(max_size=300))
def test_any_text_is_survived(module: str, text: str) -> None:
    holds_up(module, text)


@pytest.mark.parametrize("module", MODULES)
@given(found=st.lists(VALUES, max_size=4))
def test_any_json_in_the_agents_own_words_is_survived(module: str, found: list[Any]) -> None:
    holds_up(module, "\n".join(json.dumps(value) for value in found))


@pytest.mark.parametrize("module", MODULES)
@given(data=st.data())
def test_samples_with_any_numbers_and_cuts_are_survived(module: str, data: st.DataObject) -> None:
    folder = Path(__file__).parent.parent / "data" / "agent-samples"
    names = [path for path in sorted(folder.rglob("*")) if path.name.startswith((module[:4], "claude"))]
    text = data.draw(st.sampled_from(names)).read_text(encoding="utf-8")
    number = st.sampled_from(
        ["-5", "0", "1e400", "9" * 5000, "1.5", "99999999999999999999", "null", '"7"', "{}", "[]", "7", "10"]
    )
    for _ in range(data.draw(st.integers(0, 6))):
        spots = [found.span(1) for found in re.finditer(r": ?(\d+(?:\.\d+)?)(?=[,}\s])", text)]
        if spots:
            start, end = data.draw(st.sampled_from(spots))
            text = text[:start] + data.draw(number) + text[end:]
    holds_up(module, text[: data.draw(st.integers(0, len(text)))])


@pytest.mark.parametrize(
    "text", ["\ud800", "\0" * 50, "[" * 5000, '{"a":' * 5000, '{"result"\n' * 1000, '"result" ' * 1000, "\x1b" * 500]
)
@pytest.mark.parametrize("module", MODULES)
def test_hostile_text_is_survived(module: str, text: str) -> None:
    invocation = Invocation(project_root=Path("no-project"), feature="f", agent=AGENT[module], role="r")
    found = extract_usage(invocation, InvocationResult.model_construct(stdout=text, stderr=text))
    assert found is not None
    assert found.source == "none"


def test_the_agents_are_one_plugin_and_no_name_is_two_agents() -> None:
    manager = pluggy.PluginManager(hookspecs.hookimpl.project_name)
    manager.add_hookspecs(hookspecs)
    manager.register(importlib.import_module("spec_kitty_telemetry.agents"))
    manager.check_pending()
    assert len(MODULE_OF) == sum(len(names) for names in NAMES.values())


def test_an_agent_that_is_not_used_is_not_imported() -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom spec_kitty_telemetry import Hooks, Invocation, InvocationResult\n"
        "run = Invocation(project_root=Path('none'), feature='f', agent='codex', role='r')\n"
        "Hooks.load(Path('none')).extract_usage(run, InvocationResult(success=True))\n"
        "print(*[name.split('.')[2] for name in sys.modules if name.startswith('spec_kitty_telemetry.agents.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"codex", "common"}


@pytest.mark.parametrize(
    ("agent", "module"),
    [("claude-code", "claude_code"), ("Claude", "claude_code"), ("open_code", "opencode"), ("kilo", "opencode")]
    + [(name, name) for name in ("codex", "copilot", "gemini", "qwen", "kilocode", "augment", "cursor", "pi", "letta")],
)
def test_the_orchestrators_agents_and_common_spellings_are_known(agent: str, module: str) -> None:
    invocation = Invocation(project_root=Path("no-project"), feature="f", agent=agent, role="r")
    assert extract_usage(invocation, InvocationResult(success=True)) is not None
    assert MODULE_OF[normalized(agent)].partition(".")[0] == module


def test_a_reader_that_fails_is_counted_and_the_next_plugin_is_asked(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Another:
        @hookimpl(trylast=True)
        def extract_usage(self) -> Usage:
            return Usage(input_tokens=7, source="agent-output")

    def broken(*_: object) -> Usage:
        raise RuntimeError("oh")

    hooks = Hooks.load(project.root)
    hooks.register(Another(), "another")
    monkeypatch.setattr(codex_output, "read", broken)
    invocation = Invocation(project_root=project.root, feature="f", agent="codex", role="r")
    found = hooks.extract_usage(invocation, InvocationResult(success=True))
    assert found is not None
    assert found.input_tokens == 7
    status = next(plugin for plugin in hooks.plugins if plugin.name == "agents")
    assert (status.failure_count, status.problem) == (1, "extract_usage raised RuntimeError: oh")


def test_a_search_of_files_that_fails_leaves_what_stdout_said(
    read: Callable[..., Usage], caplog: pytest.LogCaptureFixture
) -> None:
    context = AgentContext(cast("Path", None))  # a home that cannot even be asked
    assert read("copilot", "", context=context).source == "none"
    assert "the files of agent 'x' could not be read" in caplog.text


def test_another_agent_is_left_to_other_plugins() -> None:
    invocation = Invocation(project_root=Path("no-project"), feature="f", agent="somebody-elses", role="r")
    assert extract_usage(invocation, InvocationResult(success=True)) is None


def test_a_source_of_the_other_kind_keeps_its_raw_numbers_and_is_in_doubt(read: Callable[..., Usage]) -> None:
    usage = {"input_tokens": 10, "cached_input_tokens": 70, "output_tokens": 5, "reasoning_output_tokens": 9}
    found = read("codex", json.dumps({"type": "turn.completed", "usage": usage}))
    assert (found.input_tokens, found.cache_read_tokens) == (10, None)
    assert (found.output_tokens, found.reasoning_tokens) == (5, None)
    assert found.uncertain == (
        "an input of 10 tokens cannot hold 70 read from and 0 written to a cache; "
        "an output of 5 tokens cannot hold 9 of reasoning"
    )


def lines(make: Callable[[int], str], size: int) -> str:
    one = make(0)
    return "".join(make(number) for number in range(size // len(one)))


def chatter(number: int, end: str = "\n") -> str:
    content = [{"type": "text", "text": 'Wörter "in" quotes\nand lines ' * 40}]
    usage = {"input_tokens": 3, "cache_read_input_tokens": 0, "output_tokens": 1}
    message = {"id": f"m{number:08d}", "model": "claude-sonnet-4-6", "content": content, "usage": usage}
    return json.dumps({"type": "assistant", "message": message}, ensure_ascii=False) + end


def huge(name: str, size: int, sample: Callable[[str], str]) -> tuple[str, str]:
    """A module, and `size` characters of what its agent could print."""
    stream = sample("claude_stream.jsonl").splitlines()
    steps = sample("opencode.jsonl").splitlines()
    say = "ja, gewiß " * (size // 10)
    made: dict[str, tuple[str, Callable[[], str]]] = {
        "Claude, one object": ("claude_code", lambda: sample("claude.json").replace("WP01 implemented", say)),
        "Claude, lines": ("claude_code", lambda: "\n".join([stream[0], lines(chatter, size), stream[-1]])),
        "Claude, lines without an end": ("claude_code", lambda: f"{stream[0]}\n{lines(chatter, size)}"),
        "Claude, one array": (
            "claude_code",
            lambda: f"[{stream[0]},{lines(lambda number: chatter(number, ','), size)}{stream[-1]}]",
        ),
        "Codex, lines": (
            "codex",
            lambda: (
                lines(lambda _: json.dumps({"type": "item.completed", "item": {"text": "ü" * 200}}) + "\n", size)
                + sample("codex.jsonl")
            ),
        ),
        "Gemini, one object": ("gemini", lambda: sample("gemini.json").replace("Done.", say)),
        "OpenCode, steps and tools": (
            "opencode",
            lambda: lines(
                lambda number: (
                    steps[1].replace('"ok"', json.dumps("x " * 1000))
                    + "\n"
                    + steps[5].replace("prt_6", f"prt_{number:08d}")
                    + "\n"
                ),
                size,
            ),
        ),
        "Goose, one object": ("goose", lambda: sample("goose.json").replace("Done.", say)),
        "Aider, text": ("aider", lambda: sample("aider.txt") + lines(lambda _: "some line of a diff\n", size)),
        "no agent at all": ("claude_code", lambda: '{"result"\n' * (size // 10)),
    }
    module, make = made[name]
    return module, make()


@pytest.mark.parametrize("size_mib", [8, pytest.param(64, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("Claude, one object", "agent-output"),
        ("Claude, lines", "agent-output"),
        ("Claude, lines without an end", "agent-output"),
        ("Claude, one array", "agent-output"),
        ("Codex, lines", "agent-output"),
        ("Gemini, one object", "agent-output"),
        ("OpenCode, steps and tools", "agent-output"),
        ("Goose, one object", "agent-output"),
        ("Aider, text", "agent-output"),
        ("no agent at all", "none"),
    ],
)
def test_long_output_is_read_without_a_second_copy(
    name: str, source: str, size_mib: int, sample: Callable[[str], str]
) -> None:
    module, text = huge(name, size_mib * MIB, sample)
    invocation = Invocation(project_root=Path("no-project"), feature="f", agent=AGENT[module], role="r")
    result = InvocationResult.model_construct(stdout=text, stderr="")  # validation would cost more than the reading
    start = time.perf_counter()
    found = extract_usage(invocation, result)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    extract_usage(invocation, result)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{name}: {len(text) / MIB:.0f} Mi characters in {seconds:.2f} s, {peak / MIB:.1f} MiB at most")
    assert found is not None
    assert found.source == source
    assert peak < len(text) / 2
