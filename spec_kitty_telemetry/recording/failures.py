"""Why a run failed, in words that hold nothing of anybody's: what may be stored of an error without being asked for.

An error message can be the prompt, a file or a secret: agents print all of them.  So nothing of it is kept but what
stands on these lists: names of API errors, HTTP states, limits with their numbers, a vendor's name for the request, and
fixed phrases of systems.  The whole message is kept only where the user's setting `error_text` is on.

Sources: the error pages of the Anthropic, OpenAI and Google APIs (2026-11); errno(3).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spec_kitty_telemetry.recording.redaction import safe_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.model.invocation import InvocationResult, Outcome, Usage

_LOOKED_AT = 16 * 1024
"""Of each text so much of its beginning and of its end."""
_MOST_FACTS = 6

_TYPES = re.compile(
    r"\b(?:invalid_request|authentication|permission|not_found|rate_limit|api|overloaded|timeout|billing|server)_error\b"
    r"|\b(?:request_too_large|insufficient_quota|context_length_exceeded|rate_limit_exceeded|invalid_api_key"
    r"|model_not_found|billing_hard_limit_reached|content_policy_violation|content_filter|server_overloaded"
    r"|error_max_turns|error_during_execution|error_max_budget_usd|max_turns|max_output_tokens"
    r"|RESOURCE_EXHAUSTED|UNAVAILABLE|DEADLINE_EXCEEDED|PERMISSION_DENIED|UNAUTHENTICATED|INVALID_ARGUMENT"
    r"|FatalAuthenticationError|FatalTurnLimitedError|FatalInputError|FatalSandboxError|FatalToolExecutionError)\b"
)
_STATUS = re.compile(
    r"(?i)\b(?:api error|http(?: status)?|status(?: code)?|error code|statuscode)\"?[:= ]{1,3}(\d{3})\b"
)
_LIMIT = re.compile(
    r"\b((?:max|prompt|input|output|completion|total|max_output|max_completion)_tokens)[\"']?\s{0,2}[:=]\s{0,2}"
    r"(\d{1,9})(?:\s{0,2}>\s{0,2}(\d{1,9}))?(?![\w.])"
)
_TOO_LONG = re.compile(r"(\d{1,9}) tokens > (\d{1,9}) maximum")
_REQUEST = re.compile(r"\breq_[A-Za-z0-9]{8,40}\b")
_PHRASES = (
    "cannot be started", "command not found", "no such file or directory", "permission denied", "connection refused",
    "connection reset", "connection error", "network is unreachable", "timed out", "out of memory",
    "no space left on device", "disk quota exceeded", "too many open files", "broken pipe", "not logged in",
    "please run /login", "invalid api key", "incorrect api key", "unauthorized", "forbidden", "rate limit",
    "usage limit reached", "credit balance is too low", "quota exceeded", "prompt is too long",
    "context window", "internal server error", "service unavailable", "bad gateway", "segmentation fault",
)  # fmt: skip
_PHRASE = re.compile("|".join(map(re.escape, _PHRASES)), re.IGNORECASE)


def stored_error(outcome: Outcome, result: InvocationResult, usage: Usage | None, *, error_text: bool) -> str | None:
    """Return the one line that is stored of why a run did not succeed; `error_text`: in the agent's own words."""
    if outcome == "succeeded":
        return None
    if error_text and (said := _message(result, usage)):
        return said
    facts = list(dict.fromkeys(fact for text in _texts(result, usage) for fact in _facts(text)))[:_MOST_FACTS]
    return ": ".join([*([how] if (how := _how(outcome, result)) else []), *([", ".join(facts)] if facts else [])])


def _message(result: InvocationResult, usage: Usage | None) -> str | None:
    said = usage.error if usage is not None else None
    return safe_error(said) or safe_error("; ".join(result.errors)) or _last_line(result.stderr)


def _last_line(text: str) -> str | None:
    """Return the last line that says something, without its secrets; a long one is looked at from its start."""
    end = len(text.rstrip()) if len(text) <= _LOOKED_AT else len(text)
    start = text.rfind("\n", 0, end) + 1
    return safe_error(text[start:end])


def _texts(result: InvocationResult, usage: Usage | None) -> Iterator[str]:
    for text in ((usage.error or "") if usage else "", *result.errors, result.stderr):
        yield text if len(text) <= 2 * _LOOKED_AT else f"{text[:_LOOKED_AT]}\n{text[-_LOOKED_AT:]}"


def _facts(text: str) -> Iterator[str]:
    yield from (found[0] for found in _TYPES.finditer(text))
    yield from (f"status {found[1]}" for found in _STATUS.finditer(text))
    for found in _LIMIT.finditer(text):
        yield f"{found[1]}: {found[2]}" + (f" > {found[3]}" if found[3] else "")
    yield from (f"{found[1]} tokens > {found[2]} maximum" for found in _TOO_LONG.finditer(text))
    yield from (found[0].lower() for found in _PHRASE.finditer(text))
    yield from (f"request {found[0]}" for found in _REQUEST.finditer(text))


def _how(outcome: Outcome, result: InvocationResult) -> str:
    code = result.exit_code
    if outcome == "timed_out":
        return "time limit"
    if code is None or code == 0:
        return outcome
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
