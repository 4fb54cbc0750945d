"""The pages are true: hooks as they are, links that lead somewhere, commands and code that run, pictures as printed."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import Hooks, Invocation, InvocationResult, ModelUsage, Price, Usage, query_execution_events
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.hooks import specs as hookspecs

if TYPE_CHECKING:
    from pydantic import BaseModel

    from spec_kitty_telemetry.project.layout import Project

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.glob("*.md")),
    *sorted(DOCS.glob("agents/*.md")),
    ROOT / "pricing" / "README.md",
    *ROOT.glob("examples/*/README.md"),
]
FEATURE = "043-telemetry-foundation"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not part of the wheel")


# Hooks --------------------------------------------------------------------------------------------------------------


def hooks() -> dict[str, ast.FunctionDef]:
    tree = ast.parse(Path(hookspecs.__file__).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return {
        node.name: node for node in functions if any("hookspec" in ast.unparse(each) for each in node.decorator_list)
    }


HOOKS = hooks()


def section(name: str) -> str:
    page = (DOCS / "hooks.md").read_text(encoding="utf-8")
    return page.split(f"\n## {name}\n")[1].split("\n## ")[0]


def test_the_page_of_hooks_has_all_of_them_in_their_order() -> None:
    headings = re.findall(r"^## (\w+)$", (DOCS / "hooks.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_with_its_exact_signature_and_its_kind(name: str) -> None:
    hook = HOOKS[name]
    kind = "first answer" if "firstresult=True" in ast.unparse(hook.decorator_list[0]) else "announced"
    returns = ast.unparse(hook.returns) if hook.returns else ""
    assert section(name).split("\n\n")[0].strip() == f"`{name}({ast.unparse(hook.args)}) -> {returns}` ({kind})"


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_a_hook_is_a_plugin_that_loads(name: str) -> None:
    (example, *_) = re.findall(r"```python\n(.*?)```", section(name), re.DOTALL)
    names: dict[str, Any] = {}
    exec(f"from spec_kitty_telemetry import Price, Usage, hookimpl\n{example}", names)
    plugin = names.get("Watcher") or type("Plugin", (), {name: staticmethod(names[name])})
    loaded = Hooks()
    assert loaded.register(plugin, "example"), loaded.plugins
    assert loaded.plugins[-1].hooks == [name]


@pytest.mark.parametrize("name", HOOKS)
def test_a_contract_says_what_an_exception_does_and_how_fast_to_be(name: str) -> None:
    contract = ast.get_docstring(HOOKS[name]) or ""
    assert "raises" in contract
    assert "`SystemExit` is an error like any other; `KeyboardInterrupt` is passed on" in " ".join(contract.split())
    assert ":param " in contract


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_has_tests_named_after_it(name: str) -> None:
    tree = ast.parse((ROOT / "tests" / "test_hooks.py").read_text(encoding="utf-8"))
    assert any(isinstance(node, ast.FunctionDef) and node.name.startswith(f"test_{name}_") for node in tree.body)


# Pages --------------------------------------------------------------------------------------------------------------


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_every_page_is_listed_in_reading_order() -> None:
    listed = re.findall(r"\]\((\S+\.md)\)", text_of(DOCS / "README.md"))
    pages = [page.name for page in DOCS.glob("*.md") if page.name != "README.md"]
    assert sorted(listed) == sorted([*pages, "agents/README.md"])


def test_files_and_tests_that_the_pages_name_exist() -> None:
    named = re.compile(r"`((?:tests|benchmarks|spec_kitty_telemetry|pricing|examples|docs)/[\w./-]+\w)`")
    texts = {page.name: re.sub(r"^New file .*$", "", text_of(page), flags=re.MULTILINE) for page in PAGES}
    found = [(page, name) for page, text in texts.items() for name in named.findall(text)]
    assert len(found) > 20
    assert [each for each in found if not (ROOT / each[1]).exists()] == []


# Commands -----------------------------------------------------------------------------------------------------------

PROGRAM = re.compile(r"(?:spec-kitty (?:agent )?telemetry|spec-kitty-telemetry) (.+)")


def commands(page: Path) -> list[str]:
    """Every command of ours that a page shows, in a sentence or in a block, without the program's name."""
    blocks = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", text_of(page), re.DOTALL))
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL))
    lines = [line.removeprefix("$ ") for line in (*blocks.splitlines(), *inline)]
    return [found[1] for line in lines if (found := PROGRAM.fullmatch(line.strip())) and found[1] not in {"…", "run"}]


