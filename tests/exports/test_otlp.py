"""`export otlp`: runs as traces that a real decoder reads, sent to receivers that behave, and to those that do not."""

from __future__ import annotations

import json
import os
import threading
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from builders import FEATURE, new_project, record
from click.testing import CliRunner
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.errors import SettingsError
from spec_kitty_telemetry.exports.otlp.endpoint import endpoint_of
from spec_kitty_telemetry.exports.otlp.request import PartialSuccess, encoded, partial_success, refusal
from spec_kitty_telemetry.exports.otlp.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from spec_kitty_telemetry.project.layout import Project

RATES = """\
pricing:
  models:
    house-1: {input: "2", output: "10"}
    house-2: {input: "0.7", output: "3.3"}
"""


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OTEL_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = new_project(tmp_path / "shop")
    project.settings_path.write_text(RATES, encoding="utf-8")
    return project


# A receiver ---------------------------------------------------------------------------------------------------------


class Receiver:
    """What was sent to it, and how it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = b""
        self.seconds_a_byte = 0.0
        self.hangs = threading.Event()
        self.released = threading.Event()
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.hangs.is_set():
                receiver.released.wait(30)
                return
            assert self.path == "/v1/traces"
            receiver.headers.append(dict(self.headers))
            receiver.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(receiver.status)
            if receiver.status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            for place in range(len(receiver.answer)):
                if receiver.seconds_a_byte and receiver.released.wait(receiver.seconds_a_byte):
                    return
                self.wfile.write(receiver.answer[place : place + 1])

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        yield receiver


def export(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["export", "otlp", *arguments, "--project", str(project.root)])


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def write_line(project: Project, number: int = 0, **payload: Any) -> None:
    envelope = {
        "aggregate_id": FEATURE,
        "correlation_id": f"c{number}",
        "event_id": f"{number:026}",
        "event_type": "ExecutionEvent",
        "lamport_clock": number,
        "node_id": "n",
        "timestamp": "2026-08-20T10:00:00.000001+00:00",
        "payload": {"version": 2, **payload},
    }
    with project.log_path(FEATURE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(envelope, default=float) + "\n")


# What a run looks like ----------------------------------------------------------------------------------------------


def test_a_run_is_one_span_without_usage_and_below_it_one_with_it(project: Project, receiver: Receiver) -> None:
    write_line(
        project, agent="claude-code", role="implementer", wp_id="WP01", session_id="s-1", outcome="succeeded",
        model="house-1", provider="google", input_tokens=1000, output_tokens=100, cache_read_tokens=0, duration_ms=2500,
    )  # fmt: skip
    assert export(project).output == f"Sent 1 run (2 spans) to {receiver.url}/v1/traces.\n"
    run, model = receiver.spans()
    assert (run.name, run.kind, run.parent_span_id, run.status.code) == ("invoke_agent claude-code", 1, b"", 0)
    assert attributes(run) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "claude-code",
        "gen_ai.conversation.id": "s-1",
        "spec_kitty.event_id": "0" * 26,
        "spec_kitty.feature": FEATURE,
        "spec_kitty.wp": "WP01",
        "spec_kitty.role": "implementer",
        "spec_kitty.outcome": "succeeded",
    }
    assert (model.name, model.kind, model.parent_span_id) == ("chat house-1", 3, run.span_id)
    assert model.trace_id == run.trace_id
    assert attributes(model) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "house-1",
        "gen_ai.response.model": "house-1",
        "gen_ai.agent.name": "claude-code",
        "gen_ai.conversation.id": "s-1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "spec_kitty.cost.usd": 0.003,  # 1000 × $2 + 100 × $10, a million each
        "spec_kitty.cost.source": "list price",
    }
    assert run.end_time_unix_nano == 1_787_220_000_000_001_000
    assert run.end_time_unix_nano - run.start_time_unix_nano == 2_500_000_000


def test_what_is_unknown_is_no_attribute(project: Project, receiver: Receiver) -> None:
    write_line(project, agent="codex", model="nobody-knows", input_tokens=7)
    export(project)
    _, model = receiver.spans()
    assert not [name for name in attributes(model) if "cost" in name or "output" in name or "cache" in name]


def test_a_run_that_says_nothing_of_its_usage_has_no_span_of_a_model(project: Project, receiver: Receiver) -> None:
    write_line(project, agent="codex", outcome="killed")
    export(project)
    (run,) = receiver.spans()
    assert attributes(run)["error.type"] == "killed"
    assert (run.status.code, run.status.message) == (2, "killed")


def test_of_several_models_each_has_a_span_with_its_share(project: Project, receiver: Receiver) -> None:
    write_line(
        project, agent="claude-code", input_tokens=3, output_tokens=0, cost_usd=0.5,
        models=[
            {"model": "house-1", "input_tokens": 1, "output_tokens": 0, "cost_usd": 0.2},
            {"model": "house-2", "input_tokens": 2, "output_tokens": 0},
        ],
    )  # fmt: skip
    export(project)
    run, *models = receiver.spans()
    assert "spec_kitty.cost.usd" not in attributes(run)
    assert [attributes(each)["spec_kitty.cost.usd"] for each in models] == [0.2, 0.3]
    assert len({each.span_id for each in models}) == 2


def test_a_cost_that_cannot_be_divided_is_on_the_run_alone(project: Project, receiver: Receiver) -> None:
    write_line(
        project, agent="claude-code", cost_usd=0.5,
        models=[{"model": name, "input_tokens": 1, "output_tokens": 0} for name in ("house-1", "house-2")],
    )  # fmt: skip
    export(project)
    run, *models = receiver.spans()
    assert attributes(run)["spec_kitty.cost.usd"] == 0.5
    assert [attributes(each).get("spec_kitty.cost.usd") for each in models] == [None, None]


def test_runs_of_one_run_of_an_orchestrator_are_one_trace(project: Project, receiver: Receiver) -> None:
    for number in (1, 2):
        write_line(project, number, agent="a", run_id="run-7")
    write_line(project, 3, agent="a")
    export(project)
    first, second, other = (span.trace_id for span in receiver.spans())
    assert first == second != other


def test_a_later_record_of_a_run_has_the_ids_of_the_first(project: Project, receiver: Receiver) -> None:
    write_line(project, 1, agent="a", model="house-1", input_tokens=1, output_tokens=0)
    export(project)
    write_line(project, 1, agent="a", model="house-1", input_tokens=9, output_tokens=0, supersedes=f"{1:026}",
               revision=2)  # fmt: skip
    export(project)
    before, after = receiver.requests
    ids = [[span.span_id for span in each.resource_spans[0].scope_spans[0].spans] for each in (before, after)]
    assert ids[0] == ids[1]


def test_printing_says_what_would_be_sent_and_sends_nothing(project: Project, receiver: Receiver) -> None:
    write_line(project, agent="a", model="house-1", input_tokens=1, output_tokens=0, outcome="failed")
    done = export(project, "--print")
    assert (done.exit_code, receiver.requests) == (0, [])
    export(project)
    document = json.loads(done.output)
    for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:  # OTLP's JSON has ids in hexadecimal
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:
                span[name] = b64encode(bytes.fromhex(span[name])).decode()
    assert ParseDict(document, ExportTraceServiceRequest()) == receiver.requests[0]


names = st.text(st.characters(codec="utf-8"), max_size=20)
values = names | st.booleans() | st.integers(0, 2**63 - 1) | st.floats(allow_nan=False)
spans = st.builds(
    Span,
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    parent_id=st.none() | st.binary(min_size=8, max_size=8),
    name=names,
    kind=st.sampled_from([1, 3]),
    start_ns=st.integers(0, 2**64 - 1),
    end_ns=st.integers(0, 2**64 - 1),
    attributes=st.dictionaries(names, values, max_size=5),
    error=st.none() | names,
)


@given(resource=st.dictionaries(names, values, max_size=3), sent=st.lists(spans, max_size=4))
def test_a_real_decoder_reads_what_was_written(resource: dict[str, Any], sent: list[Span]) -> None:
    (read,) = ExportTraceServiceRequest.FromString(encoded(resource, sent)).resource_spans
    assert attributes(read.resource) == resource
    for span, found in zip(sent, read.scope_spans[0].spans, strict=True):
        assert (found.trace_id, found.span_id, found.name, found.kind) == (span[0], span[1], span.name, span.kind)
        assert found.parent_span_id == (span.parent_id or b"")
        assert (found.start_time_unix_nano, found.end_time_unix_nano) == (span.start_ns, span.end_ns)
        assert attributes(found) == span.attributes
        assert (found.status.code, found.status.message) == ((0, "") if span.error is None else (2, span.error))


@given(count=st.integers(0, 2**63 - 1), message=st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_a_receiver_did_not_take_is_read(count: int, message: str) -> None:
    response = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=count, error_message=message)
    )
    assert partial_success(response.SerializeToString()) == PartialSuccess(count, " ".join(message.split()))


@given(st.binary(max_size=60))
def test_no_answer_breaks_the_reader(answer: bytes) -> None:
    assert partial_success(answer).rejected_count >= 0
    assert len(refusal(answer)) <= 200


# Sending ------------------------------------------------------------------------------------------------------------


def test_what_was_sent_is_not_sent_again_unless_that_is_wanted(project: Project, receiver: Receiver) -> None:
    record(project, model="house-1", input_tokens=1, output_tokens=0)
    assert "Sent 1 run" in export(project).output
    assert "Sent 0 runs" in export(project).output
    record(project, model="house-1", input_tokens=1, output_tokens=0)
    assert "Sent 1 run" in export(project).output
    assert "Sent 2 runs" in export(project, "--again").output


def test_a_log_that_was_rewritten_is_sent_again_with_the_same_ids(project: Project, receiver: Receiver) -> None:
    for number in (1, 2):
        write_line(project, number, agent="a")
    export(project)
    path = project.log_path(FEATURE)
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    assert "Sent 2 runs" in export(project).output
    first, second, *again = (span.span_id for span in receiver.spans())
    assert again == [second, first]


def test_a_line_that_is_still_being_written_is_sent_when_it_is_whole(project: Project, receiver: Receiver) -> None:
    write_line(project, 1, agent="a")
    whole = project.log_path(FEATURE).read_bytes()
    project.log_path(FEATURE).write_bytes(whole + whole.replace(b"1", b"2")[:40])
    assert "Sent 1 run" in export(project).output
    project.log_path(FEATURE).write_bytes(whole + whole.replace(f"{1:026}".encode(), f"{2:026}".encode()))
    assert "Sent 1 run" in export(project).output


def test_headers_of_the_environment_are_sent(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc%3D, x-team=red")
    write_line(project, agent="a")
    export(project)
    (headers,) = receiver.headers
    assert {name.lower(): value for name, value in headers.items()}.items() >= {
        "authorization": "Basic abc=", "x-team": "red", "content-type": "application/x-protobuf",
    }.items()  # fmt: skip


def test_spans_that_were_refused_are_said_and_are_an_error(project: Project, receiver: Receiver) -> None:
    write_line(project, agent="a", model="house-1", input_tokens=1, output_tokens=0)
    receiver.answer = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=1, error_message="too old")
    ).SerializeToString()
    done = export(project)
    assert (done.exit_code, done.stderr) == (1, f"Error: {receiver.url}/v1/traces refused 1 span: too old\n")
    assert "Sent 0 runs" in export(project).output  # who refuses for good is not asked again


@pytest.mark.parametrize("status", [302, 400, 401, 500, 503])
def test_a_refusal_is_an_error_and_everything_is_sent_the_next_time(
    project: Project, receiver: Receiver, status: int
) -> None:
    write_line(project, agent="a")
    receiver.status, receiver.answer = status, b"\x12\x09no, thanks"[:11]
    done = export(project)
    assert done.exit_code == 1
    assert done.stderr == f"Error: {receiver.url}/v1/traces answered {status}: no, thank\n"
    assert "Sent 0 runs" in done.stdout
    receiver.status, receiver.answer = 200, b""
    assert "Sent 1 run" in export(project).output


def test_who_is_not_there_is_an_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as gone:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", gone.url)
    write_line(project, agent="a")
    done = export(project)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {gone.url}/v1/traces cannot be reached: ")


@pytest.mark.parametrize("drips", [False, True])
def test_who_never_answers_is_waited_for_no_longer_than_the_limit(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, drips: bool
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300")
    write_line(project, agent="a")
    if drips:
        receiver.answer, receiver.seconds_a_byte = bytes(1000), 0.1
    else:
        receiver.hangs.set()
    done = export(project)
    assert (done.exit_code, done.stderr) == (
        1, f"Error: {receiver.url}/v1/traces did not answer within 0.3 s; is it an OTLP receiver?\n"
    )  # fmt: skip


def test_without_an_endpoint_nothing_is_sent(project: Project) -> None:
    done = export(project)
    assert (done.exit_code, done.stderr) == (
        1,
        (
            "Error: no OTLP endpoint is set; set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318, "
            "or use --print\n"
        ),
    )


def test_opentelemetry_that_is_turned_off_sends_nothing(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    write_line(project, agent="a")
    done = export(project)
    assert (done.exit_code, done.stderr, receiver.requests) == (0, "Nothing was sent: OTEL_SDK_DISABLED is true.\n", [])


# The environment ----------------------------------------------------------------------------------------------------


def test_the_endpoint_of_traces_is_taken_as_it_is_and_wins() -> None:
    said = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1/x/", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://b/mine"}
    both, one = endpoint_of(said), endpoint_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1/x/"})
    assert (both and both.url, one and one.url) == ("https://b/mine", "http://a:1/x/v1/traces")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ENDPOINT", "localhost:4318", "found the OTLP endpoint 'localhost:4318/v1/traces', expected one that begins"),
        ("ENDPOINT", "file:///etc/passwd", "expected one that begins with http:// or https://"),
        ("PROTOCOL", "grpc", "found the OTLP protocol 'grpc', but only http/protobuf is spoken here"),
        ("TIMEOUT", "soon", "OTEL_EXPORTER_OTLP_TIMEOUT: found 'soon', expected milliseconds from 1 to 600000"),
        ("TIMEOUT", "0", "expected milliseconds"),
        ("HEADERS", "key", "found no name=value at 'key'"),
        ("HEADERS", "a=b%0d%0aevil: 1", "found no name=value at 'a'"),
    ],
)
def test_a_variable_that_means_nothing_is_refused(name: str, value: str, message: str) -> None:
    said = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1", f"OTEL_EXPORTER_OTLP_{name}": value}
    with pytest.raises(SettingsError) as error:
        endpoint_of(said)
    assert message in str(error.value)


def test_a_password_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="found a password in the OTLP endpoint") as error:
        endpoint_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://me:secret@host:4318"})
    assert "secret" not in str(error.value)


def test_a_key_in_the_query_is_not_shown() -> None:
    endpoint = endpoint_of({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://host/v1/traces?key=secret"})
    assert endpoint is not None
    assert endpoint.shown == "https://host/v1/traces"
