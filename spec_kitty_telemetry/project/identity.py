"""Who writes: the project's and the node's names on every record.

They come from the project's own `.kittify/config.yaml` (spec-kitty 3.2); what it does not say is derived and stays the
same.  Only who writes needs this, and imports it when it starts: not when a record is due.
"""

from __future__ import annotations

import getpass
import hashlib
import socket
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from spec_kitty_telemetry.errors import TelemetryError
from spec_kitty_telemetry.project.files import is_within, stamp_of
from spec_kitty_telemetry.project.strict_yaml import read_document

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes: the envelope's project and node names (`hosts.md` of spec-kitty 3.2: `.kittify/config.yaml`)."""

    project_uuid: str
    project_slug: str
    node_id: str
    build_id: str


def identity_of(root: Path) -> Identity:
    """Return the identity of the project at `root`; a configuration that changed is read again."""
    return _identity(root, stamp_of(root / ".kittify" / "config.yaml"))


@lru_cache(maxsize=32)
def _identity(root: Path, stamp: tuple[int, int] | None) -> Identity:
    said = _project_section(root) if stamp else {}
    place = _readable(f"spec-kitty-telemetry:{root.as_posix()}")
    return Identity(
        project_uuid=_uuid(said.get("uuid")) or str(uuid.uuid5(uuid.NAMESPACE_URL, place)),
        project_slug=said.get("slug") or _readable(root.name) or "project",
        node_id=said.get("node_id") or _derived_node_id(),
        build_id=said.get("build_id") or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{place}:build")),
    )


def _readable(name: str) -> str:
    """Return the name of a file as text that can be written; bytes that are not UTF-8 become question marks."""
    readable = name.encode("utf-8", "replace").decode("utf-8")
    if readable != name:
        import logging  # a report does not log

        logging.getLogger(__name__).warning("a folder's name is not UTF-8; records call it %s", readable)
    return readable


def _project_section(root: Path) -> dict[str, str]:
    if not is_within(root / ".kittify" / "config.yaml", root):  # a cloned repository may link to anything of the user's
        return {}
    try:
        document = read_document(root / ".kittify" / "config.yaml", is_foreign=True)
    except TelemetryError:
        return {}
    section = document.get("project") if isinstance(document, dict) else None
    if not isinstance(section, dict):
        return {}
    return {str(name): value[:256] for name, value in section.items() if isinstance(value, str) and value.isprintable()}


def _uuid(text: str | None) -> str | None:
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError:
        return None


def _derived_node_id() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "unknown"
    return hashlib.sha256(f"{socket.gethostname()}:{user}".encode(errors="replace")).hexdigest()[:12]