RUN_ELSEWHERE = {"cli.md", "contributing.md"}
"""Help is no command to run; recipes are run where they were followed (`test_recipes.py`)."""
COMMANDS = sorted({command for page in PAGES if page.name not in RUN_ELSEWHERE for command in commands(page)})


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Project:
    """A project in git with a record, a program `claude`, and us in its folder."""
    programs = tmp_path / "programs"
    programs.mkdir()
    claude = programs / "claude"
    claude.write_text(f"#!{sys.executable}\nprint('{{}}')\n", encoding="utf-8")
    claude.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.chdir(project.root)
    subprocess.run(["git", "init", "--quiet"], check=True)
    (project.specs_dir / "user-login-01M8FXYR").mkdir()
    result = CliRunner().invoke(group, shlex.split(f"emit --feature {FEATURE} --wp WP01 --agent a --role implementer"))
    assert result.exit_code == 0, result.output
    return project


def test_there_are_commands_to_run() -> None:
    assert {"report", "lifecycle", "doctor", "init", "demo"} <= set(COMMANDS)
    assert len(COMMANDS) > 20


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the agent is a POSIX script")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_pages_runs(shop: Project, command: str) -> None:
    (event,) = query_execution_events(shop.feature_dir(FEATURE))
    words = shlex.split(command.replace(" ID", f" {event.event_id}").removesuffix("…"))
    words = [word for word in words if word != "--follow"]  # it never ends; tests/test_events_and_emit.py follows
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0, result.output


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = text_of(ROOT / "README.md").split("```sh\n")[2].split("\n```")[0]
    steps = text_of(ROOT / ".ci" / "run").replace('"$bin/', '"$bin"/').replace('"$bin"', ".venv-ci/bin").splitlines()
    assert [step.replace('"', "") for step in command.split(" && ")] == [
        step.replace('"', "") for step in steps if step.startswith(("python3 -m venv", ".venv-ci/bin/python"))
    ]


def test_the_picture_of_the_readme_is_what_the_demo_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert CliRunner().invoke(group, ["demo", "--folder", str(tmp_path / "shop")]).exit_code == 0
    printed = CliRunner().invoke(group, ["report", "--project", str(tmp_path / "shop"), "--by", "wp,role"]).stdout
    picture = text_of(ROOT / "README.md").split("```")[1].partition("--by wp,role\n\n")[2]

    def lines(text: str) -> list[str]:
        return [re.sub(r"price table of \S+", "price table", line.rstrip()) for line in text.strip().splitlines()]

    assert lines(picture) == lines(printed)


# Code ---------------------------------------------------------------------------------------------------------------


def blocks_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text_of(DOCS / page), re.DOTALL)


@pytest.mark.parametrize("kind", [Invocation, InvocationResult])
def test_the_page_of_hosts_lists_every_field(kind: type[BaseModel]) -> None:
    tables = "".join(line for line in text_of(DOCS / "hosts.md").splitlines() if line.startswith("| `"))
    assert [name for name in kind.model_fields if f"`{name}`" not in tables and name != "ended_at"] == []


@pytest.mark.parametrize(("kind", "hook"), [(Usage, "extract_usage"), (ModelUsage, "extract_usage")])
def test_the_page_of_hooks_lists_every_field(kind: type[BaseModel], hook: str) -> None:
    assert [name for name in kind.model_fields if f"`{name}`" not in section(hook) and name != "source"] == []


def test_the_page_of_hooks_lists_what_a_price_is_made_of() -> None:
    arguments = inspect.signature(Price.per_million).parameters
    listed = section("find_price")
    assert [name for name in arguments if f"`{name}`" not in listed and name not in {"as_of", "valid_from"}] == []


def test_a_host_of_ten_lines_records_its_runs(project: Project) -> None:
    """The code of `docs/hosts.md`, with an agent in it."""
    host, script = blocks_of("hosts.md")
    names: dict[str, Any] = {}
    exec(host, names)
    facts = {"project_root": project.root, "feature": FEATURE, "wp_id": "WP07", "agent": "a", "role": "implementer"}
    run = names["run_with_telemetry"]
    run(lambda: InvocationResult(success=True, exit_code=0), **facts)
    with pytest.raises(FileNotFoundError):
        run(lambda: subprocess.run(["no-such-program"], check=False), **facts, attempt=2)
    found = [each.payload for each in query_execution_events(project.feature_dir(FEATURE))]
    assert [(each.wp_id, each.attempt, each.outcome) for each in found] == [
        ("WP07", None, "succeeded"), ("WP07", 2, "failed"),
    ]  # fmt: skip
    assert found[1].error == "failed: no such file or directory"
    lines = [line for line in host.splitlines() if line.strip() and not line.startswith(("from ", "import "))]
    assert len(lines) <= 11
    shutil.rmtree(project.feature_dir(FEATURE))
    project.feature_dir(FEATURE).mkdir()
    with chdir(project.root):
        exec(script, {})
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    assert (event.payload.input_tokens, str(event.payload.cost_usd)) == (50512, "0.051086")
