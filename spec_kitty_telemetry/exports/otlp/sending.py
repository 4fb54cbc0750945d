"""Sending what is new in the logs of a search, a log at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from spec_kitty_telemetry.errors import LogError, reason_of
from spec_kitty_telemetry.exports.otlp.cursor import Cursor, end_of_lines
from spec_kitty_telemetry.exports.otlp.endpoint import send
from spec_kitty_telemetry.exports.otlp.request import as_json, encoded
from spec_kitty_telemetry.exports.otlp.spans import resource_of, spans_of
from spec_kitty_telemetry.log.lines import ByteRange
from spec_kitty_telemetry.log.superseding import Superseding
from spec_kitty_telemetry.project.identity import identity_of
from spec_kitty_telemetry.reports.costing import Costing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from spec_kitty_telemetry.exports.otlp.endpoint import Endpoint
    from spec_kitty_telemetry.exports.otlp.spans import Span
    from spec_kitty_telemetry.reports.build import ReportContext

_RUNS_AT_ONCE = 500
"""About 350 KB: receivers take 4 MiB and more."""


class Sent(msgspec.Struct):
    """What became of an export."""

    run_count: int = 0
    span_count: int = 0
    rejected_count: int = 0
    """Spans that the receiver did not take; asking again would be in vain, it says."""
    messages: list[str] = []
    """What the receiver said about that, or of its own accord."""


class TraceExport:
    """Turns the records of a search into spans, and sends them."""

    def __init__(self, context: ReportContext) -> None:
        """Price runs as `context` does."""
        self._search = context.search
        self._costing = Costing(context.find_price, context.cost)
        self._identity = identity_of(context.search.project.root)

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield all runs as the JSON of requests; nothing is sent.

        :raises TelemetryError: as `Search.events`.
        """
        for path in self._search.log_paths():
            for runs in self._runs(ByteRange(path)):
                yield as_json(resource_of(self._identity), [span for spans in runs for span in spans])
        self._search.check_that_something_was_read()

    def send(self, endpoint: Endpoint, sent: Sent, *, again: bool = False) -> None:
        """Send what `endpoint` has not got yet, or with `again` everything, and count it in `sent`.

        A log counts as sent when all of it was: what fails in between is sent once more the next time.

        :raises TelemetryError: the endpoint does not take it; what is in `sent` was taken.
        """
        cursor = Cursor(self._search.project, endpoint.url)
        for path in self._search.log_paths():
            try:
                end = end_of_lines(path)
            except (OSError, LogError) as error:
                reason = reason_of(error) if isinstance(error, OSError) else str(error)
                self._search.report.leave_out(path, LogError(f"{path} cannot be read: {reason}"))
                continue
            start = 0 if again else cursor.start_of(path)
            if start < end:
                for runs in self._runs(ByteRange(path, start, end)):
                    self._send_runs(endpoint, runs, sent)
                cursor.move(path, end)

    def _send_runs(self, endpoint: Endpoint, runs: list[list[Span]], sent: Sent) -> None:
        spans = [span for each in runs for span in each]
        answer = send(endpoint, encoded(resource_of(self._identity), spans))
        sent.run_count += len(runs)
        sent.span_count += len(spans)
        sent.rejected_count += answer.rejected_count
        if answer.message and answer.message not in sent.messages:
            sent.messages.append(answer.message)

    def _runs(self, byte_range: ByteRange) -> Iterator[list[list[Span]]]:
        """Yield the spans of each run of a byte range, some hundred runs at a time."""
        rule = Superseding.of(ByteRange(byte_range.path))
        waiting: list[list[Span]] = []
        for events in self._search.blocks(byte_range, self._search.report, {}, rule):
            for event in events:
                waiting.append(spans_of(event, self._costing.cost_of(event), self._identity))
                if len(waiting) == _RUNS_AT_ONCE:
                    yield waiting
                    waiting = []
        if waiting:
            yield waiting
