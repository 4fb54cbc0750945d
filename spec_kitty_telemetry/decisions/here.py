"""Which mission somebody works on in a folder: by its lane worktree, its branch, what runs, or what ran last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec_kitty_telemetry.project.repository import checkout_around, small_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spec_kitty_telemetry.decisions.running import Running
    from spec_kitty_telemetry.project.layout import Project

_LANE = re.compile(r"(?:-lane-[a-z0-9]+|-coord|-WP\d+)$")
_PREFIXES = ("kitty/mission-", "kitty/", "mission-", "refs/heads/")
_REF = "ref: refs/heads/"


def mission_here(project: Project, folder: Path, running: Sequence[Running]) -> str | None:
    """Return the slug of the mission that `folder` is about; `None`: the project has none."""
    known = project.features()
    for name in (*_names_of_worktree(folder), branch_of(folder)):
        if name is not None and (slug := _mission_called(name, known)):
            return slug
    for run in reversed(running):
        if run.feature in known:
            return run.feature
    return _recorded_last(project)


def branch_of(folder: Path) -> str | None:
    """Return the branch that is checked out in `folder`, read from git's own file."""
    checkout = checkout_around(folder)
    text = small_text(checkout.git_dir / "HEAD") if checkout else None
    return text.strip().removeprefix(_REF) if text and text.startswith(_REF) else None


def _names_of_worktree(folder: Path) -> list[str]:
    parts = folder.parts
    return [parts[place + 1] for place, part in enumerate(parts[:-1]) if part == ".worktrees"]


def _mission_called(name: str, known: Sequence[str]) -> str | None:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    slug = _LANE.sub("", name)
    return slug if slug in known else None


def _recorded_last(project: Project) -> str | None:
    def written(slug: str) -> int:
        try:
            return project.log_path(slug).stat().st_mtime_ns
        except OSError:
            return 0

    return max(project.features_with_logs(), key=written, default=None)
