"""A request that carries spans, as the bytes that every receiver takes, and as the JSON that people read.

Both are `ExportTraceServiceRequest` of https://github.com/open-telemetry/opentelemetry-proto (1.x).  Only the bytes are
sent: several receivers refuse JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from spec_kitty_telemetry.exports.otlp.protobuf import (
    bytes_field,
    double_field,
    fields_of,
    fixed64_field,
    int_field,
    text_field,
)
from spec_kitty_telemetry.exports.otlp.spans import SCHEMA_URL, SCOPE, Attributes, Span, Value
from spec_kitty_telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

_ERROR = 2


def encoded(resource: Attributes, spans: Sequence[Span]) -> bytes:
    """Return the request as Protocol Buffers."""
    scope = text_field(1, SCOPE) + text_field(2, __version__)
    in_scope = (
        bytes_field(1, scope) + b"".join(bytes_field(2, _span(span)) for span in spans) + text_field(3, SCHEMA_URL)
    )
    of_resource = bytes_field(1, _attributes(1, resource)) + bytes_field(2, in_scope) + text_field(3, SCHEMA_URL)
    return bytes_field(1, of_resource)


def _span(span: Span) -> bytes:
    parts = [bytes_field(1, span.trace_id), bytes_field(2, span.span_id)]
    if span.parent_id is not None:
        parts.append(bytes_field(4, span.parent_id))
    parts += [
        text_field(5, span.name),
        int_field(6, span.kind),
        fixed64_field(7, span.start_ns),
        fixed64_field(8, span.end_ns),
        _attributes(9, span.attributes),
    ]
    if span.error is not None:
        parts.append(bytes_field(15, text_field(2, span.error) + int_field(3, _ERROR)))
    return b"".join(parts)


def _attributes(number: int, attributes: Attributes) -> bytes:
    pairs = (text_field(1, name) + bytes_field(2, _value(value)) for name, value in attributes.items())
    return b"".join(bytes_field(number, pair) for pair in pairs)


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return int_field(2, int(value))
    if isinstance(value, int):
        return int_field(3, value)
    return double_field(4, value) if isinstance(value, float) else text_field(1, value)


def as_json(resource: Attributes, spans: Sequence[Span]) -> dict[str, Any]:
    """Return the request as OTLP's JSON: ids in hexadecimal, whole numbers as text."""
    in_scope = {
        "scope": {"name": SCOPE, "version": __version__},
        "spans": [_span_json(span) for span in spans],
        "schemaUrl": SCHEMA_URL,
    }
    of_resource = {"resource": {"attributes": _pairs(resource)}, "scopeSpans": [in_scope], "schemaUrl": SCHEMA_URL}
    return {"resourceSpans": [of_resource]}


def _span_json(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        **({} if span.parent_id is None else {"parentSpanId": span.parent_id.hex()}),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _pairs(span.attributes),
        **({} if span.error is None else {"status": {"message": span.error, "code": _ERROR}}),
    }


def _pairs(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value_json(value)} for name, value in attributes.items()]


def _value_json(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


class PartialSuccess(NamedTuple):
    """What a receiver says that it did not take."""

    rejected_count: int
    """Spans."""
    message: str


def partial_success(response: bytes) -> PartialSuccess:
    """Return what an `ExportTraceServiceResponse` says; one that cannot be read says nothing.

    The specification lets a receiver answer 200 with an empty or a foreign body.
    """
    try:
        parts = [value for number, value in fields_of(response) if number == 1 and isinstance(value, bytes)]
        fields = dict(field for part in parts for field in fields_of(part))
    except ValueError:
        return PartialSuccess(0, "")
    rejected, message = fields.get(1, 0), fields.get(2, b"")
    return PartialSuccess(rejected if isinstance(rejected, int) else 0, _text(message))


def refusal(response: bytes) -> str:
    """Return the reason that a `google.rpc.Status` gives, or the beginning of whatever was answered instead."""
    try:
        message = dict(fields_of(response)).get(2, b"")
    except ValueError:
        message = response
    return _text(message)


def _text(value: int | bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").split())[:200] if isinstance(value, bytes) else ""
