"""Shell completion as a shell asks for it: the program is run with the words that were typed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
START = "from spec_kitty_telemetry.__main__ import main; main()"


def completions(project: Project, *words: str, shell: str = "bash") -> list[str]:
    """Return what is offered for the last of `words`, which is only begun."""
    typed = ["spec-kitty-telemetry", *words]
    # zsh and bash count the begun word among the words; fish hands it over apart.
    place = {"COMP_CWORD": str(len(words)) if shell != "fish" else words[-1]}
    environment = {"_SPEC_KITTY_TELEMETRY_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(typed), **place}
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=project.root, env={**os.environ, **environment}, capture_output=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def offered(project: Project, *words: str) -> set[str]:
    return {line.partition(",")[2] for line in completions(project, *words)}


@pytest.fixture
def recorded(project: Project) -> Project:
    """Records of two agents, and a second feature without any."""
    (project.specs_dir / "045-second").mkdir()
    folder = project.feature_dir(FEATURE)
    emit_execution_event(folder, FEATURE, "WP01", "claude-code", "implementer", model="claude-sonnet-4-6")
    emit_execution_event(folder, FEATURE, "WP02", "codex", "reviewer", model="gpt-5.2-codex", tags={"team": "red"})
    return project


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("rep",), {"report"}),
        (("prices", "sh"), {"show"}),
        (("report", "--feature", ""), {FEATURE, "045-second"}),
        (("report", "--mission", "43"), {FEATURE}),
        (("report", "--agent", ""), {"claude-code", "codex"}),
        (("report", "--agent", "cl"), {"claude-code"}),
        (("report", "--model", "g"), {"gpt-5.2-codex"}),
        (("events", "--wp", ""), {"WP01", "WP02"}),
        (("report", "--role", "r"), {"reviewer"}),
        (("report", "--outcome", "k"), {"killed"}),
        (("report", "--by", "mo"), {"model", "month"}),
        (("report", "--by", "wp,ro"), {"wp,role"}),
        (("report", "--by", "wp,w"), {"wp,week"}),
        (("report", "--by", "tag"), {"tag:team"}),
        (("report", "--by", "wp", "--sort", "w"), {"wp"}),
        (("report", "--sort", "re"), {"reported", "rejected", "reasoning"}),
        (("report", "--format", "c"), {"csv"}),
        (("report", "--since", "y"), {"yesterday"}),
        (("report", "--tz", "Europe/Vien"), {"Europe/Vienna"}),
        (("lifecycle", "--feature", "04"), {FEATURE, "045-second"}),
        (("emit", "--agent", "co"), {"codex"}),
        (("completion", "z"), {"zsh"}),
    ],
)
def test_names_that_occur_are_offered(recorded: Project, words: tuple[str, ...], expected: set[str]) -> None:
    assert offered(recorded, *words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_asks_in_its_own_way(recorded: Project, shell: str) -> None:
    answer = completions(recorded, "report", "--agent", "cod", shell=shell)
    assert "codex" in "\n".join(answer)
    assert "claude-code" not in "\n".join(answer)


def test_a_name_that_a_shell_would_run_is_never_offered(project: Project) -> None:
    folder = project.feature_dir(FEATURE)
    for agent in ("$(reboot)", "`reboot`", "a;reboot", "a b", "-rf", "a|b", "good", "x\n plain,evil", "\x1b[2J"):
        emit_execution_event(folder, FEATURE, "WP01", agent, "implementer")
    assert offered(project, "report", "--agent", "") == {"good"}


def test_outside_a_project_nothing_is_offered_and_nothing_is_said(recorded: Project) -> None:
    assert completions(type(recorded)(recorded.root.parent), "report", "--feature", "") == []


def test_a_log_that_cannot_be_read_offers_nothing(recorded: Project) -> None:
    recorded.log_path("045-second").mkdir()
    assert offered(recorded, "report", "--agent", "cl") == {"claude-code"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_printed_script_is_one_the_shell_accepts(shell: str) -> None:
    script = CliRunner().invoke(group, ["completion", shell])
    assert script.exit_code == 0, script.output
    assert f"_SPEC_KITTY_TELEMETRY_COMPLETE={shell}_complete" in script.stdout
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=script.stdout, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("bash") or sys.platform == "win32", reason="needs bash")
def test_bash_itself_completes(recorded: Project) -> None:
    """The script is sourced, and its function is called as bash calls it."""
    script = CliRunner().invoke(group, ["completion", "bash"]).stdout
    ask = (
        f'spec-kitty-telemetry() {{ "{sys.executable}" -c "{START}"; }}\nexport -f spec-kitty-telemetry\n{script}\n'
        "COMP_WORDS=(spec-kitty-telemetry report --agent cl); COMP_CWORD=3\n"
        '_spec_kitty_telemetry_completion "$0"\necho "${COMPREPLY[@]}"'
    )
    program = recorded.root / "spec-kitty-telemetry"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{START}"\n', encoding="utf-8")
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", ask, str(program)], cwd=recorded.root, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("claude-code", "")
