"""Events that the SDK's spans take as they are: like those that it copies, and copied where limits are set."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, Span, use_span

import agenttrace
from agenttrace import AgentTracer, span_events
from agenttrace.capture import capture


def recorded(limits: SpanLimits | None = None) -> Any:
    """The span of a run with a decision, as it is exported."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with AgentTracer("desk", "1", tracer_provider=provider).start_run() as run:
        run.record_decision(
            "tool_selection", "web", "cost_optimization", ["web", "cache"], 0.5, metadata={"a": 1, "b": "x"}
        )
    (span,) = exporter.get_finished_spans()
    return span


def stated(span: Any) -> list[tuple[Any, ...]]:
    """Its events without what differs from one to the next."""
    return [
        (event.name, {**event.attributes, "agenttrace.decision.id": ""}, event.dropped_attributes)
        for event in span.events
    ]


def test_an_event_is_the_one_that_the_sdk_would_make(monkeypatch: pytest.MonkeyPatch) -> None:
    """For exporters, copies and texts of spans alike."""
    given = recorded()
    monkeypatch.setattr(span_events, "_SDK_SPAN", None)
    copied = recorded()
    assert stated(given) == stated(copied)
    assert stated(copy.deepcopy(given)) == stated(given)
    (event,) = json.loads(given.to_json())["events"]
    (other,) = json.loads(copied.to_json())["events"]
    assert event["attributes"].keys() == other["attributes"].keys()
    assert len(encode_spans([given]).SerializeToString()) == len(encode_spans([copied]).SerializeToString())


@pytest.mark.parametrize(
    ("limits", "kept", "dropped"),
    [(SpanLimits(max_event_attributes=3), 3, 5), (SpanLimits(max_attribute_length=2), 8, 0)],
)
def test_limits_of_the_application_hold(limits: SpanLimits, kept: int, dropped: int) -> None:
    """Events are cut as those of everybody are."""
    (event,) = recorded(limits).events
    assert (len(event.attributes), event.dropped_attributes) == (kept, dropped)
    if limits.max_attribute_length:
        assert event.attributes["agenttrace.decision.selected"] == "we"


def test_a_span_of_another_kind_is_given_events_as_by_anybody() -> None:
    """Such as one that a library wraps around the SDK's."""

    class Wrapped(NonRecordingSpan):
        def __init__(self, inner: Span) -> None:
            super().__init__(inner.get_span_context())
            self.inner = inner

        def is_recording(self) -> bool:
            return True

        def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
            self.inner.add_event(name, attributes, timestamp)

    with capture() as captured:
        inner = captured.tracer_provider.get_tracer("theirs").start_span("theirs")
        with use_span(Wrapped(inner)):
            agenttrace.record_decision("tool_selection", "web", "cost_optimization")
        inner.end()
        assert [event.span for event in captured.events()] == ["theirs"]
