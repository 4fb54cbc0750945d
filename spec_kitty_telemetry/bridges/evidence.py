"""Signs that a host needs no bridge: it registers the commands, or calls the hooks, itself.

A host says so with an attribute of its package, which always wins: `SPEC_KITTY_COMMANDS` for the commands,
`SPEC_KITTY_HOOKS` for the hooks; `False` asks for the bridge.  A host that says nothing is judged by its source:
whoever calls our hooks must name our package or pluggy, and whoever loads our commands must name their entry-point
group.  Where that is wrong, the bridge stands aside and `doctor` names the file that it trusted; the opposite error
would count every run twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COMMANDS_MARKER = "SPEC_KITTY_COMMANDS"
HOOKS_MARKER = "SPEC_KITTY_HOOKS"

COMMAND_FILES = ("__init__.py", "cli/commands/__init__.py")
"""Where spec-kitty-cli (3.2.7) builds its app and registers its commands; its other 1,000 files would take a second."""

_NAMES_COMMANDS = re.compile(rb"spec_kitty\.commands")
_NAMES_HOOKS = re.compile(rb"\bspec_kitty_telemetry\b|^\s*(?:import|from)\s+pluggy\b", re.MULTILINE)
_MARKED = re.compile(r"^(\w+)(?:\s*:[^=]+)?\s*=\s*(True|False)\b", re.MULTILINE)


def names_commands(package: Path) -> Path | None:
    """Return the file of spec-kitty-cli that names the entry-point group `spec_kitty.commands`, if one does."""
    return _first_naming(_NAMES_COMMANDS, (package / name for name in COMMAND_FILES))


def names_hooks(package: Path) -> Path | None:
    """Return the file of the orchestrator that names our package or imports pluggy, if one does (25 files, 2 ms)."""
    return _first_naming(_NAMES_HOOKS, sorted(package.rglob("*.py")))


def written_marker(package: Path, marker: str) -> bool | None:
    """Return what the source of a package that is not imported says for `marker`; `None`: nothing."""
    try:
        text = (package / "__init__.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = dict(_MARKED.findall(text))
    return {"True": True, "False": False}.get(found.get(marker, ""))


def _first_naming(pattern: re.Pattern[bytes], files: Iterable[Path]) -> Path | None:
    for file in files:
        try:
            if pattern.search(file.read_bytes()):
                return file
        except OSError:
            continue
    return None
