"""One way each to make a record, a run and a project for a test; what a test is about, it says itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.model.invocation import Invocation
from spec_kitty_telemetry.model.payload import ExecutionPayload
from spec_kitty_telemetry.model.record import ExecutionEvent
from spec_kitty_telemetry.project.layout import Project

if TYPE_CHECKING:
    from pathlib import Path

FEATURE = "043-telemetry-foundation"
AT = datetime(2026, 8, 20, 10, tzinfo=UTC)
CONFIG = """\
project:
  uuid: 2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11
  slug: shop
  node_id: b805cd5cee74
  build_id: b524fffa-7033-5e51-b1e2-842c78420f66
"""
_numbers = count()


def new_project(root: Path, *features: str) -> Project:
    """Make a spec-kitty project in the folder `root`, with folders for `features` and no records."""
    (root / ".kittify").mkdir(parents=True)
    (root / ".kittify" / "config.yaml").write_text(CONFIG, encoding="utf-8")
    for feature in features or (FEATURE,):
        (root / "kitty-specs" / feature).mkdir(parents=True)
    return Project(root.resolve())


def new_record(
    number: int | None = None, feature: str = "043-x", at: datetime | None = None, **facts: Any
) -> ExecutionEvent:
    """Return a record that is in no log, of one hour after the other by its `number`; `facts` are its payload's."""
    number = next(_numbers) if number is None else number
    payload: dict[str, Any] = {
        "agent": "a",
        "role": "implementer",
        "wp_id": "WP01",
        "outcome": "succeeded",
        "version": 2,
    }
    return ExecutionEvent(
        event_id=f"{number:026}",
        aggregate_id=feature,
        node_id="n",
        timestamp=at or AT + timedelta(hours=number),
        lamport_clock=number,
        payload=ExecutionPayload(**(payload | facts)),
    )


def new_run(project: Project, **about: Any) -> Invocation:
    """Return a run of Claude Code in a project as its host knows it before it starts."""
    facts: dict[str, Any] = {"feature": FEATURE, "agent": "claude-code", "role": "implementer", "wp_id": "WP01"}
    return Invocation(project_root=project.root, **(facts | about))


def record(project: Project, feature: str = FEATURE, wp_id: str | None = "WP01", **facts: Any) -> Path:
    """Record a run in a project's log, which is returned."""
    folder = project.feature_dir(feature)
    folder.mkdir(parents=True, exist_ok=True)
    who = {"agent": "agent", "role": "implementer"}
    assert emit_execution_event(folder, feature, wp_id, **(who | facts))
    return project.log_path(feature)
