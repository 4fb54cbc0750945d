"""The one door for output: what is printed can steer no terminal, what is written appears whole.

Everything printed goes through `say` or `complain`, which replace whatever cannot be seen: control codes, marks that
turn the direction of text, characters without a width.  JSON is UTF-8, indented, with money as numbers that no float
has touched.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.errors import TelemetryError, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def print_json(document: dict[str, Any]) -> None:
    """Print `document`; its `Decimal`s become JSON numbers."""
    say(json_text(document))


def visible(text: object) -> str:
    """Return `text` as one line without anything that could steer a terminal or hide in it."""
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(character if _is_visible(character) else "�" for character in line)


def _is_visible(character: str) -> bool:
    return character.isprintable() and character not in _BLANK_LETTERS


_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks to Unicode that no font shows; all else that cannot be seen is not `isprintable`."""
_COLOURS = re.compile(r"(\x1b\[[0-9;]{0,16}m)")


def _safe(text: str, *, coloured: bool) -> str:
    """Return `text` with its lines and tabs, and with colours where the caller put them there itself."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    parts = _COLOURS.split(text) if coloured else [text]
    return "".join(part if place % 2 else _visible_lines(part) for place, part in enumerate(parts))


def _visible_lines(text: str) -> str:
    return "".join(each if each in "\n\t" or _is_visible(each) else "�" for each in text)


def complain(text: str) -> None:
    """Print `text` on standard error, where it spoils no output."""
    click.echo(_safe(text, coloured=False), err=True)


def say(text: str, *, nl: bool = True, coloured: bool = False) -> None:
    """Print `text` on standard output, now; `coloured`: it holds colours that the caller put there.

    Standard output that was closed takes nothing, and a pipe whose reader has enough (`head -1`) takes nothing more:
    the command goes on to its own exit status.

    :raises TelemetryError: it cannot be written, as on a full disk.
    """
    try:
        click.echo(on_screen(_safe(text, coloured=coloured)), nl=nl)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        global _has_reader  # noqa: PLW0603 - one process has one standard output
        _has_reader = False
        _forget_what_is_unwritten()
    except OSError as error:
        _forget_what_is_unwritten()
        raise TelemetryError(f"standard output cannot be written: {reason_of(error)}") from error


def nobody_reads() -> bool:
    """Tell whether the reader of standard output went away, so that all further work for it is in vain."""
    return not _has_reader


_has_reader = True


def _forget_what_is_unwritten() -> None:
    """Let what standard output's buffer still holds go nowhere: Python would try, and complain, again at its end."""
    with suppress(OSError, ValueError):  # not a file, as in a test
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def json_text(document: dict[str, Any]) -> str:
    """Return `document` as indented JSON, without a newline at its end."""
    import msgspec

    encoder = msgspec.json.Encoder(decimal_format="number")
    try:
        encoded = encoder.encode(document)
    except UnicodeEncodeError:  # a path that is not UTF-8
        encoded = encoder.encode(_encodable(document))
    return harmless(msgspec.json.format(encoded, indent=2).decode())


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(each) for name, each in value.items()}
    return [_encodable(each) for each in value] if isinstance(value, list | tuple) else value


def harmless(json: str) -> str:
    """Return the same JSON with every character that could steer a terminal, or that it lacks, written as an escape.

    JSON itself escapes only those below U+0020; they can stand nowhere but inside strings.
    """
    if json.isascii() and "\x7f" not in json:
        return json
    is_shown = can_show(json)
    return "".join(
        each if (each.isprintable() or each == "\n") and (is_shown or can_show(each)) else _escaped(each)
        for each in json
    )


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index]:02x}{units[index + 1]:02x}" for index in range(0, len(units), 2))


def json_money(amount_usd: Decimal | None) -> Decimal | None:
    """Return an amount with at most nine decimals, without trailing zeros and without an exponent."""
    if amount_usd is None:
        return None
    rounded = round(amount_usd, 9).normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def write(text: str, path: Path | None, *, coloured: bool = False) -> None:
    """Print `text`, or write it to the file `path` as UTF-8; a newline is added.

    A file appears whole or not at all: what stood there before stays until the new text is on disk.

    :raises TelemetryError: the file cannot be written.
    """
    if path is None:
        say(text, coloured=coloured)
    else:
        write_lines([text], path)


def write_lines(lines: Iterable[str], path: Path | None) -> None:
    """Print `lines` as they come, or write them to the file `path` as `write` does; a newline is added to each.

    :raises TelemetryError: the file cannot be written.
    """
    if path is None:
        for line in lines:
            say(line)
        return
    try:
        _replace(path, ((line + "\n").encode("utf-8", "replace") for line in lines))
    except OSError as error:
        reason = reason_of(error)
        raise TelemetryError(f"{path} cannot be written: {reason}; choose another place with --output") from error
    complain(f"Wrote {path}")


def _replace(path: Path, blocks: Iterable[bytes]) -> None:
    # A device or a pipe cannot be replaced, and a symlink's target is what its owner wants written.
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):  # noqa: PTH110, PTH113 - realpath made it a string
        with path.open("wb") as file:
            file.writelines(blocks)
        return
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as file:
            if os.path.exists(target):  # noqa: PTH110 - as above; a private file stays private
                shutil.copymode(target, temporary)
            file.writelines(blocks)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)  # noqa: PTH105 - as above
    except BaseException:
        if os.path.exists(temporary):  # noqa: PTH110 - as above
            os.unlink(temporary)  # noqa: PTH108 - as above
        raise


def can_show(characters: str) -> bool:
    """Tell whether standard output's encoding has all of `characters`."""
    try:
        characters.encode((sys.stdout and sys.stdout.encoding) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


_PLAIN = {"≥": ">=", "≈": "~", "≤": "<=", "–": "-", "…": "...", "×": "x", "→": "->", "·": "|"}
"""What stands for a character of ours where it cannot be shown: in a Windows pipe (cp1252), in plain ASCII."""


def on_screen(text: str) -> str:
    """Return `text` with signs that standard output can show, so that what qualifies a number is never a `?`."""
    if text.isascii() or can_show(text):
        return text
    return "".join(each if each not in _PLAIN or can_show(each) else _PLAIN[each] for each in text)
