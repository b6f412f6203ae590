"""Exporters that let nothing leave the process that was said: `agenttrace` in OTEL_TRACES_EXPORTER and OTEL_LOGS_EXPORTER.

Each makes spans and log records anew from the allow-list and hands them to the OTLP exporter that the standard
OTEL_EXPORTER_OTLP_* variables ask for. Other exporters of the process get what they got before.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agenttrace.exporters import otlp_log_exporter, otlp_span_exporter
from agenttrace.rebuild import rebuilt_log, rebuilt_span
from agenttrace.runtime import active
from agenttrace.settings import read_settings
from agenttrace_schemas.rules import Policy


class AgentTraceSpanExporter(SpanExporter):
    """Exports spans rebuilt from the allow-list, by default over OTLP."""

    def __init__(self, inner: SpanExporter | None = None, *, policy: Policy | None = None) -> None:
        self._inner = inner or otlp_span_exporter()
        self._policy = _checked(policy)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send what may leave of each span."""
        policy = _in_force(self._policy)
        return self._inner.export([rebuilt_span(span, policy) for span in spans])

    def shutdown(self) -> None:
        """End the exporter behind it."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter behind it."""
        return self._inner.force_flush(timeout_millis)


class AgentTraceLogExporter(LogRecordExporter):
    """Exports typed events that left as log records; no other record leaves."""

    def __init__(self, inner: LogRecordExporter | None = None, *, policy: Policy | None = None) -> None:
        self._inner = inner or otlp_log_exporter()
        self._policy = _checked(policy)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Send what may leave of each record."""
        policy = _in_force(self._policy)
        kept = [made for record in batch if (made := rebuilt_log(record, policy))]
        return self._inner.export(kept) if kept else LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """End the exporter behind it."""
        self._inner.shutdown()  # type: ignore[no-untyped-call]  # it has no types

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter behind it."""
        return self._inner.force_flush(timeout_millis)


def _checked(policy: Policy | None) -> Policy | None:
    """The policy as it was passed; without one, the variables are read, so that a wrong one is said at once."""
    if policy is None:
        read_settings()
    return policy


def _in_force(policy: Policy | None) -> Policy:
    """The policy that was passed, else that of the process: `configure` may come after the exporter."""
    return policy or active().settings.policy
