"""What the processes of a run are told about it by their environment.

`OTEL_RESOURCE_ATTRIBUTES` (OpenTelemetry's own name) lets the agents' telemetry say what they work on; what the user
has there stays and wins.  `SPEC_KITTY_TELEMETRY_RUN` names the run: a run within it, or a session that an agent starts
by itself, was caused by it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from spec_kitty_telemetry.project.host_notes import RUN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spec_kitty_telemetry.model.invocation import Invocation

ATTRIBUTES_VARIABLE = "OTEL_RESOURCE_ATTRIBUTES"
_PREFIX = "spec_kitty."
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def child_environment(invocation: Invocation, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for the process of `invocation`: `environment`, and what it is for."""
    told = environment.get(ATTRIBUTES_VARIABLE, "").strip().strip(",")
    named = {each.partition("=")[0].strip() for each in told.split(",")}
    facts = {
        "feature": invocation.feature,
        "wp": invocation.wp_id,
        "role": invocation.role,
        "attempt": None if invocation.attempt is None else str(invocation.attempt),
    }
    added = [
        f"{_PREFIX}{name}={quote(value, safe='')}"
        for name, value in facts.items()
        if value is not None and _PREFIX + name not in named
    ]
    both = ",".join([*([told] if told else []), *added])
    return {**environment, ATTRIBUTES_VARIABLE: both, RUN_VARIABLE: invocation.invocation_id}


def cause_of(environment: Mapping[str, str]) -> str | None:
    """Return the id of the run that this process belongs to; `None` where it belongs to none."""
    named = environment.get(RUN_VARIABLE, "").strip().upper()
    return named if _ID.fullmatch(named) else None
