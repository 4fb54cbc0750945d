"""The project around a path: where it is, which features it has, who it is, and what its owner set.

A project is a folder with `kitty-specs/` or `.kittify/config.yaml`.  From inside a git worktree the project is the
primary checkout's, found by reading git's own small files; git is never started.  Everything that comes from the
repository (slugs, symlinks, YAML) is refused or ignored unless it is what it should be.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import FilterError, ProjectError, SettingsError
from spec_kitty_telemetry.project.files import is_within, stamp_of
from spec_kitty_telemetry.project.killswitch import is_off
from spec_kitty_telemetry.project.settings import Settings, read_yaml, user_settings_path

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.project.identity import Identity

SPECS_FOLDER = "kitty-specs"
LOG_NAME = "execution.events.jsonl"
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MAXIMUM_GIT_FILE_BYTES = 4096


class Project(msgspec.Struct, frozen=True):
    """One spec-kitty project, by the root of its primary checkout."""

    root: Path

    @property
    def specs_dir(self) -> Path:
        """The folder that has one folder a feature."""
        return self.root / SPECS_FOLDER

    @property
    def runtime_dir(self) -> Path:
        """Where locks, clocks, spool and marks live; spec-kitty keeps this folder out of git."""
        return _runtime_dir(self.root)

    @property
    def settings_path(self) -> Path:
        """The project's own settings file, which need not exist."""
        return self.root / ".kittify" / "telemetry.yaml"

    def feature_dir(self, feature: str) -> Path:
        """Return the folder of `feature`, which need not exist.

        :raises ProjectError: the slug is not one plain path component, or the folder leads out of the project.
        """
        check_slug(feature)
        folder = self.specs_dir / feature
        if not is_within(folder, self.root):
            raise ProjectError(
                f"{folder} leads out of the project {self.root}: "
                "telemetry follows no symlink that leaves it; replace the link by a real folder"
            )
        return folder

    def runtime_folder(self, *names: str) -> Path:
        """Return the folder `names` in `runtime_dir`, made if it was missing.

        :raises ProjectError: it leads out of the project.
        :raises OSError: it cannot be made.
        """
        folder = self.runtime_dir.joinpath(*names)
        if not is_within(folder, self.root):
            raise ProjectError(f"{folder} leads out of the project {self.root}; replace the link by a folder")
        if not folder.is_dir():
            make_runtime_folder(folder, self.runtime_dir)
        return folder

    def log_path(self, feature: str) -> Path:
        """Return where the log of `feature` is, or would be.

        :raises ProjectError: as `feature_dir`.
        """
        return self.feature_dir(feature) / LOG_NAME

    def features(self) -> list[str]:
        """Return the slugs of all features that have a folder, sorted.

        :raises ProjectError: the folder of features cannot be read.
        """
        try:
            names = [entry.name for entry in os.scandir(self.specs_dir) if _may_be_a_folder(entry)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ProjectError(f"{self.specs_dir} cannot be read: {reason}; mend its permissions") from error
        return sorted(name for name in names if _SLUG.fullmatch(name))

    def features_with_logs(self) -> list[str]:
        """Return the slugs of all features that have a log, or may have one that cannot be reached, sorted.

        :raises ProjectError: as `features`.
        """
        return [feature for feature in self.features() if _may_exist(self.specs_dir / feature / LOG_NAME)]

    def zone(self) -> ZoneInfo | None:
        """Return the time zone that days are cut in; `None` stands for the machine's own.

        :raises SettingsError: a settings file cannot be used, or names no time zone.
        """
        name = self.settings().time_zone
        if name is None:
            return None
        from spec_kitty_telemetry.model.timespans import zone_named  # most reports are in the machine's own zone

        try:
            return zone_named(name)
        except FilterError as error:
            own = read_yaml(self.settings_path).get("time_zone") == name
            path = self.settings_path if own else user_settings_path()
            raise SettingsError(f"{path}, time_zone: {error}") from error

    def settings(self) -> Settings:
        """Return what the environment, the project and the user set.

        :raises SettingsError: a settings file cannot be used.
        """
        return Settings.load(self.settings_path)

    def identity(self) -> Identity:
        """Return the project's identity; what `.kittify/config.yaml` does not say is derived and stays the same."""
        from spec_kitty_telemetry.project.identity import identity_of  # a report does not say who reads

        return identity_of(self.root)


@lru_cache(maxsize=32)
def _runtime_dir(root: Path) -> Path:
    """Return the same path each time: one record asks for it again and again, and a path takes longer than a lookup."""
    return root / ".kittify" / "runtime" / "telemetry"


def make_runtime_folder(folder: Path, runtime_dir: Path) -> None:
    """Make `folder`, which is `runtime_dir` or lies in it; git ignores all in a runtime folder that is new.

    :raises OSError: it cannot be made.
    """
    is_new = not runtime_dir.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if is_new:
        with suppress(OSError):  # spec-kitty keeps it out of git by itself; this is for all other projects
            (runtime_dir / ".gitignore").write_text("*\n", encoding="ascii", newline="\n")


def settings_or_defaults(project: Project) -> Settings:
    """Return the project's settings; the defaults where its files cannot be used, because a host must go on."""
    try:
        return project.settings()
    except SettingsError as error:
        import logging  # a report does not log

        logging.getLogger(__name__).debug("%s; the defaults are in force", error)  # `doctor` tells a person
        return Settings(enabled=not is_off(os.environ))


def check_slug(feature: str) -> str:
    """Return `feature` if it can be the name of a feature's folder.

    :raises ProjectError: it is not one path component of letters, digits, `.`, `_` and `-`.
    """
    if not _SLUG.fullmatch(feature):
        raise ProjectError(
            f"{feature[:140]!r} cannot be a feature's name; expected letters, digits, '.', '_' or '-', starting with a "
            "letter or digit, at most 128 characters, such as '012-export-csv'"
        )
    return feature


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
        if _is_project(candidate) and (candidate != home or (candidate / SPECS_FOLDER).is_dir()):
            return _primary_checkout(candidate)
    return None


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


def _is_project(folder: Path) -> bool:
    return (folder / SPECS_FOLDER).is_dir() or (folder / ".kittify" / "config.yaml").is_file()


def _may_be_a_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:  # a loop of links is none; what lies behind a closed folder, whoever reads it says
        return error.errno != errno.ELOOP


def _may_exist(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # its folder cannot be entered: whoever reads it says so
        return True
    return True


def _primary_checkout(folder: Path) -> Path:
    """Return the same folder in the primary checkout if `folder` is in a git worktree, else `folder`.

    A worktree's `.git` is a file `gitdir: <primary>/.git/worktrees/<name>`, and that folder's `commondir` names the
    primary's `.git` (gitrepository-layout(5)).
    """
    for top in (folder, *folder.parents):
        pointer = top / ".git"
        if pointer.is_dir():
            return folder
        if pointer.is_file():
            primary_top = _primary_top(top, pointer)
            mirrored = primary_top / folder.relative_to(top) if primary_top else folder
            return mirrored if _is_project(mirrored) else folder
    return folder


def _primary_top(top: Path, pointer: Path) -> Path | None:
    text = _small_text(pointer)
    if text is None or not text.startswith("gitdir:"):
        return None
    git_dir = top / text.removeprefix("gitdir:").strip()
    common = _small_text(git_dir / "commondir")
    if common is None:  # a submodule: its own project
        return None
    common_dir = Path(os.path.realpath(git_dir / common.strip()))
    return common_dir.parent if common_dir.name == ".git" else None


def _small_text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_MAXIMUM_GIT_FILE_BYTES).decode("utf-8")
    except (OSError, ValueError):
        return None
