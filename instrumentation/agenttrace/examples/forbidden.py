"""A sender that is not ours and puts on spans what must never be stored; the collector refuses it.

It uses plain OpenTelemetry over gRPC (extra `grpc`), so that nothing is caught before it leaves the
process. Every sentence is made up. Run it with `python -m agenttrace.examples.forbidden`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.util.types import AttributeValue

from agenttrace_schemas import wire

SAID: Final = "Please book the usual seat for my mother, she flies on Monday."
_DECISION: Final[dict[str, AttributeValue]] = {
    wire.DECISION_TYPE: "tool_selection",
    wire.DECISION_SELECTED: "search_flights",
    wire.DECISION_REASON_CODE: "fresh_data_required",
}
_SIGNAL: Final[dict[str, AttributeValue]] = {
    wire.SIGNAL_TYPE: "schema_valid",
    wire.SIGNAL_CODE: "full_match",
    wire.SIGNAL_VALUE: True,
}


def forbidden_events() -> Iterator[tuple[str, dict[str, AttributeValue]]]:
    """Events that each break one rule."""
    metadata = wire.METADATA_PREFIX
    yield wire.EVENT_DECISION, {**_DECISION, wire.DECISION_SELECTED: SAID}
    yield wire.EVENT_DECISION, {**_DECISION, wire.DECISION_REASON_CODE: "the customer sounded upset"}
    yield wire.EVENT_DECISION, {**_DECISION, wire.DECISION_CONFIDENCE: 1.7}
    yield wire.EVENT_DECISION, {**_DECISION, f"{metadata}chain-of-thought": SAID}
    yield wire.EVENT_DECISION, {**_DECISION, f"{metadata}customer": "jane.doe@example.com"}
    yield wire.EVENT_SIGNAL, {**_SIGNAL, f"{metadata}note": SAID}
    yield wire.EVENT_SIGNAL, {**_SIGNAL, wire.SIGNAL_CODE: "looks_fine"}
    yield wire.EVENT_FAILURE, {wire.FAILURE_TYPE: "customer", wire.FAILURE_CODE: "upset"}


def main() -> None:
    """Send one span with all of them, and with the sentence in its name and attributes."""
    provider = TracerProvider(resource=Resource({wire.SERVICE_NAME: "forbidden-sender"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("forbidden")
    attributes = {wire.GEN_AI_OPERATION_NAME: "execute_tool", wire.GEN_AI_TOOL_NAME: SAID}
    with tracer.start_as_current_span(SAID, attributes=attributes) as span:
        span.set_attribute("gen_ai.input.messages", SAID)
        for name, stated in forbidden_events():
            span.add_event(name, stated)
    provider.shutdown()


if __name__ == "__main__":
    main()
