"""`init`: make git merge a project's logs by itself, with one line in `.gitattributes`.

A log only grows, at its end, so two branches that both recorded something always conflict there.  git's own driver
`union` keeps the lines of both sides; a record that is there twice counts once when it is read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from spec_kitty_telemetry.cli.options import project_option
from spec_kitty_telemetry.cli.output import say
from spec_kitty_telemetry.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

PATTERN = "kitty-specs/**/execution.events.jsonl"
ATTRIBUTES = ("merge=union", "linguist-generated=true")
_MAXIMUM_BYTES = 1024 * 1024


@click.command("init", short_help="Let git merge the logs of two branches.")
@project_option
def command(project_folder: Path | None) -> None:
    """Let git merge the logs of two branches without a conflict.

    Adds one line to the project's .gitattributes; everything else in that file stays as it is.

    \b
    Example:
      init
    """  # noqa: D301 - \b is click's mark
    from spec_kitty_telemetry.project.locate import find_project

    path = find_project(project_folder).root / ".gitattributes"
    line = " ".join([PATTERN, *ATTRIBUTES])
    if add_attributes(path):
        say(f"Added to {path}:\n  {line}\nCommit that file, so that every clone merges the logs alike.")
    else:
        say(f"Nothing to do: {path} has the line already:\n  {line}")


def add_attributes(path: Path) -> bool:
    """Add the logs' attributes to the git attributes file at `path` unless they are there; tell whether they were new.

    Nothing that is in the file is changed: the line comes last, in the file's own line ends, so that it also wins.

    :raises TelemetryError: the file cannot be read or written, or is none.
    """
    from spec_kitty_telemetry.project.files import open_regular

    try:
        descriptor = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            present = os.read(descriptor, _MAXIMUM_BYTES)
            if has_attributes(present):
                return False
            os.write(descriptor, _addition(present))
        finally:
            os.close(descriptor)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ProjectError(f"{path} cannot be written: {reason}; mend its permissions") from error
    return True


def has_attributes(text: bytes) -> bool:
    """Tell whether `text`, a git attributes file, has all attributes of the logs; what comes later wins."""
    found: dict[bytes, bytes] = {}
    for line in text.splitlines():
        pattern, *attributes = line.split() or [b""]
        if pattern.strip(b'"') == PATTERN.encode():
            found |= {each.lstrip(b"-!").partition(b"=")[0]: each for each in attributes}
    return {each.encode() for each in ATTRIBUTES} <= set(found.values())


def _addition(present: bytes) -> bytes:
    end = b"\r\n" if b"\r\n" in present else b"\n"
    missing = b"" if not present or present.endswith(b"\n") else end
    return missing + " ".join([PATTERN, *ATTRIBUTES]).encode() + end
