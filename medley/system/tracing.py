"""Traces by OpenTelemetry: runs, their stages, calls of models and of the store. Nothing where they are not asked for.

Where spans go to is told to OpenTelemetry in its own words: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME and so on.
A context travels as a W3C `traceparent`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from medley.errors import SetupError

_HEADER = "traceparent"
_DELAY_MS = 1000  #: until spans go out: a worker of Ray may be killed soon after its last task
_tracer: list[Any] = []  #: one, once it has begun


def begin_tracing(exporter: Any = None) -> None:
    """Begins to trace in this process, once; `exporter`: where spans go to, instead of by OTLP.

    Raises SetupError where what sends spans by OTLP is not installed.
    """
    if _tracer:
        return
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "medley")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    if exporter is None:
        provider.add_span_processor(BatchSpanProcessor(_by_otlp(), schedule_delay_millis=_DELAY_MS))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _tracer.append(provider.get_tracer("medley"))


def _by_otlp() -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        what = "MEDLEY_TRACES is set, and what sends traces is not installed"
        raise SetupError(what, remedy="Install the extra: pip install 'medley-media[traces]'") from None
    return OTLPSpanExporter()


@contextmanager
def span(name: str, parent: str = "", **attributes: str | int) -> Iterator[None]:
    """Traces the block as part of the span that it stands in, else of `parent`, a traceparent."""
    if not _tracer:
        yield
        return
    from opentelemetry import trace

    within = None if trace.get_current_span().get_span_context().is_valid else _context(parent)
    with _tracer[0].start_as_current_span(name, within, attributes=_named(attributes)):
        yield


@contextmanager
def run_span(name: str, parent: str = "", **attributes: str | int) -> Iterator[str]:
    """Traces a run, and yields its traceparent, "" where nothing is traced.

    What stands in the block is no part of it by itself: runs overlap in one thread.
    """
    if not _tracer:
        yield ""
        return
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    begun = _tracer[0].start_span(name, _context(parent), attributes=_named(attributes))
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(begun))
    try:
        yield carrier[_HEADER]
    finally:
        begun.end()


def _context(parent: str) -> Any:
    if not parent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({_HEADER: parent})


def _named(attributes: dict[str, str | int]) -> dict[str, str | int]:
    return {f"medley.{name}": value for name, value in attributes.items()}


def trace_id(traceparent: str) -> str:
    """Returns the id of the trace that a traceparent is part of, 32 hex digits; "" of none."""
    return traceparent.split("-")[1] if traceparent else ""
