"""Who worked: the person and the tags that every run gets, off unless set."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry import Invocation, InvocationResult, emit_execution_event, query_execution_events
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.errors import SettingsError

if TYPE_CHECKING:
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"


def my_settings(text: str) -> None:
    folder = Path(os.environ["SPEC_KITTY_TELEMETRY_CONFIG_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "telemetry.yaml").write_text(text, encoding="utf-8")


def tags(project: Project) -> list[dict[str, str]]:
    return [event.payload.tags for event in query_execution_events(project.feature_dir(FEATURE))]


def emitted(project: Project, **tags: str) -> None:
    emit_execution_event(project.feature_dir(FEATURE), FEATURE, "WP01", "a", "r", cost_usd=Decimal(1), tags=tags)


def test_without_settings_no_run_has_a_tag(project: Project) -> None:
    emitted(project)
    assert tags(project) == [{}]


def test_the_person_of_the_users_settings_and_the_default_tags_of_both_files_are_with_every_run(
    project: Project, hooks: Hooks
) -> None:
    my_settings("person: Ada\ndefault_tags: {team: mine, laptop: red}\n")
    project.settings_path.write_text("default_tags: {team: payments}\n", encoding="utf-8")
    emitted(project)
    run = Invocation(project_root=project.root, feature=FEATURE, agent="a", role="r", tags={"team": "own", "x": "y"})
    hooks.before_invocation(run)
    hooks.after_invocation(run, InvocationResult(success=True))
    assert tags(project) == [
        {"team": "payments", "laptop": "red", "person": "Ada"},
        {"team": "own", "laptop": "red", "person": "Ada", "x": "y"},  # what a run says itself counts
    ]


def test_a_report_by_person_groups_by_who_worked(project: Project) -> None:
    for person in ("Ada", "Bob", "Ada"):
        my_settings(f"person: {person}\n")
        emitted(project)
    my_settings("")
    emitted(project)
    result = CliRunner().invoke(group, ["report", "--project", str(project.root), "--by", "person", "--json"])
    rows = json.loads(result.stdout)["rows"]
    assert [(row["group_key"], row["total_cost_usd"]) for row in rows] == [("Ada", 2), ("Bob", 1), ("unknown", 1)]


def test_a_project_cannot_say_who_everybody_is(project: Project) -> None:
    project.settings_path.write_text("person: boss\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"person: this file is everybody's\. Move it to your own settings, "):
        project.settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default_tags: red\n", "default_tags: found 'red', expected a mapping"),
        ("default_tags: {team: [a]}\n", "default_tags, team: found"),
        ("person: [a]\n", "person: found"),
    ],
)
def test_tags_that_cannot_be_are_refused(project: Project, text: str, message: str) -> None:
    my_settings(text)
    with pytest.raises(SettingsError, match=message):
        project.settings()
