"""Warns on stderr of a host about budgets of its mission that are close or over, and never holds it up.

What was spent is counted by a process of its own: a large log takes seconds, and counting uses all processors by
forking, which a host with threads must not be made to do.  Each sentence is said once in a process.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.hooks.worker import Worker
from spec_kitty_telemetry.project.files import read_small_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

PATIENCE_S = 0.25
"""How long a host that is leaving waits for the answer."""
_LONGEST_S = 60.0
_MOST_BYTES = 1024 * 1024
_WORTH_SAYING = frozenset({"warning", "over"})


class BudgetWarnings:
    """Looks at the budgets of missions, in a thread that nobody waits for, and says what is close or over."""

    def __init__(self) -> None:
        """Make the place where it is known what was said; nothing is started yet."""
        self._worker = Worker("budgets", PATIENCE_S)
        self._looked_at: set[tuple[Path, str]] = set()
        self._said: set[tuple[str, str]] = set()

    def look_first(self, project_root: Path, feature: str) -> None:
        """Look at the budgets of a mission, unless that was done in this process."""
        if (project_root, feature) not in self._looked_at:
            self.look(project_root, feature)

    def look(self, project_root: Path, feature: str) -> None:
        """Look at the budgets of a mission; where none is set nothing happens."""
        self._looked_at.add((project_root, feature))
        if has_budgets(project_root):
            self._worker.submit(self._look, project_root, feature)

    def _look(self, project_root: Path, feature: str) -> None:
        try:
            process = counting(project_root, feature)
            try:
                self.say(process.communicate(timeout=_LONGEST_S)[0])
            finally:
                process.kill()
        except Exception as error:  # noqa: BLE001 - the host works on; `check` and `lint` tell a person
            logger.debug("budgets cannot be looked at: %s", error)

    def say(self, answer: bytes) -> None:
        """Say what the `answer` of `check` has to be said, each budget once for each state."""
        for name, state, words in _verdicts(answer):
            if state in _WORTH_SAYING and (name, state) not in self._said:
                self._said.add((name, state))
                line = "".join(each if each.isprintable() else "?" for each in f"Budget {words}")
                with suppress(OSError, ValueError, AttributeError):  # it may be closed, or not be there at all
                    encoding = sys.stderr.encoding or "ascii"
                    sys.stderr.write(line.encode(encoding, "replace").decode(encoding) + "\n")


def has_budgets(project_root: Path) -> bool:
    """Tell whether a settings file may set a budget, without parsing it."""
    from spec_kitty_telemetry.project.settings import user_settings_path

    for path in (project_root / ".kittify" / "telemetry.yaml", user_settings_path()):
        with suppress(Exception):
            if b"budgets" in read_small_file(path, _MOST_BYTES):
                return True
    return False


def counting(project_root: Path, feature: str) -> subprocess.Popen[bytes]:
    """Start the process that counts.  `-P`: the folder that the host is in must not be asked for modules."""
    flags: dict[str, Any] = {}
    if sys.platform == "win32":
        flags = {"creationflags": subprocess.CREATE_NO_WINDOW}
    words = ["check", "--json", "--unknown", "allow", f"--feature={feature}", f"--project={project_root}"]
    return subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours
        [sys.executable, "-P", "-m", "spec_kitty_telemetry", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **flags,
    )


def _verdicts(answer: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the state and the sentence of each budget; an error has none."""
    with suppress(ValueError):
        for each in json.loads(answer)["verdicts"]:
            yield each["name"], each["state"], each["words"]


class Look:
    """One look at the budgets of a mission while a host's command does its work."""

    def __init__(self, project_root: Path, feature: str) -> None:
        """Start to count, where a budget is set.

        :raises OSError: the process cannot be started.
        """
        self._process = counting(project_root, feature) if has_budgets(project_root) else None

    def tell(self) -> None:
        """Say what was found; what is not known within `PATIENCE_S` is not waited for."""
        if self._process is None:
            return
        try:
            BudgetWarnings().say(self._process.communicate(timeout=PATIENCE_S)[0])
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
