"""The lines of Codex's rollout files that count, as narrow shapes: what is not named here is not even decoded."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from spec_kitty_telemetry.agents.common import json_spans
from spec_kitty_telemetry.agents.common.fields import MOST_TOKENS

if TYPE_CHECKING:
    from spec_kitty_telemetry.agents.common.fields import Json

Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(max_length=512)]
Folder = Annotated[str, msgspec.Meta(max_length=4096)]
KINDS = re.compile(
    rb'(?:\{"timestamp":"[^"]{1,40}",(?:"ordinal":\d+,)?"type":"'
    rb'(?:(?P<counts>token_usage_record|turn_context|session_meta|event_msg","payload":\{"type":"(?:token_count|thread_settings_app)'
    rb'|response_item","payload":\{"type":"web_search_call)'
    rb'|(?P<typed>event_msg","payload":\{"type":"user_message"'
    rb'|response_item","payload":\{"type":"message",(?:"id":"[^"]{1,100}",)?"role":"user")'
    rb'|response_item","payload":\{"type":"(?:(?P<ends>\w+_output")|(?P<says>message"|\w+_call"))))'
    rb'|(?P<odd>\{(?!"timestamp"))'
)
"""What a line is read for: its beginning says its type and its payload's."""
TYPED = re.compile(rb'"role":\s*"user"|"user_message"')
"""Stands in lines that a user may have typed."""


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens: cached and cache-written input are parts of input, reasoning is a part of output."""

    input_tokens: Tokens | None = None
    cached_input_tokens: Tokens | None = None
    cache_write_input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    reasoning_output_tokens: Tokens | None = None

    def is_after(self, before: Usage, last: Usage) -> bool:
        """Tell whether this total is an earlier one and one more response."""
        return (
            self.input_tokens == (before.input_tokens or 0) + (last.input_tokens or 0)
            and self.output_tokens == (before.output_tokens or 0) + (last.output_tokens or 0)
            and self.cached_input_tokens == (before.cached_input_tokens or 0) + (last.cached_input_tokens or 0)
        )

    def plus(self, used: Usage) -> Usage:
        """Return the total after one more response."""
        pairs = zip(self.counts, used.counts, strict=True)
        return Usage(*[None if one is None and more is None else (one or 0) + (more or 0) for one, more in pairs])

    def since(self, before: Usage) -> Usage | None:
        """Return what was added since an earlier total; `None` where a count fell."""
        added = []
        for now, then in zip(self.counts, before.counts, strict=True):
            if now is not None and now < (then or 0):
                return None
            added.append(None if now is None else now - (then or 0))
        return Usage(*added)

    @property
    def is_plain(self) -> bool:
        """Whether parts lie within their wholes."""
        parts = (self.cached_input_tokens or 0) + (self.cache_write_input_tokens or 0)
        whole, output = self.input_tokens, self.output_tokens
        return (whole is not None and parts <= whole) and (
            output is not None and (self.reasoning_output_tokens or 0) <= output
        )

    @property
    def as_json(self) -> dict[str, int | None]:
        """The counts by the agent's own names."""
        return msgspec.structs.asdict(self)

    @property
    def counts(self) -> tuple[int | None, ...]:
        """All counts in the order of the fields."""
        return (
            self.input_tokens,
            self.cached_input_tokens,
            self.cache_write_input_tokens,
            self.output_tokens,
            self.reasoning_output_tokens,
        )


class Info(msgspec.Struct, frozen=True, gc=False):
    """What a `token_count` event says."""

    total_token_usage: Usage | None = None
    last_token_usage: Usage | None = None


class Action(msgspec.Struct, frozen=True, gc=False):
    """What a search did."""

    type: Name | None = None


class Settings(msgspec.Struct, frozen=True, gc=False):
    """What was asked for from then on."""

    service_tier: Name | None = None


class Payload(msgspec.Struct, frozen=True, gc=False):
    """The payload of a `session_meta`, `turn_context`, `token_usage_record` or `token_count` line."""

    type: Name | None = None
    id: Name | None = None
    session_id: Name | None = None
    forked_from_id: Name | None = None
    parent_thread_id: Name | None = None
    thread_source: Name | None = None
    cwd: Folder | None = None
    cli_version: Name | None = None
    model_provider: Name | None = None
    model: Name | None = None
    thread_id: Name | None = None
    response_id: Name | None = None
    usage: Usage | None = None
    thread_token_usage: Usage | None = None
    info: Info | None = None
    action: Action | None = None
    thread_settings: Settings | None = None
    role: Name | None = None
    content: msgspec.Raw = msgspec.Raw(b"null")
    message: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_typed(self) -> bool:
        """Whether a user may have typed it."""
        return self.role == "user" or self.type == "user_message"


class Line(msgspec.Struct, frozen=True, gc=False):
    """Any line that counts."""

    type: Name | None = None
    timestamp: Moment | None = None
    payload: Payload | None = None


class Part(msgspec.Struct, frozen=True):
    """A part of a message."""

    text: str | None = None


class Item(msgspec.Struct, frozen=True):
    """A message, a call of a tool, or its output."""

    type: Name | None = None
    role: Name | None = None
    call_id: Name | None = None
    arguments: str | None = None
    action: dict[str, Any] | None = None
    input: str | None = None
    content: list[Part] | None = None
    message: str | None = None


class ItemLine(msgspec.Struct, frozen=True):
    """A line with what was said, decoded only where a user typed, or a name of the host or an awaited call is in it."""

    type: Name | None = None
    timestamp: Moment | None = None
    payload: Item | None = None


LINES = msgspec.json.Decoder(Line)
ITEMS = msgspec.json.Decoder(ItemLine)


def arguments_in(text: str | None) -> Json:
    """Return what a tool was given; an empty object where that cannot be read."""
    try:
        found = json_spans.decode(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
