"""Taking secrets out of a text before any of it is cut off or stored.

Three kinds of rules: what stands where secrets stand (a password in a URL, the value of a name such as `api_key`, what
follows `curl -u`); the shapes of vendors' keys, from their public documentation and from what their consoles hand out;
and what looks random, because letters and digits change more often in it than in any word.  Numbers and words are no
secrets, so that `max_tokens: 64000 > 32000` and `unexpected token: EOF` stay readable.

Every pattern takes time in proportion to the text, whatever the text is: what repeats is bounded, possessive (`++`) or
can begin only once in a run of its characters.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

MAXIMUM_ERROR_CHARACTERS = 500
REDACTED = "[redacted]"
_LOOKED_AT = 64 * 1024
_TERMINAL_SEQUENCE = re.compile(r"\x1b\[[0-9;:?]*+[ -/]*+[@-~]")

_SURE_KEYS = (
    # GitHub, GitLab, Slack, npm, PyPI, Docker, Linear, Notion, Supabase, DigitalOcean, Shopify, Square, Atlassian
    r"(?:gh[pousr]|github_pat|glpat|gl[a-z]{1,5}t|dckr_pat|lin_(?:api|oauth)|ntn|sbp|dop_v1|shpat|sq0atp)[-_][\w-]{8,}",
    r"pypi-[\w-]{8,}",
    r"xox[a-z](?:\.[a-z]{2,6})?-[\w-]{8,}",
    r"xapp-[\w-]{8,}",
    r"ATATT3[\w=-]{8,}",
    # Anthropic, OpenAI, OpenRouter, Stripe, xAI, Perplexity, Groq, Tavily, LangSmith, Sourcegraph
    r"sk-(?:ant|proj|or|svcacct|lf)-[\w-]{8,}",
    r"(?:sk|rk|pk)_(?:live|test)_\w{8,}",
    r"whsec_[\w+/=]{8,}",
    r"(?:xai|pplx|gsk|tvly|lsv2|sgamp|sgp)[-_][\w-]{8,}",
    # AWS, Google, Azure, Databricks, Twilio, Mailgun, SendGrid, Vault, Grafana, Figma, Postman, Doppler, New Relic
    r"(?:AKIA|ASIA)[A-Z0-9]{12,}",
    r"AIza[\w-]{16,}",
    r"(?:ya29\.|GOCSPX-|1//0)[\w-]{8,}",
    r"[\w.~-]{2,4}8Q~[\w.~-]{8,}",
    r"dapi[0-9a-f]{16,}",
    r"(?:SK|AC|key-)[0-9a-f]{32}",
    r"SG\.[\w-]{8,}\.[\w-]{8,}",
    r"hv[sbr]\.[\w-]{8,}",
    r"gl(?:sa|c)_[\w-]{8,}",
    r"(?:figd_|PMAK-|HRKU-|NRA[KL]-|NRII-|dp\.[a-z]{2,5}\.)[\w-]{8,}",
    r"AGE-SECRET-KEY-1[A-Z0-9]{8,}",
    r"\w{8,}\.atlasv1\.[\w-]{8,}",
    # Telegram, JSON Web Tokens
    r"\d{8,10}:[\w-]{35}",
    r"eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?",
)
_LIKELY_KEYS = r"(?:sk|rk|pk|csk|npm|hf|r8|fw|fc|re|tk|pat|key|api|tok|token)[-_][\w-]{12,}"
"""Beginnings that words have, too: `sk-learn-contrib`."""

_NAMES = (
    r"secret|token|passw(?:or)?d|passphrase|pwd|credential|auth|cookie|session_?id"
    r"|api_?-?key|accountkey|(?:access|private|account|application|shared)[_-]?key(?![\w.-])|[_.-]key(?![\w.-])"
    r"|[_.-](?:pat|dsn)(?![\w.-])|signature|(?<![\w.-])sig(?![\w.-])"
)
_NAME = rf"(?<![\w.-])(?=[\w.-]{{0,200}}(?:{_NAMES}))[\w.-]++"
_QUOTES = r"[\\\"']{0,4}"
_VALUE = r"(?:\\?\"[^\"]*+\"?|\\?'[^']*+'?|[^\s,;&\"']++)"
_NUMBER = re.compile(r"[\"'\\]{0,4}[\d.,:%]++[\"'\\)]{0,4}")
_PROSE = re.compile(r"[A-Za-z][a-z'’.-]{0,30}|[A-Z]{1,6}")
_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_NO_SECRET = re.compile(
    r"(?i)sha\d{1,3}-|(?:req|msg|resp|chatcmpl|toolu)[-_]|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"
)
"""What looks random and is known for what it is: a digest, a vendor's name for a request, a UUID."""
_DIGEST_BEFORE = re.compile(r"(?:sha\d{1,3}|md5|digest|commit|revision|checksum|blob|tree)[-:= ]{1,2}\Z", re.IGNORECASE)


