"""One project: where its features, logs, settings and runtime files are.

Everything that comes from the repository (slugs, symlinks, YAML) is refused or ignored unless it is what it should be.
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

from spec_kitty_telemetry.errors import FilterError, ProjectError, SettingsError, reason_of
from spec_kitty_telemetry.project.files import is_within, new_file
from spec_kitty_telemetry.project.settings import Settings, said_in, user_settings_path

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from spec_kitty_telemetry.project.identity import Identity

SPECS_FOLDER = "kitty-specs"
LOG_NAME = "execution.events.jsonl"
OUTSIDE = "–"
"""What stands for the feature where an agent worked in the project, but for none of its features."""
OUTSIDE_FOLDER = "_outside"
"""The name of its log's folder, which no feature can have."""
OUTSIDE_PATH = f".kittify/runtime/telemetry/{OUTSIDE_FOLDER}"
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


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
    def outside_log(self) -> Path:
        """The log of what agents did in this project for none of its features; it need not exist."""
        return self.root / OUTSIDE_PATH / LOG_NAME

    @property
    def settings_path(self) -> Path:
        """The project's own settings file, which need not exist."""
        return self.root / ".kittify" / "telemetry.yaml"

    def feature_dir(self, feature: str) -> Path:
        """Return the folder of `feature`, which need not exist.

        :raises ProjectError: the slug is not one plain path component, or the folder leads out of the project.
        """
        check_slug(feature)
        return self._own(self.specs_dir / feature)

    def _own(self, folder: Path) -> Path:
        if not is_within(folder, self.root):
            raise ProjectError(
                f"{folder} leads out of the project {self.root}: "
                "telemetry follows no symlink that leaves it; replace the link by a real folder"
            )
        return folder

    def log_folder(self, feature: str) -> Path:
        """Return the folder that has the log of `feature`, which may be `OUTSIDE`; it need not exist.

        :raises ProjectError: as `feature_dir`.
        """
        return self._own(self.outside_log.parent) if feature == OUTSIDE else self.feature_dir(feature)

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
            reason = reason_of(error)
            raise ProjectError(f"{self.specs_dir} cannot be read: {reason}; mend its permissions") from error
        return sorted(name for name in names if _SLUG.fullmatch(name))

    def features_with_logs(self) -> list[str]:
        """Return the slugs of all features that have a log, or may have one that cannot be reached, sorted.

        :raises ProjectError: as `features`.
        """
        return [feature for feature in self.features() if _may_exist(self.specs_dir / feature / LOG_NAME)]

    def having_logs(self) -> list[str]:
        """Return `features_with_logs`, and `OUTSIDE` where there is a log for it.

        :raises ProjectError: as `features`.
        """
        return [*self.features_with_logs(), *([OUTSIDE] if self.has_outside_log() else [])]

    def has_outside_log(self) -> bool:
        """Tell whether there is a log of what belongs to no feature, or may be one that cannot be reached."""
        return _may_exist(self.outside_log)

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
            own = said_in(self.settings_path).get("time_zone") == name
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
        # spec-kitty keeps it out of git by itself; this is for all other projects
        with suppress(OSError), new_file(runtime_dir / ".gitignore") as file:
            file.write(b"*\n")


def settings_or_defaults(project: Project) -> Settings:
    """Return the project's settings; what a source that cannot be used says is ignored, because a host must go on."""
    settings, problems = Settings.in_force(project.settings_path)
    for problem in problems:
        import logging  # a report does not log

        logging.getLogger(__name__).debug("%s; it is ignored", problem)  # `doctor` tells a person
    return settings


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


def is_project(folder: Path) -> bool:
    """Tell whether `folder` is the root of a project."""
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
