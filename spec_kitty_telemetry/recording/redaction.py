"""Secrets in the one text that is stored: an agent's error message.

Vendors' key shapes are taken from their public documentation and from what their consoles hand out; the general rules
(bearer tokens, passwords in URLs, `SECRET_NAME=value`, long mixed strings) catch what has no shape of its own.  The
rules lean towards redacting too much: an error message is for recognising a problem, not for copying from.

Every pattern takes time in proportion to the text, whatever the text is: what repeats is bounded, possessive (`++`) or
can begin only once in a run of its characters.
"""

from __future__ import annotations

import re
from functools import cache

MAXIMUM_ERROR_CHARACTERS = 500
REDACTED = "[redacted]"
_LOOKED_AT = 4 * MAXIMUM_ERROR_CHARACTERS
_TERMINAL_SEQUENCE = re.compile(r"\x1b\[[0-9;:?]*+[ -/]*+[@-~]")

_KEYS = (
    # Anthropic, OpenAI, DeepSeek, OpenRouter, Langfuse (sk-…), Cerebras (csk-…), Stripe (sk_live_…)
    r"(?:sk|rk|pk|csk)-[\w-]{8,}",
    r"(?:sk|rk|pk)_(?:live|test)_\w{8,}",
    # xAI, Perplexity, Groq, Hugging Face, Replicate, Fireworks, Tavily, LangSmith, Amp, Sourcegraph
    r"(?:xai|pplx|gsk|hf|r8|fw|tvly|lsv2|sgamp|sgp)[-_][\w-]{8,}",
    # GitHub, GitLab, npm, PyPI, Docker, Linear, Notion, Supabase, DigitalOcean, Shopify, Square, Atlassian, Databricks
    r"(?:gh[pousr]|github_pat|glpat|npm|pypi|dckr_pat|lin_api|ntn|sbp|dop_v1|shpat|sq0atp)[-_][\w-]{8,}",
    r"ATATT3[\w=-]{8,}",
    r"dapi[0-9a-f]{16,}",
    # AWS, Google (API keys, OAuth), Slack, SendGrid, HashiCorp Vault, Telegram
    r"(?:AKIA|ASIA)[A-Z0-9]{12,}",
    r"AIza[\w-]{16,}",
    r"(?:ya29\.|GOCSPX-)[\w-]{8,}",
    r"xox[abeprs]-[\w-]{8,}",
    r"SG\.[\w-]{8,}\.[\w-]{8,}",
    r"hv[sb]\.[\w-]{8,}",
    r"\d{8,10}:[\w-]{35}",
    # JSON Web Tokens
    r"eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?",
    # anything long with digits and letters of both cases, such as base64
    r"(?=[A-Za-z+]{0,99}\d)(?=[a-z0-9+]{0,99}[A-Z])(?=[A-Z0-9+]{0,99}[a-z])[A-Za-z0-9+]{32,}=*",
)
_NAMED = (
    r"secret|token|passw|passphrase|pwd|credential|auth|cookie"
    r"|api_?-?key|(?:access|private|[_.-])[_-]?key(?![\w.-])|[_.-](?:pat|dsn)(?![\w.-])"
)
_QUOTES = r"[\\\"']{0,4}"
_SIGN = rf"{_QUOTES}\s{{0,4}}[=:]\s{{0,4}}"
_VALUE = r"(?:\\?\"[^\"]*+\"?|\\?'[^']*+'?|[^\s,;&\"']++)"


@cache
def _rules() -> tuple[tuple[re.Pattern[str], str], ...]:
    rules = (
        (r"(?s)-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|\Z)", REDACTED),
        # A header is secret to its end: what follows the scheme's name is the credential.
        (rf"(?i)((?:authorization|cookie){_SIGN}{_QUOTES})[^\n\"']++", rf"\1{REDACTED}"),
        (r"(?i)\b(bearer|basic)\s++[\w.~+/=-]{6,}", rf"\1 {REDACTED}"),
        (
            r"(?i)(?<![a-z0-9])([a-z][a-z0-9+.-]{1,20}://)(?:[^\s/:@]{0,256}:[^\s/]{0,512}|[^\s/:@]{16,256})@",
            rf"\1{REDACTED}@",
        ),
        (r"(?<![A-Za-z0-9])(?:" + "|".join(_KEYS) + ")", REDACTED),
        (rf"(?i)((?<![\w.-])(?=[\w.-]{{0,200}}(?:{_NAMED}))[\w.-]++{_SIGN}){_VALUE}", rf"\1{REDACTED}"),
        (rf"(?i)((?<![\w.-])--(?=[\w.-]{{0,200}}(?:{_NAMED}))[\w.-]++\s{{1,4}}){_VALUE}", rf"\1{REDACTED}"),
        (rf"(?i)\b((?:api|access|secret) key\b[^\n:=.]{{0,40}}[:=]\s{{0,4}}){_VALUE}", rf"\1{REDACTED}"),
    )
    return tuple((re.compile(pattern), replacement) for pattern, replacement in rules)


def safe_error(text: str | None) -> str | None:
    """Return `text` as one line of at most 500 characters without secrets; `None` for nothing to say."""
    if not text:
        return None
    safe = "\n".join(_printable(line) for line in _start(text).splitlines())
    for pattern, replacement in _rules():
        safe = pattern.sub(replacement, safe)
    line = " ".join(safe.split())
    if len(line) > MAXIMUM_ERROR_CHARACTERS:
        line = line[: MAXIMUM_ERROR_CHARACTERS - 1] + "…"
    return line or None


def safe_label(text: str | None) -> str | None:
    """Return a name (of an agent, a model, a session …) as one printable line of at most 200 characters."""
    if text is None:
        return None
    return " ".join(_printable(text[:400]).split())[:200] or None


def _start(text: str) -> str:
    """Return as much of `text` as is looked at, without a last word that was cut: half a secret looks like none."""
    if len(text) <= _LOOKED_AT:
        return text
    start = text[:_LOOKED_AT]
    return start.rsplit(maxsplit=1)[0] if len(start.split(maxsplit=1)) > 1 else start


def _printable(text: str) -> str:
    """Return `text` with blanks for terminal sequences and for whatever else cannot be seen."""
    text = _TERMINAL_SEQUENCE.sub(" ", text)
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
