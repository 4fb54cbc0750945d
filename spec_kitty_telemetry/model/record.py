"""The line on disk: what it holds, how it is parsed and how it is written.

One JSON object a line, keys sorted, UTF-8.  The envelope is `spec_kitty_events.Event` (6.1), so that the host family's
own tools can read it; the payload keeps the eleven names of the first version and adds to them.  A name is never
changed and never re-used.  Decoding is typed and done by msgspec: this module is on the hot path of every report, and
pydantic is not.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from spec_kitty_telemetry.model.payload import MAXIMUM_COST_USD, ExecutionPayload, ModelPart

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENT_TYPE: Literal["ExecutionEvent"] = "ExecutionEvent"
ENVELOPE_VERSION = "3.0.0"
MAXIMUM_LINE_BYTES = 1024 * 1024
MAXIMUM_CLOCK = 2**53 - 1
"""Greatest number that every JSON reader keeps exact; a line above it is not believed."""

_EventId = Annotated[str, msgspec.Meta(min_length=26, max_length=36)]
_Clock = Annotated[int, msgspec.Meta(ge=0, le=MAXIMUM_CLOCK)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


if TYPE_CHECKING:
    _Kept = dict[str, Any] | None
else:
    _Kept = Any  # a line may have anything under the field's name; it is taken away again


class ExecutionEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record: the envelope of `spec_kitty_events.Event` around an `ExecutionPayload`."""

    unknown: _Kept = msgspec.field(default=None, name="_unknown")
    """Keys that this version does not know, kept by `parse`: the envelope's, and the payload's under `payload`.

    Never what a line has under that name.
    """
    aggregate_id: str
    """The feature's slug."""
    build_id: str | None = None
    causation_id: str | None = None
    correlation_id: str | None = None
    data_tier: int = 0
    event_id: _EventId
    event_type: Literal["ExecutionEvent"] = EVENT_TYPE
    """Any other kind of event is no record of ours, and is passed over."""
    lamport_clock: _Clock = 0
    node_id: str
    payload: ExecutionPayload
    project_slug: str | None = None
    project_uuid: str | None = None
    schema_version: str = ENVELOPE_VERSION
    timestamp: _Moment
    """When the run ended; aware, UTC."""

    @property
    def feature(self) -> str:
        """The feature's slug: the envelope's aggregate."""
        return self.aggregate_id

    def to_json(self) -> bytes:
        """Return the record as one JSON object on one line, as it is on disk, without a newline."""
        return encode(self)[:-1]


_decode = msgspec.json.Decoder(ExecutionEvent).decode
_encoder = msgspec.json.Encoder(order="sorted", decimal_format="number")
_ENVELOPE_NAMES = frozenset(ExecutionEvent.__struct_encode_fields__) - {"_unknown"}
_PAYLOAD_NAMES = frozenset(ExecutionPayload.__struct_encode_fields__)
_PART_NAMES = frozenset(ModelPart.__struct_encode_fields__)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:  # an exponent beyond all bounds, which is no ValueError
        raise ValueError(f"{text[:40]} is no number that can be kept") from error


_plain_decoder = msgspec.json.Decoder(float_hook=_decimal)


class _Kind(msgspec.Struct, gc=False):
    event_type: str | None = None


_kind_decoder = msgspec.json.Decoder(_Kind)


def decode(line: bytes) -> ExecutionEvent:
    """Return the record on `line`, as fast as can be; keys that are not known are passed over.

    :raises ValueError: the line is not a record; the message says why.  (msgspec's errors are `ValueError`s, and so is
        `UnicodeDecodeError`.)
    """
    event = _decode(line)
    payload = event.payload
    # Not in `__post_init__`: this runs for every line of every log, and one call costs less than one for each struct.
    try:
        if payload.cost_usd is not None and not _NOTHING <= payload.cost_usd <= MAXIMUM_COST_USD:
            raise ValueError(_NO_MONEY)
        for part in payload.models:
            if part.cost_usd is not None and not _NOTHING <= part.cost_usd <= MAXIMUM_COST_USD:
                raise ValueError(_NO_MONEY)
    except InvalidOperation as error:  # "NaN" is a decimal, too
        raise ValueError(_NO_MONEY) from error
    if payload.outcome is None or payload.wp_id == "N/A":
        _read_as_meant(payload)
    if event.unknown is not None:
        _set(event, "unknown", None)
    if len(line) > _LONG_LINE_BYTES:
        _bound_names(payload)
    return event


_LONG_LINE_BYTES = 4096
"""A shorter line has no name that is too long to be shown or kept many times over."""
_MOST_NAME_CHARACTERS = 1000
_NAMES = ("agent", "model", "outcome", "provider", "requested_model", "role", "run_id", "session_id", "wp_id")