@cache
def _rules() -> tuple[Rule, ...]:
    rules: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
        (r"(?s)-----BEGIN [A-Z ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)", REDACTED),
        # What authorises is secret to its end; a sentence about a header is not.
        (rf"(?i)(authorization{_QUOTES}\s{{0,4}}[=:]\s{{0,4}}{_QUOTES})([^\n\"']++)", _header),
        (rf"(?i)((?:set-)?cookies?{_QUOTES}\s{{0,4}}[=:]\s{{0,4}})(?=[^\n]{{0,300}}[=:])([^\n]++)", _cookies),
        (r"(?i)\b(bearer|basic|ssws|apikey)\s++([\w.~+/=-]{6,})", _scheme),
        (
            (
                r"(?i)(?<![a-z0-9])([a-z][a-z0-9+.-]{1,20}://)"
                r"(?:(?![^\s/:@]{0,256}:\d{1,5}/)[^\s/:@]{0,256}:[^\s]{1,512}|[^\s/:@]{16,256})@"
            ),
            rf"\1{REDACTED}@",
        ),
        (r"(?i)(jdbc:[\w:]{1,60}[:/])[^\s/@:]{1,128}/[^\s@]{1,256}@", rf"\1{REDACTED}@"),
        (r"(?i)(hooks\.slack\.com/(?:services|workflows)/|/api/webhooks/\d{1,30}/)[^\s\"']++", rf"\1{REDACTED}"),
        (
            r"(?i)([?&](?:[\w.-]{0,60}(?:key|sig|signature|token|secret|password|credential)|code)=)[^\s&\"']++",
            rf"\1{REDACTED}",
        ),
        (r"(?<![A-Za-z0-9])(?:" + "|".join(_SURE_KEYS) + ")", REDACTED),
        (rf"(?<![A-Za-z0-9]){_LIKELY_KEYS}", _likely_key),
        (r"(?<![A-Za-z0-9])sk-[\w-]{0,20}\*{2,}[\w*-]*+", REDACTED),
        (r"(?i)\b(mysql\w{0,8}|mariadb|psql|mongo\w{0,6})\b([^\n]{0,200}?\s-p)(?=\S)(\S++)", rf"\1\2{REDACTED}"),
        (r"(?i)\b(sshpass\s++-p\s++|sshpass\s++-p)\S++", rf"\1{REDACTED}"),
        (r"(?i)(\s(?:-u|--user|--proxy-user)[\s=]++[^\s:]{1,128}:)\S++", rf"\1{REDACTED}"),
        (
            r"(?i)\b(passw(?:or)?d|passphrase|passcode|pwd|secret)(\s++(?:is\s++|of\s++)?)([\"'][^\"'\n]{1,256}[\"'])",
            rf"\1\2{REDACTED}",
        ),
        (r"(?i)\b(login\s++\S{1,128}\s++password\s++)\S++", rf"\1{REDACTED}"),
        (rf"(?i)({_NAME}{_QUOTES}\s{{0,4}}=(?!=)\s{{0,4}})({_VALUE})", _assigned),
        (rf"(?i)({_NAME}{_QUOTES}\s{{0,4}}:(?!:)\s{{0,4}})({_VALUE})(?=(\s++\S)?)", _told),
        (rf"(?i)((?<![\w.-])--(?=[\w.-]{{0,200}}(?:{_NAMES}))[\w.-]++\s{{1,4}})({_VALUE})", _assigned),
        (rf"(?i)\b((?:api|access|secret) key\b[^\n:=.]{{0,40}}[:=]\s{{0,4}})({_VALUE})(?=(\s++\S)?)", _told),
        (r"[A-Za-z0-9+/=_.~%-]{16,}+", _random),
    )
    return tuple((re.compile(pattern), replacement) for pattern, replacement in rules)


