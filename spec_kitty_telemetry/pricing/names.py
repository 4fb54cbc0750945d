"""What a model is called by those who report it, brought to the form that stands in a price table.

Only forms that are known to mean the same model are tried: a vendor prefix, a Bedrock or Vertex wrapping, the `[1m]`
mark, a date suffix, `4.5` for `4-5`.  A name that merely begins like another one is never taken for it: unknown is
better than a wrong price.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_NAME = 300

# Texts, compiled (and kept by `re`) when a name needs one: a report knows most names as they are given.
_CONTEXT_MARK = r"\[1m\]$"
_ARN_HEAD = r"^arn:aws[a-z-]*:bedrock:[^/]*/"
_DATE_SUFFIX = r"(?:-20\d\d-[01]\d-[0-3]\d|[-@]20\d\d[01]\d[0-3]\d)$"
_BEDROCK_VERSION = r"-v\d+(?::\d+)?(?::\d+k)?$"
_BEDROCK_REGION = r"^(?:us-gov|us|eu|apac|au|jp|in|ca|sa|me|af)\.(?=[a-z0-9]+\.)"
_BEDROCK_SHAPE = (
    r"^(?:(?:us-gov|us|eu|apac|au|jp|in|ca|sa|me|af|global)\.)?"
    r"(?:anthropic|amazon|meta|mistral|deepseek|openai|qwen|moonshot|moonshotai|minimax|zai|google|nvidia)\.[a-z]"
)
_VERTEX_PATH = r"^(?:projects/[^/]+/locations/[^/]+/)?publishers/([a-z]+)/models/"
_DOTTED = r"(?<=\d)\.(?=\d)"
_DASHED = r"(?<=\d)-(?=\d)"


class Spelling(NamedTuple):
    """One form of a name to look up."""

    name: str
    how: str
    """How this form came about, for people: `as given`, `without its date` …"""
    dated: bool
    """A date was taken off, so only a model that is marked `dated` may answer."""


class Reference(NamedTuple):
    """A reported name taken apart: who it says will bill, and the name that is left."""

    biller: str | None
    """The prefix or shape that names a provider, such as `openrouter` or `aws-bedrock`; `None`: none is named."""
    name: str


def take_apart(model: str) -> Reference:
    """Separate the provider that a name carries in itself (`anthropic/…`, an ARN, a Vertex path) from the name."""
    name = model.strip().lower()[:LONGEST_NAME]
    if name.startswith("arn:") and re.match(_ARN_HEAD, name):
        return Reference("aws-bedrock", re.sub(_ARN_HEAD, "", name))
    if "publishers/" in name and re.match(_VERTEX_PATH, name):
        return Reference("google-vertex", re.sub(_VERTEX_PATH, "", name))
    if name.startswith("models/"):
        return Reference("google", name.removeprefix("models/"))
    prefix, slash, rest = name.partition("/")
    if slash and prefix and rest:
        return Reference(prefix, rest)
    if "." in name and re.match(_BEDROCK_SHAPE, name):
        return Reference("aws-bedrock", name)
    return Reference(None, name)


def spellings(name: str, *, bedrock: bool = False) -> Iterator[Spelling]:
    """Yield the forms in which `name` (lower case) may stand in a table, the most literal first.

    `bedrock` takes off a region and a version too, which only mean that in a Bedrock id.
    """
    seen: set[str] = set()
    for form, how, dated in _forms(name, bedrock):
        if form and form not in seen:
            seen.add(form)
            yield Spelling(form, how, dated)


def _forms(name: str, bedrock: bool) -> Iterator[tuple[str, str, bool]]:
    yield name, "as given", False
    plain = re.sub(_CONTEXT_MARK, "", name)
    yield plain, "without [1m]", False
    unwrapped = plain
    if bedrock:
        without_region = re.sub(_BEDROCK_REGION, "", plain)
        yield without_region, "without the Bedrock region", False
        unwrapped = re.sub(_BEDROCK_VERSION, "", without_region)
        yield unwrapped, "without the Bedrock version", False
    for respelled in respellings(unwrapped):
        yield respelled, "with another version spelling", False
    undated = re.sub(_DATE_SUFFIX, "", unwrapped)
    has_date = undated != unwrapped
    yield undated, "without its date", has_date
    for respelled in respellings(undated):
        yield respelled, "without its date, with another version spelling", has_date


def respellings(name: str) -> tuple[str, str, str]:
    """Return `name` as given, with `4-5` for `4.5`, and the other way round."""
    return name, re.sub(_DOTTED, "-", name), re.sub(_DASHED, ".", name)


def family_of(name: str) -> str:
    """Return the word that a name begins with (`claude-opus-4-6` → `claude`, `gpt5` → `gpt`): a vendor may own it."""
    match = re.match(r"[a-z<]+[a-z>]*", name)
    return match.group() if match else ""
