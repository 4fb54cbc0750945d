"""What a host hands over about one agent run: who ran what, and how it ended.

An `Invocation` is known before the agent starts, an `InvocationResult` after it ended; `Usage` is what an
`extract_usage` implementation found out.  All are frozen, all counts are whole tokens, and what is not known is `None`,
never `0`.  What becomes of them on disk is the business of `record`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from spec_kitty_telemetry.model import payload
from spec_kitty_telemetry.model.ids import new_id
from spec_kitty_telemetry.model.payload import MAXIMUM_COST_USD, MAXIMUM_COUNT, MAXIMUM_DURATION_MS

logger = logging.getLogger(__name__)

Outcome = payload.Outcome
UsageSource = Literal["agent-output", "host", "manual", "transcript", "none"]
Tokens = Annotated[int, Field(ge=0, le=MAXIMUM_COUNT, strict=True)]
Dollars = Annotated[Decimal, Field(ge=0, le=MAXIMUM_COST_USD, allow_inf_nan=False)]
Milliseconds = Annotated[int, Field(ge=0, le=MAXIMUM_COUNT)]

TIMEOUT_EXIT_CODE = 124
"""What `timeout(1)` and spec-kitty-orchestrator's executor (0.1.2) report for a run that they stopped."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Invocation(_Frozen):
    """One run of one agent, as the host knows it before it starts."""

    project_root: Path
    """The project's folder, or any folder inside it or inside one of its worktrees."""
    feature: str
    """Slug of the feature (mission), the name of its folder under `kitty-specs/`."""
    agent: str
    """Which agent: `claude-code`, `codex`, `gemini`, or any other word."""
    role: str
    """What it was run for: `specifier`, `planner`, `implementer`, `reviewer`, `merger`, or any other word."""
    wp_id: str | None = None
    """Work package, such as `WP01`; `None` where there is none."""
    attempt: int | None = Field(default=None, ge=1, le=MAXIMUM_COUNT)
    """Attempt number of this role on this work package, starting at 1."""
    model: str | None = None
    """The model that the host asked for, where it chose one; what the agent reports wins."""
    provider: str | None = None
    """Who bills for the model (`anthropic`, `openai`, `aws-bedrock`, …), where the host knows."""
    run_id: str | None = None
    """The host's name for the whole run that this invocation is part of."""
    session_id: str | None = None
    """The agent's session, where the host resumes a known one."""
    working_dir: Path | None = None
    """Where the agent works; often a worktree."""
    started_at: AwareDatetime | None = Field(default_factory=lambda: datetime.now(UTC))
    """When the host started the agent, by default now; `None` where it is told afterwards and nobody knows."""
    invocation_id: str = Field(default_factory=new_id, pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")
    """A ULID, the later record's `event_id`: announcing the same invocation twice counts once."""
    correlation_id: str | None = Field(default=None, pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")
    """A ULID shared by what belongs together; `None`: the invocation's own id."""
    causation_id: str | None = Field(default=None, pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")
    """The event that led to this run."""
    tags: Mapping[str, str] = Field(default_factory=dict)
    """Free labels; reports can group by them (`tag:team`)."""


class InvocationResult(_Frozen):
    """How one agent run ended.  The first nine names are those of spec-kitty-orchestrator's own result object."""

    success: bool
    exit_code: int | None = None
    """`None` where the process never gave one."""
    stdout: str = Field(default="", repr=False)
    stderr: str = Field(default="", repr=False)
    duration_seconds: float | None = Field(default=None, ge=0, le=MAXIMUM_DURATION_MS / 1000, allow_inf_nan=False)
    files_modified: tuple[str, ...] = ()
    commits_made: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    outcome: Outcome | None = None
    """`None`: derived from `success` and `exit_code`."""
    model: str | None = None
    """This and the five below win over what the agent's output says."""
    provider: str | None = None
    input_tokens: Tokens | None = None
    """The whole prompt: uncached, read from a cache and written to one."""
    cache_read_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    """Everything generated, reasoning included."""
    cost_usd: Dollars | None = None
    session_id: str | None = None
    ended_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def from_host(cls, result: object) -> InvocationResult:
        """Read a host's own result object by its attributes.

        Whatever is missing, or is not of the right kind, is unknown: a host may hand over any object and this never
        raises.  An object without a `success` counts as a success where its `exit_code` is 0; without that too, its
        `returncode` is taken, which is what `subprocess.CompletedProcess` has.
        """
        if issubclass(type(result), cls):  # isinstance() would ask the object, which may raise
            return cast("InvocationResult", result)
        known = {name: _attribute(result, name) for name in cls.model_fields if name != "ended_at"}
        facts = {name: value for name, value in known.items() if value is not None}
        if "exit_code" not in facts and (returned := _attribute(result, "returncode")) is not None:
            facts["exit_code"] = returned
        code = facts.get("exit_code")
        if code is None and not facts.keys() & {"success", "outcome"}:
            logger.warning(
                "a result of type %s says neither success nor exit_code, so its run counts as failed",
                type(result).__name__,
            )
        succeeded = isinstance(code, int) and code == 0
        for _ in range(2):
            facts.setdefault("success", succeeded)
            try:
                return cls.model_validate(facts)
            except ValidationError as error:
                wrong = {str(each["loc"][0]): each["msg"] for each in error.errors(include_input=False)}
                for name, why in wrong.items():
                    _mend(facts, name, why)
        return cls(success=succeeded)

    def settled_outcome(self) -> Outcome:
        """Return `outcome`, derived where the host did not say it."""
        if self.outcome is not None:
            return self.outcome
        if self.success:
            return "succeeded"
        if self.exit_code == TIMEOUT_EXIT_CODE:
            return "timed_out"
        # A process ended by signal N reports -N in Python and 128+N in a shell; 9 and 15 are what killers send.
        return "killed" if self.exit_code in {-9, -15, 137, 143} else "failed"


class _Counts(_Frozen):
    """What was given and gave, in one meaning for all agents."""

    provider: str | None = None
    """Who bills for the model, as price tables call them."""
    input_tokens: Tokens | None = None
    """The whole prompt: uncached, read from a cache and written to one."""
    cache_read_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    """All cache writes; `cache_write_1h_tokens` is a part of them."""
    cache_write_1h_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    """Everything generated, reasoning included."""
    reasoning_tokens: Tokens | None = None
    """A part of `output_tokens`, never added again."""
    cost_usd: Dollars | None = None
    """Only what the agent itself says; an estimate is made when a report is made, never here."""
    guessed_cost_usd: Dollars | None = None
    """The agent's own dollars for a model whose price it does not know: a guess, never added up."""
    speed: str | None = None
    """`fast`; `None` is standard."""
    service_tier: str | None = None
    """`priority`, `flex` or `batch`; `None` is standard."""
    inference_geo: str | None = None
    """Where the model ran, where that changes the price: `us`, …"""
    web_search_requests: Tokens | None = None
    """Searches by the provider's own tool, which are billed one by one."""
    requested_model: str | None = None
    """The name that was asked for, where `model` is another one that was shown."""


class ModelUsage(_Counts):
    """What one model was given and gave during one invocation."""

    model: str


class Usage(_Counts):
    """What an agent said about its own run."""

    model: str | None = None
    """The model with the greatest cost, else with the most output."""
    models: tuple[ModelUsage, ...] = ()
    """One entry a model where the agent says so."""
    session_id: str | None = None
    success: bool | None = None
    """What the agent says about its own success; a run succeeded only where host and agent agree."""
    duration_ms: Milliseconds | None = None
    """The agent's own measure; the host's wall clock is kept beside it."""
    error: str | None = None
    source: UsageSource = "agent-output"
    uncertain: str | None = None
    """Why these numbers may be off, in one sentence; `None` where they are not in doubt."""

    @property
    def has_tokens(self) -> bool:
        """Whether any token count is known."""
        return self.input_tokens is not None or self.output_tokens is not None


def _attribute(result: object, name: str) -> Any:
    try:
        value = getattr(result, name, None)
        if isinstance(value, bytes | bytearray) and name in {"stdout", "stderr"}:
            return bytes(value).decode("utf-8", errors="replace")
        if isinstance(value, list | tuple) and name in {"files_modified", "commits_made", "errors", "warnings"}:
            return tuple(part for part in value if isinstance(part, str))
    except Exception:  # noqa: BLE001 - a host's property may do anything
        return None
    # An object of any other class could raise in whatever is done with it.
    return value if isinstance(value, str | int | float | Decimal) else None


def _mend(facts: dict[str, Any], name: str, why: str) -> None:
    """Make text readable that has lone surrogates; drop anything else, which is then unknown."""
    value = facts.pop(name, None)
    readable = value.encode("utf-8", errors="replace").decode("utf-8") if type(value) is str else None
    if readable is not None and readable != value:
        facts[name] = readable
    else:
        logger.warning("a result's %s cannot be what the host says and counts as unknown: %s", name, why)
