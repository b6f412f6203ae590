"""What became of what was sent: what did not leave this process, and what a collector has refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from agenttrace.counts import AtomicCount
from agenttrace.guard import tried
from agenttrace.runtime import active
from agenttrace_schemas.rules import RULES

# No answer counts for more: it is the collector's word only.
_MOST_AT_ONCE: Final = 100_000
_WORDS: Final = re.compile(r"[a-z_.]+", re.ASCII)


class CountedSpanProcessor(BatchSpanProcessor):
    """The SDK's batches of spans; what a full queue drops is counted."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span; a queue that is full drops its oldest."""
        if _is_full(self) and span.context is not None and span.context.trace_flags.sampled:
            active().counters.dropped.add()
        super().on_end(span)


class CountedLogProcessor(BatchLogRecordProcessor):
    """The SDK's batches of log records; what a full queue drops is counted."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue a log record; a queue that is full drops its oldest."""
        if _is_full(self):
            active().counters.dropped.add()
        super().on_emit(log_record)


def _is_full(processor: Any) -> bool:
    queue = getattr(getattr(processor, "_batch_processor", None), "_queue", None)
    return queue is not None and len(queue) == queue.maxlen


def followed(exporter: type[Any], **arguments: Any) -> Any:
    """An OTLP exporter of this class that counts what it could not send, and reads what the collector answers."""
    kind = _Grpc if hasattr(exporter, "_initialize_channel_and_stub") else _Counted
    made = type(exporter.__name__, (kind, exporter), {"__module__": exporter.__module__})(**arguments)
    if (session := session_of(made)) is not None:
        session.hooks["response"].append(_read_response)
    return made


def session_of(exporter: Any) -> Any:
    """The `requests.Session` of an exporter over HTTP; None for others."""
    transport = getattr(getattr(exporter, "_client", None), "_transport", None)
    return getattr(transport, "_session", None) or getattr(exporter, "_session", None)


class _Counted:
    """What both protocols do."""

    def export(self, batch: Sequence[Any]) -> Any:
        """Send a batch; a batch that could not be sent is lost."""
        result = super().export(batch)  # type: ignore[misc]  # of the exporter that this is mixed into
        if getattr(result, "name", "") == "FAILURE":
            _add(active().counters.dropped, len(batch))
        return result


class _Grpc(_Counted):
    """What gRPC needs: its stub is made anew with each connection."""

    def _initialize_channel_and_stub(self) -> None:
        super()._initialize_channel_and_stub()  # type: ignore[misc]  # of the exporter that this is mixed into
        client: Any = getattr(self, "_client", None)
        export = client.Export

        def read_answer(*args: Any, **kwargs: Any) -> Any:
            answer = export(*args, **kwargs)
            tried(lambda: _tell(answer.partial_success))
            return answer

        client.Export = read_answer


def _read_response(response: Any, *_: object, **__: object) -> None:
    tried(lambda: _read(response))


def _read(response: Any) -> None:
    if response.status_code != 200 or not response.content:
        return
    # The exporter has loaded it; an answer for logs has the same fields under the same numbers.
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - as above
        ExportTraceServiceResponse,
    )

    _tell(ExportTraceServiceResponse.FromString(response.content).partial_success)


def _tell(partial: Any) -> None:
    """Count refused records and say so once for each set of rules; the collector's own words may be anything."""
    refused = getattr(partial, "rejected_spans", 0) or getattr(partial, "rejected_log_records", 0)
    if not refused:
        return
    runtime = active()
    _add(runtime.counters.rejected, refused)
    rules = sorted(set(_WORDS.findall(partial.error_message)) & RULES.keys())
    named = f" by rule {', '.join(rules)}" if rules else ""
    runtime.notices.say_once(
        f"The collector has refused records{named}: this process and the collector may have different settings "
        "(vocabulary, labels, failure messages); `agenttrace.counters().rejected` has their count"
    )


def _add(count: AtomicCount, by: int) -> None:
    for _ in range(min(by, _MOST_AT_ONCE)):
        count.add()
