"""Where output goes and how JSON is written: UTF-8, indented, money as numbers that no float has touched."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from spec_kitty_telemetry.errors import TelemetryError, reason_of

if TYPE_CHECKING:
    from pathlib import Path


def print_json(document: dict[str, Any]) -> None:
    """Print `document`; its `Decimal`s become JSON numbers."""
    say(json_text(document))


def say(text: str, *, nl: bool = True) -> None:
    """Print `text` on standard output, now.

    Standard output that was closed takes nothing: nobody reads it.

    :raises TelemetryError: it cannot be written, as on a full disk.
    """
    try:
        click.echo(on_screen(text), nl=nl)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise  # click ends quietly: whoever read us has enough
    except OSError as error:
        _forget_what_is_unwritten()
        raise TelemetryError(f"standard output cannot be written: {reason_of(error)}") from error


def _forget_what_is_unwritten() -> None:
    """Let what standard output's buffer still holds go nowhere: Python would try, and complain, again at its end."""
    with suppress(OSError, ValueError):  # not a file, as in a test
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def json_text(document: dict[str, Any]) -> str:
    """Return `document` as indented JSON, without a newline at its end."""
    import msgspec

    encoded = msgspec.json.Encoder(decimal_format="number").encode(document)
    return harmless(msgspec.json.format(encoded, indent=2).decode())


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


def write(text: str, path: Path | None) -> None:
    """Print `text`, or write it to the file `path` as UTF-8; a newline is added.

    A file appears whole or not at all: what stood there before stays until the new text is on disk.

    :raises TelemetryError: the file cannot be written.
    """
    if path is None:
        say(text)
        return
    content = (text + "\n").encode("utf-8", "replace")
    try:
        _replace(path, content)
    except OSError as error:
        reason = reason_of(error)
        raise TelemetryError(f"{path} cannot be written: {reason}; choose another place with --output") from error
    click.echo(f"Wrote {path}", err=True)


def _replace(path: Path, content: bytes) -> None:
    # A device or a pipe cannot be replaced, and a symlink's target is what its owner wants written.
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):  # noqa: PTH110, PTH113 - realpath made it a string
        path.write_bytes(content)
        return
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
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


_PLAIN = {"≥": ">=", "≈": "~", "≤": "<=", "–": "-", "…": "...", "×": "x", "→": "->"}
"""What stands for a character of ours where it cannot be shown: in a Windows pipe (cp1252), in plain ASCII."""


def on_screen(text: str) -> str:
    """Return `text` with signs that standard output can show, so that what qualifies a number is never a `?`."""
    if text.isascii() or can_show(text):
        return text
    return "".join(each if each not in _PLAIN or can_show(each) else _PLAIN[each] for each in text)
