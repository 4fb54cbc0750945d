"""What hosts and plugins may rely on: announcing, asking, loading, and that nothing raises into the host."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from pydantic import ValidationError

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.hooks.manager import Hooks
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage
from spec_kitty_telemetry.pricing import Price, PriceBook
from spec_kitty_telemetry.reports.prices import asking
from spec_kitty_telemetry.reports.search import query_execution_events

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.project.layout import Project

NOW = datetime(2026, 8, 20, 10, 0, tzinfo=UTC)


class Notes:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def before_invocation(self, invocation: Invocation) -> None:
        self.seen.append(f"before {invocation.wp_id}")

    @hookimpl
    def after_invocation(self, invocation: Invocation, result: InvocationResult) -> None:
        self.seen.append(f"after {invocation.wp_id} {result.settled_outcome()}")

    @hookimpl
    def event_recorded(self, event: Any, log_path: Path) -> None:
        self.seen.append(f"recorded {event.payload.wp_id} {event.lamport_clock} {log_path.name}")


class Broken:
    """Raises in every hook."""

    @hookimpl
    def before_invocation(self) -> None:
        raise RuntimeError("no before")

    @hookimpl
    def after_invocation(self) -> None:
        raise RuntimeError("no after")

    @hookimpl
    def extract_usage(self) -> None:
        raise RuntimeError("no usage")

    @hookimpl
    def find_price(self) -> None:
        raise RuntimeError("no price")

    @hookimpl
    def event_recorded(self) -> None:
        raise RuntimeError("no recording")


def invocation_in(project: Project, **more: Any) -> Invocation:
    facts: dict[str, Any] = {"agent": "my-agent", "role": "implementer", "wp_id": "WP01"} | more
    return Invocation(project_root=project.root, feature="043-telemetry-foundation", **facts)


def test_every_announced_hook_reaches_a_plugin_in_order(hooks: Hooks, project: Project) -> None:
    notes = Notes()
    hooks.register(notes, "notes")
    invocation = invocation_in(project)
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, InvocationResult(success=True, exit_code=0))
    assert notes.seen[0] == "before WP01"
    assert sorted(notes.seen[1:]) == ["after WP01 succeeded", "recorded WP01 1 execution.events.jsonl"]


def test_one_failing_plugin_does_not_silence_the_others(
    hooks: Hooks, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    first, last = Notes(), Notes()
    for name, plugin in {"first": first, "broken": Broken(), "last": last}.items():
        hooks.register(plugin, name)
    invocation = invocation_in(project)
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, InvocationResult(success=True, exit_code=0))
    assert len(first.seen) == len(last.seen) == 3
    assert len(query_execution_events(project.feature_dir(invocation.feature))) == 1
    assert "plugin broken failed in after_invocation: no after" in caplog.text


def test_failures_of_a_plugin_are_counted_and_kept_for_doctor(hooks: Hooks, project: Project) -> None:
    hooks.register(Broken(), "broken")
    hooks.before_invocation(invocation_in(project))
    hooks.before_invocation(invocation_in(project))
    broken = next(each for each in hooks.plugins if each.name == "broken")
    assert broken.failure_count == 2
    assert broken.problem == "before_invocation raised RuntimeError: no before"


def test_what_belongs_to_the_user_is_passed_on(hooks: Hooks, project: Project) -> None:
    class Interrupted:
        @hookimpl
        def before_invocation(self) -> None:
            raise KeyboardInterrupt

    hooks.register(Interrupted(), "interrupted")
    with pytest.raises(KeyboardInterrupt):
        hooks.before_invocation(invocation_in(project))


@pytest.mark.parametrize("exception", [SystemExit(3), GeneratorExit(), asyncio.CancelledError()])
@pytest.mark.parametrize("hook", ["before_invocation", "after_invocation", "extract_usage", "event_recorded"])
def test_no_plugin_ends_its_host(hooks: Hooks, project: Project, exception: BaseException, hook: str) -> None:
    def leave() -> None:
        raise exception

    plugin = type("Leaving", (), {hook: staticmethod(hookimpl(leave))})
    hooks.register(plugin(), "leaving")
    invocation = invocation_in(project)
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, InvocationResult(success=True, exit_code=0))
    assert len(query_execution_events(project.feature_dir(invocation.feature))) == 1
    if hook != "extract_usage":  # that one is asked in another process, which is not waited for if it is slow
        leaving = next(each for each in hooks.plugins if each.name == "leaving")
        assert str(leaving.problem).startswith(f"{hook} raised {type(exception).__name__}")


def test_a_plugin_registered_later_is_asked_first_and_none_is_no_answer(hooks: Hooks, project: Project) -> None:
    class Says:
        def __init__(self, model: str | None) -> None:
            self.model = model

        @hookimpl
        def extract_usage(self) -> Usage | None:
            return Usage(model=self.model) if self.model else None

    for name, model in (("one", "one"), ("two", "two"), ("silent", None)):
        hooks.register(Says(model), name)
    usage = hooks.extract_usage(invocation_in(project), InvocationResult(success=True))
    assert usage is not None
    assert usage.model == "two"


def test_a_plugin_that_raises_or_answers_nonsense_gave_no_answer(hooks: Hooks) -> None:
    class Knows:
        @hookimpl
        def find_price(self, model: str) -> Price | None:
            return Price.per_million(model=model, input="1", output="2", origin="Knows") if model == "mine" else None

    class Nonsense:
        @hookimpl
        def find_price(self) -> str:
            return "cheap"

    for name, plugin in {"knows": Knows(), "broken": Broken(), "nonsense": Nonsense()}.items():
        hooks.register(plugin, name)
    price = hooks.find_price("mine", None, NOW)
    assert price is not None
    assert price.origin == "Knows"
    assert hooks.find_price("yours", None, NOW) is None
    nonsense = next(each for each in hooks.plugins if each.name == "nonsense")
    assert nonsense.problem == "find_price raised TypeError: found str, expected Price or None"


def test_a_plugin_with_a_misspelt_hook_is_refused_with_the_reason(hooks: Hooks) -> None:
    class Misspelt:
        @hookimpl
        def after_invocatoin(self) -> None: ...

    assert not hooks.register(Misspelt(), "misspelt")
    status = next(each for each in hooks.plugins if each.name == "misspelt")
    assert not status.loaded
    assert status.problem == "there is no hook 'after_invocatoin'; did you mean 'after_invocation'?"


def test_a_plugin_with_an_unknown_argument_is_refused_and_the_others_still_work(hooks: Hooks, project: Project) -> None:
    class Wrong:
        @hookimpl
        def before_invocation(self, invocation: Invocation, colour: str) -> None: ...

    notes = Notes()
    assert not hooks.register(Wrong(), "wrong")
    assert hooks.register(notes, "notes")
    hooks.before_invocation(invocation_in(project))
    assert notes.seen == ["before WP01"]
    assert next(each for each in hooks.plugins if each.name == "wrong").problem == (
        "before_invocation takes 'colour', which the hook does not have; it has invocation"
    )


def test_a_plugin_whose_functions_are_not_marked_is_told_to_mark_them(hooks: Hooks) -> None:
    class Unmarked:
        def after_invocation(self) -> None: ...

    assert not hooks.register(Unmarked(), "unmarked")
    assert str(hooks.plugins[-1].problem).startswith(
        "implements no hook; name a module or a class, in which functions are marked"
    )


def test_an_implementation_may_have_another_name_and_arguments_of_its_own_with_defaults(
    hooks: Hooks, project: Project
) -> None:
    seen = []

    class Renamed:
        @hookimpl(specname="before_invocation")
        def notice(self, invocation: Invocation, retries: int = 3) -> None:
            seen.append((invocation.wp_id, retries))

    assert hooks.register(Renamed(), "renamed"), hooks.plugins[-1].problem
    hooks.before_invocation(invocation_in(project))
    assert seen == [("WP01", 3)]


def test_doctor_says_in_another_process_what_a_plugin_raised_until_that_is_forgotten(
    project: Project, tmp_path: Path
) -> None:
    code = (
        "from spec_kitty_telemetry import hookimpl\n@hookimpl\n"
        "def after_invocation(): raise ValueError('the disk\\nis on fire')\n"
    )
    install(tmp_path, "raises_at_work", code)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\nfrom spec_kitty_telemetry import Hooks, Invocation, InvocationResult\n"
        "root = Path(sys.argv[2])\nhooks = Hooks.load(root)\n"
        "for number in range(3):\n"
        "    run = Invocation(project_root=root, feature='043-telemetry-foundation', agent='a', role='r')\n"
        "    hooks.after_invocation(run, InvocationResult(success=True))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path), str(project.root)], check=True, capture_output=True)

    def doctor(*more: str) -> Result:
        return CliRunner().invoke(group, ["doctor", "--project", str(project.root), *more])

    found = doctor()
    assert found.exit_code == 1
    assert found.stdout.count("plugin raises_at_work: after_invocation raised ValueError at ") == 1
    assert "mend or uninstall it, then 'doctor --repair' forgets this" in found.stdout
    assert "what plugins raised is forgotten" in doctor("--repair").stdout
    assert doctor().exit_code == 0
    assert len(query_execution_events(project.feature_dir("043-telemetry-foundation"))) == 3


def test_of_two_plugins_of_one_name_the_second_is_left_out_and_listed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "second", "")
    entry_points = tmp_path / "second-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[spec_kitty]\ntelemetry = second\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    ours, left_out = (each for each in Hooks.load(project.root).plugins if each.name == "telemetry")
    assert (ours.loaded, left_out.loaded) == (True, False)
    assert str(left_out.problem).endswith("has a plugin of that name; give it another one")


def test_a_class_is_made_an_object_of_its_own_for_each_hooks(project: Project) -> None:
    made: list[object] = []

    class Counted:
        def __init__(self) -> None:
            made.append(self)

        @hookimpl
        def before_invocation(self) -> None: ...

    for hooks in (Hooks.load(project.root), Hooks.load(project.root)):
        assert hooks.register(Counted, "counted")
    assert len(made) == 2


def test_the_recorder_and_the_extractors_are_registered_like_any_plugin(hooks: Hooks) -> None:
    recorder = next(each for each in hooks.plugins if each.name == "telemetry")
    assert recorder.hooks == ["after_invocation", "before_invocation", "hooks_loaded"]
    assert str(recorder.package).startswith("spec-kitty-telemetry ")
    assert "agents" in {each.name for each in hooks.plugins}
    assert all(each.problem is None for each in hooks.plugins)


PLUGINS = {
    "cannot_import": "import a_module_that_does_not_exist",
    "exits": "raise SystemExit(3)",
    "fine": "from spec_kitty_telemetry import hookimpl\n@hookimpl\ndef hooks_loaded(project_root):\n"
    "    print('told', project_root.name)",
}


def install(site: Path, name: str, code: str) -> None:
    """Put a module and its entry point into the folder `site`, as an installed package has them."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[spec_kitty]\n{name} = {name}\n", encoding="utf-8")


