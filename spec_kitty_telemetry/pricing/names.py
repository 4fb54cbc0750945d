"""What a model is called by those who report it, brought to the form that stands in a price table.

Only forms that are known to mean the same model are tried: a vendor prefix, a Bedrock or Vertex wrapping, the `[1m]`
mark, `4.5` for `4-5`, a name as people see it (`Composer 2.5`), a version after the name where the table says that the
vendor numbers this model so, an effort where the table of whoever bills says that efforts do not change the price.  A
name that merely begins like another one is never taken for it: unknown is better than a wrong price.
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
_MONTH_DAY = r"[01]\d-?[0-3]\d"
VERSIONS = {
    "date": r"(?:-20\d\d-[01]\d-[0-3]\d|[-@]20\d\d[01]\d[0-3]\d)$",
    "latest": r"[-@]latest$",
    "default": r"@default$",
    "number": r"-0\d\d$",
    "preview": rf"-preview(?:-(?:{_MONTH_DAY}|[01]\d-20\d\d))?$",
    "experimental": rf"-exp(?:-{_MONTH_DAY})?$",
    "customtools": r"-customtools$",
}
"""What may stand after a model's name and mean that model: kind → expression.  A table says which kinds a model has
(`dated: true` is the kind `date`); Google's are explained at ai.google.dev/gemini-api/docs/models."""
_EFFORT = r"[-:](?:no-thinking|thinking|none|minimal|low|medium|high|xhigh|extra-high|max)$"
_LONGEST_EFFORT = 3
_BEDROCK_VERSION = r"(?:-v\d+)?(?::\d+)(?::\d+k)?$|-v\d+$"
_BEDROCK_REGION = r"^(?:regional|us-gov|us|eu|apac|au|jp|in|ca|sa|me|af)\.(?=[a-z0-9]+\.)"
_BEDROCK_SHAPE = (
    r"^(?:(?:regional|us-gov|us|eu|apac|au|jp|in|ca|sa|me|af|global)\.)?"
    r"(?:anthropic|amazon|meta|mistral|deepseek|openai|qwen|moonshot|moonshotai|minimax|zai|google|nvidia)\.[a-z]"
)
_VERTEX_PATH = r"^(?:projects/[^/]+/locations/[^/]+/)?publishers/([a-z]+)/models/"
_DOTTED = r"(?<=\d)\.(?=\d)"
_DASHED = r"(?<=\d)-(?=\d)"
_CLAUDE_FAMILY_LAST = r"^claude-(\d+(?:[.-]\d{1,2})?)-(opus|sonnet|haiku|fable|mythos)(?=$|[-@\[:])"
_CLAUDE_WITHOUT_CLAUDE = r"^(?=(?:opus|sonnet|haiku|fable|mythos)-\d)"


class Spelling(NamedTuple):
    """One form of a name to look up."""

    name: str
    how: str
    """How this form came about, for people: `as given`, `without its date` …"""
    version: str | None = None
    """The kind of version (of `VERSIONS`) that was taken off: only a model that has such versions may answer."""


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


def spellings(name: str, *, bedrock: bool = False, efforts: bool = False) -> Iterator[Spelling]:
    """Yield the forms in which `name` (lower case) may stand in a table, the most literal first.

    `bedrock` takes off a region and a version too, which only mean that in a Bedrock id; `efforts` takes off how much
    a model was told to think.
    """
    seen: set[tuple[str, str | None]] = set()
    for form in _forms(name, bedrock, efforts):
        if form.name and (form.name, form.version) not in seen:
            seen.add((form.name, form.version))
            yield form


def _forms(name: str, bedrock: bool, efforts: bool) -> Iterator[Spelling]:
    yield Spelling(name, "as given")
    plain = re.sub(_CONTEXT_MARK, "", name)
    yield Spelling(plain, "without [1m]")
    if " " in plain:
        plain = _from_display(plain)
        yield Spelling(plain, "as people are shown it")
    unwrapped = plain
    if bedrock:
        without_region = re.sub(_BEDROCK_REGION, "", plain)
        yield Spelling(without_region, "without the Bedrock region")
        unwrapped = re.sub(_BEDROCK_VERSION, "", without_region)
        yield Spelling(unwrapped, "without the Bedrock version")
    yield from _versions(unwrapped, "")
    for _ in range(_LONGEST_EFFORT if efforts else 0):
        shorter = re.sub(_EFFORT, "", unwrapped)
        if shorter == unwrapped:
            return
        unwrapped = shorter
        yield from _versions(unwrapped, "without its effort")


def _versions(name: str, how: str) -> Iterator[Spelling]:
    """Yield `name` and, where it ends in a version, what stands before that, each with every spelling of its number."""
    before = f"{how}, " if how else ""
    for respelled in respellings(name):
        yield Spelling(respelled, how if how and respelled == name else f"{before}with another version spelling")
    for kind, expression in VERSIONS.items():
        bare = re.sub(expression, "", name)
        if bare == name:
            continue
        taken_off = f"{before}without its {'date' if kind == 'date' else f'version ({kind})'}"
        for respelled in respellings(bare):
            also = "" if respelled == bare else ", with another version spelling"
            yield Spelling(respelled, f"{taken_off}{also}", kind)


def _from_display(name: str) -> str:
    """Return the id that a name for people means: `composer 2.5` is `composer-2.5`."""
    return "-".join(re.sub(r"[()]", " ", name).split())


def respellings(name: str) -> tuple[str, ...]:
    """Return `name` as given, with `4-5` for `4.5`, the other way round, and Claude's names in Anthropic's order."""
    forms = (name, re.sub(_DOTTED, "-", name), re.sub(_DASHED, ".", name))
    if name.startswith(("claude-", "opus-", "sonnet-", "haiku-", "fable-", "mythos-")):
        ordered = re.sub(_CLAUDE_FAMILY_LAST, r"claude-\2-\1", re.sub(_CLAUDE_WITHOUT_CLAUDE, "claude-", name))
        if ordered != name:
            return (*forms, ordered, re.sub(_DOTTED, "-", ordered))
    return forms


def family_of(name: str) -> str:
    """Return the word that a name begins with (`claude-opus-4-6` → `claude`, `gpt5` → `gpt`): a vendor may own it."""
    match = re.match(r"[a-z<]+[a-z>]*", name)
    return match.group() if match else ""
