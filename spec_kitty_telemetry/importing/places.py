"""Which project, mission and lane a folder belongs to, as a transcript names it; it need not be there any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.importing.missions import LaneFolder, Missions
from spec_kitty_telemetry.project.locate import find_project

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

WORKTREES_FOLDER = ".worktrees"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request was made."""

    missions: Missions | None = None
    """Those of the folder's project; `None`: it is in no project."""
    lane: LaneFolder | None = None
    """`None`: it is in no worktree of a mission."""

    @property
    def project(self) -> Project | None:
        """The project that the folder is in."""
        return self.missions.project if self.missions else None


NOWHERE = Place()


@dataclass
class Places:
    """Looks each folder up once."""

    _places: dict[str, Place] = field(default_factory=dict)
    _missions: dict[Path, Missions] = field(default_factory=dict)

    def at(self, folder: str | None) -> Place:
        """Return what is at `folder`."""
        if folder is None:
            return NOWHERE
        if folder not in self._places:
            self._places[folder] = self._look(folder)
        return self._places[folder]

    def missions_of(self, project: Project) -> Missions:
        """Return the missions of `project`."""
        return self._missions.setdefault(project.root, Missions(project))

    def _look(self, folder: str) -> Place:
        # A share on another machine would make Windows ask that machine.
        if folder.startswith(("\\\\", "//")) or not Path(folder).is_absolute():
            return NOWHERE
        try:
            project = find_project(Path(folder))
        except (ProjectError, OSError, ValueError):
            return NOWHERE
        missions = self.missions_of(project)
        name = _worktree_name(folder)
        return Place(missions, missions.of_worktree(name) if name else None)


def _worktree_name(folder: str) -> str | None:
    parts = folder.replace("\\", "/").split("/")
    if WORKTREES_FOLDER not in parts[:-1]:
        return None
    return parts[parts.index(WORKTREES_FOLDER) + 1] or None
