"""Finding the project around a path.

A project is a folder with `kitty-specs/` or `.kittify/config.yaml`.  From inside a git worktree the project is the
primary checkout's.
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path

from spec_kitty_telemetry.errors import ProjectError
from spec_kitty_telemetry.project.files import stamp_of
from spec_kitty_telemetry.project.layout import SPECS_FOLDER, Project, is_project
from spec_kitty_telemetry.project.worktrees import primary_checkout


def find_project(start: Path | None = None) -> Project:
    """Return the project that `start` (default: the current folder) lies in.

    :raises ProjectError: there is none around it.
    """
    try:
        folder = Path(os.path.realpath(start or Path.cwd()))
        root = _root_around(folder)
    except (OSError, ValueError) as error:
        raise ProjectError(_why_not_here(start, error)) from error
    if root is not None:
        return Project(root)
    raise ProjectError(
        f"no spec-kitty project around {folder}: found no folder with '{SPECS_FOLDER}/' or '.kittify/config.yaml'; "
        "change into your project, or make one with 'spec-kitty init'"
    )


def _root_around(folder: Path) -> Path | None:
    home = Path(os.path.realpath(os.path.expanduser("~")))  # noqa: PTH111 - Path.home() raises where nobody has a home
    for candidate in (folder, *folder.parents):
        if is_project(candidate) and (candidate != home or (candidate / SPECS_FOLDER).is_dir()):
            if candidate != folder and not _is_trusted(candidate):
                raise ProjectError(
                    f"{candidate / _marker_of(candidate)} belongs to another user, so {folder} is not taken to be in "
                    f"the project {candidate}. Name that with --project if you trust it."
                )
            return primary_checkout(candidate)
    return None


def _is_trusted(candidate: Path) -> bool:
    """Tell whether a project above may be taken for ours (git's `safe.directory`): anybody can make a folder in /tmp.

    It is ours, the administrator's, or that of a group of ours which shares it.
    """
    if not hasattr(os, "geteuid"):
        return True
    status = (candidate / _marker_of(candidate)).lstat()
    trusted = {os.geteuid(), 0, int(os.environ.get("SUDO_UID", "0")) if os.geteuid() == 0 else 0}
    is_shared = bool(status.st_mode & stat.S_IWGRP) and status.st_gid in {os.getegid(), *os.getgroups()}
    return status.st_uid in trusted or is_shared


def _marker_of(candidate: Path) -> str:
    return SPECS_FOLDER if (candidate / SPECS_FOLDER).is_dir() else ".kittify"


def _why_not_here(start: Path | None, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):  # only asking where we are raises it
        return "the current folder was deleted; change into your project, or name it with an absolute path"
    reason = ((error.strerror if isinstance(error, OSError) else None) or str(error)).lower()
    return f"no project can be looked for around {str(start or 'the current folder')[:140]!r}: {reason}"


def project_of_root(root: Path) -> Project:
    """Return the project that a host named by any folder inside it; a folder in no project counts as one.

    A host may record before the project's first feature exists, so this never fails.
    """
    return _project_of_root(root, stamp_of(root))


@lru_cache(maxsize=32)
def _project_of_root(root: Path, stamp: tuple[int, int] | None) -> Project:
    del stamp  # it is the key: a folder that changed is looked at again
    try:
        return find_project(root)
    except ProjectError:
        return Project(Path(os.path.realpath(root)))


def project_of_feature_dir(feature_dir: Path) -> tuple[Project, Path]:
    """Return the project of a feature's folder, and that folder in its primary checkout.

    Emission must work wherever a host keeps its features, so a folder in no project counts as one of its own.

    :raises ProjectError: it is a symlink that leads out of the project.
    """
    folder = Path(os.path.realpath(feature_dir))
    specs_dir = Path(os.path.realpath(feature_dir.parent))
    if specs_dir.name == SPECS_FOLDER and not folder.is_relative_to(specs_dir.parent):
        raise ProjectError(
            f"{feature_dir} leads out of the project {specs_dir.parent}; replace the link by a real folder"
        )
    in_specs = folder.parent.name == SPECS_FOLDER
    try:
        project = find_project(folder)
    except ProjectError:
        return Project(folder.parent.parent if in_specs else folder), folder
    return project, project.specs_dir / folder.name if in_specs else folder
