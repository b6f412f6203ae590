"""The collector's own spans and log records over OTLP, by OpenTelemetry's SDK; imported only where they are asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from typing import Any, Final
from uuid import uuid4

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from pydantic import SecretStr

from agenttrace_collector.config.pipelines import OwnOtlp
from agenttrace_collector.config.sections import TelemetrySection
from agenttrace_collector.errors import FAULT, STATUS, CollectorError, wire_status
from agenttrace_collector.forward.export import Client
from agenttrace_collector.query.catalogue import catalogue
from agenttrace_collector.telemetry.logging import RateLimit, fields_of, text_of
from agenttrace_collector.telemetry.spans import OWN_HEADER, OwnSpan, SpanName, record_with
from agenttrace_schemas import wire
from agenttrace_schemas.derived_rows import ALL_ROWS

_log: Final = logging.getLogger(__name__)
_SERVICE: Final = "agenttrace-collector"
_DISTRIBUTION: Final = "agenttrace-otel"
# Records of these tell of the export itself: they would come back to it.
_OF_EXPORT: Final = ("opentelemetry", __name__)
_QUEUE: Final = 2_048
_BATCH: Final = 512
_DELAY_MILLIS: Final = 5_000
_ERROR: Final = "error"
# The texts that an attribute may have.
_TEXTS: Final[Mapping[str, frozenset[str]]] = {
    "transport": frozenset({"grpc", "http", "api"}),
    "signal": frozenset({"traces", "logs", "metrics", "runs", "evaluations", "outcomes"}),
    "table": frozenset(row.TABLE for row in ALL_ROWS),
    "query": frozenset(catalogue()),
    _ERROR: frozenset({FAULT.name, *(status.name for status in STATUS.values())}),
}
_NUMBERS: Final = frozenset({"requests", "rows", "bytes", "runs", "received", "ignored", "refused"})
_SEVERITIES: Final = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}


@contextmanager
def recorded(telemetry: TelemetrySection) -> Iterator[None]:
    """Sends spans and log records where this says until the block ends, then what is left."""
    resource = Resource(
        {
            wire.SERVICE_NAME: _SERVICE,
            wire.SERVICE_VERSION: version(_DISTRIBUTION),
            "service.instance.id": str(uuid4()),
        }
    )
    with ExitStack() as stack:
        if telemetry.logs.otlp:
            _record_logs(telemetry.logs.otlp, resource, stack)
        if telemetry.traces.otlp:
            _record_spans(telemetry.traces.otlp, resource, stack)
        yield


def _record_spans(settings: OwnOtlp, resource: Resource, stack: ExitStack) -> None:
    # Nothing of it comes from the environment, which may be that of an application.
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    exporter = OwnSpans(_client(settings))
    provider.add_span_processor(
        BatchSpanProcessor(exporter, _QUEUE, _DELAY_MILLIS, _BATCH, int(settings.timeout * 1000))
    )
    stack.callback(provider.shutdown)
    record_with(SpanRecorder(provider.get_tracer(_SERVICE)))
    stack.callback(record_with, None)


def _record_logs(settings: OwnOtlp, resource: Resource, stack: ExitStack) -> None:
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    exporter = OwnRecords(_client(settings))
    provider.add_log_record_processor(
        BatchLogRecordProcessor(exporter, _DELAY_MILLIS, _BATCH, int(settings.timeout * 1000), _QUEUE)
    )
    stack.callback(provider.shutdown)
    handler = OwnLogHandler(provider)
    handler.addFilter(RateLimit().passes)
    logging.getLogger().addHandler(handler)
    stack.callback(logging.getLogger().removeHandler, handler)


def _client(settings: OwnOtlp) -> Client:
    marked = settings.model_copy(update={"headers": {**settings.headers, OWN_HEADER: SecretStr("1")}})
    if settings.protocol == "grpc":
        from agenttrace_collector.forward.otlp_grpc import GrpcClient  # noqa: PLC0415 - where it is used

        return GrpcClient(marked)
    from agenttrace_collector.forward.otlp_http import HttpClient  # noqa: PLC0415 - as above

    return HttpClient(marked)


class SpanRecorder:
    """Makes the SDK's spans, each a trace of its own, with attributes of the lists above."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def span(self, name: SpanName, attributes: Mapping[str, str | int]) -> Iterator[OwnSpan]:
        """One span; the kind of a failure that leaves it, never its text, becomes its status."""
        span = self._tracer.start_span(name, kind=SpanKind.INTERNAL, attributes=_allowed(attributes))
        try:
            yield CountingSpan(span)
        except Exception as error:
            span.set_attributes(_allowed({_ERROR: wire_status(error).name}))
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()


class CountingSpan:
    """A span that takes numbers."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def count(self, **numbers: int) -> None:
        """Adds numbers that are known now."""
        self._span.set_attributes(_allowed(numbers))


def _allowed(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {
        key: value
        for key, value in attributes.items()
        if (key in _NUMBERS if isinstance(value, int) else value in _TEXTS.get(key, ()))
    }


class OwnLogHandler(logging.Handler):
    """The records of the log with the text and the fields of a JSON line."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        """Hands on a record unless it tells of the export."""
        if record.name.startswith(_OF_EXPORT):
            return
        at = int(record.created * 1e9)
        fields = {
            key: value if isinstance(value, int | float) else str(value)
            for key, value in fields_of(record).items()
        }
        self._provider.get_logger(record.name).emit(
            LogRecord(
                timestamp=at,
                observed_timestamp=at,
                severity_text=record.levelname,
                severity_number=_SEVERITIES.get(record.levelno, SeverityNumber.UNSPECIFIED),
                body=text_of(record),
                attributes=fields,
            )
        )


class OwnSpans(SpanExporter):
    """Sends spans once; what is not taken is dropped."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them."""
        sent = _send(self._client, "traces", encode_spans(spans))
        return SpanExportResult.SUCCESS if sent else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Closes the connection."""
        self._client.close()


class OwnRecords(LogRecordExporter):
    """Sends log records once; what is not taken is dropped."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Send them."""
        sent = _send(self._client, "logs", encode_logs(batch))
        return LogRecordExportResult.SUCCESS if sent else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """True: nothing waits here."""
        del timeout_millis
        return True

    def shutdown(self) -> None:
        """Closes the connection."""
        self._client.close()


def _send(client: Client, signal: str, request: Any) -> bool:
    try:
        client.send(signal, request.SerializeToString())
    except CollectorError as error:
        _log.warning("own telemetry is dropped: the receiver of %s %s", signal, error)
        return False
    return True
