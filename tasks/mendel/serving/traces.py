"""Traces by OpenTelemetry: a request's way through queue, batch and shadow.

    POST /v1/restore                     the request; its parent is the caller's span, where `traceparent` names one
      restore                            in the batcher, from the queue to the answer
        queue                            until the first piece has its turn
        batch                            linked to all requests that it serves; a child of the first of them
      shadow → restore …                 the canary's, which may outlast the answer

The code speaks OpenTelemetry's API, which does nothing by itself. `configure` puts the SDK behind it where its own variables
(OTEL_…) say where spans go. No span holds a text, nor what an exception says, which may quote one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from opentelemetry import propagate, trace
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from starlette.datastructures import Headers

from mendel.core.code_version import code_version
from mendel.core.errors import InputError
from mendel.core.log import log

TRACER = trace.get_tracer("mendel.serving")
SERVICE = "mendel-serve"
EXPORTER, PROTOCOL = "otlp", "http/protobuf"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
FLUSH_SECONDS = 5.0
"""In which the last spans have to be taken when the service ends."""


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether OpenTelemetry's variables name a place for spans. Raises InputError for one that is not built in."""
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none":
        return False
    if not (exporter or any(environment.get(name) for name in ENDPOINTS)):
        return False
    if exporter not in ("", EXPORTER):
        raise InputError(f"OTEL_TRACES_EXPORTER={exporter}: spans go by {EXPORTER} alone; a collector hands them on")
    named = (environment.get(f"OTEL_EXPORTER_OTLP_{which}PROTOCOL") for which in ("TRACES_", ""))
    if (protocol := next(filter(None, named), PROTOCOL)) != PROTOCOL:
        raise InputError(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}: only {PROTOCOL} is built in; set it, and its port")
    return True


def configure() -> Callable[[], object]:
    """Send the spans of this process to where the variables say; gives what is to be called when it ends."""
    if not is_configured():
        return lambda: None
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        log.warning("no traces: OpenTelemetry's SDK is absent", to_install_it="pip install 'mendel[traces]'")
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    own = {"service.name": SERVICE, "service.version": code_version()}
    provider = TracerProvider(resource=Resource.create({**own, **OTELResourceDetector().detect().attributes}))
    processor = BatchSpanProcessor(OTLPSpanExporter())
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    log.info("traces are sent")
    return provider.shutdown


@contextmanager
def request(method: str, path: str, headers: Headers) -> Iterator[Span]:
    """The span of a request, under the caller's where the headers name one."""
    with TRACER.start_as_current_span(
        method,
        context=propagate.extract(headers),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method, "url.path": path},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


def trace_id(span: Span) -> dict[str, str]:
    """For the log: the trace that a span is part of, if any."""
    context = span.get_span_context()
    return {"trace_id": trace.format_trace_id(context.trace_id)} if context.is_valid else {}


TOLD = ("caller", "format", "texts", "characters", "version", "role")
"""Of what the access log says of a request, the part that its span says too."""


def answered(span: Span, method: str, route: str | None, status: int, log_fields: Mapping[str, object]) -> None:
    """What is known of a request when it has been answered."""
    if not span.is_recording():
        return
    if route is not None:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    for name in TOLD:
        if isinstance(value := log_fields.get(name), str | int):
            span.set_attribute(f"mendel.{name}", value)
    if status >= 500:
        span.set_status(StatusCode.ERROR)


@contextmanager
def work(name: str, version: str) -> Iterator[Span]:
    """A part of a request's way, by a version of the model."""
    with TRACER.start_as_current_span(
        name, attributes={"mendel.version": version}, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            if isinstance(error, Exception):  # a caller that goes away, or a time that is up, is no fault of the work
                span.set_status(StatusCode.ERROR)
            raise


def batch(requests: Iterable[Span], version: str, texts: int, characters: int) -> Span:
    """The span of a batch, to be ended, for those of the requests that it serves; where none is recorded it is none."""
    recorded = [span for span in requests if span.is_recording()]
    if not recorded:
        return trace.INVALID_SPAN
    return TRACER.start_span(
        "batch",
        context=trace.set_span_in_context(recorded[0]),
        links=[Link(span.get_span_context()) for span in recorded],
        attributes={"mendel.version": version, "mendel.texts": texts, "mendel.characters": characters},
    )


def end(span: Span) -> None:
    """End a span that may have ended before."""
    if span.is_recording():
        span.end()
