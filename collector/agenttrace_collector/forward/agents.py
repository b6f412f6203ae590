"""Log records of coding agents as they leave: calls as spans, decisions and signals as typed events."""

from __future__ import annotations

import struct
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agenttrace_collector.forward import encoding
from agenttrace_collector.forward.attributes import of_agent
from agenttrace_collector.forward.encoding import In
from agenttrace_collector.forward.events import log_record, own_attributes
from agenttrace_schemas import wire
from agenttrace_schemas.rows import DecisionRow, SignalRow, StepRow

_SPAN_ID: Final = 8
_TIMES: Final = struct.Struct("<cQcQ")
_KINDS: Final = {"chat": Span.SpanKind.SPAN_KIND_CLIENT}
_ERROR: Final = "error"
_TAG: Final = In.RECORD
_IDS: Final = (wire.RUN_ID, wire.STEP_ID)
_ID: Final = {key: encoding.Id(_TAG, key) for key in _IDS}


def agent_span(row: StepRow) -> bytes:
    """A call as a span: its trace is the run, its id is made from the call's; nothing is above it."""
    kind = _KINDS.get(row.operation, Span.SpanKind.SPAN_KIND_INTERNAL)
    code = Status.StatusCode.STATUS_CODE_ERROR if row.status == _ERROR else 0
    return b"".join(
        (
            encoding.field(b"\x0a", row.trace_id),
            encoding.field(b"\x12", row.span_id.to_bytes(_SPAN_ID)),
            encoding.field(b"\x2a", f"{row.operation} {row.name}".rstrip().encode()),
            b"\x30" + encoding.varint(kind),
            _TIMES.pack(b"\x39", row.started_at, b"\x41", row.ended_at),
            of_agent(row),
            encoding.field(b"\x7a", b"\x18" + encoding.varint(code) if code else b""),
        )
    )


def agent_event(row: DecisionRow | SignalRow) -> bytes:
    """A decision or a signal as a log record of a typed event, with the stamps that tell whose it is."""
    name = wire.EVENT_DECISION if isinstance(row, DecisionRow) else wire.EVENT_SIGNAL
    pieces = [
        own_attributes(_TAG, row),
        _ID[wire.RUN_ID](row.run_id),
        encoding.text(_TAG, wire.AGENT_ID, row.agent_id),
        encoding.text(_TAG, wire.AGENT_VERSION, row.agent_version),
        encoding.text(_TAG, wire.ENVIRONMENT, row.environment),
    ]
    if row.step_id:
        pieces.append(_ID[wire.STEP_ID](row.step_id))
    span = row.span_id.to_bytes(_SPAN_ID) if row.span_id else b""
    return log_record(name, row.recorded_at, b"".join(pieces), (row.trace_id, span))
