"""What an agent used: asked of the plugins without making a host wait, and without risking what it said.

Our own readers of small outputs are asked at once, as long as they look at nothing but the output.  All else, that is
agents' own files, large outputs and other people's plugins, is looked up in a process of its own (`apart`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from spec_kitty_telemetry.project.files import FilesLeftAloneError, files_left_alone
from spec_kitty_telemetry.recording.apart import look_apart

if TYPE_CHECKING:
    from collections.abc import Callable

    from spec_kitty_telemetry.hooks.specs import AskableHooks
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult, Usage
    from spec_kitty_telemetry.recording.apart import Apart

PATIENCE_S = 0.2
"""How long a host waits for what its agent used; the rest of its quarter of a second is for writing."""
_SMALL_CHARACTERS = 256 * 1024
"""Up to which size an output is read in the host's own process: some milliseconds, whatever it holds."""


class _Failure(msgspec.Struct):
    plugin: str
    problem: str


class _Found(msgspec.Struct):
    usage: dict[str, Any] | None
    failures: list[_Failure]


_decoder = msgspec.json.Decoder(_Found)


class Enrichment:
    """One run about which plugins are asked what it used."""

    def __init__(self, hooks: AskableHooks, invocation: Invocation, result: InvocationResult) -> None:
        """Begin with nothing; `usage` asks."""
        self._hooks = hooks
        self._invocation = invocation
        self._result = result
        self._apart: Apart | None = None

    def usage(self, use_late: Callable[[Usage], object], patience_s: float = PATIENCE_S) -> Usage | None:
        """Return what the run used; `None` where nobody says so, or not yet.

        If it is found later, `use_late` is called with it in another process, once `leave_alone` was called.
        """
        if self._is_quick():
            try:
                with files_left_alone():
                    return self._hooks.extract_usage(self._invocation, self._result)
            except FilesLeftAloneError:
                pass
        deadline = time.monotonic() + patience_s
        self._apart = look_apart(self._look, lambda text: _use(text, use_late))
        if self._apart is None:
            return None
        text = self._apart.answer(deadline)
        if text is None:
            return None
        self._apart = None
        return self._read(text)

    def leave_alone(self) -> None:
        """Say that the record was written without what is still looked for."""
        if self._apart is not None:
            self._apart.leave_alone()

    def _is_quick(self) -> bool:
        size = len(self._result.stdout) + len(self._result.stderr)
        return size <= _SMALL_CHARACTERS and not self._hooks.has("extract_usage", of_others=True)

    def _look(self) -> bytes:
        """Ask the plugins, in a process of its own: what they raised is told to the host's."""
        before = {plugin.name: plugin.failure_count for plugin in self._hooks.plugins}
        usage = self._hooks.extract_usage(self._invocation, self._result)
        failures = [
            _Failure(plugin.name, plugin.problem or "")
            for plugin in self._hooks.plugins
            if plugin.failure_count > before.get(plugin.name, 0)
        ]
        return msgspec.json.encode(_Found(usage.model_dump(mode="json") if usage else None, failures))

    def _read(self, text: bytes) -> Usage | None:
        if not text:
            return None
        found = _decoder.decode(text)
        for failure in found.failures:
            self._hooks.note_failure(failure.plugin, failure.problem)
        return _usage(found)


def _use(text: bytes, use_late: Callable[[Usage], object]) -> None:
    if text and (usage := _usage(_decoder.decode(text))) is not None:
        use_late(usage)


def _usage(found: _Found) -> Usage | None:
    from spec_kitty_telemetry.model.invocation import Usage

    return None if found.usage is None else Usage.model_validate(found.usage)
