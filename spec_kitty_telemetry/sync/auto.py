"""Syncing by itself after a merge: in a process of its own that nobody waits for.

The switch is the clone's own (`git config spec-kitty-telemetry.autoSync`), never a file of the repository: what a
stranger commits must not make a machine push.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from spec_kitty_telemetry.project.git import Git
from spec_kitty_telemetry.project.repository import checkout_around, small_text

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

SETTING = "spec-kitty-telemetry.autoSync"
_IS_ON = re.compile(r"^\[spec-kitty-telemetry\]\s*^\s*autosync\s*=\s*true\s*$", re.MULTILINE | re.IGNORECASE)


def set_auto(project: Project, *, on: bool) -> None:
    """Turn it on or off for this clone.

    :raises ProjectError: git cannot keep the setting.
    """
    Git(project.root).do("config", "--local", "--type=bool", SETTING, "true" if on else "false")


def is_auto(folder: Path) -> bool:
    """Tell whether it is on in the clone around `folder`; git is not started for that."""
    checkout = checkout_around(folder)
    text = small_text(checkout.common_dir / "config") if checkout else None
    return bool(text and _IS_ON.search(text))


def sync_in_background(folder: Path) -> subprocess.Popen[bytes] | None:
    """Start a sync of the project around `folder`, if the clone wants that, and return its process at once.

    :raises OSError: no process can be started.
    """
    if not is_auto(folder):
        return None
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-P", "-m", "spec_kitty_telemetry", "sync", "--quiet", "--project", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        # It goes on when the host's terminal closes.
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
    )
