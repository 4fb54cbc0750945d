"""The lines of Claude Code's transcripts that count, as narrow shapes: what is not named here is not even decoded.

A line that does not have these shapes (a count that is no whole number, a time without a zone) is read by `loosely`,
member by member, with the functions that read single runs; both ways mean the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

from spec_kitty_telemetry.agents.claude_code.billing import requests_of
from spec_kitty_telemetry.agents.common import json_spans
from spec_kitty_telemetry.agents.common.fields import MOST_TOKENS, inner, moment, word

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.tokens import Model, TokenCounts

Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
SYNTHETIC = "<synthetic>"
"""Named as the model of an error that was never a request."""
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(max_length=512)]


class Written(msgspec.Struct, frozen=True, gc=False):
    """Tokens written to a cache, by how long they are kept."""

    ephemeral_1h_input_tokens: Tokens | None = None
    ephemeral_5m_input_tokens: Tokens | None = None


class Output(msgspec.Struct, frozen=True, gc=False):
    """Parts of the output."""

    thinking_tokens: Tokens | None = None


class Tools(msgspec.Struct, frozen=True, gc=False):
    """What the provider's own tools did."""

    web_search_requests: Tokens | None = None


class Used(msgspec.Struct, frozen=True, gc=False):
    """Counts of one response, or of a part; `input_tokens` is the uncached part."""

    input_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cache_creation: Written | None = None
    output_tokens_details: Output | None = None
    server_tool_use: Tools | None = None
    service_tier: Name | None = None
    speed: Name | None = None
    inference_geo: Name | None = None

    @property
    def cache_write_tokens(self) -> int | None:
        """The flat number was 0 in some versions beside a filled split."""
        flat, split = self.cache_creation_input_tokens, self.cache_creation
        if split is None:
            return flat
        halves = (split.ephemeral_5m_input_tokens or 0) + (split.ephemeral_1h_input_tokens or 0)
        return max(flat or 0, halves) if halves or flat is None else flat


class Iteration(Used, frozen=True, gc=False):
    """A part of a response; some kinds stand beside its totals."""

    type: Name | None = None
    model: Name | None = None


class Usage(Used, frozen=True, gc=False):
    """What one response used."""

    iterations: list[Iteration] | None = None


class Message(msgspec.Struct, frozen=True, gc=False):
    """A response, or a part of one."""

    id: Name | None = None
    model: Name | None = None
    usage: Usage | None = None
    content: msgspec.Raw = msgspec.Raw()
    """As it is written: mostly nobody looks into it."""


class ModelTotal(msgspec.Struct, frozen=True, gc=False):
    """One model of a `cost-state` line."""

    inputTokens: Tokens = 0  # noqa: N815 - the agent's own names
    outputTokens: Tokens = 0  # noqa: N815
    thinkingTokens: Tokens = 0  # noqa: N815
    cacheReadInputTokens: Tokens = 0  # noqa: N815
    cacheCreationInputTokens: Tokens = 0  # noqa: N815
    cacheCreationEphemeral1hInputTokens: Tokens = 0  # noqa: N815


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a copied line comes from."""

    sessionId: Name | None = None  # noqa: N815


class Speaker(msgspec.Struct, frozen=True, gc=False):
    """Who made a message that stands as a user's."""

    kind: Name | None = None


class Told(msgspec.Struct, frozen=True, gc=False):
    """What any line says of itself."""

    type: Name | None = None
    timestamp: Moment | None = None
    cwd: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    forkedFrom: Origin | None = None  # noqa: N815
    isMeta: bool | None = None  # noqa: N815
    isSidechain: bool | None = None  # noqa: N815
    isCompactSummary: bool | None = None  # noqa: N815
    origin: Speaker | None = None
    promptSource: Name | None = None  # noqa: N815

    @property
    def is_typed(self) -> bool:
        """Whether a user may have typed it, so far as the line itself says."""
        is_other = self.isMeta or self.isSidechain or self.isCompactSummary or self.promptSource == "system"
        return not is_other and (self.origin is None or self.origin.kind in {None, "human"})


class Line(Told, frozen=True, gc=False):
    """Any line, for its numbers."""

    version: Name | None = None
    message: Message | None = None
    modelUsage: dict[str, ModelTotal] | None = None  # noqa: N815


class Meta(msgspec.Struct, frozen=True, gc=False):
    """What stands beside a sub-agent's transcript."""

    toolUseId: Name | None = None  # noqa: N815


class Block(msgspec.Struct, frozen=True):
    """A part of a message's content."""

    type: Name | None = None
    id: Name | None = None
    tool_use_id: Name | None = None
    text: str | None = None
    input: dict[str, Any] | None = None


class Spoken(msgspec.Struct, frozen=True):
    """A message with its content."""

    content: str | list[Block] | None = None


class SpokenLine(Told, frozen=True, gc=True):
    """A line with its content, decoded only where a user typed, or a name of the host or an awaited call is in it."""

    message: Spoken | None = None


LINES = msgspec.json.Decoder(Line)
META = msgspec.json.Decoder(Meta)
SPOKEN = msgspec.json.Decoder(SpokenLine)
CONTENT: msgspec.json.Decoder[str | list[Block]] = msgspec.json.Decoder(str | list[Block])


class LooseLine(NamedTuple):
    """A line that was read member by member."""

    line: Line
    """Without its message."""
    message_id: str | None
    counted: list[tuple[Model, TokenCounts]]


def loosely(text: bytes) -> LooseLine | None:
    """Return a line that is not quite of the shape, with what can be understood of it; `None` if it is no object."""
    try:
        found = json_spans.decode(text.decode("utf-8", errors="replace"))
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    message, folder = inner(found, "message"), found.get("cwd")
    model = word(message, "model")
    is_response = found.get("type") == "assistant" and bool(inner(message, "usage")) and model != SYNTHETIC
    line = Line(
        type=word(found, "type"),
        timestamp=moment(found.get("timestamp")),
        cwd=folder if isinstance(folder, str) else None,
        version=word(found, "version"),
        isSidechain=found.get("isSidechain") is True,
        forkedFrom=Origin(word(inner(found, "forkedFrom"), "sessionId")) if "forkedFrom" in found else None,
    )
    return LooseLine(line, word(message, "id"), requests_of(message, model or "") if is_response else [])