def safe_error(text: str | None) -> str | None:
    """Return `text` as one line of at most 500 characters without secrets; `None` for nothing to say."""
    if not text:
        return None
    line = " ".join(redacted(text).split())
    if len(line) > MAXIMUM_ERROR_CHARACTERS:
        line = line[: MAXIMUM_ERROR_CHARACTERS - 1] + "…"
    return line or None


def redacted(text: str) -> str:
    """Return the first 64 KiB of `text` without secrets and without what cannot be seen."""
    safe = "\n".join(_printable(line) for line in _start(text).splitlines())
    for pattern, replacement in _rules():
        safe = pattern.sub(replacement, safe)
    return safe


def safe_label(text: str | None) -> str | None:
    """Return a name (of an agent, a model, a session …) as one printable line of at most 200 characters."""
    if text is None:
        return None
    return " ".join(_printable(text[:400]).split())[:200] or None


def looks_random(text: str) -> bool:
    """Tell whether letters and digits change too often in `text` for it to be made of words and numbers."""
    characters = [character for character in text if character.isalnum()]
    letters = sum(character.isalpha() for character in characters)
    count = len(characters)
    if count < 16 or letters < 4:  # noqa: PLR2004 - too short to tell, or a number
        return False
    if _is_hex(text):
        return count >= 32  # noqa: PLR2004
    changes = len(_RUNS.findall("".join(characters))) - 1
    share = changes / (count - 1)
    return share >= (0.22 if count >= 28 else 0.27 if count >= 20 else 0.33)  # noqa: PLR2004


def _is_hex(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", text) is not None


def _random(found: re.Match[str]) -> str:
    text = found[0]
    if not looks_random(text) or _DIGEST_BEFORE.search(found.string[max(0, found.start() - 12) : found.start()]):
        return text
    return text if _NO_SECRET.match(text) else REDACTED


def _likely_key(found: re.Match[str]) -> str:
    rest = re.split("[-_]", found[0], maxsplit=1)[1]
    is_key = len(rest) >= 16 and (any(map(str.isdigit, rest)) or looks_random(rest))  # noqa: PLR2004
    return REDACTED if is_key else found[0]


def _assigned(found: re.Match[str]) -> str:
    """Redact what is assigned to a secret's name, a number apart: `input_tokens=205000`."""
    return found[0] if _NUMBER.fullmatch(found[2]) else found[1] + _hidden(found[2])


def _told(found: re.Match[str]) -> str:
    """Redact what stands behind a secret's name and a colon, unless a sentence begins there."""
    value, more = found[2], found[3]
    if _NUMBER.fullmatch(value) or value.startswith(("(", "<", ">")):
        return found[0]
    is_quoted = value[0] in "\"'\\"
    begins_sentence = bool(_PROSE.fullmatch(value)) and bool(more)
    is_word = value.isupper() and value.isalpha() and len(value) <= 6  # noqa: PLR2004
    if not is_quoted and (begins_sentence or is_word):
        return found[0]
    return found[1] + _hidden(value)


def _hidden(value: str) -> str:
    closing = value[-1] if value[0] in "\"'" and len(value) > 1 and value[-1] == value[0] else ""
    return (value[0] if closing else "") + REDACTED + closing


def _header(found: re.Match[str]) -> str:
    value = found[2].split()
    is_sentence = len(value) > 2 and all(_PROSE.fullmatch(word.strip(",.;:")) for word in value[:2])  # noqa: PLR2004
    return found[0] if is_sentence else found[1] + REDACTED


def _cookies(found: re.Match[str]) -> str:
    value = re.sub(r"([\w.-]{1,64}[\"']?\s{0,2}[=:]\s{0,2})[^\s;,}]++", rf"\1{REDACTED}", found[2])
    return found[1] + value


def _scheme(found: re.Match[str]) -> str:
    is_word = re.fullmatch(r"[A-Za-z]+", found[2]) is not None
    return found[0] if is_word and not looks_random(found[2]) else f"{found[1]} {REDACTED}"


def _start(text: str) -> str:
    """Return as much of `text` as is looked at, without a last word that was cut: half a secret looks like none."""
    if len(text) <= _LOOKED_AT:
        return text
    start = text[:_LOOKED_AT]
    return start.rsplit(maxsplit=1)[0] if len(start.split(maxsplit=1)) > 1 else ""


def _printable(text: str) -> str:
    """Return `text` with blanks for terminal sequences and for whatever else cannot be seen."""
    text = _TERMINAL_SEQUENCE.sub(" ", text)
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