def test_broken_installed_plugins_are_skipped_and_named(project: Project, tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name, code in PLUGINS.items():
        install(site, name, code)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\nfrom spec_kitty_telemetry import Hooks\n"
        "for each in Hooks.load(Path(sys.argv[2])).plugins: print(each.name, each.package, each.loaded, each.problem)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(site), str(project.root)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert "told shop" in lines
    assert "fine fine 1.0 True None" in lines
    assert "exits exits 1.0 False SystemExit: 3" in lines
    assert any("cannot_import cannot_import 1.0 False ModuleNotFoundError: No module named" in line for line in lines)


def test_a_host_may_hand_over_its_own_result_object(hooks: Hooks, project: Project) -> None:
    class TheirResult:
        success = True
        exit_code = 0
        stdout = b"plain bytes"
        stderr = ""
        duration_seconds = 1.5
        errors: tuple[str, ...] = ()
        model = "gpt-5.2"
        input_tokens = 100
        output_tokens = 7

        @property
        def cost_usd(self) -> float:
            raise RuntimeError("not today")

    invocation = invocation_in(project)
    hooks.after_invocation(invocation, TheirResult())
    payload = query_execution_events(project.feature_dir(invocation.feature))[0].payload
    assert (payload.model, payload.input_tokens, payload.output_tokens) == ("gpt-5.2", 100, 7)
    assert (payload.usage_source, payload.duration_ms, payload.cost_usd) == ("host", 1500, None)


@pytest.mark.parametrize("result", [None, 7, "text", [], object(), {"success": True}])
def test_any_object_as_a_result_is_recorded_and_never_raises(hooks: Hooks, project: Project, result: object) -> None:
    invocation = invocation_in(project)
    hooks.after_invocation(invocation, result)
    payload = query_execution_events(project.feature_dir(invocation.feature))[0].payload
    assert (payload.success, payload.outcome, payload.exit_code) == (False, "failed", None)


@pytest.mark.parametrize(("program", "outcome"), [("pass", "succeeded"), ("raise SystemExit(3)", "failed")])
def test_a_completed_process_of_subprocess_is_a_result(
    hooks: Hooks, project: Project, program: str, outcome: str
) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    hooks.after_invocation(invocation_in(project), done)
    (event,) = query_execution_events(project.feature_dir("043-telemetry-foundation"))
    assert (event.payload.outcome, event.payload.exit_code) == (outcome, done.returncode)


def test_a_result_that_says_nothing_or_nonsense_is_recorded_with_a_warning(
    hooks: Hooks, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    class Nonsense:
        success, exit_code, stdout = False, 0, '{"type": "result", "usage": {"input_tokens": 9, "output_tokens": 1}}'
        outcome, input_tokens, errors = "timeout", -3, "boom"

    hooks.after_invocation(invocation_in(project), object())
    hooks.after_invocation(invocation_in(project, agent="claude-code"), Nonsense())
    assert "a result of type object says neither success nor exit_code, so its run counts as failed" in caplog.text
    for name in ("outcome", "input_tokens", "errors"):
        assert f"a result's {name} cannot be what the host says and counts as unknown: " in caplog.text
    first, second = query_execution_events(project.feature_dir("043-telemetry-foundation"))
    assert [first.payload.outcome, second.payload.outcome, second.payload.input_tokens] == ["failed", "failed", 9]


def test_a_wrapper_and_a_module_that_is_a_plugin_already_are_refused_in_a_sentence(hooks: Hooks) -> None:
    class Wrapper:
        @hookimpl(wrapper=True)
        def before_invocation(self) -> Any:
            yield

    notes = Notes()
    assert hooks.register(notes, "notes")
    assert not hooks.register(notes, "again")
    assert not hooks.register(Wrapper(), "wrapper")
    problems = {each.name: each.problem for each in hooks.plugins}
    assert problems["again"] == "is the same object as the plugin notes; a module can be a plugin only once"
    assert str(problems["wrapper"]).startswith("before_invocation is a wrapper, which is not supported")


def test_announcing_the_same_invocation_twice_counts_once(hooks: Hooks, project: Project) -> None:
    invocation = invocation_in(project)
    for _ in range(2):
        hooks.after_invocation(invocation, InvocationResult(success=True, exit_code=0))
    assert len(query_execution_events(project.feature_dir(invocation.feature))) == 1


def test_nothing_is_written_when_telemetry_is_off(
    hooks: Hooks, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY", "off")
    before = sorted(project.root.rglob("*"))
    invocation = invocation_in(project)
    hooks.before_invocation(invocation)
    hooks.after_invocation(invocation, InvocationResult(success=True))
    assert sorted(project.root.rglob("*")) == before


def test_a_feature_name_that_leads_elsewhere_ends_as_a_warning_with_the_record(
    hooks: Hooks, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    invocation = Invocation(project_root=project.root, feature="../../etc", agent="a", role="r")
    with caplog.at_level(logging.WARNING):
        hooks.after_invocation(invocation, InvocationResult(success=True))
    assert "'../../etc' cannot be a feature's name" in caplog.text
    assert '"agent":"a"' in caplog.text


# Each hook's own promise (`tests/test_docs.py` asks for one here) ---------------------------------------------------


def test_hooks_loaded_is_announced_once_after_all_plugins_are_there(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from spec_kitty_telemetry import hookimpl\ntold = []\n@hookimpl\n"
        "def hooks_loaded(hooks, project_root): told.append((len(hooks.plugins), project_root))\n"
    )
    install(tmp_path, "watcher_of_loading", code)
    monkeypatch.syspath_prepend(str(tmp_path))

    hooks = Hooks.load(project.root)

    told = sys.modules["watcher_of_loading"].told
    assert told == [(len(hooks.plugins), project.root)]
    assert "watcher_of_loading" in {plugin.name for plugin in hooks.plugins}


def test_before_invocation_hands_over_the_frozen_invocation_before_anything_is_recorded(
    hooks: Hooks, project: Project
) -> None:
    seen: list[tuple[Invocation, int]] = []

    class Early:
        @hookimpl
        def before_invocation(self, invocation: Invocation) -> None:
            seen.append((invocation, len(query_execution_events(project.feature_dir(invocation.feature)))))

    hooks.register(Early(), "early")
    invocation = invocation_in(project)
    hooks.before_invocation(invocation)
    assert seen == [(invocation, 0)]
    with pytest.raises(ValidationError, match="frozen"):
        seen[0][0].wp_id = "WP02"


def test_after_invocation_hands_every_plugin_the_hosts_result_read_once(hooks: Hooks, project: Project) -> None:
    class OfTheHost:
        success, exit_code, stdout, stderr, duration_seconds = False, 124, "", "took too long", 900.5

    results: list[InvocationResult] = []

    class Late:
        @hookimpl
        def after_invocation(self, result: InvocationResult) -> None:
            results.append(result)

    for name in ("one", "two"):
        hooks.register(Late(), name)
    hooks.after_invocation(invocation_in(project), OfTheHost())
    assert results[0] is results[1]
    assert (results[0].settled_outcome(), results[0].duration_seconds) == ("timed_out", 900.5)


def test_extract_usage_of_a_plugin_overrules_the_shipped_one_and_is_what_is_recorded(
    hooks: Hooks, project: Project
) -> None:
    class Knows:
        @hookimpl
        def extract_usage(self, invocation: Invocation, result: InvocationResult) -> Usage | None:
            return Usage(model="mine", output_tokens=len(result.stdout)) if invocation.agent == "codex" else None

    hooks.register(Knows(), "knows")
    hooks.after_invocation(invocation_in(project, agent="codex"), InvocationResult(success=True, stdout="12345"))
    (event,) = query_execution_events(project.feature_dir("043-telemetry-foundation"))
    used = (event.payload.model, event.payload.input_tokens, event.payload.output_tokens)
    assert used == ("mine", None, 5)


def test_find_price_of_a_plugin_overrules_the_tables_and_none_leaves_it_to_them(hooks: Hooks) -> None:
    class Contract:
        @hookimpl
        def find_price(self, model: str, at: datetime) -> Price | None:
            if model != "gpt-5.5" or at < NOW:
                return None
            return Price.per_million(model=model, input="1", output="2", origin="the contract")

    hooks.register(Contract(), "contract")
    find = asking(hooks, PriceBook.shipped())
    found = [find("gpt-5.5", "openai", NOW + timedelta(days=days), "codex") for days in (-1, 0)]
    origins = [price.origin for price in found if price is not None]
    assert origins == ["pricing/openai.yaml", "the contract"]


def test_event_recorded_tells_what_is_on_the_disk_already(hooks: Hooks, project: Project) -> None:
    seen: list[tuple[bytes, bytes]] = []

    class Forwarder:
        @hookimpl
        def event_recorded(self, event: ExecutionEvent, log_path: Path) -> None:
            seen.append((event.to_json(), log_path.read_bytes()))

    hooks.register(Forwarder(), "forwarder")
    hooks.after_invocation(invocation_in(project), InvocationResult(success=True))
    ((told, on_disk),) = seen
    assert told + b"\n" == on_disk
