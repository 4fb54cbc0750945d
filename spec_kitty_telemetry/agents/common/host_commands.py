"""The host's commands in what an agent gave to a shell: which verb, for which mission and work package.

A shell's text is read far enough to find simple commands in it: `cd x && spec-kitty next`, `bash -lc "…"`, `uvx --from
spec-kitty-cli spec-kitty …`, `python -m specify_cli …`.  Text that only speaks of a command (an argument of `echo`, a
here-document, a comment) is none.  Only names are taken, never a note or a prompt.

Source: `spec-kitty --help` of 3.2.7 and 4.0.0rc7; older hosts said `--feature` and `agent workflow`.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MARKERS = (b"spec-kitty", b"specify_cli")
"""One of these stands in the text of every command, slash command and prompt file of the host."""

VERBS = frozenset({
    "accept", "analyze", "create", "create-feature", "dispatch", "finalize-tasks", "implement", "mark-status", "merge",
    "move-task", "next", "plan", "record-analysis", "research", "review", "setup-plan", "specify", "tasks",
})  # fmt: skip
"""The verbs that say what a session works on."""

_MOST_CHARACTERS = 20_000
_MOST_DEPTH = 3
_GROUPS = frozenset({"action", "feature", "mission", "tasks", "workflow"})
_CREATORS = frozenset({"create", "create-feature"})
_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "fish", "ksh", "pwsh", "powershell", "cmd"})
_WRAPPERS = frozenset({
    "command", "do", "else", "env", "exec", "hatch", "if", "nice", "nohup", "pdm", "pipx", "poetry", "rye", "stdbuf",
    "sudo", "then", "time", "timeout", "uv", "uvx", "while", "xargs", "!", "{", "&",
})  # fmt: skip
"""Words before a command that run it all the same."""
_WITH_VALUE = frozenset({
    "--actor", "--agent", "--answer", "--approval-ref", "--assignee", "--base", "--decision-id", "--feature",
    "--invocation-id", "--mission", "--mode", "--model", "--note", "--profile", "--reason", "--result",
    "--review-feedback-file", "--reviewer", "--shell-pid", "--strategy", "--target", "--test", "--to", "--tracker-ref",
})  # fmt: skip
_LANES = {"doing": "in_progress"}
_NAME = re.compile(r"[\w.:@/+-]{1,160}")
_WP = re.compile(r"(WP\d{1,4})(?:-[\w-]{0,120})?", re.IGNORECASE)
_HOST = re.compile(r"(?:.*[/\\])?spec-kitty(?:-cli)?(?:\.exe|\.cmd)?|[a-z]:.*spec-kitty\.exe", re.IGNORECASE)
_PYTHON = re.compile(r"(?:python|pypy|py)[\d.]*(?:\.exe)?", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_HERE_DOCUMENT = re.compile(r"<<-?\s*(['\"]?)(\w+)\1[^\n]*\n.*?(?:^\s*\2\s*$|\Z)", re.DOTALL | re.MULTILINE)
_SLASH = re.compile(r"\s*[/$@](?:prompts:)?spec-kitty[.:-]([a-z][a-z-]{1,30})(?:\s+(.{0,2000}))?", re.DOTALL)
_PROMPT_FILE = re.compile(
    r"spec-kitty-(implement|review)-([\w.-]{1,160}?)-(WP\d{1,4})\b[\w.-]*\.md"
    r"|spec-kitty-review-prompts/(?:[^/\s]+/){0,4}?([\w.-]{1,160})/(WP\d{1,4})/[\w.-]+\.md"
)


class HostCommand(NamedTuple):
    """One of the host's commands, as it was written."""

    verb: str
    mission: str | None = None
    wp_id: str | None = None
    lane: str | None = None
    agent: str | None = None
    folder: str | None = None
    """Where it ran, if the shell's text says so or the caller did."""


def commands_in(shell: str | Sequence[str], folder: str | None = None) -> list[HostCommand]:
    """Return the host's commands that a shell was asked to run in `folder`, in order.

    `shell` is the text for a shell, or the words of one command.
    """
    return list(_in_words(list(shell), folder, 0) if not isinstance(shell, str) else _in_text(shell, folder, 0))


def slash_command_in(text: str, folder: str | None = None) -> HostCommand | None:
    """Return the host's slash command that a user's message begins with: `/spec-kitty.implement WP02`."""
    found = _SLASH.match(text)
    return of_slash(found[1], found[2] or "", folder) if found else None


def of_slash(verb: str, arguments: str, folder: str | None = None) -> HostCommand | None:
    """Return what a slash command says; its free text is left out."""
    if verb not in VERBS:
        return None
    try:
        words = shlex.split(arguments[:_MOST_CHARACTERS], comments=False)
    except ValueError:
        words = arguments[:_MOST_CHARACTERS].split()
    return _described(verb, words, folder)


