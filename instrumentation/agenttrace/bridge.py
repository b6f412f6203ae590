"""Events that leave as log records, as span events too: for a backend that takes spans only."""

from __future__ import annotations

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.trace import get_current_span

from agenttrace.guard import guarded
from agenttrace_schemas import wire


class EventToSpanEventBridge(LogRecordProcessor):
    """Puts each typed event on the span it was emitted under; every other record is passed over.

    The counterpart of OpenTelemetry's event-to-span-event bridge for our three event names, whose attributes the
    rules have passed.
    """

    @guarded
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Copy a typed event to its span, while that can still take it."""
        record = log_record.log_record
        span = get_current_span(record.context)
        context = span.get_span_context()
        is_its_own = (record.trace_id, record.span_id) == (context.trace_id, context.span_id)
        if record.event_name in wire.EVENT_NAMES and is_its_own and span.is_recording():
            span.add_event(record.event_name, dict(record.attributes or {}), record.timestamp)

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits."""
        del timeout_millis
        return True
