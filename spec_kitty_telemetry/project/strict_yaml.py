"""Strict reading of the YAML that people write: settings, price tables and overrides.

All of it is read here, so that everybody who looks at one file says the same about it.  Every scalar stays the text
that stands in the file, so `0.1` never becomes a float and `no` never becomes a boolean.  A repository's YAML is a
stranger's: anchors, aliases, tags, doubled keys, deep nesting and very large files are refused, each with the line.
What the keys mean is the business of those who ask: `settings`, and `pricing`'s `checking` and `overrides`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from spec_kitty_telemetry.errors import LogError, PriceTableError, TelemetryError
from spec_kitty_telemetry.project.files import is_within, read_small_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import yaml

Node: TypeAlias = "str | list[Node] | dict[str, Node]"
"""A parsed document: text, a list or a mapping with text keys."""

LARGEST_FILE_BYTES = 1024 * 1024
DEEPEST_NESTING = 12
LONGEST_QUOTE = 80


class Said(str):
    """Words about what was found, where it is not the finding itself that should be quoted."""

    __slots__ = ()


class Place:
    """Where in which file something stands, for messages that lead a person to the line."""

    __slots__ = ("error", "file", "passed_over", "steps")

    def __init__(
        self,
        file: str,
        *steps: str,
        error: type[TelemetryError] = PriceTableError,
        passed_over: list[str] | None = None,
    ) -> None:
        """With `passed_over` an unknown key that is no slip is noted there instead of being refused."""
        self.file = file
        self.steps = steps
        self.error = error
        self.passed_over = passed_over

    def step(self, *names: str) -> Place:
        """Return the place one or more steps further in."""
        return Place(self.file, *self.steps, *names, error=self.error, passed_over=self.passed_over)

    def refuse(self, found: object, expected: str, advice: str = "") -> TelemetryError:
        """Return the error to raise: what was found here, what was expected and what to do."""
        message = f"{self}: found {_shortened(found)}, expected {expected}"
        return self.error(f"{message}; {advice}" if advice else message)

    def __str__(self) -> str:
        return ", ".join((self.file, *self.steps))


def read_document(path: Path, place: Place | None = None, *, is_foreign: bool = False) -> Node:
    """Read one YAML file, which messages call `place`, by default its path.

    `is_foreign`: another program reads the file too and may allow what we do not, so tags, anchors that nothing refers
    to and doubled keys (the last counts) are let through; none is obeyed.  Raises the error of `place`, by default
    `PriceTableError`, for a file that cannot be read or is refused.
    """
    place = place or Place(str(path))
    if path.parent.name == ".kittify" and not is_within(path, path.parent.parent):  # it came with a clone
        raise place.refuse(Said("a link out of the project"), "a file in it", "replace the link by the file itself")
    try:
        content = read_small_file(path, LARGEST_FILE_BYTES)
    except OSError as exc:
        raise place.refuse(Said(exc.strerror or exc), "a file that can be read", "mend its permissions") from exc
    except LogError as exc:
        raise place.refuse(Said("a folder, a pipe or a device"), "a file", "move it away") from exc
    if len(content) > LARGEST_FILE_BYTES:
        raise place.refuse(Said("more than 1 MiB"), "at most 1 MiB of YAML", "split it or remove what is not needed")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise place.refuse(Said(f"byte {exc.start} that is not UTF-8"), "UTF-8 text") from exc
    return parse_document(text, place, is_foreign=is_foreign)


def parse_document(text: str, place: Place, *, is_foreign: bool = False) -> Node:
    """Parse YAML `text`; the rest as `read_document`.  An empty document is an empty mapping."""
    import yaml  # only where a YAML file is really read: it costs as much as everything else in a report

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        events = _checked(yaml.parse(text, Loader=loader), place, is_foreign=is_foreign)
        starts = (yaml.StreamStartEvent, yaml.DocumentStartEvent)
        event = next(event for event in events if not isinstance(event, starts))
        node = {} if isinstance(event, yaml.StreamEndEvent) else _node(event, events, place, is_foreign=is_foreign)
        for trailing in events:
            if isinstance(trailing, yaml.DocumentStartEvent):
                raise place.refuse(Said("a second document"), "one document in a file", "remove the line with ---")
    except yaml.YAMLError as exc:
        raise place.refuse(Said(_problem(exc)), "valid YAML") from exc
    return node or {}


def mapping(node: Node, place: Place, allowed: Sequence[str] | None = None) -> dict[str, Node]:
    """Return `node` as a mapping, all of whose keys are `allowed` (`None`: any)."""
    if not isinstance(node, dict):
        raise place.refuse(node, "a mapping")
    unknown = [key for key in node if allowed is not None and key not in allowed]
    for key in unknown:
        if place.passed_over is None or _is_slip(key, allowed or ()):
            raise place.refuse(Said(f"the unknown key '{key}'"), "one of " + ", ".join(allowed or ()))
        place.passed_over.append(f"{place}: passed over the unknown key '{key}', which a newer version may know")
    return {key: value for key, value in node.items() if key not in unknown} if unknown else node


def _is_slip(key: str, known: Sequence[str]) -> bool:
    """Tell whether `key` is a known one with a letter wrong, missing, too many, or two exchanged."""
    from difflib import get_close_matches  # only for a key that is not known

    def letters(text: str) -> str:
        return "".join(each for each in text if not each.isdigit())

    close = [each for each in get_close_matches(key, known, 3, 0.8) if abs(len(each) - len(key)) <= 1]
    return bool(close) and letters(key) not in map(letters, close)  # another number is another key


def sequence(node: Node, place: Place) -> list[Node]:
    """Return `node` as a list."""
    if not isinstance(node, list):
        raise place.refuse(node, "a list")
    return node


def text_of(node: Node, place: Place, expected: str = "text") -> str:
    """Return `node` as text that is not empty."""
    if not isinstance(node, str) or not node.strip():
        raise place.refuse(node, expected)
    return node.strip()


def texts(node: Node, place: Place) -> list[str]:
    """Return `node` as a list of texts."""
    return [text_of(item, place) for item in sequence(node, place)]


def flag(node: Node, place: Place) -> bool:
    """Return `node`, which must be `true` or `false`, as a bool."""
    if node not in ("true", "false"):
        raise place.refuse(node, "true or false")
    return node == "true"


def _checked(events: Iterator[yaml.Event], place: Place, *, is_foreign: bool) -> Iterator[yaml.Event]:
    """Pass `events` on and refuse anchors, aliases, tags and depth as soon as one appears.

    A few aliases can expand to gigabytes; building deep nests overflows the stack.
    """
    import yaml

    depth = 0
    for event in events:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or (not is_foreign and getattr(event, "anchor", None)):
            raise place.step(line).refuse(Said("an anchor or alias"), "plain YAML", "write the value out")
        if not is_foreign and isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
            raise place.step(line).refuse(Said(f"the tag {getattr(event, 'tag', '')}"), "plain YAML without tags")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST_NESTING:
            raise place.step(line).refuse(Said("deeper nesting"), f"at most {DEEPEST_NESTING} levels")
        yield event


def _node(event: yaml.Event, events: Iterator[yaml.Event], place: Place, *, is_foreign: bool) -> Node:
    """Build the node that begins with `event`, taking what belongs to it from `events`."""
    import yaml

    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, place, is_foreign=is_foreign))
        return items
    pairs: dict[str, Node] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = event.value if isinstance(event, yaml.ScalarEvent) else None
        here = place.step(_line(event))
        if key is None:
            raise here.refuse(Said("a key that is a list or a mapping"), "a key that is text")
        if key in pairs and not is_foreign:
            raise here.refuse(Said(f"the key '{key}' a second time"), "each key once", "remove one of them")
        pairs[key] = _node(next(events), events, place, is_foreign=is_foreign)
    return pairs


def _line(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else "the end"


def _problem(exc: yaml.YAMLError) -> str:
    """Say in one line what the YAML parser did not like."""
    return " ".join(str(exc).split())[:200]


def _shortened(found: object) -> str:
    """Return what was found, fit for one line of a message."""
    if isinstance(found, dict):
        return "a mapping"
    if isinstance(found, list):
        return "a list"
    if isinstance(found, Said):
        return str(found)
    if found == "":
        return "nothing"
    words = str(found)
    return f"'{words[:LONGEST_QUOTE]}…'" if len(words) > LONGEST_QUOTE else f"'{words}'"
