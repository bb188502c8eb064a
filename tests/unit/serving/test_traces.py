"""Traces: the spans of requests, batches and shadows as OpenTelemetry's SDK records them, and as a collector gets them."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from mendel.core.errors import InputError
from mendel.serving.batcher import Batcher
from mendel.serving.settings import Serve
from mendel.serving.traces import is_configured

from .conftest import PATIENCE, WEEK_2, Store, decide_on, process, running, settings, status, until
from .test_batcher import Upper, model, on_a_loop

CALLER_TRACE, CALLER_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{CALLER_TRACE}-{CALLER_SPAN}-01"
NOISY = "The goverment of teh people."


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """OpenTelemetry lets a process have one provider: this is the tests' own."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    assert trace.get_tracer_provider() is provider, "another test has set one: then no span comes here"
    return exporter


class Spans:
    """Those that have ended, by name."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def named(self, name: str, count: int = 1) -> list[ReadableSpan]:
        """So many, when they have come; they end in threads of their own."""

        def ended() -> list[ReadableSpan]:
            return [span for span in self._exporter.get_finished_spans() if span.name == name]

        until(lambda: len(ended()) >= count)
        assert len(ended()) == count, [span.name for span in self._exporter.get_finished_spans()]
        return ended()

    @property
    def names(self) -> list[str]:
        return sorted(span.name for span in self._exporter.get_finished_spans())


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Spans:
    exporter.clear()
    return Spans(exporter)


def parent_of(span: ReadableSpan) -> str:
    assert span.parent is not None, f"{span.name} has no parent"
    return trace.format_span_id(span.parent.span_id)


def id_of(span: ReadableSpan) -> str:
    return trace.format_span_id(span.context.span_id)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_request_is_followed_from_the_caller_to_the_batch(service: httpx.Client, spans: Spans) -> None:
    # When a caller that is traced itself asks, and a probe after it
    answer = service.post(
        "/v1/restore", json={"text": NOISY}, headers={"traceparent": TRACEPARENT, "X-Request-ID": "asked-1"}
    )
    service.get("/metrics")

    # Then the spans are a chain in the caller's trace
    assert answer.status_code == 200
    [request], [restore], [queue], [batch] = (
        spans.named(name) for name in ("POST /v1/restore", "restore", "queue", "batch")
    )
    assert {trace.format_trace_id(span.context.trace_id) for span in (request, restore, queue, batch)} == {CALLER_TRACE}
    assert parent_of(request) == CALLER_SPAN
    assert parent_of(restore) == id_of(request)
    assert parent_of(queue) == parent_of(batch) == id_of(restore)
    assert queue.end_time is not None
    assert batch.start_time is not None
    assert queue.end_time <= batch.start_time, "its turn came with the batch"
    # and say what was asked, not the text
    assert request.kind == SpanKind.SERVER
    assert attributes(request) == {
        "http.request.method": "POST",
        "url.path": "/v1/restore",
        "http.route": "/v1/restore",
        "http.response.status_code": 200,
        "mendel.request_id": "asked-1",
        "mendel.texts": 1,
        "mendel.characters": len(NOISY),
        "mendel.version": "1",
        "mendel.role": "champion",
    }
    assert attributes(batch) == {
        "mendel.version": "1",
        "mendel.texts": 1,
        "mendel.characters": len(NOISY),
        "mendel.failed": 0,
    }
    # and the answer's id is the request's own, and nobody traces probes
    assert answer.headers["X-Request-ID"] == "asked-1"
    assert not {"GET /metrics", "GET /readyz"} & set(spans.names), "probes are traced"


def test_the_log_names_the_trace_beside_the_request(service: httpx.Client, spans: Spans) -> None:
    with capture_logs(processors=[merge_contextvars]) as logs:
        service.get("/v1/profiles", headers={"traceparent": TRACEPARENT, "X-Request-ID": "asked-2"})
        until(lambda: any(entry.get("request_id") == "asked-2" for entry in logs))

    [entry] = [entry for entry in logs if entry.get("request_id") == "asked-2"]
    assert entry["trace_id"] == CALLER_TRACE


@pytest.mark.parametrize(("path", "name"), [("/v1/restore", "POST /v1/restore"), ("/nowhere/42", "POST")])
def test_a_request_that_is_refused_is_traced_by_its_route_alone(
    service: httpx.Client, spans: Spans, path: str, name: str
) -> None:
    service.post(path, json={"txt": "?"} if path == "/v1/restore" else None)

    [request] = spans.named(name)
    assert attributes(request)["http.response.status_code"] in (404, 413, 422)
    assert request.status.status_code == StatusCode.UNSET, "a caller's mistake is no fault of the service"


@on_a_loop
async def test_a_batch_is_linked_to_all_requests_that_it_serves(spans: Spans) -> None:
    # Given three requests that wait while a fourth is restored
    restorer = Upper()
    batcher, by = Batcher(Serve()), model(restorer)

    async def ask(text: str) -> None:
        with trace.get_tracer("test").start_as_current_span(f"asks {text}"):
            await batcher.restore(by, [text])

    asking = [asyncio.create_task(ask(text)) for text in ("first", "a", "b", "c")]
    await asyncio.sleep(0.1)

    # When they are restored in one batch
    restorer.go_on.set()
    await asyncio.gather(*asking)

    # Then it has a link to each, and is a child of the first
    assert restorer.batches == [["first"], ["a", "b", "c"]]
    _, together = spans.named("batch", 2)
    requests = {id_of(span): span for span in spans.named("restore", 4)}
    linked = [requests[trace.format_span_id(link.context.span_id)] for link in together.links]
    [waiting_a, waiting_b, waiting_c] = [spans.named(f"asks {text}")[0] for text in "abc"]
    assert [parent_of(span) for span in linked] == [id_of(span) for span in (waiting_a, waiting_b, waiting_c)]
    assert parent_of(together) == id_of(linked[0])
    assert (attributes(together)["mendel.texts"], attributes(together)["mendel.characters"]) == (3, 3)
    assert together.end_time is not None
    for queue in spans.named("queue", 4):
        assert queue.end_time is not None, "it waits for ever"


@on_a_loop
async def test_a_failure_is_named_without_what_it_says(spans: Spans) -> None:
    restorer = Upper()
    restorer.go_on.set()
    with pytest.raises(ValueError, match="bad"), trace.get_tracer("test").start_as_current_span("asks"):
        await Batcher(Serve()).restore(model(restorer), ["bad"])

    [restore], [batch] = spans.named("restore"), spans.named("batch")
    assert attributes(restore)["error.type"] == "ValueError"
    assert (restore.status.status_code, restore.status.description) == (StatusCode.ERROR, None)
    assert not restore.events, "an exception may quote a text"
    assert attributes(batch)["mendel.failed"] == 1


def test_the_shadow_is_a_part_of_the_request(with_champion: Store, spans: Spans) -> None:
    # Given version 2 in the champion's shadow
    decide_on(with_champion.context(WEEK_2), "declined")
    canary = {"fraction": 1, "version": 2, "shadow": True}
    with running(with_champion.root, settings(canary=canary)) as client:
        until(lambda: "mendel_canary_version 2.0" in client.get("/metrics").text)
        # When the champion answers
        assert client.post("/v1/restore", json={"text": NOISY}).status_code == 200
        # Then what the canary would have answered is a child of the request too
        [request], [shadow] = spans.named("POST /v1/restore"), spans.named("shadow")
        champions, canarys = sorted(spans.named("restore", 2), key=lambda span: attributes(span)["mendel.version"])
    assert parent_of(shadow) == parent_of(champions) == id_of(request)
    assert parent_of(canarys) == id_of(shadow)
    assert attributes(shadow)["mendel.version"] == attributes(canarys)["mendel.version"] == "2"


class Collector(ThreadingHTTPServer):
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Export)
        self.exports: list[ExportTraceServiceRequest] = []

    def spans(self) -> dict[str, Any]:
        """By their names."""
        scopes = (scope for export in self.exports for each in export.resource_spans for scope in each.scope_spans)
        return {span.name: span for scope in scopes for span in scope.spans}


class _Export(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        assert self.path == "/v1/traces"
        cast(Collector, self.server).exports.append(ExportTraceServiceRequest.FromString(data))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests say what they saw."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_collector_gets_the_spans_of_a_service_that_ends(
    with_champion: Store, tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a service that is told of a collector by OpenTelemetry's own variables
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=tests")
    with process(with_champion.root, tmp_path) as (service, url):
        until(lambda: status(f"{url}/readyz") == 200)

        # When it has answered and is ended at once
        httpx.post(f"{url}/v1/restore", json={"text": NOISY}, timeout=PATIENCE).raise_for_status()
        service.terminate()
        service.wait(PATIENCE)

    # Then the collector has the chain, none of it lost with the process
    spans = collector.spans()
    assert {"POST /v1/restore", "restore", "queue", "batch"} <= set(spans)
    assert spans["restore"].parent_span_id == spans["POST /v1/restore"].span_id
    assert [link.span_id for link in spans["batch"].links] == [spans["restore"].span_id]
    resource = {
        item.key: item.value.string_value for item in collector.exports[0].resource_spans[0].resource.attributes
    }
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("mendel-serve", "tests")


def test_a_collector_that_is_away_does_not_keep_a_service(
    with_champion: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with process(with_champion.root, tmp_path) as (service, url):
        until(lambda: status(f"{url}/readyz") == 200)
        httpx.post(f"{url}/v1/restore", json={"text": NOISY}, timeout=PATIENCE).raise_for_status()
        service.terminate()
        service.wait(20)


def test_without_configuration_no_sdk_is_loaded() -> None:
    code = textwrap.dedent("""
        import sys
        from mendel.serving import app, server, traces
        traces.configure()()
        print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
        """)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("variables", "configured"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "mine"}, False),
        (HERE, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**HERE, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**HERE, "OTEL_SDK_DISABLED": "true"}, False),
        ({**HERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_opentelemetrys_own_variables_switch_it_on(variables: Mapping[str, str], configured: bool) -> None:
    assert is_configured(variables) == configured


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER=zipkin"),
        ({**HERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"),
    ],
)
def test_a_way_that_is_not_built_in_is_refused(variables: Mapping[str, str], names: str) -> None:
    with pytest.raises(InputError, match=names):
        is_configured(variables)