def _bound_names(payload: ExecutionPayload) -> None:
    """Cut names that our writer would have cut; another writer's line may hold anything up to a MiB."""
    for counts in (payload, *payload.models):
        for name in _NAMES:
            value = getattr(counts, name, None)
            if value is not None and len(value) > _MOST_NAME_CHARACTERS:
                _set(counts, name, value[:_MOST_NAME_CHARACTERS])
    if any(len(name) + len(value) > _MOST_NAME_CHARACTERS for name, value in payload.tags.items()):
        tags = {name[:_MOST_NAME_CHARACTERS]: value[:_MOST_NAME_CHARACTERS] for name, value in payload.tags.items()}
        _set(payload, "tags", tags)


_NOTHING = Decimal(0)
_set = msgspec.structs.force_setattr
_NO_MONEY = "cost_usd is not an amount of money"


def _read_as_meant(payload: ExecutionPayload) -> None:
    """Give a payload of version 1 what it lacked, and take away what stood for nothing."""
    if payload.wp_id == "N/A":
        _set(payload, "wp_id", None)
    if payload.version == 1 and payload.duration_ms == 0:  # its default where nobody had measured
        _set(payload, "duration_ms", None)
    if payload.outcome is None and payload.success is not None:
        _set(payload, "outcome", "succeeded" if payload.success else "failed")


def parse(line: bytes) -> ExecutionEvent:
    """Return the record on `line` with the keys that this version does not know kept in `unknown`.

    They are let go where one of them is a number that nothing can hold: the record itself is good.

    :raises ValueError: as `decode`.
    """
    event = decode(line)
    try:
        raw: dict[str, Any] = _plain_decoder.decode(line)
    except (ValueError, RecursionError):
        return event
    unknown = _without(raw, _ENVELOPE_NAMES)
    if in_payload := _without(raw["payload"], _PAYLOAD_NAMES):
        unknown["payload"] = in_payload
    in_models = [_without(part, _PART_NAMES) for part in raw["payload"].get("models", ())]
    if any(in_models):
        unknown.setdefault("payload", {})["models"] = in_models
    return msgspec.structs.replace(event, unknown=unknown) if unknown else event


def _without(document: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in known}


def encode(event: ExecutionEvent) -> bytes:
    """Return the line for `event`, with its newline, and with the unknown keys that `parse` kept."""
    document = as_document(event)
    return _encoder.encode(document) + b"\n"


def as_document(event: ExecutionEvent) -> dict[str, Any]:
    """Return the JSON object of `event`: plain dicts and lists, money as `Decimal`, times as ISO 8601 strings."""
    document: dict[str, Any] = msgspec.to_builtins(event, builtin_types=(Decimal, datetime))
    unknown: Mapping[str, Any] = document.pop("_unknown") or {}
    document["timestamp"] = _iso(event.timestamp)
    payload = document["payload"]
    if event.payload.started_at is not None:
        payload["started_at"] = _iso(event.payload.started_at)
    in_payload = dict(unknown.get("payload", {}))
    in_models = in_payload.pop("models", None) or [{}] * len(payload["models"])
    payload["models"] = [
        {**more, **{name: value for name, value in part.items() if value is not None}}
        for part, more in zip(payload["models"], in_models, strict=True)
    ]
    for name in _WHERE_KNOWN:
        if payload[name] is None:
            del payload[name]
    return {**unknown, **document, "payload": {**in_payload, **payload}}


def why_not(line: bytes, error: Exception) -> str | None:
    """Return why `line` is no record of ours, in words for a person; `None`: it is another, valid kind of event."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    try:
        kind = _kind_decoder.decode(line).event_type
    except msgspec.ValidationError:
        return "not a JSON object of the record's shape"
    except (msgspec.DecodeError, RecursionError) as broken:
        return "not JSON (cut off)" if "truncated" in str(broken) else "not JSON"
    if kind is not None and kind != EVENT_TYPE:
        return None
    return f"not a valid record: {error}"


_ALWAYS = (
    "agent", "attempt", "cache_read_tokens", "cache_write_1h_tokens", "cache_write_tokens", "cost_usd", "duration_ms",
    "error", "exit_code", "input_tokens", "model", "models", "outcome", "output_tokens", "provider",
    "reasoning_tokens", "role", "run_id", "session_id", "success", "tags", "usage_source", "version", "wp_id",
)  # fmt: skip
_WHERE_KNOWN = tuple(name for name in ExecutionPayload.__struct_fields__ if name not in _ALWAYS)
"""Names that most records do not need; they stand on the line only when known, and so does every name added later."""


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
