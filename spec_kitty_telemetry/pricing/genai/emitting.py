"""Price tables as YAML text: the same content always gives the same text, one rate a line, so that diffs are small."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.project.strict_yaml import Node

LONGEST_LINE = 120

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:+@()%$;=?&#'~ -]*")
_ALWAYS_FLOW = frozenset({"when"})
_ROWS_IN_FLOW = frozenset({"above", "windows", "variants"})


def table_text(document: dict[str, Node]) -> str:
    """Return a whole table with the line that tells editors its schema."""
    return "# yaml-language-server: $schema=schema.json\n" + block_text(document)


def block_text(document: dict[str, Node], indent: int = 0) -> str:
    """Return a mapping in block style."""
    return "".join(f"{line}\n" for line in _mapping(document, " " * indent))


def _mapping(node: dict[str, Node], indent: str) -> Iterator[str]:
    for key, value in node.items():
        head = f"{indent}{_scalar(key)}:"
        one_line = f"{head} {_flow(value)}"
        if isinstance(value, str) or not value or key in _ALWAYS_FLOW or (_is_words(value) and _fits(one_line)):
            yield one_line
        elif isinstance(value, dict):
            yield head
            yield from _mapping(value, indent + "  ")
        else:
            yield head
            yield from _rows(value, indent + "  ", in_flow=key in _ROWS_IN_FLOW)


def _rows(rows: list[Node], indent: str, *, in_flow: bool) -> Iterator[str]:
    for row in rows:
        one_line = f"{indent}- {_flow(row)}"
        if not isinstance(row, dict) or (in_flow and _fits(one_line)):
            yield one_line
            continue
        first, *others = _mapping(row, indent + "  ")
        yield f"{indent}- {first.lstrip()}"
        yield from others


def _flow(node: Node) -> str:
    if isinstance(node, str):
        return _scalar(node, in_flow=True)
    if isinstance(node, list):
        return "[" + ", ".join(map(_flow, node)) + "]"
    return "{" + ", ".join(f"{_scalar(key)}: {_flow(value)}" for key, value in node.items()) + "}"


def _is_words(node: Node) -> bool:
    return isinstance(node, list) and all(isinstance(item, str) for item in node)


def _fits(line: str) -> bool:
    return len(line) <= LONGEST_LINE


def _scalar(text: str, *, in_flow: bool = False) -> str:
    plain = _PLAIN.fullmatch(text) and ": " not in text and " #" not in text and not text.endswith((":", " "))
    if plain or (text and not in_flow and _PLAIN.fullmatch(text.replace(",", "")) and ": " not in text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
