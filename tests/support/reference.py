"""The reference request of the specification (section 10): GenAI spans with a decision and a signal each."""

from __future__ import annotations

import random
import uuid

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agenttrace_schemas import wire
from agenttrace_schemas.vocabulary import REASONS, SIGNAL_CODES

Value = str | int | float | bool | list[str]
SPANS = 512
_SECOND = 10**9
_TOOLS = ("lookup_order", "search_flights", "issue_refund", "calculate")


def reference_request(seed: int, now: int, spans: int = SPANS) -> bytes:
    """One request of `spans` spans of about 1.1 KB; another seed gives other ids."""
    rng = random.Random(seed)
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    for key, value in _RESOURCE.items():
        resource_spans.resource.attributes.append(attribute(key, value))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "opentelemetry.instrumentation.genai"
    trace_id = rng.randbytes(16)
    for number in range(spans):
        if number % 16 == 0:
            trace_id = rng.randbytes(16)
        scope_spans.spans.append(_span(rng, trace_id, now - rng.randrange(60 * _SECOND)))
    return request.SerializeToString()


def attribute(key: str, value: Value) -> KeyValue:
    """An OTLP attribute."""
    return KeyValue(key=key, value=_any(value))


def _any(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    answer = AnyValue()
    answer.array_value.values.extend(map(_any, value))
    return answer


_RESOURCE: dict[str, Value] = {
    wire.SERVICE_NAME: "support-agent",
    wire.SERVICE_VERSION: "1.4.2",
    wire.DEPLOYMENT_ENVIRONMENT: "production",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.2",
}


def _span(rng: random.Random, trace_id: bytes, start: int) -> Span:
    tool = rng.choice(_TOOLS)
    span = Span(
        trace_id=trace_id,
        span_id=rng.randbytes(8),
        parent_span_id=rng.randbytes(8),
        name=f"execute_tool {tool}",
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start,
        end_time_unix_nano=start + rng.randrange(_SECOND),
    )
    span.attributes.extend(attribute(key, value) for key, value in _span_attributes(rng, tool).items())
    for name, values in (_decision(rng, tool), _signal(rng)):
        event = span.events.add(name=name, time_unix_nano=start)
        event.attributes.extend(attribute(key, value) for key, value in values.items())
    return span


def _span_attributes(rng: random.Random, tool: str) -> dict[str, Value]:
    return {
        wire.GEN_AI_OPERATION_NAME: "execute_tool",
        wire.GEN_AI_TOOL_NAME: tool,
        wire.GEN_AI_AGENT_NAME: "support_agent",
        wire.GEN_AI_REQUEST_MODEL: "gpt-4o-mini",
        wire.GEN_AI_RESPONSE_MODEL: "gpt-4o-mini-2024-07-18",
        wire.GEN_AI_USAGE_INPUT_TOKENS: rng.randrange(4000),
        wire.GEN_AI_USAGE_OUTPUT_TOKENS: rng.randrange(500),
        wire.GEN_AI_RESPONSE_FINISH_REASONS: ["stop"],
        "gen_ai.provider.name": "openai",
        "gen_ai.response.id": f"resp-{rng.randrange(10**9)}",
        "gen_ai.tool.call.id": f"call-{rng.randrange(10**9)}",
        "server.address": "127.0.0.1",
        "server.port": 443,
    }


def _decision(rng: random.Random, tool: str) -> tuple[str, dict[str, Value]]:
    kind = rng.choice(list(REASONS))
    return wire.EVENT_DECISION, {
        wire.DECISION_ID: str(uuid.UUID(bytes=rng.randbytes(16), version=4)),
        wire.DECISION_TYPE: str(kind),
        wire.DECISION_SELECTED: tool,
        wire.DECISION_REASON_CODE: str(rng.choice(REASONS[kind])),
        wire.DECISION_CONFIDENCE: round(rng.random(), 3),
        wire.DECISION_CANDIDATES: list(_TOOLS[:2]),
    }


def _signal(rng: random.Random) -> tuple[str, dict[str, Value]]:
    kind = rng.choice(list(SIGNAL_CODES))
    return wire.EVENT_SIGNAL, {
        wire.SIGNAL_ID: str(uuid.UUID(bytes=rng.randbytes(16), version=4)),
        wire.SIGNAL_TYPE: str(kind),
        wire.SIGNAL_CODE: str(rng.choice(SIGNAL_CODES[kind])),
        wire.SIGNAL_VALUE: rng.random() < 0.9,
    }
