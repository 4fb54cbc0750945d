"""The lines of Claude Code's transcripts that count, as narrow shapes: what is not named here is not even decoded.

A line that does not have these shapes (a count as text, a time without a zone) is read by `loosely`, member by member.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from spec_kitty_telemetry.agents.claude_code.transcript import message_counts
from spec_kitty_telemetry.agents.common import json_spans
from spec_kitty_telemetry.agents.common.fields import MOST_TOKENS, get_int, inner, moment, word

Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
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


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What one response used; `input_tokens` is the uncached part."""

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


class Message(msgspec.Struct, frozen=True, gc=False):
    """A response, or a part of one."""

    id: Name | None = None
    model: Name | None = None
    usage: Usage | None = None


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


class Line(msgspec.Struct, frozen=True, gc=False):
    """Any line."""

    type: Name | None = None
    timestamp: Moment | None = None
    cwd: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    version: Name | None = None
    isSidechain: bool | None = None  # noqa: N815
    forkedFrom: Origin | None = None  # noqa: N815
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


class SpokenLine(msgspec.Struct, frozen=True):
    """A line with its content, decoded only where a name of the host or an awaited call stands in it."""

    type: Name | None = None
    timestamp: Moment | None = None
    cwd: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    forkedFrom: Origin | None = None  # noqa: N815
    message: Spoken | None = None


LINES = msgspec.json.Decoder(Line)
META = msgspec.json.Decoder(Meta)
SPOKEN = msgspec.json.Decoder(SpokenLine)


def loosely(text: bytes) -> Line | None:
    """Return a line that is not quite of the shape, with what can be understood of it; `None` if it is no object."""
    try:
        found = json_spans.decode(text.decode("utf-8", errors="replace"))
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    message = inner(found, "message")
    usage = inner(message, "usage")
    counts = message_counts(usage)
    uncached = get_int(usage, "input_tokens")
    read = Usage(
        input_tokens=uncached,
        cache_read_input_tokens=counts.cache_read_tokens,
        cache_creation_input_tokens=counts.cache_write_tokens,
        output_tokens=counts.output_tokens,
        cache_creation=Written(ephemeral_1h_input_tokens=counts.cache_write_1h_tokens),
        output_tokens_details=Output(thinking_tokens=counts.reasoning_tokens),
    )
    folder = found.get("cwd")
    return Line(
        type=word(found, "type"),
        timestamp=moment(found.get("timestamp")),
        cwd=folder if isinstance(folder, str) else None,
        version=word(found, "version"),
        isSidechain=found.get("isSidechain") is True,
        message=Message(id=word(message, "id"), model=word(message, "model"), usage=read if usage else None),
    )
