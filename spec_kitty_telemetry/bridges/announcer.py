"""Announces the orchestrator's runs through the hooks, one after the other in one thread.

The host runs several work packages in one event loop.  A large output or a busy disk must not hold up the others, and
our own plugins are not asked to be safe for several threads: so everything that calls a hook happens in a thread of
its own.  The run that is announced waits for it a moment (`PATIENCE_S`) without keeping the loop, and goes on then.
Nothing that goes wrong here reaches the host: the agent always runs.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.bridges.agent_call import AgentCall, UnclearCallError, project_root_of, read_call
from spec_kitty_telemetry.bridges.attempts import Attempts
from spec_kitty_telemetry.bridges.budget_warnings import BudgetWarnings
from spec_kitty_telemetry.hooks.worker import Worker
from spec_kitty_telemetry.project import diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult

logger = logging.getLogger(__name__)

PATIENCE_S = 0.25
"""How long a run waits for its own announcement."""
PATIENCE_AT_EXIT_S = 2.0
"""How long leaving the process waits for what is left to announce and to look up, all together."""

_FAILED_FOR_REASONS_OF_ITS_OWN = frozenset({41, 42})
"""Gemini's exit codes for a refused login and a rate limit, as the orchestrator reads them (0.1.2: `monitor.py`)."""
_LAST_OWN_EXIT_CODE = 123
"""From 124 on it is `timeout(1)`, a shell or a signal that ended the run."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was announced and has not ended yet."""

    hooks: Hooks
    invocation: Invocation


class Announcer:
    """Owns the thread, the loaded hooks and the counts of attempts."""

    def __init__(self, load: Callable[[Path], Hooks] | None = None, patience_s: float = PATIENCE_S) -> None:
        """Make an announcer; its thread starts, and `load` (default: `Hooks.load`) is called, with the first run."""
        self._worker = Worker("announcer", PATIENCE_AT_EXIT_S)
        self._load = load or _load_hooks
        self._patience_s = patience_s
        self._hooks: dict[Path, Hooks] = {}
        self._attempts = Attempts()
        self._budgets = BudgetWarnings()

    @property
    def project_roots(self) -> list[Path]:
        """The projects in which runs were announced."""
        return list(self._hooks)

    def begin(self, arguments: Mapping[str, Any]) -> Future[Run | None]:
        """Announce the run that `execute_agent` is called for with `arguments`; `None` where it is unclear which."""
        return self._worker.submit(self._begin, arguments, datetime.now(UTC))

    def end(self, begun: Future[Run | None], result: object) -> Future[None]:
        """Announce that the run returned the host's `result`."""
        return self._end(begun, lambda run: settled(run.invocation, result))

    def end_without_result(self, begun: Future[Run | None], error: BaseException) -> Future[None]:
        """Announce that the run was ended by `error`: it could not be started, or its host was told to stop."""
        return self._end(begun, lambda _: broken_off(error))

    def _end(self, begun: Future[Run | None], result: Callable[[Run], InvocationResult]) -> Future[None]:
        return self._worker.submit(_end, begun, result, datetime.now(UTC), self._budgets)

    async def wait_for(self, announced: Future[Any]) -> None:
        """Wait until something is announced, a moment at most; the host's other tasks have their turn meanwhile.

        Being cancelled while waiting does not take back what was asked for.
        """
        try:
            await asyncio.wait({asyncio.wrap_future(announced)}, timeout=self._patience_s)
        except Exception as error:  # noqa: BLE001 - the agent runs whatever is wrong with us
            logger.debug("an announcement cannot be waited for: %s", error)

    def drain(self) -> bool:
        """Wait until all that was asked for is announced, as leaving the process does, and tell whether it is."""
        return self._worker.drain()

    def _begin(self, arguments: Mapping[str, Any], started_at: datetime) -> Run | None:
        try:
            call = read_call(arguments)
            hooks = self._hooks_of(call.project_root)
            invocation = self._invocation(call, started_at)
        except Exception as error:  # noqa: BLE001 - whatever the host passes, it goes on
            _note(project_root_of(arguments), error)
            return None
        try:
            hooks.before_invocation(invocation)
        except BaseException as error:  # noqa: BLE001 - the run goes on and is recorded when it ends
            _note(project_root_of(arguments), error)
        self._budgets.look_first(invocation.project_root, invocation.feature)
        return Run(hooks, invocation)

    def _hooks_of(self, project_root: Path) -> Hooks:
        if project_root not in self._hooks:
            self._hooks[project_root] = self._load(project_root)
        return self._hooks[project_root]

    def _invocation(self, call: AgentCall, started_at: datetime) -> Invocation:
        from spec_kitty_telemetry.model.invocation import Invocation
        from spec_kitty_telemetry.project.locate import project_of_root
        from spec_kitty_telemetry.recording.child_environment import cause_of

        log_path = project_of_root(call.project_root).log_path(call.feature)
        return Invocation(
            project_root=call.project_root,
            feature=call.feature,
            agent=call.agent,
            role=call.role,
            wp_id=call.wp_id,
            attempt=self._attempts.next(log_path, call.wp_id, call.role),
            run_id=call.run_id,
            working_dir=call.working_dir,
            started_at=started_at,
            causation_id=cause_of(os.environ),
        )


