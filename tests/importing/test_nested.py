"""Agents that are started from within a run: told what they work on, and neither lost nor counted twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spec_kitty_telemetry.importing import waiting
from spec_kitty_telemetry.model.invocation import Invocation
from spec_kitty_telemetry.recording.child_environment import cause_of, child_environment
from tests.importing.conftest import SLUG, Mission, counted

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

RUN = [sys.executable, "-m", "spec_kitty_telemetry", "run"]

AGENT = """\
import json, subprocess, sys
sys.path.insert(0, {tests!r})
from datetime import UTC, datetime
from pathlib import Path
from tests.importing.claude import ClaudeSession

now = datetime.now(UTC)
own = ClaudeSession("own", Path({root!r}), now)
own.types("do it")
own.answers()
nested = ClaudeSession("nested", Path({root!r}), now)
nested.types("do a part of it")
nested.answers()
for name in ("nested", "own"):  # the hooks of both, as each ends
    given = json.dumps({{"session_id": name, "cwd": {root!r}, "hook_event_name": "Stop"}})
    subprocess.run([sys.executable, "-m", "spec_kitty_telemetry", "hook", "claude"], input=given.encode(), check=True)
usage = {{"input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 10}}
print(json.dumps({{"type": "result", "subtype": "success", "is_error": False, "session_id": "own", "result": "done",
                  "usage": usage, "modelUsage": {{"claude-sonnet-4-6": {{"inputTokens": 100,
                  "cacheReadInputTokens": 1000, "outputTokens": 10}}}}}}))
"""


def invocation(project: Project, **more: object) -> Invocation:
    return Invocation.model_validate(
        {"project_root": project.root, "feature": SLUG, "agent": "claude-code", "role": "implementer", **more}
    )


def test_a_child_is_told_its_feature_work_package_role_attempt_and_run(project: Project) -> None:
    run = invocation(project, wp_id="WP01", attempt=2)
    environment = child_environment(run, {"PATH": "/bin"})
    assert environment == {
        "PATH": "/bin",
        "OTEL_RESOURCE_ATTRIBUTES": (
            f"spec_kitty.feature={SLUG},spec_kitty.wp=WP01,spec_kitty.role=implementer,spec_kitty.attempt=2"
        ),
        "SPEC_KITTY_TELEMETRY_RUN": run.invocation_id,
    }


@pytest.mark.parametrize(
    ("has", "begins"),
    [
        ("team=blue", "team=blue,spec_kitty.feature="),
        (" a=b, ", "a=b,spec_kitty.feature="),
        ("", "spec_kitty.feature="),
    ],
)
def test_what_the_user_has_there_stays(project: Project, has: str, begins: str) -> None:
    assert child_environment(invocation(project), {"OTEL_RESOURCE_ATTRIBUTES": has})[
        "OTEL_RESOURCE_ATTRIBUTES"
    ].startswith(begins)


def test_what_the_user_says_himself_wins_and_odd_characters_are_escaped(project: Project) -> None:
    run = invocation(project, role="a, b=c", wp_id="WP01")
    said = child_environment(run, {"OTEL_RESOURCE_ATTRIBUTES": "spec_kitty.wp=mine"})["OTEL_RESOURCE_ATTRIBUTES"]
    assert said == f"spec_kitty.wp=mine,spec_kitty.feature={SLUG},spec_kitty.role=a%2C%20b%3Dc"


@pytest.mark.parametrize("value", ["", "x", "01M8FXYR4T7C9N3ZP0Q5D2K6V", "../../etc/passwd"])
def test_a_run_that_cannot_be_one_causes_nothing(value: str) -> None:
    assert cause_of({"SPEC_KITTY_TELEMETRY_RUN": value}) is None


def test_run_gives_its_command_the_environment_and_a_run_within_it_is_caused_by_it(mission: Mission) -> None:
    place = ["--project", str(mission.project.root), "--feature", SLUG]
    inner = [*RUN, *place, "--role", "reviewer", "--", sys.executable, "-c", ""]
    subprocess.run([*RUN, *place, "--role", "implementer", "--wp", "WP01", "--", *inner], check=True)
    by_role = {event.payload.role: event for event in counted(mission.project)}
    assert by_role["reviewer"].causation_id == by_role["implementer"].event_id
    assert by_role["implementer"].causation_id is None


def test_sessions_within_a_run_are_recorded_once_each(mission: Mission, tmp_path: Path) -> None:
    """The run's own session is in its output, and so is not imported; the one that its agent started is."""
    project = mission.project
    script = tmp_path / "agent.py"
    tests = str(Path(__file__).parents[2])
    script.write_text(AGENT.format(tests=tests, root=str(project.root)), encoding="utf-8")
    place = ["--project", str(project.root), "--feature", SLUG, "--wp", "WP01", "--agent", "claude-code"]
    subprocess.run([*RUN, *place, "--", sys.executable, str(script)], check=True, env={**os.environ, "PYTHONUTF8": "1"})
    until = time.monotonic() + 60
    while waiting.waiting(project) and time.monotonic() < until:
        time.sleep(0.05)
    events = counted(project)
    run = next(event for event in events if event.payload.usage_source == "agent-output")
    nested = next(event for event in events if event.payload.session_id == "nested")
    assert nested.causation_id == run.event_id
    assert json.dumps(sorted(event.payload.session_id or "" for event in events)) == '["nested", "own"]'
