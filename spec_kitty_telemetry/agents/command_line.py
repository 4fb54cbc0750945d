"""How a program that starts another one says which: `timeout -k 10 600 codex exec` starts `codex exec`.

A wrapper is seen through by its own rules: which of its options take a value, what stands before the command, whether
the command is a package, an image or a text for a shell.  So none of its options is taken for the agent's.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import Literal

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_SEPARATORS = {"&&", "||", ";", "|", "&", "(", ")", "{", "}", "!", "then", "do"}
_SETTING_UP = {"cd", "export", "set", "source", ".", "unset", "ulimit", "umask", "trap", "pushd", "eval", "if", "while"}


@dataclass(frozen=True)
class Wrapper:
    """How one program's command line says which program it starts."""

    valued: str = ""
    """Options whose value is the next word; an option that is not here stands for itself."""
    skipped: int = 0
    """How many words stand before the command, such as the time of `timeout`."""
    texts: str = ""
    """Options whose value is a whole command line for a shell."""
    starts: str = ""
    """Options after which the command begins."""
    first: Literal["command", "script", "image", "text", "after dashes"] = "command"
    """What the first word is that is no option; `text` is a command line for a shell, in one word or in many."""
    modules: str = ""
    """Options whose value is the program, as `-m` is of Python."""
    without: str = ""
    """Options whose value is the whole program: there is no other one then."""
    verbs: dict[str, Wrapper] = field(default_factory=dict)
    """What is said first (`docker run`); without one of them it is no wrapper."""
    runs_binaries: bool = False
    """Whether it starts a program without any verb, as `pnpm codex` does."""
    program: str = ""
    """The program that it starts, whatever follows."""


@dataclass
class _Walk:
    """Goes through a wrapper's arguments up to the command."""

    words: list[str]
    wrapper: Wrapper
    place: int = 0
    may_be_value: bool = False
    """Whether the word before was an option that is not in the table, and may take this one for its value."""
    entrypoint: list[str] = field(default_factory=list)

    def commands(self) -> list[list[str]]:
        skipped = self.wrapper.skipped
        options_over = False
        while self.place < len(self.words):
            word, rest = self.words[self.place], self.words[self.place + 1 :]
            self.place += 1
            if word == "--":
                if self.wrapper.first == "after dashes":
                    return _listed(rest)
                options_over = True
            elif not options_over and _is_option(word, self.wrapper):
                if (told := _told_by(word, rest, self.wrapper)) is not None:
                    return told
                self._pass_option(word, rest)
            elif skipped and not self.wrapper.verbs:
                skipped -= 1
            elif not self._is_set_up(word):
                return self._beginning_with(word, rest)
        return []

    def _pass_option(self, word: str, rest: list[str]) -> None:
        option, equals, value = word.partition("=")
        if option == "--entrypoint":
            self.entrypoint = [value] if equals else rest[:1]
        is_valued = option in self.wrapper.valued.split()
        self.place += is_valued and not equals
        self.may_be_value = not is_valued and not equals

    def _is_set_up(self, word: str) -> bool:
        """Whether a word is an assignment before the command, or stands before the dashes."""
        first = self.wrapper.first
        is_assignment = first == "command" and _ASSIGNMENT.fullmatch(word) is not None
        return not self.wrapper.verbs and (first == "after dashes" or is_assignment)

    def _beginning_with(self, word: str, rest: list[str]) -> list[list[str]]:
        wrapper = self.wrapper
        if wrapper.verbs:
            verb = wrapper.verbs.get(word)
            return commands_inside(rest, verb) if verb else [[word, *rest]] if wrapper.runs_binaries else []
        if wrapper.first == "text" and " " in word:
            return in_shell(" ".join([word, *rest]))
        if wrapper.first == "image":
            inside = [*self.entrypoint, *rest]
            return [*_listed(inside if inside and inside[0][:1] != "-" else []), [word, *rest]]
        found = [[word, *(rest[1:] if rest[:1] == ["--"] else rest)]]
        return [*found, *(commands_inside(rest, wrapper) if self.may_be_value and wrapper.first == "command" else [])]


def commands_inside(words: list[str], wrapper: Wrapper) -> list[list[str]]:
    """Return the commands that a wrapper's arguments may start, the likeliest first; none where they start none.

    The first word of each is a program, a package, an image or a script.
    """
    return [[wrapper.program, *words]] if wrapper.program else _Walk(words, wrapper).commands()


def _told_by(word: str, rest: list[str], wrapper: Wrapper) -> list[list[str]] | None:
    """Return the commands that an option itself says, an empty list where it says that there is no program."""
    option, equals, value = word.partition("=")
    if option in wrapper.without.split():
        return []
    if option in wrapper.starts.split():
        return _listed(rest)
    if option in wrapper.modules.split():
        return [[rest[0].partition(".")[0], *rest[1:]]] if rest else []
    is_bundle = "-c" in wrapper.texts.split() and re.fullmatch(r"-[a-zA-Z]+c", word)
    if option in wrapper.texts.split() or is_bundle:
        return in_shell(value if equals else "".join(rest[:1]))
    return None


def _listed(command: list[str]) -> list[list[str]]:
    return [command] if command else []


def _is_option(word: str, wrapper: Wrapper) -> bool:
    return len(word) > 1 and (word[0] in "-+" or word in wrapper.starts.split())


def in_shell(text: str) -> list[list[str]]:
    """Return the commands of a line for a shell, without what sets them up."""
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word in _SEPARATORS or set(word) <= set(";&|()"):
                commands.append([])
            elif commands[-1] or not _ASSIGNMENT.fullmatch(word):
                commands[-1].append(word)
    except ValueError:
        return []
    return [command for command in commands if command and command[0] not in _SETTING_UP]