def prompt_file_in(path: str) -> HostCommand | None:
    """Return what the name of one of the host's prompt files says."""
    found = _PROMPT_FILE.search(path[-2000:].replace("\\", "/"))
    if found is None:
        return None
    verb, mission, wp_id, reviewed, reviewed_wp = found.groups()
    return HostCommand(verb or "review", mission or reviewed, (wp_id or reviewed_wp).upper())


def _in_text(text: str, folder: str | None, depth: int) -> Iterator[HostCommand]:
    if depth > _MOST_DEPTH or not ("spec-kitty" in text or "specify_cli" in text):
        return
    plain = _HERE_DOCUMENT.sub("\n", text[:_MOST_CHARACTERS].replace("\\\n", " ").replace("\r\n", "\n"))
    for words in _simple_commands(plain):
        if words[0] in {"cd", "pushd", "Set-Location"} and len(words) > 1:
            folder = _moved(folder, words[1])
        else:
            yield from _in_words(words, folder, depth)


def _simple_commands(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, "#"
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set(";&|()\n"):
                if words:
                    yield words
                words = []
            else:
                words.append(word.lstrip("`"))
    except ValueError:  # a quotation mark that is not closed: what stands before it was read
        pass
    if words:
        yield words


def _in_words(words: list[str], folder: str | None, depth: int) -> Iterator[HostCommand]:
    words = _without_assignments(words)
    while words and words[0] in {"if", "then", "else", "do", "while", "!", "{", "&"}:
        words = _without_assignments(words[1:])
    if not words:
        return
    program = _base(words[0])
    if program in _SHELLS:
        script = next((one for flag, one in pairwise(words) if _is_script_flag(flag)), None)
        yield from _in_text(script, folder, depth + 1) if script else ()
        return
    arguments = _arguments(program, words)
    command = _of_arguments(arguments, folder) if arguments else None
    if command:
        yield command


def _without_assignments(words: list[str]) -> list[str]:
    first = next((place for place, word in enumerate(words) if not _ASSIGNMENT.fullmatch(word)), len(words))
    return words[first:]


def _is_script_flag(word: str) -> bool:
    return word.lower() in {"-command", "/c"} or bool(re.fullmatch(r"-[a-z]*c", word))


def _arguments(program: str, words: list[str]) -> list[str] | None:
    """Return what the host was given; `None` where another program was run."""
    if _HOST.fullmatch(words[0]):
        return words[1:]
    if _PYTHON.fullmatch(program):
        return words[3:] if words[1:3] == ["-m", "specify_cli"] else None
    if program not in _WRAPPERS:
        return None
    for place, word in enumerate(words[1:], start=1):
        is_option = words[place - 1].startswith("--") and words[place - 1] != "--"
        if _HOST.fullmatch(word) and not (is_option or word == "spec-kitty-cli"):
            return words[place + 1 :]
        if _PYTHON.fullmatch(_base(word)):
            return _arguments(_base(word), words[place:])
    return None


def _of_arguments(words: list[str], folder: str | None) -> HostCommand | None:
    names = [word for word in words[:3] if not word.startswith("-")]
    if names[:1] == ["agent"]:
        names = names[1:]
        if not names or names[0] not in _GROUPS:
            return None
        names = names[1:]
    if not names or names[0] not in VERBS or "--help" in words:
        return None
    return _described(names[0], words[words.index(names[0]) + 1 :], folder)


def _described(verb: str, words: list[str], folder: str | None) -> HostCommand:
    options, positional = _sorted(words)
    wp_id = next((found[1].upper() for word in positional if (found := _WP.fullmatch(word))), None)
    named = options.get("--mission") or options.get("--feature")
    if named is None and verb in _CREATORS:
        named = next(iter(positional), None)
    lane = _plain(options.get("--to"))
    return HostCommand(
        verb, _plain(named), wp_id, _LANES.get(lane, lane) if lane else None, _plain(options.get("--agent")), folder
    )


def _sorted(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Tell options that have a value from what stands alone."""
    options: dict[str, str] = {}
    positional = []
    rest = iter(words)
    for word in rest:
        name, has_value, value = word.partition("=")
        if not word.startswith("-"):
            positional.append(word)
        elif has_value:
            options[name] = value
        elif word in _WITH_VALUE:
            options[word] = next(rest, "")
    return options, positional


def _plain(word: str | None) -> str | None:
    """Return a name, `None` for anything that could be somebody's text."""
    return word if word and _NAME.fullmatch(word) else None


def _base(word: str) -> str:
    return re.split(r"[/\\]", word)[-1].lower().removesuffix(".exe")


def _moved(folder: str | None, to: str) -> str | None:
    """Return where `cd` leads; a place that the shell works out (`~`, `$HOME`, `-`) is not known."""
    if to[:1] in {"~", "$", "-", "%"} or "$" in to:
        return None
    if posixpath.isabs(to) or ntpath.splitdrive(to)[0]:
        return to
    return posixpath.normpath(posixpath.join(folder, to)) if folder else None