def settled(invocation: Invocation, result: object) -> InvocationResult:
    """Return the host's `result`, with the outcome `rejected` where a review said no.

    To the orchestrator (0.1.2: `loop.py`) every review that did not succeed is a rejection, also one whose agent
    crashed, ran out of time or could not log in.  A record must not blame the work for that.  So a review counts as
    rejected where its agent ended by itself with an exit code of its own and printed something; no time limit, no
    signal, no refused login, no rate limit.  What else did not succeed has failed, timed out or been killed.
    """
    from spec_kitty_telemetry.model.invocation import InvocationResult

    known = InvocationResult.from_host(result)
    if invocation.role == "reviewer" and known.settled_outcome() == "failed" and _has_an_opinion(known):
        return known.model_copy(update={"outcome": "rejected"})
    return known


def broken_off(error: BaseException) -> InvocationResult:
    """Return the result of a run that gave none: failed for an error, killed for a cancellation or Ctrl-C."""
    from spec_kitty_telemetry.model.invocation import InvocationResult

    return InvocationResult(
        success=False,
        outcome="failed" if isinstance(error, Exception) else "killed",
        errors=(f"{type(error).__name__}: {error}".removesuffix(": "),),
    )


def _has_an_opinion(result: InvocationResult) -> bool:
    code = result.exit_code
    ended_by_itself = code is not None and 0 <= code <= _LAST_OWN_EXIT_CODE
    return ended_by_itself and code not in _FAILED_FOR_REASONS_OF_ITS_OWN and not _is_blank(result.stdout)


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _end(
    begun: Future[Run | None],
    result: Callable[[Run], InvocationResult],
    ended_at: datetime,
    budgets: BudgetWarnings,
) -> None:
    # There is one thread, and it began the run before; in a forked process the parent's did, which is not there.
    if not begun.done() or (run := begun.result()) is None:
        return
    try:
        run.hooks.after_invocation(run.invocation, result(run).model_copy(update={"ended_at": ended_at}))
    except Exception as error:  # noqa: BLE001 - the host has its result; ours is told to doctor
        _note(run.invocation.project_root, error)
    _import_what_waits(run.invocation.project_root)
    budgets.look(run.invocation.project_root, run.invocation.feature)


def _import_what_waits(project_root: Path) -> None:
    """Have the sessions recorded that the agent of a run started by itself, and whose hooks left them waiting."""
    try:
        from spec_kitty_telemetry.importing.waiting import start_worker
        from spec_kitty_telemetry.project.locate import project_of_root

        start_worker(project_of_root(project_root))
    except Exception as error:  # noqa: BLE001 - as above
        logger.debug("what waits is not imported: %s", error)


def _note(project_root: Path | None, error: BaseException) -> None:
    reason = str(error) if isinstance(error, UnclearCallError) else f"{type(error).__name__}: {error}"
    sentence = f"an agent run of spec-kitty-orchestrator was not recorded: {reason}"
    logger.debug("%s", sentence, exc_info=error)
    if project_root is not None:
        try:
            diagnostics.leave(project_root, diagnostics.BRIDGE, sentence)
        except Exception as another:  # noqa: BLE001 - there is nobody left to tell
            logger.debug("no note could be left: %s", another)


def _load_hooks(project_root: Path) -> Hooks:
    from spec_kitty_telemetry.hooks.manager import Hooks

    return Hooks.load(project_root)
