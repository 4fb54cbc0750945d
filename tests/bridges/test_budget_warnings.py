"""A host says which budgets of its mission are close or over, and is never held up by it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from spec_kitty_telemetry.bridges import budget_warnings, spec_kitty_cli
from spec_kitty_telemetry.bridges.budget_warnings import BudgetWarnings, Look

if TYPE_CHECKING:
    from pathlib import Path

MISSION = "012-export"
LIMITS = "budgets:\n  - {per: feature, limit_usd: 10, name: mission}\n  - {role: reviewer, limit_usd: 1}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one implementer's run of 9 dollars, within the limit of 10 but beyond 80 % of it."""
    (tmp_path / "kitty-specs" / MISSION).mkdir(parents=True)
    (tmp_path / ".kittify").mkdir()
    words = ("emit", "--feature", MISSION, "--agent", "a", "--role", "implementer", "--model", "m", "--cost-usd", "9")
    emitted = subprocess.run([sys.executable, "-m", "spec_kitty_telemetry", *words], cwd=tmp_path, check=False)
    assert emitted.returncode == 0
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_budget_that_is_close_is_said_once_in_a_process(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_budgets(project, LIMITS)
    said = BudgetWarnings()
    for _ in range(2):
        said.look(project, MISSION)
    assert said._worker.drain(60)
    assert capsys.readouterr().err == "Budget mission: 012-export: $9.00 of $10.00 spent (90%).\n"


def test_a_budget_that_goes_from_close_to_over_is_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    said = BudgetWarnings()
    for state in ("within", "warning", "warning", "over", "cannot tell"):
        said.say(f'{{"verdicts": [{{"name": "x", "state": "{state}", "words": "x is {state}"}}]}}'.encode())
    assert capsys.readouterr().err == "Budget x is warning\nBudget x is over\n"


@pytest.mark.parametrize("answer", [b"", b"Error", b'{"verdicts": []}'])
def test_an_answer_that_is_none_is_passed_over(answer: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    BudgetWarnings().say(answer)
    assert capsys.readouterr().err == ""


def test_what_a_name_has_in_it_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    BudgetWarnings().say(b'{"verdicts": [{"name": "x", "state": "over", "words": "a\\u001b[2Jb\\nc"}]}')
    assert capsys.readouterr().err == "Budget a?[2Jb?c\n"


def test_where_no_budget_is_set_no_process_is_started(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_budgets(project, "pricing: {}\n")
    monkeypatch.setattr(budget_warnings, "counting", None)
    Look(project, MISSION).tell()


def test_a_look_that_is_not_done_in_time_is_stopped(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_budgets(project, LIMITS)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.PIPE)
    monkeypatch.setattr(budget_warnings, "counting", lambda _root, _feature: process)
    Look(project, MISSION).tell()
    assert process.returncode is not None
    assert capsys.readouterr().err == ""


def test_spec_kitty_next_says_it_after_its_own_answer(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_budgets(project, LIMITS)
    monkeypatch.setattr(budget_warnings, "PATIENCE_S", 60)
    for words, is_said in (
        (["next", "--agent", "claude", "--mission", MISSION], True),
        (["merge", f"--mission={MISSION}"], True),
        (["next", "--mission"], False),
        (["status", "--mission", MISSION], False),
        (["next", "--mission", "none-such"], False),
    ):
        monkeypatch.setattr(sys, "argv", ["spec-kitty", *words])
        monkeypatch.setattr(spec_kitty_cli, "_sync_if_wanted", lambda: None)
        assert spec_kitty_cli._main(lambda: print("next: WP02"), None, (), {}) is None
        out, err = capsys.readouterr()
        assert out == "next: WP02\n"
        assert err == ("Budget mission: 012-export: $9.00 of $10.00 spent (90%).\n" if is_said else "")


def set_budgets(project: Path, text: str) -> None:
    (project / ".kittify" / "telemetry.yaml").write_text(text, encoding="utf-8")
