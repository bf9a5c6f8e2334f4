"""The same segments and subsegments as spans of OpenTelemetry, for functions that mount its layer: nothing else imports it.

The layer sets up provider and exporter before the function is loaded. Ids are those of the header, in the form of OpenTelemetry:
docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html ("Tracing header") has both forms of a trace id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    get_current_span,
    get_tracer,
    set_span_in_context,
)


class Header(Protocol):
    """The part of a trace's header that a span needs."""

    @property
    def root(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def is_sampled(self) -> bool: ...


class Segment(Protocol):
    """The part of a segment that a span needs. The span sets `id` and `span`."""

    name: str
    is_message: bool
    annotations: dict[str, str]
    id: str
    span: Any

    @property
    def header(self) -> Header: ...


@contextmanager
def span_of(segment: Segment) -> Iterator[None]:
    """A span for the work, below its sender's or below the invocation's. The work takes over the span's id."""
    kind = SpanKind.CONSUMER if segment.is_message else SpanKind.INTERNAL
    with _span(segment.name, _above(segment), kind) as span:
        segment.id, segment.span = f"{span.get_span_context().span_id:016x}", span
        try:
            yield
        finally:
            span.set_attributes(segment.annotations)


@contextmanager
def subsegment(segment: Segment, name: str, details: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A span for a request; threads know no current span, so its parent is named."""
    with _span(name, set_span_in_context(segment.span), SpanKind.CLIENT) as span:
        try:
            yield details
        finally:
            span.set_attributes(_attributes(details))


@contextmanager
def _span(name: str, context: Context | None, kind: SpanKind) -> Iterator[Span]:
    """A span that keeps the type of an error alone, because the text may hold a key."""
    tracer = get_tracer("candlecast")
    with tracer.start_as_current_span(
        name, context=context, kind=kind, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def _above(segment: Segment) -> Context | None:
    if not segment.is_message and get_current_span().get_span_context().is_valid:
        return None  # the span that the layer has made for the invocation
    return set_span_in_context(NonRecordingSpan(_remote(segment.header)))


def _remote(header: Header) -> SpanContext:
    """The sender's span. A trace that begins here has none: its parent is named after the trace, because the API demands one."""
    _, seconds, rest = header.root.split("-")
    parent = int(header.parent or rest[-16:], 16) or 1
    return SpanContext(int(seconds + rest, 16), parent, is_remote=True, trace_flags=TraceFlags(int(header.is_sampled)))


def _attributes(details: Mapping[str, Any]) -> dict[str, str | int]:
    """By OpenTelemetry's semantic conventions for requests by HTTP and to AWS."""
    http, aws = details.get("http", {}), details.get("aws", {})
    told = {
        "http.request.method": http.get("request", {}).get("method"),
        "url.full": http.get("request", {}).get("url"),
        "http.response.status_code": http.get("response", {}).get("status"),
        "rpc.method": aws.get("operation"),
    }
    return {name: value for name, value in told.items() if value is not None}
